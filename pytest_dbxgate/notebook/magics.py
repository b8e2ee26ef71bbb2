"""The magics of a cell: which one opens it, what language that makes it, where its code begins.

Works on the text a notebook editor shows, so it serves every format.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pytest_dbxgate.notebook.model import Cell, Language, Magic

LANGUAGES = {
    "python": Language.PYTHON,
    "py": Language.PYTHON,
    "sql": Language.SQL,
    "scala": Language.SCALA,
    "r": Language.R,
    "md": Language.MARKDOWN,
    "md-sandbox": Language.MARKDOWN,
    "sh": Language.SHELL,
    "fs": Language.FS,
    "run": Language.RUN,
}
"""Magics, single or double, that say what the rest of their cell is written in."""

PYTHON_BODIES = frozenset({"time", "timeit", "capture", "prun", "python3", "debug", "memit"})
"""IPython's cell magics whose body runs as Python. Their own line holds options."""

_NOT_CODE = frozenset({"skip", "environment"})
"""Databricks' own magics whose body is nothing to run."""

_COMMENTS = {
    Language.SQL: "--",
    Language.SCALA: "//",
    Language.MARKDOWN: "<!--",
}

_MAGIC = re.compile(r"[^\S\n]*(%%?)([A-Za-z_]\w*(?:[.-]\w+)*)", re.ASCII)
_LINE_START_MAGIC = re.compile(r"^[^\S\n]*%%?[A-Za-z_]", re.MULTILINE)
_TOKEN = re.compile(r"""\\.|'''|\"\"\"|['"#]|[\[({]|[\])}]""")


class CellCode(NamedTuple):
    """What :func:`split_cell` finds; the fields of :class:`Cell` of the same names."""

    language: Language
    code: str
    code_line: int
    code_column: int
    magic: Magic | None


def comment_prefix(language: Language) -> str:
    """What begins a comment in ``language``; ``#`` where the language has none of its own."""
    return _COMMENTS.get(language, "#")


def split_cell(source: str, notebook_language: Language) -> CellCode:
    """Find the magic that opens a cell and the code it governs.

    Only the first line that is neither blank nor a comment of the notebook's language counts.
    A ``%%name`` right below a ``%python`` decides instead of it, as IPython would see it first.
    """
    found = _opening(source, notebook_language) if "%" in source else None
    if found is None:
        return CellCode(notebook_language, source, 1, 1, None)
    magic, start, after, line_end = found
    language = LANGUAGES.get(magic.name)
    if language is not None:
        follows = bool(magic.argument)
    elif magic.double or magic.name in _NOT_CODE:
        is_python = notebook_language is Language.PYTHON and magic.name in PYTHON_BODIES
        language = Language.PYTHON if is_python else Language.OTHER
        follows = False
    else:
        return _line_magic_cell(source, notebook_language, magic, start)
    if follows:
        code_start = line_end - len(source[after:line_end].lstrip())
    else:
        code_start = min(line_end + 1, len(source))
    if language is Language.PYTHON and not magic.double and "%%" in source:
        below = source[code_start:]
        opening = _opening(below, Language.PYTHON)
        if opening is not None and opening[0].double:
            inner = split_cell(below, Language.PYTHON)
            language, code_start = inner.language, len(source) - len(inner.code)
    return _from(source, language, magic, code_start)


def line_magics(cell: Cell) -> Iterator[Magic]:
    """Every line of the cell that begins with ``%name`` or ``%%name``, in order.

    In Python cells lines inside strings, brackets and continued lines are left out.
    """
    if not _LINE_START_MAGIC.search(cell.source):
        return
    inside = PythonState()
    first_code_line = cell.code_line if cell.magic is not None else 1
    for number, line in enumerate(cell.source.split("\n"), start=1):
        match = _MAGIC.match(line)
        if match and not inside:
            yield _magic(match, line, number)
        elif cell.language is Language.PYTHON and number >= first_code_line:
            inside.feed(line)


def inside_string(lines: Iterable[str]) -> bool:
    """Whether a triple-quoted string is still open after these lines of Python or Scala."""
    state = PythonState()
    for line in lines:
        state.feed(line)
    return state.in_string


def _opening(source: str, language: Language) -> tuple[Magic, int, int, int] | None:
    """The opening magic with its offsets in ``source``: start of its line, end of its word,
    end of its line."""
    prefix = comment_prefix(language)
    start, number = 0, 1
    while start < len(source):
        end = source.find("\n", start)
        end = len(source) if end < 0 else end
        line = source[start:end]
        content = line.lstrip()
        if content and not content.startswith(prefix):
            match = _MAGIC.match(line)
            if match is None:
                return None
            return _magic(match, line, number), start, start + match.end(), end
        start, number = end + 1, number + 1
    return None


def _magic(match: re.Match[str], line: str, number: int) -> Magic:
    return Magic(
        name=match[2],
        argument=line[match.end() :].strip(),
        line=number,
        double=match[1] == "%%",
    )


def _line_magic_cell(
    source: str, notebook_language: Language, magic: Magic, line_start: int
) -> CellCode:
    # The comments ahead of it are no Python where the notebook is in another language.
    code_start = 0 if notebook_language is Language.PYTHON else line_start
    return _from(source, Language.PYTHON, magic, code_start)


def _from(source: str, language: Language, magic: Magic, start: int) -> CellCode:
    line = source.count("\n", 0, start) + 1
    column = start - (source.rfind("\n", 0, start) + 1) + 1
    return CellCode(language, source[start:], line, column, magic)


class PythonState:
    """Whether the next line of Python begins inside a string, a bracket or a continued line."""

    def __init__(self) -> None:
        self._quote = ""
        self._depth = 0
        self._continued = False

    def __bool__(self) -> bool:
        return bool(self._quote) or self._depth > 0 or self._continued

    @property
    def in_string(self) -> bool:
        return len(self._quote) == 3

    def feed(self, line: str) -> None:
        for match in _TOKEN.finditer(line):
            token = match[0]
            if self._quote:
                self._close(token)
            elif token == "#":
                break
            elif token[0] in "'\"":
                self._quote = token
            elif token in "([{":
                self._depth += 1
            elif token in ")]}":
                self._depth = max(0, self._depth - 1)
        self._continued = line.endswith("\\")
        if len(self._quote) == 1 and not self._continued:
            self._quote = ""

    def _close(self, token: str) -> None:
        if token == self._quote or (len(self._quote) == 1 and token == self._quote * 3):
            self._quote = ""
