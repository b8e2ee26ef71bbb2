"""How a notebook is divided into cells: what the workspace would read otherwise than meant."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.rules import at_cell, at_file
from pytest_dbxgate.languages.python.tree import parse
from pytest_dbxgate.notebook.magics import LANGUAGES, line_magics
from pytest_dbxgate.notebook.model import Cell, Format, Language, Magic, Notebook

_LANGUAGE_OF = {
    name: language for name, language in LANGUAGES.items() if language is not Language.RUN
}
"""``%run`` has a rule of its own."""
_TEXT = frozenset({Language.SHELL, Language.OTHER})
"""Cells in which a line that looks like a magic may be a command's input."""

_MAGIC_WORD = re.compile(r"%%?([A-Za-z][\w-]*)")
_TITLE = re.compile(r"\s*(?:#|--|//)\s*DBTITLE\s+[01]\s*,")
_INSTALL = re.compile(r"install\b(?!.*[${])")
"""An install of what the code above worked out (``$path``, ``{path}``) can stand nowhere else."""
_AUTOMAGIC_INSTALL = re.compile(
    r"(?:[^\S\n]*(?:#[^\n]*)?\n)*[^\S\n]*pip[^\S\n]+install\b(?!.*[${])"
)
_NO_PYTHON = re.compile(r"\s*(?:[%!]|pip\s+install\b)")
_KEEPS_NOTHING = ("dbutils.widgets.", "dbutils.library.")
"""Calls whose effect outlives Python, so a restart undoes nothing."""


def check(notebook: Notebook) -> list[Finding]:
    """The rules about cells, in the order of the cells."""
    return [
        *_empty(notebook),
        *(finding for cell in notebook.cells for finding in _cell(notebook, cell)),
        *_late_installs(notebook),
    ]


def _cell(notebook: Notebook, cell: Cell) -> Iterator[Finding]:
    if "DBTITLE" in cell.source and notebook.format is Format.SOURCE:
        yield from _misplaced_titles(notebook, cell)
    if "%" not in cell.source:
        return
    if cell.language is Language.MARKDOWN:
        yield from _hidden_by_markdown(notebook, cell)
    elif cell.language not in _TEXT:
        magics = [magic for magic in line_magics(cell) if not _in_comment(cell, magic)]
        # What stands beside a %run is a matter of DBX301.
        if not any(magic.name == "run" for magic in magics):
            yield from _mixed(notebook, cell, magics)


def _empty(notebook: Notebook) -> Iterator[Finding]:
    """Blank cells: the last ones, those between others, or all there is."""
    filled = [cell.number for cell in notebook.cells if not cell.is_blank]
    if not filled:
        yield at_file(notebook, "DBX222", "the notebook has no cell with anything in it")
        return
    for cell in notebook.cells:
        if not cell.is_blank:
            continue
        if cell.number < filled[-1]:
            yield at_cell(notebook, cell, "DBX221", "the cell is empty")
        elif cell.number == filled[-1] + 1:
            count = len(notebook.cells) - filled[-1]
            message = (
                "the last cell is empty" if count == 1 else f"the last {count} cells are empty"
            )
            yield at_cell(notebook, cell, "DBX220", message, hint="delete it")


def _misplaced_titles(notebook: Notebook, cell: Cell) -> Iterator[Finding]:
    for number, line in enumerate(cell.source.split("\n"), start=1):
        if _TITLE.match(line) and not (cell.margins and cell.margins[number - 1]):
            yield at_cell(
                notebook,
                cell,
                "DBX223",
                "a title line counts only as the first line of its cell",
                line=number,
                hint="move it up, or put a delimiter ahead of it",
            )


def _mixed(notebook: Notebook, cell: Cell, magics: list[Magic]) -> Iterator[Finding]:
    """The first magic of another language than the cell's own."""
    for magic in magics:
        language = _LANGUAGE_OF.get(magic.name)
        if language is None or language is cell.language or magic == cell.magic:
            continue
        yield at_cell(
            notebook,
            cell,
            "DBX140",
            f"%{magic.name} inside {_shown(cell.language)}: "
            "only the magic that opens a cell counts",
            line=magic.line,
            hint="split the cell there",
        )
        return


def _shown(language: Language) -> str:
    return {Language.SQL: "SQL", Language.FS: "%fs"}.get(language, language.value.capitalize())


def _hidden_by_markdown(notebook: Notebook, cell: Cell) -> Iterator[Finding]:
    """``%md`` with nothing but another magic below it: the code was meant to run.

    Farther down, a line that looks like a magic is an example.
    """
    first = cell.code.lstrip()
    match = _MAGIC_WORD.match(first)
    language = _LANGUAGE_OF.get(match[1]) if match else None
    if match is None or language in (None, Language.MARKDOWN):
        return
    start = len(cell.code) - len(first)
    line = cell.code_line + cell.code.count("\n", 0, start)
    yield at_cell(
        notebook,
        cell,
        "DBX140",
        f"%{match[1]} inside Markdown: only the magic that opens a cell counts",
        line=line,
        hint="remove the %md above it, or split the cell there",
    )


def _in_comment(cell: Cell, magic: Magic) -> bool:
    """Whether a magic's line stands inside ``/* ... */``."""
    if cell.language not in (Language.SCALA, Language.SQL) or "/*" not in cell.source:
        return False
    above = "\n".join(cell.source.split("\n")[: magic.line - 1])
    return above.rfind("/*") > above.rfind("*/")


def _late_installs(notebook: Notebook) -> Iterator[Finding]:
    """The first ``%pip install`` below code whose state it may undo."""
    if notebook.language is not Language.PYTHON:
        return
    above: list[Cell] = []
    for cell in notebook.cells:
        if cell.language is not Language.PYTHON:
            continue
        line = _install_line(cell)
        worked = next(filter(_does_work, above), None) if line else None
        if line:
            # What is above has been looked at: no need to look again at the next install.
            above.clear()
        above.append(cell)
        if worked is not None:
            yield at_cell(
                notebook,
                cell,
                "DBX224",
                f"%pip install after cell {worked.number} ran code",
                line=line,
                hint="install in the first cells: modules already imported stay as they were, "
                "and a restart of Python loses every name",
            )
            return


def _install_line(cell: Cell) -> int:
    """The cell line of the first install; 0 where there is none."""
    if "pip" not in cell.source:
        return 0
    for magic in line_magics(cell):
        if magic.name == "pip" and _INSTALL.match(magic.argument):
            return magic.line
    match = _AUTOMAGIC_INSTALL.match(cell.source)
    return cell.source[: match.end()].count("\n") + 1 if match else 0


def _does_work(cell: Cell) -> bool:
    """Whether the cell does more than import, install and define widgets."""
    lines = ("" if _NO_PYTHON.match(line) else line for line in cell.code.split("\n"))
    tree = parse("\n".join(lines))
    return tree is None or not all(_is_harmless(statement) for statement in tree.body)


def _is_harmless(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return True
    if not isinstance(statement, ast.Expr):
        return False
    value = statement.value
    if isinstance(value, ast.Call):
        return ast.unparse(value.func).startswith(_KEEPS_NOTHING)
    return isinstance(value, ast.Constant)
