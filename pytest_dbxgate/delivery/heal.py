"""Healing: what an earlier deployment left open is undone, or finished if it was committed."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from pytest_dbxgate.delivery import journal
from pytest_dbxgate.delivery.finish import finish
from pytest_dbxgate.delivery.journal import Journal
from pytest_dbxgate.delivery.places import shown
from pytest_dbxgate.delivery.run import Run
from pytest_dbxgate.delivery.state import Published, published
from pytest_dbxgate.delivery.undo import undo
from pytest_dbxgate.errors import IncompleteError


class Healed(NamedTuple):
    """What became of one open journal."""

    operation: str
    outcome: str
    """:data:`~pytest_dbxgate.delivery.journal.DONE` or ``UNDONE``."""
    whose: str = ""
    left: tuple[str, ...] = ()
    """Where somebody's edit stands, which was left alone."""
    pending: tuple[str, ...] = ()
    """What still could not be finished."""


def heal(run: Run) -> tuple[Healed, ...]:
    """Close every open journal. Raises IncompleteError where one cannot be undone."""
    record = published(run.store, run.project, run.means)
    # The latest first: it began with what the ones before it left.
    return tuple(_heal(run, record, each) for each in reversed(record.closed.open))


def _heal(run: Run, record: Published, operation: str) -> Healed:
    opened = journal.load(run.store, operation, project=run.project)
    whose = shown(" ".join(filter(None, (opened.owner, opened.build_url))))
    run.tell("heal", f"{operation} by {whose or 'somebody unknown'}")
    run = replace(run, operation=operation, forward=False)
    if not record.trusted:
        raise IncompleteError(
            f"{shown(run.store.path(''))}: the record of what is published is damaged, and the "
            f"deployment {operation} is unfinished: whether it was committed is not known",
            next_step="put the pointer right by hand (docs/guarantees.md, recovery by hand)",
        )
    if record.release == operation and record.manifest is not None:
        pending = finish(run, opened, record.manifest)
        return Healed(operation, journal.DONE, whose, pending=pending)
    if record.release != opened.previous:
        return _superseded(run, opened, whose)
    result = undo(run, opened, aside=False)
    return Healed(operation, journal.UNDONE, whose, left=tuple(result.left))


def _superseded(run: Run, opened: Journal, whose: str) -> Healed:
    """Another deployment was committed since: what stands is its business, and the plan's."""
    journal.close(run.store, opened.operation, journal.UNDONE)
    return Healed(opened.operation, journal.UNDONE, whose)
