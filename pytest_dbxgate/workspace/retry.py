"""When to try again, and after how long. Pure: the clock and chance are handed in."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import NamedTuple

Sleep = Callable[[float], None]
Clock = Callable[[], float]
Random = Callable[[], float]


class Budget(NamedTuple):
    """How much patience a call has."""

    attempts: int = 8
    seconds: float = 300.0
    """From the first attempt to the begin of the last."""
    first: float = 0.5
    """The longest wait before the second attempt, in seconds; doubled for each further one."""
    longest: float = 30.0
    """The longest wait that we choose, in seconds; the server may ask for more."""


class Times(NamedTuple):
    """What takes time or chance, so that tests need neither."""

    sleep: Sleep
    clock: Clock
    """Seconds on a clock that never jumps."""
    random: Random
    """From 0 up to 1."""


def wait(attempt: int, budget: Budget, chance: float, *, asked: float | None = None) -> float:
    """Seconds to wait after the failed attempt of this number (from 1).

    At least half of the step and at most all of it, so that many clients part; never less than
    the server ``asked`` for (``Retry-After`` is undocumented [doc], so it is no more than a hint).
    """
    step = min(budget.longest, budget.first * 2.0 ** min(attempt - 1, 30))
    own = step * (0.5 + chance / 2)
    return own if asked is None else asked + own * 0.5


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a ``Retry-After`` asks for: a number, or a date; None where it says nothing.

    ``now``: seconds since 1970, by the server's clock where it is known.
    """
    text = (value or "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - now
        except (ValueError, TypeError, OverflowError):
            return None
    # Not a number is not equal to itself.
    return max(0.0, seconds) if seconds == seconds and seconds != float("inf") else None


def date(value: str | None) -> float | None:
    """Seconds since 1970 of a ``Date`` header; None where it is none."""
    try:
        return parsedate_to_datetime(value or "").timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


class Retries:
    """The attempts of one call: asked after each failure whether there is another."""

    def __init__(self, budget: Budget, times: Times) -> None:
        self._budget = budget
        self._times = times
        self._until = times.clock() + budget.seconds
        self.attempts = 1
        """The number of the current attempt, from 1."""

    def again(self, asked: float | None = None, *, most: int | None = None) -> bool:
        """Waits and says True where the budget, or ``most`` attempts, allow another."""
        if self.attempts >= min(most or self._budget.attempts, self._budget.attempts):
            return False
        pause = wait(self.attempts, self._budget, self._times.random(), asked=asked)
        if self._times.clock() + pause > self._until:
            return False
        self._times.sleep(pause)
        self.attempts += 1
        return True
