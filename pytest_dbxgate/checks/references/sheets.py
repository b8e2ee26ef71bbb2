"""The Python cells of one notebook as they go into the expansions of all that run it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from pytest_dbxgate.checks.references import opaque, star_exports
from pytest_dbxgate.checks.references.star_exports import Exports, Shift
from pytest_dbxgate.languages.python.cells import (
    Prepared,
    magic_lines,
    names_in,
    prepare,
    synthetic,
)
from pytest_dbxgate.notebook.model import Cell, Format, Language, Notebook, NotebookKey
from pytest_dbxgate.project.facts import Spot

_RARE = (*opaque.WORDS, "restart", "noqa", "import *", "import*")
"""Where none of these words stands in a notebook, nothing in its cells needs a second look."""

_FILE_NOQA = re.compile(
    r"#\s*(?:ruff|flake8)\s*:\s*noqa(?!\w)(?::\s*(?P<codes>[A-Z0-9, ]+))?", re.I
)
_BRINGS_NOTHING = re.compile(
    r"[!?]|%{1,2}(?:pip|conda|mamba|sh|fs|md|run|restart_python|load_ext|reload_ext|autoreload"
    r"|matplotlib|config|cd|ls)\b"
)

_EMPTY = synthetic(())
_HEAD, _TAIL = _EMPTY[: _EMPTY.index(b"]")], _EMPTY[_EMPTY.index(b"]") :]


class Piece(NamedTuple):
    """A Python cell as ruff is to read it."""

    key: NotebookKey
    cell: Cell
    prepared: Prepared
    text: str
    """``prepared.text`` with its star imports written out."""
    shifts: tuple[Shift, ...]
    data: bytes
    """The cell in a synthetic notebook."""

    def spot(self, start: tuple[int, int], end: tuple[int, int]) -> Spot:
        """A range of ``text`` in ``Cell.source``."""
        places = [self._place(*start), self._place(*end)]
        if places[1] < places[0]:
            places[1] = (0, 0)
        return Spot(self.cell.number, *places[0], *places[1])

    def _place(self, line: int, column: int) -> tuple[int, int]:
        column = star_exports.original_column(self.shifts, line, column)
        return self.cell.code_place(*self.prepared.position(line, column))


@dataclass(frozen=True, slots=True)
class Sheet:
    """What one notebook brings to an expansion. By cell number, where there is something."""

    notebook: Notebook
    pieces: Mapping[int, Piece]
    opaque: frozenset[int]
    """The cells that may bind names nobody sees."""
    restarts: Mapping[int, bool]
    """The cells that restart Python, and whether they have code below that."""
    hidden: frozenset[str]
    """Names in code and magics that ruff does not read, which these may bind."""
    exempt: bool
    """Whether a comment tells ruff to leave undefined names of the whole file alone."""


def build(
    notebook: Notebook, exports: Exports, broken: frozenset[tuple[NotebookKey, int]]
) -> Sheet:
    """The sheet of a notebook. ``broken`` cells are not read."""
    key = notebook.key
    # The text of an .ipynb is mostly outputs.
    rare = notebook.format is not Format.SOURCE or opaque.mentions(notebook.text, _RARE)
    pieces: dict[int, Piece] = {}
    unseen: set[int] = set()
    restarts: dict[int, bool] = {}
    unread: list[str] = []
    exempt = False
    for cell in notebook.cells:
        if cell.language is not Language.PYTHON or not cell.code.strip():
            continue
        prepared = None if (key, cell.number) in broken else prepare(cell)
        if prepared is None:
            unread.append(cell.code)
            continue
        text = prepared.text
        shifts: tuple[Shift, ...] = ()
        if rare:
            if "import" in text and "*" in text:
                text, shifts = star_exports.written_out(text, exports)
            if "noqa" in text:
                text, found = _without_file_noqa(text)
                exempt = exempt or found
            if opaque.binds_unseen(text):
                unseen.add(cell.number)
            follows = opaque.restart(text)
            if follows is not None:
                restarts[cell.number] = follows
        if prepared.rows:
            unread.append(cell.source[: len(cell.source) - len(cell.code)] + prepared.head)
        if "%" in text:
            unread += [each for each in magic_lines(text) if not _BRINGS_NOTHING.match(each)]
        data = synthetic((text,))[len(_HEAD) : -len(_TAIL)]
        pieces[cell.number] = Piece(key, cell, prepared, text, shifts, data)
    return Sheet(notebook, pieces, frozenset(unseen), restarts, names_in(unread), exempt)


def joined(pieces: Iterable[Piece]) -> bytes:
    """The synthetic notebook of ``pieces``, one cell for each."""
    return _HEAD + b",".join([piece.data for piece in pieces]) + _TAIL


def _without_file_noqa(text: str) -> tuple[str, bool]:
    """``text`` with no comment that silences a whole file: it would silence the other notebooks
    of an expansion, too. And whether there was one about undefined names."""
    exempt = False
    for match in _FILE_NOQA.finditer(text):
        codes = match["codes"]
        named = re.findall(r"[A-Z0-9]+", codes.upper()) if codes else ["F"]
        exempt = exempt or any("F821".startswith(code) for code in named)
    return _FILE_NOQA.sub(lambda match: "#" + "-" * (len(match[0]) - 1), text), exempt
