"""The values of publishing: what is to be published, what was, and what lies between.

``place`` is a path relative to the target's root, with ``/`` and, for notebooks, without the
ending the workspace strips. ``source`` is the path in the repository (``archive.dbc::a/b`` for an
archive's member).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from pytest_dbxgate.workspace.model import ImportFormat

OWN_FOLDER = ".dbxgate"
"""The folder below the root that holds locks, manifests, journals and backups."""


class Kind(str, Enum):
    """What an object is."""

    NOTEBOOK = "notebook"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Item:
    """An object to be published, with the very bytes that were checked."""

    source: str
    place: str
    kind: Kind
    format: ImportFormat
    data: bytes = field(repr=False)
    sha256: str = ""
    """Of ``data``, in hex."""
    language: str | None = None
    """``PYTHON``, ``SQL``, ``SCALA`` or ``R`` of a notebook."""
    rank: int = 0
    """A callee has a lower rank than its callers: it is written first."""


@dataclass(frozen=True, slots=True)
class JobItem:
    """A job to be published: settings with paths and variables filled in, without our tags."""

    key: str
    """``file#name``: what it is called in the repository."""
    settings: Mapping[str, Any]
    permissions: Sequence[Mapping[str, Any]] = ()
    """Entries as the permissions API takes them; empty: left as they are."""

    @property
    def name(self) -> str:
        return str(self.settings.get("name", self.key))


class Entry(NamedTuple):
    """An object of a manifest."""

    place: str
    kind: Kind
    source: str
    sha256: str
    """Of the bytes that were published."""
    exported: str
    """The canonical digest of what the workspace exported after the import."""
    format: ImportFormat
    language: str | None = None


class JobEntry(NamedTuple):
    """A job of a manifest."""

    key: str
    job_id: int
    name: str
    sha256: str
    """Of the settings as they were published."""
    exported: str
    """Of the settings as the workspace told them afterwards."""
    paused: bool = False
    """True until the deployment that created it activates it."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the published bytes come from."""

    commit: str = ""
    branch: str = ""
    reason: str = ""
    """Why the build ran, in Azure's words, such as ``IndividualCI``."""
    build_url: str = ""
    repository: str = ""
    committed_at: int = 0
    """Seconds since 1970; 0: unknown."""
    dirty: tuple[str, ...] = ()
    """Tracked files that differ from the commit."""
    package_sha256: str = ""
    """Of the package they were published from, if from one."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a deployment published. Immutable; stored under its own digest."""

    project: str
    release: str
    """The id of the deployment: sortable by time."""
    target: str
    created_at: float
    """Seconds since 1970, by the workspace's clock."""
    origin: Origin = Origin()
    entries: Mapping[str, Entry] = field(default_factory=dict)
    """By place."""
    jobs: Mapping[str, JobEntry] = field(default_factory=dict)
    """By key."""
    override: Mapping[str, str] = field(default_factory=dict)
    """The refusals that were overridden, with the reason given."""


class Remote(NamedTuple):
    """What stands at a place in the workspace."""

    kind: Kind
    digest: str
    """Canonical (see ``canonical``)."""
    name: str
    """As the archive names it, with the ending."""
    data: bytes = b""


class Action(str, Enum):
    """What is done to an object or a job."""

    ADD = "added"
    CHANGE = "changed"
    REMOVE = "removed"
    MOVE = "moved"
    KEEP = "unchanged"
    ADOPT = "adopted"
    """Not in the manifest, but the workspace already holds the very content."""
    RESTORE = "restored"
    """In the manifest and unchanged in the repository, but gone from the workspace."""
    EDITED = "edited in the workspace"
    """Somebody else's content stands where ours is expected."""
    FOREIGN = "somebody else's"
    """Something that no manifest owns stands where a new object is to go."""
    ORPHAN = "kept though removed"
    """It left the repository, and ``prune`` is off."""


class Step(NamedTuple):
    """One object's part in a plan."""

    action: Action
    place: str
    item: Item | None = None
    """None where it is to go."""
    entry: Entry | None = None
    """What the manifest says of the place."""
    remote: Remote | None = None
    moved_from: str = ""
    """For MOVE: the place it leaves, which is deleted after the commit."""
    replaces_type: bool = False
    """True where another kind or language stands there: the only delete and import."""


class JobStep(NamedTuple):
    """One job's part in a plan."""

    action: Action
    key: str
    name: str
    item: JobItem | None = None
    entry: JobEntry | None = None
    remote: Mapping[str, Any] | None = None
    """The settings as the workspace has them."""
    job_id: int | None = None


class Refusal(NamedTuple):
    """Why publishing is refused."""

    name: str
    """Stable, such as ``failed-check``: what ``--dbx-override`` takes."""
    message: str
    next_step: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a deployment would do."""

    steps: tuple[Step, ...] = ()
    jobs: tuple[JobStep, ...] = ()
    refusals: tuple[Refusal, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Nothing would change."""
        same = (Action.KEEP, Action.ORPHAN)
        objects = all(step.action in same for step in self.steps)
        return objects and all(step.action in same for step in self.jobs)


class Prune(str, Enum):
    """Whether what left the repository leaves the workspace."""

    ON = "on"
    OFF = "off"


class OnDrift(str, Enum):
    """What is done about edits made in the workspace."""

    REFUSE = "refuse"
    BACKUP = "backup"
    """They are kept in a backup and overwritten."""


class OnActiveRuns(str, Enum):
    """What is done while owned jobs run."""

    WARN = "warn"
    WAIT = "wait"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Release:
    """A deployment that can be restored."""

    release: str
    manifest: str
    """The digest of its manifest."""
    created_at: float = 0.0
