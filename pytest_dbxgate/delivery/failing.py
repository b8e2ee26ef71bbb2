"""What follows a failure before the commit: rolling back, and the error that tells how it went."""

from __future__ import annotations

from pytest_dbxgate.delivery.journal import Journal
from pytest_dbxgate.delivery.lease import LostLeaseError
from pytest_dbxgate.delivery.places import listed, shown
from pytest_dbxgate.delivery.run import EditFoundError, Run
from pytest_dbxgate.delivery.store import BACKUPS
from pytest_dbxgate.delivery.undo import RemainsError, Undone, remains_of, undo
from pytest_dbxgate.errors import DriftError, GateError, RolledBackError


def failed(run: Run, record: Journal, error: BaseException) -> GateError:
    """Roll back; the error to be raised in ``error``'s place."""
    why = (
        error.message if isinstance(error, GateError) else shown(f"{type(error).__name__}: {error}")
    )
    run.tell("failed", why)
    if isinstance(error, LostLeaseError):
        return remains_of(run, record, Undone(), error)
    try:
        result = undo(run.backwards(), record, aside=True)
    except RemainsError as remains:
        return RemainsError(
            f"{why}\n  {remains.message}", remains.remains, next_step=remains.next_step
        )
    notes = _notes(run, record, result)
    next_step = error.next_step if isinstance(error, GateError) else ""
    if isinstance(error, EditFoundError):
        return DriftError(
            f"{why}; what was published until then was rolled back{notes}",
            next_step="bring the edit into the repository, then publish again",
        )
    return RolledBackError(
        f"{why}\n  rolled back: the earlier state stands again{notes}", next_step=next_step
    )


def _notes(run: Run, record: Journal, result: Undone) -> str:
    notes = ""
    if result.saved:
        folder = shown(run.store.path(f"{BACKUPS}/{record.operation}"))
        notes += f"\n  edited meanwhile, the edits are kept in {folder}: {listed(result.saved)}"
    if result.left:
        notes += f"\n  edited meanwhile, and left as they are: {listed(result.left)}"
    return notes
