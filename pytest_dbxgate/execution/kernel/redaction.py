"""Secrets taken out of all that a notebook prints, as Databricks does: ``[REDACTED]``.

What is printed by programs the notebook starts goes the same way: the process's own standard
output and error are led through a pipe. Encoded secrets stay, as they do on Databricks.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
from collections.abc import Iterable

MASK = "[REDACTED]"
_SHORTEST = 6
"""A shorter secret is looked for only once the notebook has read it: it may be any word."""


class Redactor:
    """Knows the secrets of a run."""

    def __init__(self, values: Iterable[str]) -> None:
        self._values: set[str] = set()
        self._pattern: re.Pattern[bytes] | None = None
        self.prefixes: frozenset[bytes] = frozenset()
        for value in values:
            if len(value) >= _SHORTEST:
                self.add(value)

    def add(self, value: str) -> None:
        """Also redact this from now on."""
        if not value or value in self._values:
            return
        self._values.add(value)
        ordered = sorted((each.encode() for each in self._values), key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, ordered)))
        self.prefixes = frozenset(
            each[:length] for each in ordered for length in range(1, len(each))
        )

    def __call__(self, text: str) -> str:
        if self._pattern is None:
            return text
        return self.redacted(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def redacted(self, data: bytes) -> bytes:
        return data if self._pattern is None else self._pattern.sub(MASK.encode(), data)

    def held_back(self, data: bytes) -> int:
        """How many bytes at the end of ``data`` may be the beginning of a secret."""
        longest = max(map(len, self.prefixes), default=0)
        for length in range(min(longest, len(data)), 0, -1):
            if data[-length:] in self.prefixes:
                return length
        return 0


class Stream:
    """Redacts what is written piece by piece: a secret may lie across two pieces."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._kept = b""

    def feed(self, data: bytes) -> bytes:
        data = self._redactor.redacted(self._kept + data)
        keep = self._redactor.held_back(data)
        self._kept = data[len(data) - keep :]
        return data[: len(data) - keep]

    def rest(self) -> bytes:
        kept, self._kept = self._kept, b""
        return kept


class Plumbing:
    """Leads standard output and error through a redactor until :meth:`close`."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._threads = [self._lead(number) for number in (1, 2)]

    def _lead(self, number: int) -> threading.Thread:
        original = os.dup(number)
        reading, writing = os.pipe()
        os.dup2(writing, number)
        os.close(writing)
        thread = threading.Thread(target=self._copy, args=(reading, original), daemon=True)
        thread.start()
        return thread

    def _copy(self, reading: int, original: int) -> None:
        stream = Stream(self._redactor)
        with contextlib.suppress(OSError):
            while data := os.read(reading, 1 << 16):
                _write(original, stream.feed(data))
            _write(original, stream.rest())

    def close(self) -> None:
        """Let what was printed arrive. Nothing can be printed any more."""
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        nothing = os.open(os.devnull, os.O_WRONLY)
        for number in (1, 2):
            os.dup2(nothing, number)
        for thread in self._threads:
            # A program that the notebook left behind may still hold the other end.
            thread.join(1.0)


def _write(number: int, data: bytes) -> None:
    while data:
        data = data[os.write(number, data) :]
