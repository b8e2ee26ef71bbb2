"""Reading the unified diff that ``ruff format --diff`` prints of notebooks, one a cell.

ruff writes a formatted notebook token by token, which takes four times as long as to format it;
of the diff it writes only what differs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
"""A line as ruff counts them."""
_HEADER = re.compile(r"\+\+\+ (.*):cell (\d+)\n")
_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@\n")


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines with their ends. ``start`` is the index of the first old line, from 0."""

    start: int
    old: Sequence[str]
    new: Sequence[str]


@dataclass(frozen=True, slots=True)
class CellDiff:
    """The change of one cell; ``cell`` counts from 1."""

    file: str
    cell: int
    hunks: Sequence[Hunk]

    def apply(self, text: str) -> str:
        """The new text of the cell. Raises ValueError where the diff is not one of ``text``.

        ruff ends no cell with a line end.
        """
        lines = _LINE.findall(text)
        done: list[str] = []
        position = 0
        for hunk in self.hunks:
            end = hunk.start + len(hunk.old)
            if hunk.start < position or _ended(lines[hunk.start : end]) != _ended(hunk.old):
                raise ValueError(f"the diff of cell {self.cell} does not fit its text")
            done += lines[position : hunk.start]
            done += hunk.new
            position = end
        return "".join(done + lines[position:]).removesuffix("\n")


def read(diff: str) -> Iterator[CellDiff]:
    """The cells that change. Raises ValueError where ``diff`` breaks off."""
    lines = iter(_LINE.findall(diff))
    file, cell, hunks = "", 0, list[Hunk]()
    for line in lines:
        if header := _HEADER.fullmatch(line):
            if hunks:
                yield CellDiff(file, cell, hunks)
            file, cell, hunks = header[1], int(header[2]), []
        elif place := _HUNK.fullmatch(line):
            hunks.append(_hunk(lines, int(place[1]), int(place[2] or 1), int(place[3] or 1)))
    if hunks:
        yield CellDiff(file, cell, hunks)


def _hunk(lines: Iterator[str], first: int, before: int, after: int) -> Hunk:
    """What follows a hunk's head: ``before`` old and ``after`` new lines."""
    old: list[str] = []
    new: list[str] = []
    while len(old) < before or len(new) < after:
        line = next(lines, "")
        if line[:1] not in ("-", "+", " ") or not line:
            raise ValueError("the diff breaks off")
        if line[0] != "+":
            old.append(line[1:])
        if line[0] != "-":
            new.append(line[1:])
    # Of an empty range the line before it is told.
    return Hunk(first - 1 if before else first, old, new)


def _ended(lines: Sequence[str]) -> list[str]:
    """``lines``, the last of which may lack the end that the diff has given it."""
    ended = list(lines)
    if ended and not ended[-1].endswith(("\n", "\r")):
        ended[-1] += "\n"
    return ended
