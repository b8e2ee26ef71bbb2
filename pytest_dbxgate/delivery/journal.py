"""The journal: everything a deployment is about to change, written before it changes anything.

A journal is never rewritten. A second file beside it, ``<id>.done.json`` or ``<id>.undone.json``,
closes it, so that one list of the folder tells which journals are open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pytest_dbxgate.delivery import places, untrusted
from pytest_dbxgate.delivery.model import Action, Kind
from pytest_dbxgate.delivery.store import JOURNALS, Store
from pytest_dbxgate.delivery.untrusted import BadDocumentError, Fields
from pytest_dbxgate.errors import IncompleteError
from pytest_dbxgate.workspace.model import AlreadyExistsError, Json

VERSION = 1
_MOST_BYTES = 64_000_000
_MOST = 100_000


class Image(NamedTuple):
    """What stands at a place before or after."""

    kind: Kind
    digest: str
    """Canonical."""
    name: str
    """As an archive names it: the ending tells a notebook's language and format."""


class Change(NamedTuple):
    """What happens to one place."""

    action: Action
    place: str
    before: Image | None = None
    after: Image | None = None
    part: str = ""
    """The archive that holds what was there before."""
    replaces_type: bool = False

    @property
    def is_removal(self) -> bool:
        """It happens after the commit, unlike everything else."""
        return self.after is None


class JobChange(NamedTuple):
    """What happens to one job."""

    action: Action
    key: str
    name: str
    job_id: int | None = None
    """None of a job that is to be created."""
    operation: str = ""
    """Marks the job that this very deployment creates."""
    before: Json | None = None
    after: Json | None = None
    """As they are to be in the end: not paused."""
    permissions_before: Sequence[Json] | None = None
    """None: they are left alone."""
    permissions: Sequence[Json] = ()


@dataclass(frozen=True, slots=True)
class Journal:
    """One deployment's intentions. Its id is the id of the release it makes."""

    operation: str
    project: str
    target: str
    owner: str = ""
    build_url: str = ""
    started_at: float = 0.0
    previous: str = ""
    """The release that was published when it began; empty: none."""
    manifest: str = ""
    """The digest of that release's manifest."""
    folders: tuple[str, ...] = ()
    """Those that are made, parents first; the root itself is the empty place."""
    changes: tuple[Change, ...] = ()
    jobs: tuple[JobChange, ...] = ()
    parts: Mapping[str, str] = field(default_factory=dict)
    """The archives of the backup, with the SHA-256 of each."""


class Closed(NamedTuple):
    """How journals stand, by the names of their files."""

    open: tuple[str, ...]
    done: tuple[str, ...]
    undone: tuple[str, ...]

    @property
    def last_done(self) -> str:
        return self.done[-1] if self.done else ""


DONE, UNDONE = "done", "undone"


def sort(names: Sequence[str]) -> Closed:
    """Tell open journals from closed ones. The oldest comes first."""
    done = {name.removesuffix(".done.json") for name in names if name.endswith(".done.json")}
    undone = {name.removesuffix(".undone.json") for name in names if name.endswith(".undone.json")}
    known = {
        name.removesuffix(".json")
        for name in names
        if name.endswith(".json") and "." not in name[:-5]
    }
    return Closed(
        tuple(sorted(known - done - undone)), tuple(sorted(done)), tuple(sorted(undone - done))
    )


def open_journal(store: Store, journal: Journal) -> None:
    """Write the journal and read it back."""
    store.create(f"{JOURNALS}/{journal.operation}.json", to_bytes(journal))


def close(store: Store, operation: str, outcome: str) -> None:
    """Close a journal as :data:`DONE` or :data:`UNDONE`. Closing it again changes nothing."""
    data = untrusted.dump({"version": VERSION, "operation": operation, "outcome": outcome})
    try:
        store.create(f"{JOURNALS}/{operation}.{outcome}.json", data)
    except AlreadyExistsError:
        return


def load(store: Store, operation: str, *, project: str) -> Journal:
    """Read a journal. Raises :class:`IncompleteError` where it cannot be used."""
    name = f"{JOURNALS}/{operation}.json"
    data = store.read(name)
    if data is None:
        raise _unusable(store.path(name), "it is not there")
    try:
        journal = from_bytes(data)
    except BadDocumentError as error:
        raise _unusable(store.path(name), str(error)) from None
    if journal.project != project or journal.operation != operation:
        raise _unusable(store.path(name), "it is that of another project or deployment")
    return journal


