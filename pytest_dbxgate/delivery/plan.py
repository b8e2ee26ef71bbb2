"""What a deployment would do: ours, the manifest and the workspace compared three ways.

Pure. Nothing that neither the manifest nor an adoption owns is ever overwritten or removed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pytest_dbxgate.delivery import plan_jobs
from pytest_dbxgate.delivery.canonical import archive_name, digest, language_of
from pytest_dbxgate.delivery.model import (
    Action,
    Entry,
    Item,
    JobItem,
    Kind,
    Manifest,
    OnDrift,
    Plan,
    Prune,
    Refusal,
    Remote,
    Step,
)
from pytest_dbxgate.delivery.places import listed
from pytest_dbxgate.workspace.model import RemoteJob

DRIFT = "drift"
FOREIGN = "foreign-object"
BLOCKED = "blocked-place"


def plan(
    items: Sequence[Item],
    jobs: Sequence[JobItem],
    manifest: Manifest | None,
    remote: Mapping[str, Remote],
    remote_jobs: Sequence[RemoteJob],
    *,
    prune: Prune,
    on_drift: OnDrift,
    trusted: bool = True,
) -> Plan:
    """Compare what is to be published with what was and with what stands there now.

    ``items`` have places of their own (see ``placement``). ``remote``: all objects below the
    root, by place. ``remote_jobs``: the jobs that carry our tag and those the manifest names.
    ``trusted`` is False where ``manifest`` may not be the last one: nothing is removed then.

    With ``OnDrift.BACKUP`` an edited object's step is ``CHANGE`` or ``REMOVE`` and
    :func:`is_edited` holds of it: its content is to be kept in a backup.
    """
    may_remove = prune is Prune.ON and trusted and manifest is not None
    planner = _Planner(
        {item.place: item for item in items},
        {} if manifest is None else manifest.entries,
        remote,
        may_remove=may_remove,
        keeps_edits=on_drift is OnDrift.BACKUP,
    )
    steps = _with_moves(list(planner.steps()), may_move=may_remove)
    job_steps = plan_jobs.steps(
        jobs,
        {} if manifest is None else manifest.jobs,
        remote_jobs,
        may_remove=may_remove,
        keeps_edits=on_drift is OnDrift.BACKUP,
    )
    drifted = [step.place for step in steps if step.action is Action.EDITED]
    drifted += [f"job {step.name}" for step in job_steps if step.action is Action.EDITED]
    foreign = [step for step in steps if step.action is Action.FOREIGN]
    refusals = (
        *_drift(drifted),
        *_foreign([step.place for step in foreign if step.remote is not None]),
        *_blocked([step.place for step in foreign if step.remote is None]),
        *plan_jobs.refusals(job_steps),
    )
    return Plan(tuple(steps), tuple(job_steps), refusals)


def is_edited(step: Step) -> bool:
    """Whether the workspace holds an edit that the step would overwrite or remove."""
    if step.entry is None or step.remote is None or step.action not in _OVERWRITING:
        return False
    return not _untouched(step.entry, step.remote)


def canonical_digest(item: Item) -> str:
    """The digest the workspace's export of ``item`` is expected to have."""
    name = archive_name(item.place, format=item.format, language=item.language)
    return digest(item.data, kind=item.kind, name=name)


_OVERWRITING = (Action.CHANGE, Action.REMOVE, Action.EDITED)


