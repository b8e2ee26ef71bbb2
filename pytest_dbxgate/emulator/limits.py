"""Rate limits, off unless switched on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

DOCUMENTED: Mapping[str, float] = {
    "POST workspace/import": 30,
    "GET workspace/export": 60,
    "POST jobs/create": 20,
    "POST jobs/run-now": 20,
    "POST jobs/runs/submit": 35,
    "GET jobs/runs/get": 100,
    "GET permissions": 100,
    "PATCH permissions": 30,
}
"""Requests a second by method and route [doc]."""


class Limits:
    """A bucket of one second's requests for each endpoint. ``clock`` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rates: dict[str, float] = {}
        self._buckets: dict[str, tuple[float, float]] = {}
        self.retry_after: str = ""
        """The ``Retry-After`` of a refusal; empty: none, as ``Retry-After`` is undocumented."""

    def set(self, rates: Mapping[str, float], retry_after: str = "") -> None:
        """Put new rates in force; none at all switches the limits off."""
        self._rates = dict(rates)
        self._buckets = {}
        self.retry_after = retry_after

    def allows(self, method: str, route: str) -> bool:
        """Count a request; False where it is one too many."""
        name = f"{method} {route}"
        rate = self._rates.get(name)
        if rate is None:
            return True
        now = self._clock()
        left, since = self._buckets.get(name, (rate, now))
        left = min(rate, left + (now - since) * rate)
        allowed = left >= 1
        self._buckets[name] = (left - 1 if allowed else left, now)
        return allowed
