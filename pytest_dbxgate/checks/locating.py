"""Where a finding stands in its file, and the lines a reader is shown, without their secrets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.notebook import formats
from pytest_dbxgate.notebook.layout import split_lines
from pytest_dbxgate.notebook.model import Format, Notebook
from pytest_dbxgate.secrets.redact import Redactor


class Locator:
    """Places the findings of one notebook. From here on nothing of a secret is in them."""

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook

        @cache
        def redactor(cell: int | None) -> Redactor:
            return Redactor(_file_text(notebook) if cell is None else notebook.cell(cell).source)

        self._redactor: Callable[[int | None], Redactor] = redactor

    def place(self, finding: Finding) -> Finding:
        """``finding`` with its place in the file and the lines shown."""
        notebook = self._notebook
        if finding.cell is None or not 1 <= finding.cell <= len(notebook.cells):
            return _shown(finding, self._redactor(None), finding.line)
        cell = notebook.cell(finding.cell)
        line, column = finding.cell_line or 1, finding.cell_column or 1
        start = formats.place(notebook, cell, line, column)
        end_line = end_column = None
        if finding.cell_end_line is not None and finding.cell_end_column is not None:
            end_line, end_column = formats.place(
                notebook, cell, finding.cell_end_line, finding.cell_end_column
            )
        placed = replace(
            finding,
            cell_line=line,
            cell_column=column,
            cell_title=finding.cell_title or cell.title,
            line=start.line,
            column=start.column,
            end_line=end_line,
            end_column=end_column,
        )
        return _shown(placed, self._redactor(finding.cell), line)


def in_text(finding: Finding, redactor: Redactor) -> Finding:
    """A finding about a plain text, such as a job file, with the lines shown."""
    return _shown(finding, redactor, finding.line)


def _shown(finding: Finding, redactor: Redactor, line: int) -> Finding:
    numbers = range(max(1, line - 1), line + 1)
    return replace(
        finding,
        message=redactor(finding.message),
        hint=redactor(finding.hint),
        cell_title=redactor(finding.cell_title) if finding.cell_title else finding.cell_title,
        excerpt=tuple(redactor.line(number) for number in numbers if redactor.has(number)),
    )


def _file_text(notebook: Notebook) -> str:
    """What is shown of a file where no cell is named."""
    return "\n".join(split_lines(notebook.text)) if notebook.format is Format.SOURCE else ""
