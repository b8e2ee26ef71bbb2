"""What a deployment tells while it goes on: for a progress bar, and as a log to follow later."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from pytest_dbxgate.delivery.places import shown


class Event(NamedTuple):
    """Something happened."""

    step: str
    """One word, such as ``apply``."""
    message: str = ""
    done: int = 0
    total: int = 0
    """How far a step with a known end has come; 0: there is no count."""


Tell = Callable[[Event], None]


def silent(event: Event) -> None:
    """Tell nobody."""


class Log:
    """Keeps every event with its time, and passes it on. ``wall`` gives seconds since 1970."""

    def __init__(self, wall: Callable[[], float], tell: Tell = silent) -> None:
        self._wall = wall
        self._tell = tell
        self.lines: list[str] = []

    def __call__(self, event: Event) -> None:
        self.lines.append(_line(event, self._wall()))
        self._tell(event)


def _line(event: Event, now: float) -> str:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    count = f" {event.done}/{event.total}" if event.total else ""
    return f"{stamp} {event.step}{count} {shown(event.message)}".rstrip()
