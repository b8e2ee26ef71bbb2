"""A workspace as publishing sees it: values, errors, and the protocol that a client fulfils.

Paths are absolute workspace paths without ``/Workspace`` in front (see ``paths``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple, Protocol

from pytest_dbxgate.errors import PlatformError
from pytest_dbxgate.workspace.run_model import RunCalls

Json = Mapping[str, Any]


class ObjectType(str, Enum):
    """What can stand at a path."""

    NOTEBOOK = "NOTEBOOK"
    FILE = "FILE"
    DIRECTORY = "DIRECTORY"
    LIBRARY = "LIBRARY"
    REPO = "REPO"
    OTHER = "OTHER"
    """Anything newer than this list, such as a dashboard."""


class ImportFormat(str, Enum):
    """How bytes are meant. ``AUTO`` makes a plain file of what has no notebook header."""

    SOURCE = "SOURCE"
    JUPYTER = "JUPYTER"
    AUTO = "AUTO"


class RemoteObject(NamedTuple):
    """An object as the workspace describes it."""

    path: str
    type: ObjectType
    language: str | None = None
    """``PYTHON``, ``SQL``, ``SCALA`` or ``R`` of a notebook; says PYTHON for every .ipynb."""


class RemoteJob(NamedTuple):
    """A job as the workspace keeps it."""

    job_id: int
    settings: Json
    creator: str = ""


class WorkspaceError(PlatformError):
    """The workspace said no, or nothing. ``message`` holds its own words, redacted."""


class NotFoundError(WorkspaceError):
    """There is nothing at the path, or no such job."""


class AlreadyExistsError(WorkspaceError):
    """Something stands at the path. Where ``after_retry`` is true an earlier attempt of the same
    call may have made it: compare the content."""

    after_retry: bool = False


class DeniedError(WorkspaceError):
    """The identity may not do this (403 of a known token)."""


class RejectedError(WorkspaceError):
    """A request that makes no sense to the workspace (400): trying again changes nothing."""


class UnavailableError(WorkspaceError):
    """Throttled, failing or unreachable beyond the budget of retries. Where ``maybe_done`` is true
    the last attempts may have taken effect all the same."""

    maybe_done: bool = True


class Workspace(RunCalls, Protocol):
    """What publishing and running ask of a workspace. Every call retries transient failures by
    itself and raises a :class:`WorkspaceError` or
    :class:`~pytest_dbxgate.errors.AuthenticationError`.

    Safe to use from several threads.
    """

    @property
    def host(self) -> str: ...

    def user_name(self) -> str:
        """Whose token it is."""
        ...

    def status(self, path: str) -> RemoteObject | None:
        """What stands at ``path``; None where nothing does."""
        ...

    def list(self, path: str) -> Sequence[RemoteObject]:
        """What stands directly in a folder; empty where the folder is not there."""
        ...

    def export(self, path: str, *, jupyter: bool = False) -> bytes:
        """One object: a notebook as source (or as .ipynb), a file as it is."""
        ...

    def export_folder(self, path: str) -> Mapping[str, bytes]:
        """A whole folder as an ``AUTO`` archive, unpacked: paths relative to the folder as the
        archive names them (notebooks with their ending) -> bytes. Split by folder where one
        archive would be too large. Empty where the folder is not there."""
        ...

    def import_object(
        self,
        path: str,
        data: bytes,
        *,
        format: ImportFormat,
        language: str | None = None,
        overwrite: bool,
    ) -> None:
        """Create or replace one object (JSON import). The folder must be there."""
        ...

    def mkdirs(self, path: str) -> None:
        """Make a folder and those above it; nothing happens where it is there."""
        ...

    def delete(self, path: str, *, recursive: bool = False) -> None:
        """Delete an object; nothing happens where it is not there."""
        ...

    def jobs_tagged(self, tag: str, value: str) -> Sequence[RemoteJob]:
        """All jobs that carry the tag with this value."""
        ...

    def job(self, job_id: int) -> RemoteJob | None:
        """One job; None where it is not there."""
        ...

    def create_job(self, settings: Json, *, operation: str) -> int:
        """Create a job once. ``operation`` is unique to this creation and goes into the tag
        ``dbxgate_operation``: after a lost answer the job is looked for by it; duplicates that a
        late answer made are deleted."""
        ...

    def reset_job(self, job_id: int, settings: Json) -> None:
        """Replace all settings of a job."""
        ...

    def delete_job(self, job_id: int) -> None:
        """Delete a job; nothing happens where it is not there."""
        ...

    def active_runs(self, job_id: int) -> int:
        """How many runs of a job have not ended."""
        ...

    def job_permissions(self, job_id: int) -> Sequence[Json]:
        """The direct (not inherited) entries: ``{"user_name"|"group_name"|
        "service_principal_name": ..., "permission_level": ...}``."""
        ...

    def set_job_permissions(self, job_id: int, entries: Sequence[Json]) -> None:
        """Replace the direct entries; exactly one of them is IS_OWNER."""
        ...

    def server_time(self) -> float | None:
        """Seconds since 1970 by the ``Date`` of the last answer; None before the first."""
        ...
