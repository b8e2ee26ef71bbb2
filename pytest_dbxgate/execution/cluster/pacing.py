"""When to look at a run again. Pure, but for the waiting, whose clock is handed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pytest_dbxgate.execution.cluster.request import Means
from pytest_dbxgate.execution.outcome import RunState

PAGE = 100
"""Tasks that one answer holds [doc]."""

_STEPS = (1.0, 2.0, 4.0)
_STEADY = 6.0
"""Seconds for each call of a look: ten calls a minute, twelve with the first quick looks."""
_LONGEST = 60.0
_FEW = 6
"""Calls of a look of which two may fall into one minute."""

_SLICE = 1.0
"""Seconds after which a wait asks whether to stop."""


class StoppedError(Exception):
    """The run is to end now; ``state`` is what becomes of what has not ended."""

    def __init__(self, state: RunState, message: str) -> None:
        super().__init__(message)
        self.state = state
        self.message = message


def intervals(entries: Callable[[], int]) -> Iterator[float]:
    """Seconds before each look, the first included: quick ones first, for a run may end at once.
    A look at more than :data:`PAGE` entries costs several calls, and so comes less often."""
    for step in _STEPS:
        yield step if pages(entries()) == 1 else _steady(pages(entries()))
    while True:
        yield _steady(pages(entries()))


def _steady(calls: int) -> float:
    return _STEADY * calls if calls <= _FEW else _LONGEST


def pages(entries: int) -> int:
    """How many calls a look costs."""
    return max(1, -(-entries // PAGE))


def pause(means: Means, seconds: float) -> None:
    """Wait; raises :class:`StoppedError` where the process is asked to stop."""
    while True:
        if means.cancelled():
            raise StoppedError(RunState.CANCELLED, "stopped before it ended")
        if seconds <= 0:
            return
        means.sleep(min(_SLICE, seconds))
        seconds -= _SLICE
