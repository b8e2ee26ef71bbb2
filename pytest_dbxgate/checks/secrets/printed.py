"""DBX620: what ``dbutils.secrets.get`` returned is shown."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_dbxgate.checks.finding import Finding, in_code
from pytest_dbxgate.checks.rules import default_severity
from pytest_dbxgate.checks.secrets.flow import Flow
from pytest_dbxgate.checks.secrets.scala_flow import ScalaFlow
from pytest_dbxgate.codes import RULES
from pytest_dbxgate.languages.python.cells import prepare, without_magics
from pytest_dbxgate.languages.python.tree import parse
from pytest_dbxgate.notebook.model import Cell, Language, Notebook

CODE = "DBX620"
_READ = "secrets.get"
_HINT = (
    "Databricks hides the exact value only, not parts or changed forms of it: "
    "show whether it is there, or len() of it"
)


def check(notebook: Notebook) -> list[Finding]:
    """The leaks of a notebook: values are followed through its cells, in order."""
    if not any(_READ in cell.source for cell in notebook.cells):
        return []
    flow, scala = Flow(), ScalaFlow()
    found: list[Finding] = []
    for cell in notebook.cells:
        if cell.language is Language.PYTHON:
            found += _python(notebook, cell, flow)
        elif cell.language is Language.SCALA:
            for leak in scala.leaks(cell.code):
                found.append(_finding(notebook, cell, leak.shown_by, leak.line, leak.column))
    return found


def _python(notebook: Notebook, cell: Cell, flow: Flow) -> Iterator[Finding]:
    if not flow.concerns(cell.code) and _READ not in cell.code:
        return
    prepared = prepare(cell)
    tree = parse(prepared.text) if prepared else None
    if prepared is None:
        return
    if tree is None:
        tree = parse(without_magics(prepared.text))
    if tree is None:
        return
    lines = prepared.text.split("\n")
    for leak in flow.leaks(tree):
        # ast counts columns in bytes
        head = lines[leak.line - 1].encode("utf-8", "replace")[: leak.column]
        line, column = prepared.position(leak.line, len(head.decode("utf-8", "replace")) + 1)
        yield _finding(notebook, cell, leak.shown_by, line, column)


def _finding(notebook: Notebook, cell: Cell, by: str, line: int, column: int) -> Finding:
    return in_code(
        notebook,
        cell,
        RULES[CODE].check,
        CODE,
        f"`{by}` shows what `dbutils.secrets.get` returned",
        line=line,
        column=column,
        severity=default_severity(CODE),
        hint=_HINT,
    )
