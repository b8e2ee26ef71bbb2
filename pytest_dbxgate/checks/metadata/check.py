"""The ``metadata`` item: what a notebook carries besides its code, and how it is laid out."""

from __future__ import annotations

from dataclasses import replace

from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.metadata import names, policy, stored, structure
from pytest_dbxgate.checks.rules import at_cell, at_file
from pytest_dbxgate.codes import Check, Severity
from pytest_dbxgate.notebook.model import Format, Notebook, Problem
from pytest_dbxgate.settings import Settings


def check(notebook: Notebook, settings: Settings) -> list[Finding]:
    """Everything about one notebook that needs no other tool and no other file.

    An unreadable notebook has no metadata: ask :func:`unreadable`.
    """
    if notebook.unreadable is not None:
        return []
    return [
        *(_finding(notebook, problem) for problem in _problems(notebook)),
        *structure.check(notebook),
        *stored.check(notebook),
        *names.check(notebook, settings),
        *policy.check(notebook, settings.policy),
    ]


def unreadable(notebook: Notebook) -> Finding:
    """Why no cell of the notebook could be read, as a syntax error.

    Only for a notebook whose ``unreadable`` is set.
    """
    problem = notebook.unreadable
    assert problem is not None
    finding = at_file(
        notebook,
        problem.code,
        problem.message,
        line=problem.line,
        column=problem.column,
        hint=problem.hint,
    )
    return replace(finding, check=Check.SYNTAX, severity=Severity.ERROR, language=None)


def _problems(notebook: Notebook) -> tuple[Problem, ...]:
    """What the reader saw, and for an ``.ipynb`` what nbformat's schema says besides."""
    if notebook.format is not Format.IPYNB:
        return notebook.problems
    from pytest_dbxgate.notebook import ipynb

    seen = {problem.cell for problem in notebook.problems if problem.code == "DBX112"}
    breaches = [
        problem
        for problem in ipynb.validate(notebook)
        if problem.cell is None or problem.cell not in seen
    ]
    return (*notebook.problems, *breaches)


def _finding(notebook: Notebook, problem: Problem) -> Finding:
    """A problem that leaves the cells readable, whatever its rule: unreadable is syntax."""
    return replace(_placed(notebook, problem), check=Check.METADATA)


def _placed(notebook: Notebook, problem: Problem) -> Finding:
    cell = notebook.cell(problem.cell) if problem.cell else None
    if cell is not None and notebook.format is Format.SOURCE:
        line = problem.line - cell.line + 1
        if 1 <= line <= cell.source.count("\n") + 1:
            margin = cell.margins[line - 1] if cell.margins else 0
            return at_cell(
                notebook,
                cell,
                problem.code,
                problem.message,
                line=line,
                column=max(1, problem.column - margin),
                hint=problem.hint,
            )
    message = problem.message
    if cell is not None and not message.startswith("cells/"):
        message = f"cell {cell.number}: {message}"
    return at_file(
        notebook,
        problem.code,
        message,
        line=problem.line,
        column=problem.column,
        hint=problem.hint,
    )
