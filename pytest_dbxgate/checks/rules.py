"""Findings of this project's own rules, with the check and the severity :data:`RULES` gives."""

from __future__ import annotations

from pytest_dbxgate.checks.finding import Finding, in_cell, in_file
from pytest_dbxgate.codes import RULES, Severity
from pytest_dbxgate.notebook.model import Cell, Notebook


def default_severity(code: str) -> Severity:
    """A rule that is off has to be asked for; until then its findings are mere warnings."""
    return RULES[code].severity or Severity.WARNING


def at_cell(
    notebook: Notebook,
    cell: Cell,
    code: str,
    message: str,
    *,
    line: int = 1,
    column: int = 1,
    hint: str = "",
) -> Finding:
    """A finding of rule ``code`` at a 1-based position of ``cell.source``."""
    return in_cell(
        notebook,
        cell,
        RULES[code].check,
        code,
        message,
        line=line,
        column=column,
        severity=default_severity(code),
        hint=hint,
    )


def at_file(
    notebook: Notebook, code: str, message: str, *, line: int = 1, column: int = 1, hint: str = ""
) -> Finding:
    """A finding of rule ``code`` at a 1-based position of the file."""
    return in_file(
        notebook,
        RULES[code].check,
        code,
        message,
        line=line,
        column=column,
        severity=default_severity(code),
        hint=hint,
    )


def number_list(numbers: list[int]) -> str:
    """``cell 3``; ``cells 3, 5 and 8``; a long list is cut short."""
    if len(numbers) == 1:
        return f"cell {numbers[0]}"
    if len(numbers) > 8:
        shown = ", ".join(str(number) for number in numbers[:7])
        return f"cells {shown} and {len(numbers) - 7} more"
    return f"cells {', '.join(str(number) for number in numbers[:-1])} and {numbers[-1]}"
