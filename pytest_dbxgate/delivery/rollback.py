"""Bringing back an earlier release: it is published again, from the backups of those after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pytest_dbxgate.delivery import journal, manifest
from pytest_dbxgate.delivery.backup import Backup
from pytest_dbxgate.delivery.canonical import archive_name, digest
from pytest_dbxgate.delivery.deploy import Deployment, Request, deploy
from pytest_dbxgate.delivery.job_settings import untagged
from pytest_dbxgate.delivery.journal import Journal
from pytest_dbxgate.delivery.locks import heal_target
from pytest_dbxgate.delivery.means import Means
from pytest_dbxgate.delivery.model import Entry, Item, JobItem, Manifest, Origin, Release
from pytest_dbxgate.delivery.places import shown
from pytest_dbxgate.delivery.state import State, published, read
from pytest_dbxgate.delivery.store import MANIFESTS, Store
from pytest_dbxgate.delivery.target import Target
from pytest_dbxgate.errors import IncompleteError, RefusedError
from pytest_dbxgate.workspace.model import Json, Workspace

UNKNOWN_RELEASE = "unknown-release"
_FROM_GIT = "publish the earlier commit from git"


def history(
    workspace: Workspace, target: Target, *, project: str, means: Means
) -> tuple[Release, ...]:
    """The published release first, then those that can be restored, the latest first."""
    record = published(Store(workspace, target.root, means.sleep), project, means)
    if record.pointer is None:
        return ()
    at = 0.0 if record.manifest is None else record.manifest.created_at
    current = Release(record.pointer.release, record.pointer.manifest, at)
    return (current, *record.pointer.previous)


def rollback(
    workspace: Workspace,
    target: Target,
    *,
    project: str,
    means: Means,
    release: str | None = None,
    owner: str = "",
    build_url: str = "",
) -> Deployment:
    """Publish an earlier release again, the one before the current one unless named.

    Heals what is half done first. Raises what ``deploy`` and ``heal_target`` raise, and
    RefusedError ``unknown-release``.
    """
    store = Store(workspace, target.root, means.sleep)
    # What is half done is in no release.
    healed = heal_target(
        workspace, target, project=project, means=means, owner=owner, build_url=build_url
    )
    state = read(workspace, store, target, project, (), means)
    wanted = _wanted(state, release)
    data = store.read(f"{MANIFESTS}/{wanted.manifest}.json") or b""
    earlier = manifest.from_bytes(data, project=project, sha256=wanted.manifest)
    try:
        records = _since(store, state, project, wanted.release)
        items = tuple(_items(store, state, earlier, records))
    except IncompleteError as error:
        # Nothing was begun, so nothing is incomplete.
        raise RefusedError(UNKNOWN_RELEASE, error.message, next_step=_FROM_GIT) from error
    request = Request(
        items=items,
        jobs=tuple(_jobs(state, earlier, records)),
        origin=_origin(earlier, build_url),
        owner=owner,
        expected=state.published.release,
        is_restored=True,
    )
    done = deploy(workspace, target, request, project=project, means=means)
    return replace(done, healed=(*healed, *done.healed))


def _wanted(state: State, release: str | None) -> Release:
    pointer = state.published.pointer
    kept = () if pointer is None else pointer.previous
    found = [each for each in kept if release is None or each.release.startswith(release)]
    if found and (release is None or len(found) == 1):
        return found[0]
    names = ", ".join(shown(each.release) for each in kept)
    what = "no earlier release is kept" if release is None else f"{shown(release)} is not kept"
    raise RefusedError(
        UNKNOWN_RELEASE,
        what,
        next_step=f"name one of: {names}" if names else _FROM_GIT,
    )


def _since(store: Store, state: State, project: str, release: str) -> list[Journal]:
    """The journals of the deployments after a release, the oldest first."""
    later = [each for each in state.published.closed.done if each > release]
    return [journal.load(store, each, project=project) for each in later]


def _items(
    store: Store, state: State, earlier: Manifest, records: Sequence[Journal]
) -> Iterator[Item]:
    backups = {each.operation: Backup(store, each.operation, each.parts) for each in records}
    for place, entry in earlier.entries.items():
        kept = _kept(place, records)
        if kept is None:
            remote = state.remote.get(place)
            data = None if remote is None else remote.data
        else:
            record, name, part = kept
            data = backups[record].member(part, name)
        if data is None:
            raise _lost(place)
        yield _item(entry, data)


def _kept(place: str, records: Sequence[Journal]) -> tuple[str, str, str] | None:
    """Which backup holds what stood at a place: that of the first deployment that changed it."""
    for record in records:
        for change in record.changes:
            if change.place == place and change.before is not None:
                return record.operation, change.before.name, change.part
    return None


def _item(entry: Entry, data: bytes) -> Item:
    name = archive_name(entry.place, format=entry.format, language=entry.language)
    if digest(data, kind=entry.kind, name=name) != entry.exported:
        # Somebody's edit, which no gate has seen.
        raise _lost(entry.place)
    return Item(
        entry.source,
        entry.place,
        entry.kind,
        entry.format,
        data,
        # Of what was published: the workspace rewrote it a little.
        entry.sha256,
        entry.language,
    )


def _jobs(state: State, earlier: Manifest, records: Sequence[Journal]) -> Iterator[JobItem]:
    told: Mapping[int, Json] = {job.job_id: job.settings for job in state.jobs}
    for key, entry in earlier.jobs.items():
        settings = next(
            (
                change.before
                for record in records
                for change in record.jobs
                if change.key == key and change.before is not None
            ),
            told.get(entry.job_id),
        )
        if settings is None:
            raise _lost(f"job {entry.name}")
        yield JobItem(key, untagged(settings))


def _origin(earlier: Manifest, build_url: str) -> Origin:
    origin = earlier.origin
    return Origin(
        origin.commit,
        origin.branch,
        "rollback",
        build_url,
        origin.repository,
        origin.committed_at,
        origin.dirty,
        origin.package_sha256,
    )


def _lost(what: str) -> RefusedError:
    return RefusedError(
        UNKNOWN_RELEASE,
        f"{shown(what)}: neither the workspace nor a backup holds what it was in that release",
        next_step=_FROM_GIT,
    )
