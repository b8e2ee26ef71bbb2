"""Rolling back: every place that the journal names gets its before-image, in reverse order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pytest_dbxgate.delivery import backup, journal
from pytest_dbxgate.delivery.backup import Backup
from pytest_dbxgate.delivery.canonical import sha256
from pytest_dbxgate.delivery.journal import Change, Journal
from pytest_dbxgate.delivery.model import Remote
from pytest_dbxgate.delivery.places import listed, shown
from pytest_dbxgate.delivery.run import Run
from pytest_dbxgate.delivery.snapshot import is_as, one, tree
from pytest_dbxgate.delivery.store import BACKUPS, JOURNALS
from pytest_dbxgate.delivery.undo_jobs import undo_jobs
from pytest_dbxgate.delivery.writing import add, put, stands
from pytest_dbxgate.errors import GateError, IncompleteError
from pytest_dbxgate.workspace.model import WorkspaceError

_PASSES = 4


class RemainsError(IncompleteError):
    """Rolling back did not come to its end."""

    def __init__(self, message: str, remains: Sequence[str], *, next_step: str) -> None:
        super().__init__(message, next_step=next_step)
        self.remains = tuple(remains)
        """Every object that may differ from what stood there before."""


@dataclass
class Undone:
    """How it went."""

    left: list[str] = field(default_factory=list)
    """Where somebody's edit stands, which was left alone."""
    saved: list[str] = field(default_factory=list)
    """Where somebody's edit stood, which is in the backup now."""
    wrong: list[str] = field(default_factory=list)
    """What did not have its before-image when it was last looked at."""


def undo(run: Run, record: Journal, *, aside: bool) -> Undone:
    """Bring everything back, verify it and close the journal.

    With ``aside`` an edit made since is put into the backup and overwritten, because it was made
    to what is being rolled back; without, it is left alone. Raises :class:`RemainsError`.
    """
    result = Undone()
    run.tell("undo", record.operation)
    try:
        undo_jobs(run, record, result.left, result.saved, aside=aside)
        _objects(run, record, result, aside=aside)
        _folders(run, record)
        journal.close(run.store, record.operation, journal.UNDONE)
    except GateError as error:
        raise remains_of(run, record, result, error) from error
    return result


def _objects(run: Run, record: Journal, result: Undone, *, aside: bool) -> None:
    kept = Backup(run.store, record.operation, record.parts)
    touched = [change for change in reversed(record.changes) if not change.is_removal]
    for _ in range(_PASSES):
        found = tree(run.workspace, run.target.root)
        wrong = [
            change
            for change in touched
            if change.place not in result.left and not is_as(found.get(change.place), change.before)
        ]
        result.wrong[:] = [change.place for change in wrong]
        if not wrong:
            return
        for number, change in enumerate(wrong, start=1):
            _restore(run, record, change, kept, result, aside=aside)
            run.tell("undo", change.place, done=number, total=len(wrong))
    # Somebody keeps on writing there: what stands now is theirs.
    result.left += result.wrong


def restore_one(run: Run, record: Journal, change: Change, result: Undone) -> None:
    """Bring one place back. An edit made since is left alone."""
    kept = Backup(run.store, record.operation, record.parts)
    _restore(run, record, change, kept, result, aside=False)


def _restore(
    run: Run, record: Journal, change: Change, kept: Backup, result: Undone, *, aside: bool
) -> None:
    path = run.path(change.place)
    assert change.after is not None
    current = one(run.workspace, path, change.after)
    if not is_as(current, change.after) and current is not None:
        if stands(run, change.place, change.before):
            return
        current = one(run.workspace, path, change.after)
    if current is not None and not is_as(current, change.after):
        if not aside:
            result.left.append(change.place)
            return
        _put_aside(run, record, change.place, current)
        result.saved.append(change.place)
    if change.before is None:
        if current is not None:
            run.may_write()
            run.workspace.delete(path)
        return
    data = kept.member(change.part, change.before.name)
    if current is None or change.replaces_type:
        if current is not None:
            run.may_write()
            run.workspace.delete(path)
        add(run, change.place, change.before, data)
    else:
        put(run, change.place, change.before, data, overwrite=True)


def _put_aside(run: Run, record: Journal, place: str, current: Remote) -> None:
    prefix = f"edit-{sha256(place.encode())[:8]}-{current.digest[:8]}"
    run.may_write()
    backup.save(
        run.store, record.operation, backup.parts({current.name: current.data}, prefix=prefix)
    )


def _folders(run: Run, record: Journal) -> None:
    """Folders that were made go again, unless somebody uses them."""
    for folder in reversed(record.folders):
        if folder and not run.workspace.list(run.path(folder)):
            run.may_write()
            try:
                run.workspace.delete(run.path(folder))
            except WorkspaceError as error:
                run.tell("undo", f"the folder {run.path(folder)} stays: {error.message}")


def remains_of(run: Run, record: Journal, result: Undone, error: GateError) -> RemainsError:
    """The error that names every object which may differ."""
    remains = result.wrong or [
        *(change.place for change in record.changes if not change.is_removal),
        *(f"job {job.name}" for job in record.jobs),
    ]
    path = shown(run.store.path(f"{JOURNALS}/{record.operation}.json"))
    return RemainsError(
        f"the deployment {record.operation} could not be rolled back: {error.message}\n"
        f"  may differ: {listed(remains, most=1000)}\n"
        f"  journal: {path}; backups: {shown(run.store.path(BACKUPS))}/{record.operation}",
        remains,
        next_step="run pytest --dbx-heal when the workspace answers again",
    )
