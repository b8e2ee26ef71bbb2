"""A text without the escapes that JSON, HTML and terminals put into it, and the way back."""

from __future__ import annotations

import base64
import binascii
import re
from bisect import bisect_right
from typing import NamedTuple

_ESCAPE = re.compile(
    r"""\\+(?:(["'`/])|([nrt])|u00([0-9a-fA-F]{2}))"""
    r"|&(quot|apos|amp|lt|gt|\#34|\#39|\#x27|\#x2F);"
    "|\x1b\\[[0-9;]*m"
)
_BLANKS = {"n": "\n", "r": "\r", "t": "\t"}
_ENTITIES = {"quot": '"', "apos": "'", "amp": "&", "lt": "<", "gt": ">"}
_ENTITIES |= {"#34": '"', "#39": "'", "#x27": "'", "#x2F": "/"}

_NO_BLANKS = str.maketrans("", "", "\n\r\t")
_HEAD = 24
"""Characters that are decoded to see whether the others are worth it."""
MOST_BASE64 = 4000
"""A longer run is data, not a secret that someone wrapped."""


class View:
    """``text`` is what the original reads like; offsets of it map back to the original."""

    def __init__(self, original: str) -> None:
        self.text = original
        self._pieces: list[_Piece] = []
        if "\\" in original or "&" in original or "\x1b" in original:
            self._unescape(original)

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original that reads as ``text[start:end]``."""
        if not self._pieces:
            return start, end
        first, last = self._piece(start), self._piece(end - 1)
        stop = last.escape_end or last.offset + end - last.start
        return first.offset + start - first.start, stop

    def _piece(self, at: int) -> _Piece:
        return self._pieces[bisect_right(self._pieces, at, key=lambda piece: piece.start) - 1]

    def _unescape(self, original: str) -> None:
        texts: list[str] = []
        length = last = 0
        for match in _ESCAPE.finditer(original):
            start, end = match.span()
            if start > last:
                self._pieces.append(_Piece(length, last))
                texts.append(original[last:start])
                length += start - last
            new = _plain(match)
            if new:
                self._pieces.append(_Piece(length, start, end))
                texts.append(new)
                length += 1
            last = end
        if last:
            self._pieces.append(_Piece(length, last))
            texts.append(original[last:])
            self.text = "".join(texts)


class _Piece(NamedTuple):
    """A part of a view: from ``start`` on it reads as the original does from ``offset`` on."""

    start: int
    offset: int
    escape_end: int = 0
    """Of an escape, which is one character of the view: its end in the original."""


def _plain(match: re.Match[str]) -> str:
    sign, blank, number, entity = match.groups()
    if sign:
        return str(sign)
    if blank:
        return _BLANKS[blank]
    if number:
        return chr(int(number, 16))
    return _ENTITIES[entity] if entity else ""


def decoded(run: str) -> str | None:
    """The text that a long ``run`` holds in base64; None where it holds none to be read."""
    if not _HEAD <= len(run) <= MOST_BASE64 or readable(run[:_HEAD]) is None:
        return None
    return readable(run)


def readable(base: str) -> str | None:
    """The ASCII text that ``base`` is in base64; None where it is no such text."""
    plain = base.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        text = base64.b64decode(plain + "=" * (-len(plain) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    shown = text.translate(_NO_BLANKS)
    return text if shown and shown.isprintable() else None
