"""Writes that took effect after their deployment had been undone: put right, not drift."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from pytest_dbxgate.delivery import journal
from pytest_dbxgate.delivery.job_digest import matches, told_digest
from pytest_dbxgate.delivery.jobs_apply import is_tagged, made_by
from pytest_dbxgate.delivery.journal import Change, Image, JobChange, Journal
from pytest_dbxgate.delivery.model import Action, Entry, JobEntry, Manifest, Plan
from pytest_dbxgate.delivery.run import Run
from pytest_dbxgate.delivery.snapshot import is_as
from pytest_dbxgate.delivery.state import Published, State
from pytest_dbxgate.delivery.undo import Undone, restore_one
from pytest_dbxgate.delivery.writing import remove
from pytest_dbxgate.errors import GateError
from pytest_dbxgate.workspace.model import RemoteJob

_LOOKED_AT = 3
_REFUSED = (Action.EDITED, Action.FOREIGN)


@dataclass
class Late:
    """What late writes left that no backup can undo, because another release came in between. It
    is ours, so publishing may overwrite it; it goes into the backup all the same."""

    objects: dict[str, Image] = field(default_factory=dict)
    """By place."""
    jobs: dict[str, str] = field(default_factory=dict)
    """What is told of each (see ``told_digest``), by key."""

    def owning(self, state: State) -> State:
        """``state`` with a manifest that tells of what still stands there as it was found."""
        known = state.published.manifest
        if known is None or not (self.objects or self.jobs):
            return state
        entries = {place: self._entry(entry, state) for place, entry in known.entries.items()}
        told = {job.job_id: told_digest(job.settings) for job in state.jobs}
        jobs = {key: self._job(entry, told) for key, entry in known.jobs.items()}
        manifest = replace(known, entries=entries, jobs=jobs)
        return replace(state, published=replace(state.published, manifest=manifest))

    def _entry(self, entry: Entry, state: State) -> Entry:
        image, remote = self.objects.get(entry.place), state.remote.get(entry.place)
        if image is None or remote is None or not is_as(remote, image):
            return entry
        # Without a digest it is like nothing in the repository, so that it is written again.
        return entry._replace(kind=remote.kind, exported=remote.digest, sha256="")

    def _job(self, entry: JobEntry, told: Mapping[int, str]) -> JobEntry:
        found = self.jobs.get(entry.key)
        if found is None or told.get(entry.job_id) != found:
            return entry
        return entry._replace(exported=found, sha256="")


def is_possible(plan: Plan, state: State) -> bool:
    """Whether a late write of ours may be among what is refused, or what nobody knows."""
    if not state.published.closed.undone:
        return False
    return bool(_suspects(plan, state) or _suspect_jobs(plan))


def repair(run: Run, state: State, plan: Plan, found: Late) -> None:
    """Undo what late writes of deployments that were undone have done, where a backup holds what
    is to stand there; note the rest in ``found``."""
    places, keys = _suspects(plan, state), _suspect_jobs(plan)
    for record in _undone(run, state.published):
        run = replace(run, operation=record.operation, forward=False)
        for change in record.changes:
            if change.place in places and _is_late(change, state):
                places.discard(change.place)
                _object(run, record, change, state, found)
        if keys:
            _jobs(run, record, state, keys, found)


def _undone(run: Run, record: Published) -> Iterator[Journal]:
    """The latest journals that were undone, the last one first."""
    for operation in reversed(record.closed.undone[-_LOOKED_AT:]):
        try:
            yield journal.load(run.store, operation, project=run.project)
        except GateError:
            continue


def _object(run: Run, record: Journal, change: Change, state: State, found: Late) -> None:
    run.tell("heal", f"a late write of {record.operation}: {run.path(change.place)}")
    entry = _entries(state.published.manifest).get(change.place)
    wanted = None if entry is None else (entry.kind, entry.exported)
    kept = None if change.before is None else (change.before.kind, change.before.digest)
    if record.previous == state.published.release or wanted == kept:
        restore_one(run, record, change, Undone())
    elif change.after is not None and entry is None:
        remove(run, change.place, change.after)
    elif change.after is not None:
        found.objects[change.place] = change.after


def _jobs(run: Run, record: Journal, state: State, keys: set[str], found: Late) -> None:
    manifest = state.published.manifest
    known = set() if manifest is None else {entry.job_id for entry in manifest.jobs.values()}
    for made in (each for jobs in made_by(run, record).values() for each in jobs):
        if made.job_id not in known:
            run.tell("heal", f"created late by {record.operation}: job {made.job_id}")
            run.may_write()
            run.workspace.delete_job(made.job_id)
    told = {job.job_id: job for job in state.jobs}
    for change in record.jobs:
        job = None if change.job_id is None else told.get(change.job_id)
        if change.key in keys and job is not None and _is_late_job(run, change, job):
            run.tell("heal", f"a late write of {record.operation}: job {change.name}")
            found.jobs[change.key] = told_digest(job.settings)


def _is_late(change: Change, state: State) -> bool:
    found = state.remote.get(change.place)
    return not change.is_removal and found is not None and is_as(found, change.after)


def _is_late_job(run: Run, change: JobChange, job: RemoteJob) -> bool:
    if change.after is None or not is_tagged(run, job, change.key):
        return False
    return matches(change.after, job.settings)


def _suspects(plan: Plan, state: State) -> set[str]:
    """Places that are refused, and those that neither the manifest nor the repository knows."""
    known = {*_entries(state.published.manifest), *(step.place for step in plan.steps)}
    refused = {step.place for step in plan.steps if step.action in _REFUSED}
    return refused | {place for place in state.remote if place not in known}


def _suspect_jobs(plan: Plan) -> set[str]:
    return {step.key for step in plan.jobs if step.action in _REFUSED}


def _entries(manifest: Manifest | None) -> Mapping[str, Entry]:
    return {} if manifest is None else manifest.entries
