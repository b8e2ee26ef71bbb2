"""Work that may warn about what stands in a notebook, in any thread, without a word."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_ONE_AT_A_TIME = threading.RLock()
"""``catch_warnings`` puts back what it found: two at once would leave the other's filters."""


@contextmanager
def quiet() -> Iterator[None]:
    """Warnings are switched off inside."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
