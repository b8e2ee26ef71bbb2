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
from pytest_dbxgate.delivery.store import JOURNALS
from pytest_dbxgate.delivery.undo import undo
from pytest_dbxgate.errors import AuthenticationError, IncompleteError, PlatformError


class Healed(NamedTuple):
    """What became of one open journal."""

    operation: str
    outcome: str
    """:data:`~pytest_dbxgate.delivery.journal.DONE` or ``UNDONE``."""
    whose: str = ""
    left: tuple[str, ...] = ()
    """Where somebody's edit stands, which was left alone."""


def heal(run: Run) -> tuple[Healed, ...]:
    """Close every open journal. Raises IncompleteError where one cannot be closed."""
    still_open = journal.sort(run.store.names(JOURNALS)).open
    if not still_open:
        return ()
    try:
        record = published(run.store, run.project, run.means)
        # The latest first: it began with what the ones before it left.
        return tuple(_heal(run, record, each) for each in reversed(record.closed.open))
    except (PlatformError, AuthenticationError) as error:
        raise _unfinished(run, still_open[-1], error.message) from error


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
        if pending:
            # A deployment on top of it would forget what is still to be done.
            raise _unfinished(run, operation, "\n  ".join(("still to be done:", *pending)))
        return Healed(operation, journal.DONE, whose)
    if record.release != opened.previous:
        return _superseded(run, opened, whose)
    result = undo(run, opened, aside=False)
    return Healed(operation, journal.UNDONE, whose, left=tuple(result.left))


def _superseded(run: Run, opened: Journal, whose: str) -> Healed:
    """Another deployment was committed since: what stands is its business, and the plan's."""
    journal.close(run.store, opened.operation, journal.UNDONE)
    return Healed(opened.operation, journal.UNDONE, whose)


def _unfinished(run: Run, operation: str, why: str) -> IncompleteError:
    path = shown(run.store.path(f"{JOURNALS}/{operation}.json"))
    return IncompleteError(
        f"the deployment {operation} is unfinished, and could not be healed: {why}\n"
        f"  journal: {path}",
        next_step="run pytest --dbx-heal when the workspace answers again",
    )