def to_bytes(journal: Journal) -> bytes:
    return untrusted.dump(
        {
            "version": VERSION,
            "operation": journal.operation,
            "project": journal.project,
            "target": journal.target,
            "owner": places.shown(journal.owner),
            "build_url": places.shown(journal.build_url),
            "started_at": journal.started_at,
            "previous": journal.previous,
            "manifest": journal.manifest,
            "folders": list(journal.folders),
            "changes": [_change(change) for change in journal.changes],
            "jobs": [{**job._asdict(), "action": job.action.value} for job in journal.jobs],
            "parts": dict(journal.parts),
        }
    )


def from_bytes(data: bytes) -> Journal:
    """Raises :class:`BadDocumentError`."""
    fields = untrusted.load(data, most=_MOST_BYTES)
    if fields.whole("version", least=1) != VERSION:
        raise BadDocumentError("it was written by a later release of pytest-dbxgate")
    return Journal(
        operation=fields.text("operation"),
        project=fields.text("project"),
        target=fields.text("target"),
        owner=fields.text("owner"),
        build_url=fields.text("build_url"),
        started_at=fields.number("started_at"),
        previous=fields.text("previous"),
        manifest=fields.sha256("manifest", optional=True),
        folders=tuple(_folder(place) for place in fields.texts("folders", most=_MOST)),
        changes=tuple(_read_change(each) for each in fields.items("changes", most=_MOST)),
        jobs=tuple(_read_job(each) for each in fields.items("jobs", most=_MOST)),
        parts={
            _plain(name): digest for name, digest in fields.strings("parts", most=10_000).items()
        },
    )


def _change(change: Change) -> Mapping[str, Any]:
    return {
        "action": change.action.value,
        "place": change.place,
        "before": change.before and change.before._asdict() | {"kind": change.before.kind.value},
        "after": change.after and change.after._asdict() | {"kind": change.after.kind.value},
        "part": change.part,
        "replaces_type": change.replaces_type,
    }


def _read_change(fields: Fields) -> Change:
    return Change(
        fields.choice("action", Action),
        _safe(fields.text("place")),
        _image(fields, "before"),
        _image(fields, "after"),
        _plain(fields.text("part")),
        fields.flag("replaces_type"),
    )


def _plain(name: str) -> str:
    """The name of a file in the journal's own folder of backups."""
    if "/" in name or "\\" in name or name in (".", ".."):
        raise BadDocumentError("a backup has a name that leads elsewhere")
    return name


def _image(fields: Fields, name: str) -> Image | None:
    if fields.raw(name) is None:
        return None
    inner = fields.table(name)
    return Image(inner.choice("kind", Kind), inner.sha256("digest"), _safe(inner.text("name")))


def _read_job(fields: Fields) -> JobChange:
    before, after = fields.raw("before"), fields.raw("after")
    permissions = fields.raw("permissions_before")
    for each in (before, after):
        if each is not None and not isinstance(each, dict):
            raise BadDocumentError("the settings of a job are no object")
    return JobChange(
        fields.choice("action", Action),
        fields.text("key"),
        fields.text("name"),
        None if fields.raw("job_id") is None else fields.whole("job_id", least=1),
        fields.text("operation"),
        before,
        after,
        None if permissions is None else _entries(fields, "permissions_before"),
        _entries(fields, "permissions"),
    )


def _entries(fields: Fields, name: str) -> tuple[Json, ...]:
    entries = fields.raw(name)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BadDocumentError(f"{name} of a job is no list of objects")
    return tuple(entries)


def _safe(place: str) -> str:
    problem = places.fault(place)
    if problem:
        raise BadDocumentError(f"the place {place[:80]!a} {problem}")
    return place


def _folder(place: str) -> str:
    return _safe(place) if place else place


def _unusable(path: str, why: str) -> IncompleteError:
    return IncompleteError(
        f"{path}: the journal of an unfinished deployment cannot be used: {why}",
        next_step="compare the workspace with the repository, put right what differs, then move "
        "the journal away (docs/guarantees.md, recovery by hand)",
    )
