"""What is wrong with a run, as findings: the failing cell at its place in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from pytest_dbxgate.checks.finding import Finding, in_cell, in_file
from pytest_dbxgate.checks.locating import Locator
from pytest_dbxgate.codes import Check, Severity
from pytest_dbxgate.execution.outcome import CellFailure, CellPlace, Outcome, RunState
from pytest_dbxgate.notebook.model import Notebook, NotebookKey

CODES = {
    RunState.FAILED: "DBX701",
    RunState.TIMED_OUT: "DBX702",
    RunState.UNSUPPORTED: "DBX703",
    RunState.PLATFORM: "DBX704",
    RunState.NOT_STARTED: "DBX705",
    RunState.CANCELLED: "DBX706",
}
UNEXPECTED = "DBX707"
"""It ended, but not as the settings expect."""

_HINTS = {
    RunState.TIMED_OUT: "a longer time: timeout in [tool.dbxgate.run] or in its case",
    RunState.UNSUPPORTED: "run it on a cluster (--dbx-run cluster), exclude it, or set "
    'unsupported = "skip" in [tool.dbxgate.run]',
}

_NO_SECRET = "Secret does not exist with scope"
"""How Databricks says so."""
_SECRET_HINT = (
    "name it in [tool.dbxgate.run.secrets]; one whose variable (env:NAME) is not set is not there"
)
_NO_TABLE = "TABLE_OR_VIEW_NOT_FOUND"
_TABLE_HINT = "if another notebook makes it: name that one in [tool.dbxgate.run.needs]"
_IS_SKIPPED = "run it on a cluster (--dbx-run cluster), or exclude it"
_NOT_INSTALLED = 'install it, or have %pip do so: pip = "install" in [tool.dbxgate.run]'

ReadNotebook = Callable[[NotebookKey], Notebook | None]


def findings_of(
    outcome: Outcome, read: ReadNotebook, *, may_skip: bool = False
) -> tuple[Finding, ...]:
    """The finding of a run that is not green; none of a green one. ``read`` gives notebooks,
    ``may_skip`` says that what the engine cannot do is no error."""
    if outcome.state is RunState.PASSED:
        return ()
    mild = may_skip and outcome.state is RunState.UNSUPPORTED
    severity = Severity.WARNING if mild else Severity.ERROR
    hint = _hint(outcome, may_skip=may_skip)
    return tuple(replace(each, severity=severity) for each in _findings(outcome, read, hint))


def _hint(outcome: Outcome, *, may_skip: bool) -> str:
    failure = outcome.failure
    if failure is not None and failure.message.startswith(_NO_SECRET):
        return _SECRET_HINT
    if failure is not None and failure.condition == _NO_TABLE:
        return _TABLE_HINT
    if outcome.state is RunState.UNSUPPORTED:
        if failure is not None and failure.error == "ModuleNotFoundError":
            return _NOT_INSTALLED
        if may_skip:
            return _IS_SKIPPED
    return _HINTS.get(outcome.state, "")


def _findings(outcome: Outcome, read: ReadNotebook, hint: str) -> Iterator[Finding]:
    key, failure = outcome.key.notebook, outcome.failure
    code = CODES[outcome.state]
    if outcome.state is RunState.FAILED and (failure is None or outcome.unexpected):
        code = UNEXPECTED
    place = None if failure is None else failure.place
    # The run of a notebook may end in another one; the finding stands where the failing cell is.
    found = read(key if place is None else place.key) or read(key)
    message = outcome.message or (failure.message if failure is not None else "") or "it failed"
    if failure is not None and outcome.state is RunState.FAILED and not outcome.unexpected:
        message = _message(failure)
    if found is None:
        yield Finding(key.path, Check.RUN, code, message, hint=hint, member=key.member)
        return
    if place is None or found.key != place.key or not 1 <= place.cell <= len(found.cells):
        yield Locator(found).place(in_file(found, Check.RUN, code, message, hint=hint))
        return
    yield Locator(found).place(_in_cell(found, place, code, message, hint))


def _in_cell(notebook: Notebook, place: CellPlace, code: str, message: str, hint: str) -> Finding:
    cell = notebook.cell(place.cell)
    lines = cell.source.split("\n")
    line = min(max(1, place.line), len(lines))
    text = lines[line - 1]
    begin = len(text) - len(text.lstrip()) + 1
    return in_cell(
        notebook,
        cell,
        Check.RUN,
        code,
        message,
        line=line,
        column=begin,
        end_line=line,
        end_column=max(begin + 1, len(text.rstrip()) + 1),
        hint=hint,
    )


def _message(failure: CellFailure) -> str:
    """The error as a reader looks for it: its class, Spark's condition, its own words."""
    condition = failure.condition
    named = f"[{condition}] " if condition and condition not in failure.message else ""
    first = f"{named}{failure.message}".strip()
    return f"{failure.error}: {first}" if first else failure.error
