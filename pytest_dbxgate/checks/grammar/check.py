"""The syntax of Scala and R cells, as far as a checker for them is installed.

Scala is parsed by a tree-sitter grammar (the extra ``languages``), R by R itself. Cells nobody
can check are reported, never passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pytest_dbxgate.checks.finding import Finding, in_code
from pytest_dbxgate.checks.grammar import rscript, scala
from pytest_dbxgate.checks.grammar.parsing import Mistake, Unparsed, Verdict
from pytest_dbxgate.checks.rules import default_severity, number_list
from pytest_dbxgate.codes import Check
from pytest_dbxgate.notebook.model import Cell, Language, Notebook, NotebookKey

_Parser = Callable[[Sequence[str]], "list[Verdict] | Unparsed"]

_PARSERS: dict[Language, tuple[str, str, _Parser]] = {
    Language.SCALA: ("Scala", "DBX165", scala.parse),
    Language.R: ("R", "DBX166", rscript.parse),
}
"""Language -> its name, the code of its syntax errors, and what parses cells of it."""

_Place = tuple[Notebook, Cell]


def check(notebooks: Sequence[Notebook]) -> list[Finding]:
    """The first syntax error of each Scala and R cell, and the cells nobody could check.

    Never raises for a missing, failing or hanging tool.
    """
    found: list[Finding] = []
    for language in _PARSERS:
        places = [
            (notebook, cell)
            for notebook in notebooks
            for cell in notebook.cells
            if cell.language is language and cell.code.strip()
        ]
        if places:
            found += _language(language, places)
    return found


def _language(language: Language, places: list[_Place]) -> Iterator[Finding]:
    name, code, parse = _PARSERS[language]
    verdicts = parse([cell.code for _, cell in places])
    if isinstance(verdicts, Unparsed):
        yield from _not_checked(name, places, verdicts)
        return
    for (notebook, cell), verdict in zip(places, verdicts, strict=True):
        if isinstance(verdict, Mistake):
            yield in_code(
                notebook,
                cell,
                Check.SYNTAX,
                code,
                verdict.message,
                line=verdict.line,
                column=verdict.column,
                severity=default_severity(code),
            )
        elif isinstance(verdict, Unparsed):
            yield _unparsed_cell(name, notebook, cell, verdict)


def _not_checked(name: str, places: list[_Place], reason: Unparsed) -> Iterator[Finding]:
    """One finding for each notebook, at the first of its cells."""
    cells: dict[NotebookKey, list[Cell]] = {}
    notebooks: dict[NotebookKey, Notebook] = {}
    for notebook, cell in places:
        cells.setdefault(notebook.key, []).append(cell)
        notebooks[notebook.key] = notebook
    for key, notebook in notebooks.items():
        numbers = number_list([cell.number for cell in cells[key]])
        yield in_code(
            notebook,
            cells[key][0],
            Check.SYNTAX,
            "DBX170",
            f"{numbers}: {name} is not checked: {reason.reason}",
            severity=default_severity("DBX170"),
            hint=reason.hint,
        )


def _unparsed_cell(name: str, notebook: Notebook, cell: Cell, reason: Unparsed) -> Finding:
    return in_code(
        notebook,
        cell,
        Check.SYNTAX,
        "DBX171",
        f"the {name} of this cell could not be checked: {reason.reason}",
        severity=default_severity("DBX171"),
        hint=reason.hint,
    )
