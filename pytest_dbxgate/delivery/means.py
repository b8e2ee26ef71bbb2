"""What a deployment works with: clocks, chance and the ways to be told to stop."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from pytest_dbxgate.delivery.log import Tell, silent


def _never() -> bool:
    return False


def _token() -> str:
    return secrets.token_hex(4)


@dataclass(frozen=True, slots=True)
class Means:
    """Everything that is not decided by the input alone, so that tests decide it."""

    clock: Callable[[], float] = time.monotonic
    """Seconds that only grow; the lease is measured with it."""
    sleep: Callable[[float], None] = time.sleep
    wall: Callable[[], float] = time.time
    """Seconds since 1970. Names releases where the workspace tells no time; decides nothing."""
    token: Callable[[], str] = _token
    tell: Tell = silent
    cancelled: Callable[[], bool] = _never
    """True once the process was asked to stop."""
    threads: int = 8


def new_name(means: Means, server_time: float | None) -> str:
    """When it began, for people, and chance, so that no other deployment has the same."""
    now = means.wall() if server_time is None else server_time
    return time.strftime("%Y%m%dT%H%M%SZ-", time.gmtime(now)) + means.token()
