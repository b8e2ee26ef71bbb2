"""Taking secrets out of whatever is shown: their first two characters are left."""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache

from pytest_dbxgate.secrets.detect import find
from pytest_dbxgate.secrets.model import Secret

MASK = "***"
_SHOWN = 2
_MOST_PASSES = 4
_SHORTEST_PIECE = 4
"""A shorter piece of a secret is not looked for in other texts: it would be found anywhere."""


@lru_cache(maxsize=4096)
def redact(text: str) -> str:
    """``text`` with ``***`` in each secret's place, after its first two characters."""
    # Hints and most messages are the same a thousand times over.
    for _ in range(_MOST_PASSES):
        found = find(text, bare=True)
        if not found:
            break
        text = _without(text, [(secret.start, secret.end) for secret in found])
    return text


def masked(value: str) -> str:
    """What may be shown of a secret."""
    return value[:_SHOWN] + MASK


class Redactor:
    """Redacts what is shown of one text: its lines one by one, and messages about it.

    A private key, or a value whose name stands on the line above, is not to be recognised in a
    single line; here it is, because the whole text is known.
    """

    def __init__(self, text: str) -> None:
        text = text.replace("\r\n", "\n")
        self._lines = text.split("\n")
        self._spans: dict[int, list[tuple[int, int]]] = {}
        self._pieces: dict[str, str] = {}
        found = find(text, bare=True) if text else []
        if found:
            starts = [0]
            for line in self._lines:
                starts.append(starts[-1] + len(line) + 1)
            for secret in found:
                self._add(secret, starts)

    def has(self, number: int) -> bool:
        """Whether there is a line of this number (from 1)."""
        return bool(self._lines != [""]) and 1 <= number <= len(self._lines)

    def line(self, number: int) -> str:
        """The line of this number (from 1) as it may be shown; empty where there is none."""
        if not 1 <= number <= len(self._lines):
            return ""
        spans = self._spans.get(number)
        line = self._lines[number - 1]
        return redact(_without(line, spans) if spans else line)

    def __call__(self, text: str) -> str:
        """Another text, such as a tool's message, without this text's secrets or its own."""
        for piece, mask in self._pieces.items():
            if piece in text:
                text = text.replace(piece, mask)
        return redact(text)

    def _add(self, secret: Secret, starts: list[int]) -> None:
        number = max(1, bisect_left(starts, secret.start + 1))
        while number < len(starts) and starts[number - 1] < secret.end:
            line = self._lines[number - 1]
            begin = max(0, secret.start - starts[number - 1])
            end = min(len(line), secret.end - starts[number - 1])
            if begin < end:
                self._spans.setdefault(number, []).append((begin, end))
                if end - begin >= _SHORTEST_PIECE:
                    self._pieces[line[begin:end]] = masked(line[begin:end])
            number += 1


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    parts: list[str] = []
    last = 0
    for start, end in spans:
        parts += (text[last:start], masked(text[start:end]))
        last = end
    return "".join((*parts, text[last:]))
