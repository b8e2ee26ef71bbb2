"""Runs as text: the failure of one, and what a session says of all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.execution.outcome import CellPlace, CellTime, Outcome, RunState
from pytest_dbxgate.reporting import frames
from pytest_dbxgate.reporting.text import clean

MOST_TRACEBACK = 12
MOST_OUTPUT = 40
"""Lines of a run's output that a report shows."""
MOST_CELLS = 5
SLOW = 1.0
"""Seconds from which on a cell is named among the slowest."""
_WIDEST = 500


def item_report(outcome: Outcome, findings: Sequence[Finding], *, color: bool = False) -> str:
    """Why a run is red: the failing cell, how it got there, the traceback, where to look."""
    lines = [frames.item_report(findings, color=color)]
    failure = outcome.failure
    if failure is not None:
        lines += [f"  run by {_at(place)}" for place in reversed(failure.chain)]
        inner = [clean(line, limit=_WIDEST) for line in failure.traceback]
        if inner:
            left = len(inner) - MOST_TRACEBACK
            lines += [f"  ... {left} lines before these"] if left > 0 else []
            lines += [f"  {line}".rstrip() for line in inner[-MOST_TRACEBACK:]]
    lines += [f"  note: {clean(notice, limit=_WIDEST)}" for notice in outcome.notices]
    if outcome.url:
        lines.append(f"  run: {clean(outcome.url)}")
    lines.append(f"  {told(outcome)}")
    return "\n".join(lines)


def told(outcome: Outcome) -> str:
    """How the run ended, in one line."""
    tries = f", {outcome.attempts} attempts" if outcome.attempts > 1 else ""
    engine = f" on {clean(outcome.engine)}" if outcome.engine else ""
    return f"{outcome.state.value} after {seconds(outcome.seconds)}{engine}{tries}"


def tail(output: str) -> str:
    """The last lines of what a notebook printed, harmless to print."""
    lines = output.rstrip().split("\n")
    left = len(lines) - MOST_OUTPUT
    first = [f"[{left:,} lines before these]"] if left > 0 else []
    return "\n".join([*first, *(clean(line, limit=_WIDEST) for line in lines[-MOST_OUTPUT:])])


def summary(outcomes: Sequence[Outcome], total_seconds: float) -> list[str]:
    """What the session ran, what it did otherwise than a cluster, the slowest cells."""
    states = Counter(outcome.state for outcome in outcomes)
    counted = ", ".join(f"{states[state]} {state.value}" for state in RunState if state in states)
    engines = sorted({clean(outcome.engine) for outcome in outcomes if outcome.engine})
    on = f" on {', '.join(engines)}" if engines else ""
    lines = [f"ran {_counted(len(outcomes))} in {seconds(total_seconds)}{on}: {counted}"]
    lines += _notices(outcomes)
    slow = sorted(
        (cell for outcome in outcomes for cell in outcome.cells if cell.seconds >= SLOW),
        key=lambda cell: -cell.seconds,
    )
    if slow:
        lines.append("slowest cells:")
        lines += [_slow(cell) for cell in slow[:MOST_CELLS]]
    return lines


def seconds(value: float) -> str:
    """``0.8 s``, ``45 s``, ``3:07``."""
    if value < 10:
        return f"{value:.1f} s"
    if value < 60:
        return f"{value:.0f} s"
    return f"{int(value) // 60}:{int(value) % 60:02}"


def waiting(done: int, total: int, passed: float) -> str:
    """What is shown while nobody has anything else to say."""
    return f"dbxgate: ran {done} of {_counted(total)}, {seconds(passed)}"


def _counted(number: int) -> str:
    return f"{number:,} notebook{'' if number == 1 else 's'}"


def _notices(outcomes: Iterable[Outcome]) -> list[str]:
    counts = Counter(notice for outcome in outcomes for notice in outcome.notices)
    lines = [
        f"note: {clean(notice, limit=_WIDEST)}" + (f" ({count} times)" if count > 1 else "")
        for notice, count in counts.most_common(MOST_CELLS)
    ]
    left = len(counts) - MOST_CELLS
    return [*lines, f"note: {left} more; -v and --dbx-json tell all"] if left > 0 else lines


def _slow(cell: CellTime) -> str:
    return f"  {seconds(cell.seconds):>7}  {_at(cell.place)}"


def _at(place: CellPlace) -> str:
    path = clean(place.path) if place.member is None else clean(f"{place.path}::{place.member}")
    return f"{path} cell {place.cell}"
