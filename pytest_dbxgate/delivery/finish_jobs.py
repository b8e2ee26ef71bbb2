"""Jobs after the commit: removed ones are deleted, new ones may start."""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence

from pytest_dbxgate.delivery.job_digest import (
    matches,
    told_digest,
)
from pytest_dbxgate.delivery.job_settings import paused
from pytest_dbxgate.delivery.jobs_apply import is_tagged, made_by, settles
from pytest_dbxgate.delivery.journal import JobChange, Journal
from pytest_dbxgate.delivery.model import Manifest
from pytest_dbxgate.delivery.run import MismatchError, Run
from pytest_dbxgate.workspace.model import RemoteJob


def finish_jobs(
    run: Run, record: Journal, manifest: Manifest, pending: MutableSequence[str]
) -> None:
    """Delete and activate, taking each job that is done off ``pending``."""
    made = made_by(run, record)
    for change in record.jobs:
        if change.after is None:
            _remove(run, change)
        elif change.operation:
            entry = manifest.jobs.get(change.key)
            if entry is not None:
                _activate(run, change, entry.job_id, made.get(change.operation, ()))
        pending.remove(f"job {change.name}")


def _remove(run: Run, change: JobChange) -> None:
    assert change.job_id is not None
    job = run.workspace.job(change.job_id)
    if job is None or not is_tagged(run, job, change.key):
        return
    if change.before is None or told_digest(job.settings) != told_digest(change.before):
        run.tell("prune", f"kept, because it was edited: job {change.name}")
        return
    run.may_write()
    run.workspace.delete_job(change.job_id)


def _activate(run: Run, change: JobChange, job_id: int, made: Sequence[RemoteJob]) -> None:
    assert change.after is not None
    for job in made:
        if job.job_id != job_id:
            # A lost answer was late by more than the client waited for it.
            run.may_write()
            run.workspace.delete_job(job.job_id)
    found = run.workspace.job(job_id)
    if found is None or matches(change.after, found.settings):
        return
    if not is_tagged(run, found, change.key):
        # A manifest may be forged, and name a job of others.
        run.tell("jobs", f"not activated, because it carries no tag of ours: job {change.name}")
        return
    if not matches(paused(change.after), found.settings):
        run.tell("jobs", f"not activated, because it was edited: job {change.name}")
        return
    run.may_write()
    run.workspace.reset_job(job_id, change.after)
    if settles(run, job_id, change.after) is None:
        raise MismatchError(f"job {change.name} is still paused")
