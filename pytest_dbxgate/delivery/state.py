"""What was published and what stands there now, read from the workspace."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_dbxgate.delivery import journal, manifest
from pytest_dbxgate.delivery.job_digest import PROJECT_TAG
from pytest_dbxgate.delivery.journal import Closed
from pytest_dbxgate.delivery.manifest import CORRUPT, ManifestError, Pointer
from pytest_dbxgate.delivery.means import Means
from pytest_dbxgate.delivery.model import JobItem, Manifest, Remote
from pytest_dbxgate.delivery.snapshot import check_surroundings, tree
from pytest_dbxgate.delivery.store import JOURNALS, MANIFESTS, POINTER, READS, Store
from pytest_dbxgate.delivery.target import Target
from pytest_dbxgate.workspace.model import RemoteJob, Workspace


@dataclass(frozen=True, slots=True)
class Published:
    """The record of what was published."""

    pointer: Pointer | None
    manifest: Manifest | None
    closed: Closed
    trusted: bool = True
    """False where the record is damaged and ``manifest`` is the newest that could be found."""

    @property
    def release(self) -> str:
        return "" if self.pointer is None else self.pointer.release


@dataclass(frozen=True, slots=True)
class State:
    """The record and what stands below the root."""

    published: Published
    remote: Mapping[str, Remote]
    jobs: Sequence[RemoteJob]


def scope(project: str, root: str) -> str:
    """What the tag on a job says: two targets of a project in one workspace must not take each
    other's jobs for their own."""
    return f"{project}-{hashlib.sha256(root.encode()).hexdigest()[:8]}"


def read(
    workspace: Workspace,
    store: Store,
    target: Target,
    project: str,
    jobs: Sequence[JobItem],
    means: Means,
) -> State:
    """Everything a plan is made from. Raises RefusedError where the root is not this project's."""
    record = published(store, project, means)
    if record.pointer is None and not record.closed.done:
        check_surroundings(workspace, target.root)
    return State(
        record, tree(workspace, target.root), known_jobs(workspace, target, project, record, jobs)
    )


def published(store: Store, project: str, means: Means) -> Published:
    """The pointer, its manifest and the state of the journals.

    A pointer that is older than the newest journal that is done is read again: the answer was a
    stale one. Where it stays so, or is damaged, the newest valid manifest is used, and not trusted.
    """
    closed = journal.sort(store.names(JOURNALS))
    for attempt in range(READS):
        if attempt:
            means.sleep(float(attempt))
            closed = journal.sort(store.names(JOURNALS))
        try:
            pointer = _pointer(store, project)
            if pointer is None and not closed.done:
                return Published(None, None, closed)
            if pointer is not None and pointer.release >= closed.last_done:
                return Published(pointer, _manifest(store, pointer.manifest, project), closed)
        except ManifestError as error:
            if error.name != CORRUPT:
                raise
    return Published(None, _newest(store, project, closed), closed, trusted=False)


def known_jobs(
    workspace: Workspace,
    target: Target,
    project: str,
    record: Published,
    jobs: Sequence[JobItem],
) -> list[RemoteJob]:
    """The jobs that the manifest names; all that carry our tag where one is to be created."""
    entries = {} if record.manifest is None else record.manifest.jobs
    told = [workspace.job(entry.job_id) for entry in entries.values()]
    found = {job.job_id: job for job in told if job is not None}
    is_known = {key for key, entry in entries.items() if entry.job_id in found}
    if not is_known.issuperset(item.key for item in jobs):
        tagged = workspace.jobs_tagged(PROJECT_TAG, scope(project, target.root))
        found.update({job.job_id: job for job in tagged})
    return list(found.values())


def _pointer(store: Store, project: str) -> Pointer | None:
    data = store.read(POINTER)
    return None if data is None else manifest.pointer_from_bytes(data, project=project)


def _manifest(store: Store, sha256: str, project: str) -> Manifest:
    data = store.read(f"{MANIFESTS}/{sha256}.json") or b""
    return manifest.from_bytes(data, project=project, sha256=sha256)


def _newest(store: Store, project: str, closed: Closed) -> Manifest | None:
    """The newest valid manifest of a deployment that was done, else of any."""
    found: list[Manifest] = []
    for name in store.names(MANIFESTS):
        try:
            found.append(_manifest(store, name.removesuffix(".json"), project))
        except ManifestError as error:
            if error.name != CORRUPT:
                raise
    done = {*closed.done}
    return max(found, key=lambda each: (each.release in done, each.release), default=None)
