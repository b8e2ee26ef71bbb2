"""Where the cells of an ``.ipynb`` stand in its JSON text."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache

from pytest_dbxgate.notebook.json_spans import JSONValue, Lines, Node, Run, scan
from pytest_dbxgate.notebook.model import Cell, Notebook, Place

LINE_END = re.compile(r"\r\n|\r|\n")
_HALF_PAIR = re.compile("[\ud800-\udfff]")


def joined(source: JSONValue) -> str | None:
    """The text of a cell's ``source`` value as it is; None where it is no such value."""
    if isinstance(source, str):
        return source
    if isinstance(source, list) and all(isinstance(item, str) for item in source):
        return "".join(item for item in source if isinstance(item, str))
    return None


def shown(text: str) -> str:
    """What an editor shows of a cell's text: one kind of line end, no half surrogate pairs."""
    return _HALF_PAIR.sub("\ufffd", LINE_END.sub("\n", text))


def has_half_pair(text: str) -> bool:
    return _HALF_PAIR.search(text) is not None


class SourceMap:
    """How the positions of one cell's source map to offsets of the JSON text."""

    def __init__(self, source: Node) -> None:
        self.text = joined(source.value()) or ""
        """The decoded text, its line ends as they are."""
        self._runs = _runs(source)
        ends = list(LINE_END.finditer(self.text))
        self._starts = [0, *(match.end() for match in ends)]
        self._ends = [*(match.start() for match in ends), len(self.text)]

    def at(self, index: int) -> int:
        """The offset of a character of ``text``; of the closing quote for the index after it."""
        run = self._runs[bisect_right(self._runs, index, key=lambda run: run.decoded) - 1]
        return run.offset + index - run.decoded

    def offset(self, line: int, column: int) -> int:
        """The offset of a 1-based position, moved to the nearest one the source has."""
        line = min(max(line, 1), len(self._starts))
        index = self._starts[line - 1] + max(column, 1) - 1
        return self.at(min(index, self._ends[line - 1]))


class Layout:
    """The cells of one JSON text."""

    def __init__(self, text: str) -> None:
        self.root = scan(text)
        self.lines = Lines(text)
        cells = self.root.get("cells")
        self.cells: tuple[Node, ...] = cells.items() if cells else ()
        self._maps: dict[int, SourceMap | None] = {}

    def cell(self, number: int) -> Node:
        """The node of a cell, by its number from 1."""
        return self.cells[number - 1]

    def source(self, number: int) -> Node | None:
        """The node of a cell's source; None where it holds no text."""
        source = self.cell(number).get("source")
        return None if source is None or joined(source.value()) is None else source

    def source_map(self, number: int) -> SourceMap | None:
        if number not in self._maps:
            source = self.source(number)
            self._maps[number] = None if source is None else SourceMap(source)
        return self._maps[number]


@lru_cache(maxsize=4)
def layout(text: str) -> Layout:
    """The layout of a text that :func:`json_spans.load` accepted, kept for the last few texts.

    Findings come notebook by notebook, so a notebook is scanned once however many it has.
    """
    return Layout(text)


def place(notebook: Notebook, cell: Cell, line: int, column: int) -> Place:
    """The place in the file of a 1-based position in ``cell.source``.

    An escape counts as one character and is pointed at where it begins. A position the source
    does not have is moved to the nearest one it has; without cells it is the file's beginning.
    """
    if notebook.unreadable:
        return Place(1, 1)
    found = layout(notebook.text)
    source = found.source_map(cell.number)
    offset = found.cell(cell.number).start if source is None else source.offset(line, column)
    return found.lines.place(offset)


def _runs(source: Node) -> list[Run]:
    if source.kind == '"':
        return source.runs()
    runs: list[Run] = []
    decoded = 0
    for item in source.items():
        own = item.runs()
        runs += [Run(decoded + run.decoded, run.offset) for run in own]
        decoded += own[-1].decoded + item.end - 1 - own[-1].offset
    return runs or [Run(0, source.start)]
