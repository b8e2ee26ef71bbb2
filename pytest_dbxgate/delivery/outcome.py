"""The manifest that a plan leads to once it is applied. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pytest_dbxgate.delivery.job_digest import item_digest, told_digest
from pytest_dbxgate.delivery.job_settings import activated, is_to_run
from pytest_dbxgate.delivery.model import Action, Entry, JobEntry, JobStep, Manifest, Plan, Step
from pytest_dbxgate.delivery.plan import canonical_digest
from pytest_dbxgate.workspace.model import RemoteJob

_AS_IT_STANDS = (Action.KEEP, Action.ADOPT)
_WRITTEN = (Action.ADD, Action.CHANGE, Action.MOVE, Action.RESTORE)


def fill(empty: Manifest, plan: Plan, told: Mapping[str, RemoteJob]) -> Manifest:
    """``empty`` with the entries of all that the plan publishes or leaves in our hands.

    ``told``: the jobs that were written, by key, as the workspace told them afterwards.
    """
    return Manifest(
        empty.project,
        empty.release,
        empty.target,
        empty.created_at,
        empty.origin,
        {entry.place: entry for step in plan.steps for entry in _entry(step)},
        {entry.key: entry for step in plan.jobs for entry in _job(step, told.get(step.key))},
        empty.override,
    )


def _entry(step: Step) -> Iterator[Entry]:
    item = step.item
    if item is None:
        if step.action is Action.ORPHAN and step.entry is not None:
            yield step.entry
        return
    if step.action in _AS_IT_STANDS and step.remote is not None:
        exported = step.remote.digest
    elif step.action in _WRITTEN:
        exported = canonical_digest(item)
    else:
        return
    yield Entry(
        step.place, item.kind, item.source, item.sha256, exported, item.format, item.language
    )


def _job(step: JobStep, told: RemoteJob | None) -> Iterator[JobEntry]:
    item = step.item
    if item is None:
        if step.action is Action.ORPHAN and step.entry is not None:
            yield step.entry
        return
    if told is not None:
        new = step.action in (Action.ADD, Action.RESTORE)
        settings = activated(told.settings, item.settings) if new else told.settings
        yield JobEntry(
            step.key,
            told.job_id,
            step.name,
            item_digest(item),
            told_digest(settings),
            new and is_to_run(item.settings),
        )
    elif step.action in _AS_IT_STANDS and step.remote is not None and step.job_id is not None:
        kept = step.entry if step.action is Action.KEEP else None
        # A roll-back has the settings as the workspace tells them: those published stay on record.
        sha256 = item_digest(item) if kept is None else kept.sha256
        yield JobEntry(step.key, step.job_id, step.name, sha256, told_digest(step.remote))
