"""Signals that ask a deployment to stop: the first is noted, so that it can end in order."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM") if hasattr(signal, name)]


@contextmanager
def noted() -> Iterator[Callable[[], bool]]:
    """Note signals while the block runs; what is given back says whether one came.

    A cancelled step of Azure Pipelines gets SIGINT, 7.5 s later SIGTERM, 2.5 s later it is
    killed. The second interrupt by hand stops at once. Outside the main thread nothing is noted.
    """
    came = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield came.is_set
        return

    def note(number: int, frame: FrameType | None) -> None:
        if came.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        came.set()

    before: dict[int, Any] = {number: signal.signal(number, note) for number in _SIGNALS}
    try:
        yield came.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
