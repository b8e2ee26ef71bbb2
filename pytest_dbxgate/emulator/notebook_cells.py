"""What running a notebook gave, as a run of a job tells it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pytest_dbxgate.emulator.executing import RanCell, TaskEnd
from pytest_dbxgate.execution.outcome import CellPlace, Outcome, RunState
from pytest_dbxgate.notebook import formats
from pytest_dbxgate.notebook.model import Cell, Language

_PLACE = re.compile(r"^(?P<path>\S.*) cell (?P<cell>\d+), line (?P<line>\d+)")
"""A line of a traceback as :mod:`pytest_dbxgate.execution.kernel` tells it."""


def as_end(outcome: Outcome, file: Path, path: str, began: int) -> TaskEnd:
    """``file`` is the notebook as it ran, ``path`` what the outcome calls it; ``began`` in
    milliseconds since 1970."""
    cells = _page(outcome, file, path, began)
    values = outcome.task_values
    match outcome.state:
        case RunState.PASSED:
            return TaskEnd("SUCCESS", outcome.exit_value, cells=cells, task_values=values)
        case RunState.FAILED | RunState.TIMED_OUT:
            error, trace = _words(outcome)
            return TaskEnd("FAILED", None, error, trace, cells=cells, task_values=values)
        case RunState.CANCELLED:
            return TaskEnd("CANCELED", cells=cells)
        case RunState.UNSUPPORTED:
            why = outcome.failure.message if outcome.failure else outcome.message
            words = f"The embedded workspace cannot run this: {why}"
            return TaskEnd("FAILED", message=words, code="INTERNAL_ERROR", cells=cells)
        case _:
            return TaskEnd("FAILED", message=outcome.message, code="DRIVER_ERROR", cells=cells)


def _words(outcome: Outcome) -> tuple[str, str]:
    """``error`` and ``error_trace``; a place in a notebook is named as the platform does
    [report], ``File <command-3>, line 1``, with the notebook's path in it [fake]."""
    failure = outcome.failure
    if failure is None:
        return outcome.message, outcome.message
    summary = f"{failure.error}: {failure.message}" if failure.message else failure.error
    trace = "\n".join(_PLACE.sub(_named, line.removeprefix("  ")) for line in failure.traceback)
    return summary, trace if trace.endswith(summary) else f"{trace}\n{summary}".lstrip("\n")


def _named(place: re.Match[str]) -> str:
    path = place["path"].rpartition(".")[0]
    return f"File <command-{place['cell']} of /Workspace/{path}>, line {place['line']}"


def _page(outcome: Outcome, file: Path, path: str, began: int) -> list[RanCell]:
    """The notebook's cells as the run's page shows them."""
    cells = [cell for each in formats.parse(path, file.read_bytes()) for cell in each.cells]
    found = list(_ran(cells, outcome, path, began))
    # Which cell printed what is not told: all of it stands at the last one that ran.
    last = max((number for number, cell in enumerate(found) if cell.end), default=0)
    if outcome.output and found:
        found[last] = replace(found[last], output=outcome.output)
    return found


def _ran(cells: list[Cell], outcome: Outcome, path: str, began: int) -> Iterator[RanCell]:
    seconds = {each.place[:2]: each.seconds for each in outcome.cells}
    failure = outcome.failure
    bad: CellPlace | None = None
    if failure is not None:
        # The page is of the notebook that the task names: what it brought in failed in its cell.
        bad = failure.chain[0] if failure.chain else failure.place
    at, failed = began, False
    for cell in cells:
        took = seconds.get((path, cell.number))
        start, at = at, at + int((took or 0) * 1000)
        if failed:
            yield RanCell(cell.source, "skipped")
        elif bad is not None and bad.cell == cell.number:
            failed = True
            summary, trace = _words(outcome)
            yield RanCell(cell.source, "error", summary, trace, start=start, end=at)
        elif took is not None:
            yield RanCell(cell.source, start=start, end=at)
        else:
            yield RanCell(cell.source, "finished" if _shows(cell) else "")


def _shows(cell: Cell) -> bool:
    """Whether there is nothing to run in a cell."""
    return cell.is_blank or cell.language is Language.MARKDOWN
