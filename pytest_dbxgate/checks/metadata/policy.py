"""``[tool.dbxgate.policy]``: what a team requires of its notebooks. Errors, where asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.rules import at_cell, at_file
from pytest_dbxgate.codes import Severity
from pytest_dbxgate.notebook.magics import line_magics
from pytest_dbxgate.notebook.model import Language, Magic, Notebook
from pytest_dbxgate.settings import Policy

_HEADING = re.compile(r"^[ \t]{0,3}#{1,6}[ \t]*[^#\s]|<h[1-6]\b", re.MULTILINE | re.IGNORECASE)
_OWNER = re.compile(r"^[\W_]*owner[*_ \t]*:[*_ \t]*[^\s*_]", re.MULTILINE | re.IGNORECASE)
_OWNER_CELLS = 3

_LANGUAGES = frozenset({Language.PYTHON, Language.SQL, Language.SCALA, Language.R})
_TEXT = frozenset({Language.MARKDOWN, Language.SHELL, Language.OTHER})


def check(notebook: Notebook, policy: Policy) -> list[Finding]:
    """What breaks the policy; nothing where it asks for nothing."""
    found = [
        *(_title_cell(notebook) if policy.title_cell else ()),
        *(_owner(notebook) if policy.owner else ()),
        *(_magics(notebook, policy.allowed_magics) if policy.allowed_magics else ()),
        *(_languages(notebook, policy.allowed_languages) if policy.allowed_languages else ()),
        *(_cells(notebook, policy.max_cells) if policy.max_cells else ()),
    ]
    return [replace(finding, severity=Severity.ERROR) for finding in found]


def _title_cell(notebook: Notebook) -> Iterator[Finding]:
    first = notebook.cells[0] if notebook.cells else None
    if first is None or first.language is not Language.MARKDOWN or not _HEADING.search(first.code):
        hint = "begin with a %md cell that holds a heading"
        yield at_file(notebook, "DBX230", "the first cell is no Markdown heading", hint=hint)


def _owner(notebook: Notebook) -> Iterator[Finding]:
    if not any(_OWNER.search(cell.source) for cell in notebook.cells[:_OWNER_CELLS]):
        message = f"no owner is named in the first {_OWNER_CELLS} cells"
        yield at_file(notebook, "DBX231", message, hint='write a line "Owner: name or team"')


def _magics(notebook: Notebook, allowed: tuple[str, ...]) -> Iterator[Finding]:
    """Each magic that is not allowed, once a cell."""
    names = {name.lstrip("%") for name in allowed}
    for cell in notebook.cells:
        magics: list[Magic] = [cell.magic] if cell.magic else []
        if "%" in cell.source and cell.language not in _TEXT:
            magics += line_magics(cell)
        reported: set[str] = set()
        for magic in magics:
            if magic.name in names or magic.name in reported:
                continue
            reported.add(magic.name)
            sign = "%%" if magic.double else "%"
            yield at_cell(
                notebook,
                cell,
                "DBX232",
                f"{sign}{magic.name} is not among the allowed magics",
                line=magic.line,
                hint=f"allowed: {', '.join(f'%{name}' for name in sorted(names))}",
            )


def _languages(notebook: Notebook, allowed: tuple[str, ...]) -> Iterator[Finding]:
    names = {name.lower() for name in allowed}
    for cell in notebook.cells:
        if cell.is_blank or cell.language not in _LANGUAGES or cell.language.value in names:
            continue
        yield at_cell(
            notebook,
            cell,
            "DBX233",
            f"{cell.language.value} is not among the allowed languages",
            line=cell.code_line,
            column=cell.code_column,
            hint=f"allowed: {', '.join(sorted(names))}",
        )


def _cells(notebook: Notebook, most: int) -> Iterator[Finding]:
    count = len(notebook.cells)
    if count > most:
        yield at_cell(
            notebook,
            notebook.cells[most],
            "DBX234",
            f"{count} cells, {most} are allowed",
            hint="split the notebook",
        )
