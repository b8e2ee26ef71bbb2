"""Bringing the jobs of a plan into the workspace: get, reset, get. New ones begin paused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_dbxgate.delivery.job_digest import (
    KEY_TAG,
    OPERATION_TAG,
    PROJECT_TAG,
    matches,
    tag_value,
    told_digest,
)
from pytest_dbxgate.delivery.job_permissions import OWNER, PRINCIPALS
from pytest_dbxgate.delivery.job_settings import paused
from pytest_dbxgate.delivery.journal import JobChange, Journal
from pytest_dbxgate.delivery.places import shown
from pytest_dbxgate.delivery.run import EditFoundError, MismatchError, Run
from pytest_dbxgate.delivery.state import scope
from pytest_dbxgate.workspace.model import Json, RemoteJob

_LOOKS = 3


def apply_jobs(run: Run, changes: Sequence[JobChange]) -> dict[str, RemoteJob]:
    """Create and change jobs; what the workspace tells of each afterwards, by key.

    Raises EditFoundError where somebody changed a job meanwhile, :class:`MismatchError` where the
    workspace does not tell what it was sent.
    """
    written = [change for change in changes if change.after is not None]
    told: dict[str, RemoteJob] = {}
    for number, change in enumerate(written, start=1):
        run.tell("jobs", change.name, done=number, total=len(written))
        told[change.key] = _create(run, change) if change.job_id is None else _reset(run, change)
    return told


def settles(run: Run, job_id: int, settings: Json) -> RemoteJob | None:
    """The job once it tells these settings; None where it keeps telling others."""
    for attempt in range(_LOOKS):
        if attempt:
            run.pause(float(attempt))
        found = run.workspace.job(job_id)
        if found is not None and matches(settings, found.settings):
            return found
    return None


def is_as_before(run: Run, job_id: int, before: Json) -> bool:
    """Whether the job still tells what it told. Looks again before it says no."""
    for attempt in range(2):
        if attempt:
            run.pause(1.0)
        found = run.workspace.job(job_id)
        if found is not None and told_digest(found.settings) == told_digest(before):
            return True
    return False


def is_tagged(run: Run, job: RemoteJob, key: str) -> bool:
    """Whether the job carries our tags."""
    tags = job.settings.get("tags")
    if not isinstance(tags, Mapping):
        return False
    own = scope(run.project, run.target.root)
    return tags.get(PROJECT_TAG) == own and tags.get(KEY_TAG) == tag_value(key)


def made_by(run: Run, record: Journal) -> Mapping[str, list[RemoteJob]]:
    """The jobs that this deployment created, by the operation that created each. Looked for by
    our tag, so that late answers' duplicates are among them."""
    operations = {change.operation for change in record.jobs if change.operation}
    found: dict[str, list[RemoteJob]] = {operation: [] for operation in operations}
    if operations:
        for job in run.workspace.jobs_tagged(PROJECT_TAG, scope(run.project, run.target.root)):
            operation = (job.settings.get("tags") or {}).get(OPERATION_TAG)
            if operation in found:
                found[operation].append(job)
    return found


def _create(run: Run, change: JobChange) -> RemoteJob:
    assert change.after is not None
    settings = paused(change.after)
    run.may_write()
    job_id = run.workspace.create_job(settings, operation=change.operation)
    if change.permissions:
        _permit(run, job_id, change.permissions)
    return _settled(run, change, job_id, settings)


def _reset(run: Run, change: JobChange) -> RemoteJob:
    assert change.after is not None
    assert change.job_id is not None
    assert change.before is not None
    if not is_as_before(run, change.job_id, change.before):
        raise EditFoundError(
            f"job {change.name}",
            f"job {shown(change.name)}: somebody changed it while it was to be published",
        )
    if not is_tagged(run, RemoteJob(change.job_id, change.before), change.key):
        # A manifest may be forged, and name a job of others.
        raise EditFoundError(
            f"job {change.name}",
            f"job {shown(change.name)}: the job {change.job_id} does not carry this target's tags",
        )
    run.may_write()
    run.workspace.reset_job(change.job_id, change.after)
    if change.permissions:
        _permit(run, change.job_id, change.permissions)
    return _settled(run, change, change.job_id, change.after)


def _permit(run: Run, job_id: int, permissions: Sequence[Json]) -> None:
    """Set permissions. A job has exactly one owner [live]: where none is named the present one
    stays, with no other entry beside it."""
    owners = [each for each in permissions if each["permission_level"] == OWNER]
    if not owners:
        told = run.workspace.job_permissions(job_id)
        owners = [each for each in told if each["permission_level"] == OWNER]
    owning = {_principal(each) for each in owners}
    others = [each for each in permissions if _principal(each) not in owning]
    run.may_write()
    run.workspace.set_job_permissions(job_id, [*owners, *others])


def _principal(entry: Json) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, str(entry[name])) for name in PRINCIPALS if name in entry))


def _settled(run: Run, change: JobChange, job_id: int, settings: Json) -> RemoteJob:
    found = settles(run, job_id, settings)
    if found is None:
        raise MismatchError(
            f"job {shown(change.name)}: the workspace does not tell the settings it was sent",
            next_step="see whether somebody edits it, or whether a field is misspelt",
        )
    return found