class _Planner:
    def __init__(
        self,
        items: Mapping[str, Item],
        entries: Mapping[str, Entry],
        remote: Mapping[str, Remote],
        *,
        may_remove: bool,
        keeps_edits: bool,
    ) -> None:
        self._items = items
        self._entries = entries
        self._remote = remote
        self._folders = {folder for place in remote for folder in _folders(place)}
        self._may_remove = may_remove
        self._keeps_edits = keeps_edits

    def steps(self) -> Iterator[Step]:
        """In the order of places."""
        for place in sorted({*self._items, *self._entries}):
            item = self._items.get(place)
            step = self._gone(place) if item is None else self._wanted(place, item)
            if step is not None:
                yield step

    def _wanted(self, place: str, item: Item) -> Step:
        entry, remote = self._entries.get(place), self._remote.get(place)
        step = Step(Action.KEEP, place, item, entry, remote)
        if remote is None:
            if self._is_blocked(place):
                return step._replace(action=Action.FOREIGN)
            restored = entry is not None and _same(item, entry)
            return step._replace(action=Action.RESTORE if restored else Action.ADD)
        if entry is None:
            return step._replace(action=Action.ADOPT if _equal(item, remote) else Action.FOREIGN)
        if _untouched(entry, remote):
            return step if _same(item, entry) else self._change(step)
        if _equal(item, remote):
            return step if _same(item, entry) else step._replace(action=Action.ADOPT)
        return self._change(step) if self._keeps_edits else step._replace(action=Action.EDITED)

    def _change(self, step: Step) -> Step:
        assert step.item is not None
        assert step.entry is not None
        assert step.remote is not None
        language = language_of(step.remote.name) or step.entry.language
        replaces = step.remote.kind is not step.item.kind or (
            step.item.kind is Kind.NOTEBOOK and language != step.item.language
        )
        return step._replace(action=Action.CHANGE, replaces_type=replaces)

    def _gone(self, place: str) -> Step | None:
        entry, remote = self._entries[place], self._remote.get(place)
        if remote is None:
            return None
        step = Step(Action.ORPHAN, place, None, entry, remote)
        if not self._may_remove:
            return step
        if _untouched(entry, remote) or self._keeps_edits:
            return step._replace(action=Action.REMOVE)
        return step._replace(action=Action.EDITED)

    def _is_blocked(self, place: str) -> bool:
        """A folder stands at the place, or an object where one of its folders is to be."""
        return place in self._folders or any(folder in self._remote for folder in _folders(place))


def _same(item: Item, entry: Entry) -> bool:
    return (item.kind, item.format, item.language, item.sha256) == (
        entry.kind,
        entry.format,
        entry.language,
        entry.sha256,
    )


def _equal(item: Item, remote: Remote) -> bool:
    return remote.kind is item.kind and remote.digest == canonical_digest(item)


def _untouched(entry: Entry, remote: Remote) -> bool:
    return remote.kind is entry.kind and remote.digest == entry.exported


def _with_moves(steps: list[Step], *, may_move: bool) -> list[Step]:
    """Join an addition with the removal of the same bytes from another place."""
    if not may_move:
        return steps
    leaving: dict[tuple[object, ...], list[Step]] = {}
    for step in steps:
        entry, remote = step.entry, step.remote
        if step.action is not Action.REMOVE or entry is None or remote is None:
            continue
        if _untouched(entry, remote):
            leaving.setdefault(_identity(entry), []).append(step)
    moved: dict[str, str] = {}
    for step in steps:
        if step.action is Action.ADD and step.item is not None:
            candidates = leaving.get(_identity(step.item), [])
            if candidates:
                # A file that keeps its name has more likely moved than one that changes it.
                best = min(candidates, key=lambda other: (_name(other) != _name(step), other.place))
                candidates.remove(best)
                moved[step.place] = best.place
    gone = set(moved.values())
    return [
        step._replace(action=Action.MOVE, moved_from=moved[step.place])
        if step.place in moved and step.action is Action.ADD
        else step
        for step in steps
        if step.place not in gone
    ]


def _identity(what: Entry | Item) -> tuple[Kind, object, object, str]:
    return what.kind, what.format, what.language, what.sha256


def _name(step: Step) -> str:
    return step.place.rpartition("/")[2]


def _folders(place: str) -> Iterator[str]:
    """The folders above a place, below the root."""
    folder = place.rpartition("/")[0]
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


def _drift(names: list[str]) -> Iterator[Refusal]:
    if names:
        yield Refusal(
            DRIFT,
            f"edited in the workspace since it was published: {listed(names)}",
            'bring the edits into the repository, or set on_drift = "backup" to keep them in a '
            "backup and overwrite them",
        )


def _foreign(names: list[str]) -> Iterator[Refusal]:
    if names:
        yield Refusal(
            FOREIGN,
            f"something that was not published from here stands at: {listed(names)}",
            "move it away, or give the target a root of its own",
        )


def _blocked(names: list[str]) -> Iterator[Refusal]:
    if names:
        yield Refusal(
            BLOCKED,
            f"a folder stands where an object is to go, or an object in place of a folder: "
            f"{listed(names)}",
            "move it away; where this project published it, publish its removal first",
        )
