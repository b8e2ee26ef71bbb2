"""Rolling back jobs: created ones are deleted, changed ones get their earlier settings."""

from __future__ import annotations

from collections.abc import MutableSequence

from pytest_dbxgate.delivery import untrusted
from pytest_dbxgate.delivery.job_digest import matches, told_digest
from pytest_dbxgate.delivery.jobs_apply import is_as_before, is_tagged, made_by
from pytest_dbxgate.delivery.journal import JobChange, Journal
from pytest_dbxgate.delivery.run import MismatchError, Run
from pytest_dbxgate.delivery.store import BACKUPS
from pytest_dbxgate.workspace.model import RemoteJob


def undo_jobs(
    run: Run,
    record: Journal,
    left: MutableSequence[str],
    saved: MutableSequence[str],
    *,
    aside: bool,
) -> None:
    """Bring the jobs back. Names those that somebody edited: in ``left`` where they stay as they
    are, in ``saved`` where the edit was kept in the backup and overwritten."""
    for jobs in made_by(run, record).values():
        for job in jobs:
            run.may_write()
            run.workspace.delete_job(job.job_id)
    for change in reversed(record.jobs):
        if change.job_id is not None and change.after is not None and change.before is not None:
            _restore(run, record, change, left, saved, aside=aside)


def _restore(
    run: Run,
    record: Journal,
    change: JobChange,
    left: MutableSequence[str],
    saved: MutableSequence[str],
    *,
    aside: bool,
) -> None:
    assert change.job_id is not None
    assert change.before is not None
    current = run.workspace.job(change.job_id)
    if current is None or not _is_ours(run, current, change):
        # Somebody deleted it or took our tag away: it is theirs now.
        left.append(f"job {change.name}")
        return
    _permissions(run, change)
    if told_digest(current.settings) == told_digest(change.before):
        return
    if not matches(change.after, current.settings):
        if not aside:
            left.append(f"job {change.name}")
            return
        run.may_write()
        name = f"job-{change.job_id}-{told_digest(current.settings)[:8]}.json"
        run.store.create(f"{BACKUPS}/{record.operation}/{name}", untrusted.dump(current.settings))
        saved.append(f"job {change.name}")
    run.may_write()
    run.workspace.reset_job(change.job_id, change.before)
    if not is_as_before(run, change.job_id, change.before):
        raise MismatchError(f"job {change.name} does not tell its earlier settings")


def _permissions(run: Run, change: JobChange) -> None:
    assert change.job_id is not None
    if change.permissions and change.permissions_before is not None:
        current = run.workspace.job_permissions(change.job_id)
        if [*current] != [*change.permissions_before]:
            run.may_write()
            run.workspace.set_job_permissions(change.job_id, change.permissions_before)


def _is_ours(run: Run, job: RemoteJob, change: JobChange) -> bool:
    # A journal may be forged: what it says of the job's tags proves nothing.
    return is_tagged(run, job, change.key)
