"""A notebook as an immutable value: cells, their languages and where they stand in the file.

Every line and column is 1-based and counts code points. A *cell line* counts in
``Cell.source``, the text the notebook editor shows; a *file line* counts in the file on disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple


class Format(str, Enum):
    """How a notebook is kept in a file."""

    SOURCE = "source"
    IPYNB = "ipynb"
    DBC = "dbc"


class Language(str, Enum):
    """What a cell is written in. The first four can be a notebook's own language."""

    PYTHON = "python"
    SQL = "sql"
    SCALA = "scala"
    R = "r"
    MARKDOWN = "markdown"
    SHELL = "sh"
    FS = "fs"
    RUN = "run"
    OTHER = "other"


class Place(NamedTuple):
    """A position in the file on disk, 1-based."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Magic:
    """The magic that opens a cell, such as ``%sql`` or ``%%time``."""

    name: str
    """The whole word without its percent signs: ``restart_python`` is not ``r``."""
    argument: str
    """What follows the word on its line, stripped."""
    line: int
    """The cell line it stands on."""
    double: bool = False
    """True for ``%%name``."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something the reader of a file noticed about its form."""

    code: str
    message: str
    line: int = 1
    column: int = 1
    cell: int | None = None
    hint: str = ""
    fatal: bool = False
    """True where the notebook's cells could not be read at all."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.

    ``source`` is what the notebook editor shows: comment prefixes of the source format removed,
    line ends ``\\n``, the title line not included. ``code`` is the part of ``source`` that is
    written in ``language``: all of it, or what follows the magic word that opens the cell. It
    is a contiguous slice that reaches to the end of ``source``.
    """

    number: int
    """From 1; empty cells count."""
    language: Language
    source: str
    code: str
    code_line: int = 1
    """The cell line on which ``code`` begins."""
    code_column: int = 1
    """The column, in that cell line, at which ``code`` begins."""
    magic: Magic | None = None
    title: str | None = None
    title_line: int | None = None
    """The file line of the title, where the format keeps one."""
    line: int = 1
    """The file line of the first line of ``source`` (1 in a ``.dbc``; in an ``.ipynb`` ask
    :func:`pytest_dbxgate.notebook.formats.place`)."""
    margins: tuple[int, ...] = ()
    """Source format: how many characters stand in the file ahead of each line of ``source``
    (``# MAGIC `` is 8); empty where all are 0."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What the file keeps about the cell besides its source (``.ipynb``: the cell's object
    without ``source``; ``.dbc``: the command's object without ``command``)."""

    @property
    def is_blank(self) -> bool:
        return not self.source.strip()

    def code_place(self, line: int, column: int) -> tuple[int, int]:
        """Map a 1-based position in ``code`` to one in ``source``."""
        if line == 1:
            return self.code_line, column + self.code_column - 1
        return self.code_line + line - 1, column


@dataclass(frozen=True, slots=True)
class Notebook:
    """One notebook: a source file, an ``.ipynb``, or one member of a ``.dbc``."""

    path: str
    """Relative to the root of the run, with ``/``."""
    format: Format
    language: Language
    cells: tuple[Cell, ...]
    data: bytes = field(repr=False)
    """The bytes of the file (``.dbc``: of the member)."""
    digest: str
    """SHA-256 of ``data`` in hex."""
    text: str = field(default="", repr=False)
    """``data`` decoded, line ends as found; empty for a ``.dbc``."""
    member: str | None = None
    """The notebook's path in its archive, without ending."""
    problems: tuple[Problem, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The notebook's own metadata (``.ipynb``: ``metadata``; ``.dbc``: the object without
    ``commands``)."""

    @property
    def key(self) -> NotebookKey:
        return NotebookKey(self.path, self.member)

    @property
    def unreadable(self) -> Problem | None:
        """The problem that kept the cells from being read, if there is one."""
        return next((problem for problem in self.problems if problem.fatal), None)

    def cell(self, number: int) -> Cell:
        return self.cells[number - 1]


class NotebookKey(NamedTuple):
    """What identifies a notebook in a run."""

    path: str
    member: str | None = None

    def __str__(self) -> str:
        return self.path if self.member is None else f"{self.path}::{self.member}"
