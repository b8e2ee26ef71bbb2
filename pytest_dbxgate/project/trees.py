"""The syntax trees of a notebook's Python cells, each parsed at most once and only if asked for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_dbxgate.languages.python.cells import Prepared, prepare, without_magics
from pytest_dbxgate.languages.python.tree import parse
from pytest_dbxgate.notebook.model import Cell, Language, Notebook
from pytest_dbxgate.project.facts import Spot


@dataclass(frozen=True, slots=True)
class Tree:
    """The tree of one cell and how its places map to ``Cell.source``."""

    cell: Cell
    prepared: Prepared
    module: ast.Module
    lines: tuple[str, ...]
    """Of the text that was parsed."""

    def spot(self, node: ast.expr | ast.stmt | ast.alias | ast.keyword) -> Spot:
        """Where ``node`` stands."""
        line, column = self._place(node.lineno, node.col_offset)
        end_line, end_column = 0, 0
        if node.end_lineno is not None and node.end_col_offset is not None:
            end_line, end_column = self._place(node.end_lineno, node.end_col_offset)
        return Spot(self.cell.number, line, column, end_line, end_column)

    def _place(self, line: int, offset: int) -> tuple[int, int]:
        # ast counts columns in bytes
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        column = len(text.encode()[:offset].decode(errors="replace")) + 1
        return self.cell.code_place(*self.prepared.position(line, column))


class Trees:
    """The trees of one notebook."""

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook
        self._known: dict[int, Tree | None] = {}

    def of(self, cell: Cell) -> Tree | None:
        """The tree of a cell; None where it is no Python, or Python that does not parse alone
        (a cell with line magics parses with these blanked)."""
        if cell.number not in self._known:
            self._known[cell.number] = _tree(cell)
        return self._known[cell.number]

    def hold(self, text: str) -> bool:
        """Whether ``text`` stands in a Python cell; none is parsed."""
        return any(
            cell.language is Language.PYTHON and text in cell.code for cell in self._notebook.cells
        )

    def holding(self, *words: str) -> Iterator[Tree]:
        """The trees of the Python cells in whose text one of ``words`` stands, in order."""
        for cell in self._notebook.cells:
            if cell.language is Language.PYTHON and any(word in cell.code for word in words):
                tree = self.of(cell)
                if tree is not None:
                    yield tree


def _tree(cell: Cell) -> Tree | None:
    prepared = prepare(cell)
    if prepared is None:
        return None
    for text in (prepared.text, without_magics(prepared.text)):
        module = parse(text)
        if module is not None:
            return Tree(cell, prepared, module, tuple(text.split("\n")))
    return None
