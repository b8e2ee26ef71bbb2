"""How far a deployment has come: a bar that grows on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from pytest_dbxgate.delivery.log import Event
from pytest_dbxgate.delivery.places import shown
from pytest_dbxgate.reporting.text import clean

_BAR = 24


class Progress:
    """Takes the events of a deployment. ``write`` gets text with its line ends."""

    def __init__(self, write: Callable[[str], None], *, is_terminal: bool) -> None:
        self._write = write
        self._is_terminal = is_terminal
        self._step = ""
        self._width = 0

    def __call__(self, event: Event) -> None:
        if not event.total:
            # It may warn of something, so it stays.
            self.end()
            self._write(f"dbxgate: {_words(event)}\n")
        elif self._is_terminal:
            self._draw(event)
        elif event.step != self._step or event.done == event.total:
            # A log that is read later: where each step began and ended.
            self._write(f"dbxgate: {_words(event)}\n")
        self._step = event.step

    def end(self) -> None:
        """Leave the line free for whatever is printed next."""
        if self._width:
            self._write("\r" + " " * self._width + "\r")
            self._width = 0

    def _draw(self, event: Event) -> None:
        filled = _BAR * event.done // event.total
        text = f"[{'#' * filled}{'.' * (_BAR - filled)}] {_words(event)}"
        self._write("\r" + text.ljust(self._width))
        self._width = max(self._width, len(text))


def _words(event: Event) -> str:
    count = f" {event.done}/{event.total}" if event.total else ""
    return clean(f"{event.step}{count} {shown(event.message)}".rstrip())
