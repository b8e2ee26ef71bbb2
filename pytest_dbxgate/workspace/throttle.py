"""One rate for each endpoint, shared by all threads. The decisions are pure: time is handed in."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from pytest_dbxgate.workspace.retry import Times

LIMITS: Mapping[str, float] = {
    "workspace/import": 30,
    "workspace/export": 60,
    "jobs/create": 20,
    "jobs/run-now": 20,
    "jobs/runs/get": 100,
    "permissions/get": 100,
    "permissions/set": 30,
}
"""Requests a second that the workspace takes [doc]. What is not here has no documented limit."""

OTHERS = 50.0
"""Requests a second for endpoints without a documented limit: an own measure."""

SHARE = 0.95
"""Of a limit that is used: requests bunch up on their way."""

_SLOWEST = 0.5
_STEP_UP = 0.02
"""Of the full rate, regained with each answer after a 429."""


class Pace:
    """The pace of one endpoint: when the next request may go. Not safe between threads."""

    def __init__(self, limit: float) -> None:
        self.full = limit * SHARE
        self.rate = self.full
        self._next = 0.0

    def reserve(self, now: float) -> float:
        """Take the next slot; seconds until it comes."""
        start = max(now, self._next)
        self._next = start + 1 / self.rate
        return start - now

    def slower(self, now: float, asked: float | None) -> None:
        """A 429 came: half the rate from now on, and nothing at all for as long as was asked."""
        self.rate = max(_SLOWEST, self.rate / 2)
        self._next = max(self._next, now + (1 / self.rate if asked is None else asked))

    def answered(self) -> None:
        """A request went through."""
        self.rate = min(self.full, self.rate + self.full * _STEP_UP)


class Governor:
    """The paces of all endpoints."""

    def __init__(self, times: Times, limits: Mapping[str, float] = LIMITS) -> None:
        self._times = times
        self._limits = limits
        self._paces: dict[str, Pace] = {}
        self._lock = threading.Lock()

    def enter(self, endpoint: str) -> None:
        """Waits until a request to ``endpoint`` may go."""
        with self._lock:
            pause = self._pace(endpoint).reserve(self._times.clock())
        if pause > 0:
            self._times.sleep(pause)

    def throttled(self, endpoint: str, asked: float | None) -> None:
        """The endpoint said 429, and for how many seconds to stay away, if it said so."""
        with self._lock:
            self._pace(endpoint).slower(self._times.clock(), asked)

    def answered(self, endpoint: str) -> None:
        """The endpoint answered."""
        with self._lock:
            self._pace(endpoint).answered()

    def rate(self, endpoint: str) -> float:
        """Requests a second that are let through now."""
        with self._lock:
            return self._pace(endpoint).rate

    def _pace(self, endpoint: str) -> Pace:
        pace = self._paces.get(endpoint)
        if pace is None:
            pace = self._paces[endpoint] = Pace(self._limits.get(endpoint, OTHERS))
        return pace
