"""The registration of a run: what it may leave behind, written down before there is any of it.

``<parent of the root>/.dbxgate-runs/<project>/<id>/owner.json`` is there before anything else. Its
id is in a tag of each job, so that a sweep never guesses by name; the operation of a job's creation
and the job's id are told for people. It has a lease: whoever lives
renews it, and by the workspace's own clock (never by one of ours) the others see when it is over.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from pytest_dbxgate.errors import PlatformError
from pytest_dbxgate.execution.cluster.request import ClusterPlace
from pytest_dbxgate.workspace import paths
from pytest_dbxgate.workspace.model import ImportFormat, NotFoundError, Workspace, WorkspaceError

FOLDER = ".dbxgate-runs"
OWNER = "owner.json"
FILES = "files"
"""The folder of the copy, below that of the run."""

LEASE = 600.0
"""Seconds since the last renewal after which a run counts as dead. Longer than a call's patience
(300 s): an outage must not make a living run look dead."""
BEAT = 60.0
"""Seconds between renewals."""

_READS = 4
_MOST = 100_000


class LostRegistrationError(PlatformError):
    """The registration is gone: somebody swept the run away, or deleted its folder."""


@dataclass(frozen=True, slots=True)
class JobEntry:
    """A job of a run."""

    operation: str
    """The value of its tag ``dbxgate_operation``."""
    job_id: int = 0
    """0: not known, it may be there or not."""


@dataclass(frozen=True, slots=True)
class Owner:
    """What ``owner.json`` says. Times are seconds since 1970 by the workspace's clock."""

    id: str
    project: str
    root: str
    user: str
    build_url: str = ""
    renewed_at: float = 0.0
    """0 where the workspace told no time: then it is never swept."""
    lease: float = LEASE
    beat: int = 0
    jobs: tuple[JobEntry, ...] = ()

    def is_expired(self, server_time: float | None) -> bool:
        return bool(self.renewed_at) and (server_time or 0.0) > self.renewed_at + self.lease


def runs_folder(place: ClusterPlace) -> str:
    """Where the runs of a target's project have their folders: beside the root."""
    return paths.join(paths.parent(place.root), f"{FOLDER}/{place.project}")


def to_bytes(owner: Owner) -> bytes:
    return json.dumps({"version": 1, **asdict(owner)}, sort_keys=True).encode()


def from_bytes(data: bytes) -> Owner | None:
    """What a registration says; None for what is none. Anybody may have written it."""
    try:
        value = json.loads(data) if len(data) <= _MOST else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    texts: dict[str, Any] = {
        name: value.get(name) for name in ("id", "project", "root", "user", "build_url")
    }
    numbers: dict[str, Any] = {name: value.get(name) for name in ("renewed_at", "lease", "beat")}
    jobs = [_entry(each) for each in value.get("jobs") or ()]
    if not all(isinstance(text, str) for text in texts.values()) or None in jobs:
        return None
    if not all(isinstance(each, int | float) and each >= 0 for each in numbers.values()):
        return None
    return Owner(
        id=texts["id"],
        project=texts["project"],
        root=texts["root"],
        user=texts["user"],
        build_url=texts["build_url"],
        renewed_at=float(numbers["renewed_at"]),
        lease=min(float(numbers["lease"]), 10 * LEASE),
        beat=int(numbers["beat"]),
        jobs=tuple(job for job in jobs if job is not None),
    )


def _entry(value: Any) -> JobEntry | None:
    if not isinstance(value, dict):
        return None
    operation, job_id = value.get("operation"), value.get("job_id")
    if not isinstance(operation, str) or not operation or not isinstance(job_id, int):
        return None
    return JobEntry(operation, job_id)


class Registration:
    """The registration of a run of ours. Used by one thread."""

    def __init__(
        self,
        workspace: Workspace,
        place: ClusterPlace,
        id: str,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self.folder = paths.join(runs_folder(place), id)
        self.files = f"{self.folder}/{FILES}"
        self.owner = Owner(id, place.project, place.root, place.user, place.build_url)
        self.is_begun = False
        """Whether anything of it may be in the workspace."""
        self._workspace = workspace
        self._clock = clock
        self._sleep = sleep
        self._renewed = clock()

    def begin(self) -> None:
        """Write it and read it back. Raises what the workspace raises."""
        self.is_begun = True
        self._workspace.mkdirs(self.folder)
        self._write()

    def operation(self, name: str) -> None:
        """Note a job that is about to be created."""
        self._set_jobs((*self.owner.jobs, JobEntry(name)))

    def job(self, operation: str, job_id: int) -> None:
        """Note the id of a job that was created."""
        self._set_jobs(
            tuple(
                replace(each, job_id=job_id) if each.operation == operation else each
                for each in self.owner.jobs
            )
        )

    def gone(self, operation: str) -> None:
        """Forget a job that was deleted; written with the next renewal."""
        jobs = tuple(each for each in self.owner.jobs if each.operation != operation)
        self.owner = replace(self.owner, jobs=jobs)

    def renew(self) -> None:
        """Renew the lease when it is time to. A failure is tried again with the next call.

        Raises :class:`LostRegistrationError`.
        """
        if self._clock() < self._renewed + BEAT:
            return
        try:
            self._import()
        except NotFoundError:
            raise LostRegistrationError(
                f"{paths.shown(self.folder)}: the run's registration is gone",
                next_step="run again; see who else runs for this target as the same user, or "
                "deletes folders",
            ) from None
        except WorkspaceError:
            # The lease still runs.
            pass

    def _set_jobs(self, jobs: tuple[JobEntry, ...]) -> None:
        self.owner = replace(self.owner, jobs=jobs)
        self._write()

    def _write(self) -> None:
        for attempt in range(_READS):
            try:
                self._import()
            except NotFoundError:
                # Another run of the target may have tidied the folder away while it was empty.
                if attempt + 1 == _READS:
                    raise
                self._workspace.mkdirs(self.folder)
                continue
            if self._is_written():
                return
        raise LostRegistrationError(
            f"{paths.shown(self.folder)}: the workspace does not give back what was written",
            next_step="run again; if it stays so, look at the folder in the workspace",
        )

    def _is_written(self) -> bool:
        data = to_bytes(self.owner)
        for attempt in range(_READS):
            if attempt:
                self._sleep(float(attempt))
            try:
                if self._workspace.export(f"{self.folder}/{OWNER}") == data:
                    return True
            except NotFoundError:
                continue
        return False

    def _import(self) -> None:
        began = self._clock()
        now = self._workspace.server_time() or 0.0
        self.owner = replace(self.owner, renewed_at=now, beat=self.owner.beat + 1)
        self._workspace.import_object(
            f"{self.folder}/{OWNER}",
            to_bytes(self.owner),
            format=ImportFormat.AUTO,
            overwrite=True,
        )
        self._renewed = began
