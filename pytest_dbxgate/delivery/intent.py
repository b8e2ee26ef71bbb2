"""From a plan to what is written down before anything changes: journal, backups and bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pytest_dbxgate.delivery import backup
from pytest_dbxgate.delivery.apply import Load
from pytest_dbxgate.delivery.backup import Part
from pytest_dbxgate.delivery.canonical import archive_name
from pytest_dbxgate.delivery.job_digest import OPERATION_TAG
from pytest_dbxgate.delivery.job_settings import activated, tagged
from pytest_dbxgate.delivery.journal import Change, Image, JobChange, Journal
from pytest_dbxgate.delivery.model import Action, Item, JobStep, Plan, Remote, Step
from pytest_dbxgate.delivery.plan import canonical_digest
from pytest_dbxgate.delivery.run import Run
from pytest_dbxgate.delivery.snapshot import image_of
from pytest_dbxgate.delivery.state import State, scope
from pytest_dbxgate.workspace.model import Json


class Intent(NamedTuple):
    """Everything a deployment is about to do. ``journal`` lacks the digests of ``parts``."""

    journal: Journal
    loads: tuple[Load, ...]
    parts: tuple[Part, ...]


def intend(run: Run, state: State, plan: Plan, *, owner: str, build_url: str, at: float) -> Intent:
    """Reads what the journal needs besides the plan: which folders are missing, and permissions."""
    found = [pair for step in plan.steps for pair in _changes(step, state.remote)]
    parts = backup.parts(
        {
            change.before.name: state.remote[change.place].data
            for change, _ in found
            if change.before is not None
        }
    )
    part_of = {member: part.name for part in parts for member in part.members}
    changes = [
        change._replace(part=part_of[change.before.name]) if change.before is not None else change
        for change, _ in found
    ]
    published = state.published
    journal = Journal(
        operation=run.operation,
        project=run.project,
        target=run.target.name,
        owner=owner,
        build_url=build_url,
        started_at=at,
        previous=published.release,
        manifest="" if published.pointer is None else published.pointer.manifest,
        folders=tuple(_folders(run, changes, state.remote)),
        changes=tuple(changes),
        jobs=tuple(_job_changes(run, plan)),
    )
    loads = [
        Load(change, item.data, item.rank)
        for change, (_, item) in zip(changes, found, strict=True)
        if item is not None
    ]
    return Intent(journal, tuple(loads), tuple(parts))


def _changes(step: Step, remote: Mapping[str, Remote]) -> Iterator[tuple[Change, Item | None]]:
    item = step.item
    if step.action in (Action.ADD, Action.RESTORE, Action.MOVE) and item is not None:
        yield Change(step.action, step.place, None, _after(item)), item
        if step.action is Action.MOVE:
            left = remote[step.moved_from]
            yield Change(Action.MOVE, step.moved_from, image_of(left)), None
    elif step.action is Action.CHANGE and item is not None and step.remote is not None:
        before = image_of(step.remote)
        changed = Change(step.action, step.place, before, _after(item))
        yield changed._replace(replaces_type=step.replaces_type), item
    elif step.action is Action.REMOVE and step.remote is not None:
        yield Change(step.action, step.place, image_of(step.remote)), None


def _after(item: Item) -> Image:
    name = archive_name(item.place, format=item.format, language=item.language)
    return Image(item.kind, canonical_digest(item), name)


def _folders(run: Run, changes: list[Change], remote: Mapping[str, Remote]) -> Iterator[str]:
    """The folders that are missing, parents first."""
    known = {folder for place in remote for folder in _above(place)}
    wanted = {
        folder for change in changes if change.before is None for folder in _above(change.place)
    }
    missing: set[str] = set()
    for folder in sorted(wanted - known):
        # Below a folder that is missing nothing needs to be looked for.
        if folder.rpartition("/")[0] in missing or run.workspace.status(run.path(folder)) is None:
            missing.add(folder)
            yield folder


def _above(place: str) -> Iterator[str]:
    folder = place.rpartition("/")[0]
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


def _job_changes(run: Run, plan: Plan) -> Iterator[JobChange]:
    for number, step in enumerate(plan.jobs):
        change = JobChange(step.action, step.key, step.name, step.job_id, "", step.remote)
        if step.action is Action.REMOVE:
            yield change
        elif step.action in (Action.ADD, Action.RESTORE):
            operation = f"{run.operation}-{number}"
            yield change._replace(
                job_id=None,
                before=None,
                operation=operation,
                after=_job_after(run, step, operation),
                permissions=_permissions(step),
            )
        elif step.action is Action.CHANGE and step.job_id is not None:
            permissions = _permissions(step)
            earlier = run.workspace.job_permissions(step.job_id) if permissions else None
            yield change._replace(
                after=_job_after(run, step, ""),
                permissions=permissions,
                permissions_before=earlier,
            )


def _job_after(run: Run, step: JobStep, operation: str) -> Json:
    assert step.item is not None
    settings = activated(step.item.settings, step.item.settings)
    own = tagged(settings, project=scope(run.project, run.target.root), key=step.key)
    if operation:
        own["tags"] = {**own["tags"], OPERATION_TAG: operation}
    return own


def _permissions(step: JobStep) -> tuple[Json, ...]:
    return () if step.item is None else tuple(step.item.permissions)
