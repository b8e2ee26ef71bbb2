"""Manifests and the pointer to the last one, as bytes and back.

Both lie in the workspace where others may write, so reading trusts nothing: places stay inside
the root, sizes and types are checked, an unknown field or version is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_dbxgate.delivery import places, untrusted
from pytest_dbxgate.delivery.canonical import ENDINGS, sha256
from pytest_dbxgate.delivery.model import Entry, JobEntry, Kind, Manifest, Origin, Release
from pytest_dbxgate.delivery.untrusted import BadDocumentError, Fields
from pytest_dbxgate.errors import RefusedError
from pytest_dbxgate.workspace.model import ImportFormat

VERSION = 1
MAX_BYTES = 64_000_000
MAX_ENTRIES = 100_000
MAX_JOBS = 10_000
MAX_RELEASES = 100

CORRUPT = "manifest-corrupt"
NEWER = "manifest-newer"
FOREIGN = "foreign-project"


class ManifestError(RefusedError):
    """A manifest or pointer that cannot be used; ``name`` is :data:`CORRUPT`, :data:`NEWER` or
    :data:`FOREIGN`. Only the first may be passed over for an earlier manifest."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """What is published: writing it is the commit."""

    project: str
    manifest: str
    """The digest of the manifest's bytes: its name."""
    release: str
    previous: tuple[Release, ...] = ()
    """Earlier deployments that can be restored, the latest first."""


def to_bytes(manifest: Manifest) -> bytes:
    """The same bytes for equal manifests."""
    return untrusted.dump(
        {
            "version": VERSION,
            "project": manifest.project,
            "release": manifest.release,
            "target": manifest.target,
            "created_at": float(manifest.created_at),
            "origin": origin_document(manifest.origin),
            "entries": [_entry(manifest.entries[key]) for key in sorted(manifest.entries)],
            "jobs": [manifest.jobs[key]._asdict() for key in sorted(manifest.jobs)],
            "override": dict(manifest.override),
        }
    )


def digest(manifest: Manifest) -> str:
    """The name of a manifest: the SHA-256 of its bytes."""
    return sha256(to_bytes(manifest))


def from_bytes(data: bytes, *, project: str, sha256: str = "") -> Manifest:
    """The manifest in ``data``, which must be of ``project`` and, where it is given, have this
    digest. Raises :class:`ManifestError`."""
    if sha256:
        _check_digest(data, sha256)
    try:
        return _manifest(untrusted.load(data, most=MAX_BYTES), project)
    except BadDocumentError as error:
        raise _corrupt("manifest", error) from None


def pointer_to_bytes(pointer: Pointer) -> bytes:
    """The same bytes for equal pointers."""
    return untrusted.dump(
        {
            "version": VERSION,
            "project": pointer.project,
            "manifest": pointer.manifest,
            "release": pointer.release,
            "previous": [
                {
                    "release": release.release,
                    "manifest": release.manifest,
                    "created_at": float(release.created_at),
                }
                for release in pointer.previous
            ],
        }
    )


def pointer_from_bytes(data: bytes, *, project: str) -> Pointer:
    """The pointer in ``data``. Raises :class:`ManifestError`."""
    try:
        fields = untrusted.load(data, most=MAX_BYTES)
        _check_head(fields, project, "pointer")
        fields.only("version", "project", "manifest", "release", "previous")
        return Pointer(
            project=fields.text("project"),
            manifest=fields.sha256("manifest"),
            release=_release_id(fields),
            previous=tuple(map(_release, fields.items("previous", most=MAX_RELEASES))),
        )
    except BadDocumentError as error:
        raise _corrupt("pointer", error) from None


def advanced(pointer: Pointer | None, manifest: Manifest, *, at: float, keep: int) -> Pointer:
    """The pointer once ``manifest`` is published; the one it replaces, committed ``at`` (seconds
    since 1970), becomes the latest of at most ``keep`` earlier releases."""
    previous: tuple[Release, ...] = ()
    if pointer is not None:
        last = Release(pointer.release, pointer.manifest, at)
        previous = (last, *(each for each in pointer.previous if each.release != last.release))
    return Pointer(manifest.project, digest(manifest), manifest.release, previous[:keep])


def origin_document(origin: Origin) -> dict[str, Any]:
    """An origin as JSON values."""
    return {
        "commit": origin.commit,
        "branch": origin.branch,
        "reason": origin.reason,
        "build_url": origin.build_url,
        "repository": origin.repository,
        "committed_at": origin.committed_at,
        "dirty": list(origin.dirty),
        "package_sha256": origin.package_sha256,
    }


def origin_of(fields: Fields) -> Origin:
    """The origin in an object. Raises :class:`BadDocumentError`."""
    empty = origin_document(Origin())
    fields.only(*empty)
    return Origin(
        commit=fields.text("commit"),
        branch=fields.text("branch"),
        reason=fields.text("reason"),
        build_url=fields.text("build_url"),
        repository=fields.text("repository"),
        committed_at=fields.whole("committed_at"),
        dirty=fields.texts("dirty", most=MAX_ENTRIES),
        package_sha256=fields.sha256("package_sha256", optional=True),
    )


def _entry(entry: Entry) -> Mapping[str, Any]:
    return {**entry._asdict(), "kind": entry.kind.value, "format": entry.format.value}


def _manifest(fields: Fields, project: str) -> Manifest:
    _check_head(fields, project, "manifest")
    fields.only(
        *("version", "project", "release", "target", "created_at", "origin"),
        *("entries", "jobs", "override"),
    )
    entries = [_read_entry(each) for each in fields.items("entries", most=MAX_ENTRIES)]
    jobs = [_read_job(each) for each in fields.items("jobs", most=MAX_JOBS)]
    _check_unique("place", [entry.place for entry in entries])
    _check_unique("key", [job.key for job in jobs])
    _check_unique("job_id", [str(job.job_id) for job in jobs])
    return Manifest(
        project=fields.text("project"),
        release=_release_id(fields),
        target=fields.text("target"),
        created_at=fields.number("created_at"),
        origin=origin_of(fields.table("origin")),
        entries={entry.place: entry for entry in entries},
        jobs={job.key: job for job in jobs},
        override=fields.strings("override", most=100),
    )


def _read_entry(fields: Fields) -> Entry:
    fields.only(*Entry._fields)
    place = fields.text("place")
    problem = places.fault(place)
    if problem:
        raise BadDocumentError(f"the place {place[:80]!a} {problem}")
    language = fields.text_or_none("language")
    if language is not None and language not in ENDINGS:
        raise BadDocumentError(f"{place[:80]!a} is in the language {language[:40]!a}")
    return Entry(
        place=place,
        kind=fields.choice("kind", Kind),
        source=fields.text("source"),
        sha256=fields.sha256("sha256"),
        exported=fields.sha256("exported"),
        format=fields.choice("format", ImportFormat),
        language=language,
    )


def _read_job(fields: Fields) -> JobEntry:
    fields.only(*JobEntry._fields)
    return JobEntry(
        key=fields.text("key"),
        job_id=fields.whole("job_id", least=1),
        name=fields.text("name"),
        sha256=fields.sha256("sha256"),
        exported=fields.sha256("exported"),
        paused=fields.flag("paused"),
    )


def _release(fields: Fields) -> Release:
    fields.only("release", "manifest", "created_at")
    return Release(_release_id(fields), fields.sha256("manifest"), fields.number("created_at"))


def _release_id(fields: Fields) -> str:
    # It becomes part of paths.
    release = fields.text("release", most=200)
    problem = places.fault(release) or ("holds a slash" if "/" in release else "")
    if problem:
        raise BadDocumentError(f"the release {release[:80]!a} {problem}")
    return release


def _check_head(fields: Fields, project: str, what: str) -> None:
    version = fields.whole("version", least=1)
    if version > VERSION:
        raise ManifestError(
            NEWER,
            f"the {what} in the workspace has version {version}; this release of pytest-dbxgate "
            f"reads version {VERSION}",
            next_step="publish with the release that wrote it, or a later one",
        )
    found = fields.text("project")
    if found != project:
        raise ManifestError(
            FOREIGN,
            f"the target's root belongs to the project {places.shown(found)}, "
            f"not to {places.shown(project)}",
            next_step="give this project a root of its own",
        )


def _check_digest(data: bytes, expected: str) -> None:
    if sha256(data) != expected:
        raise _corrupt("manifest", BadDocumentError("its digest is not the one it is stored under"))


def _check_unique(what: str, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise BadDocumentError(f"the {what} {value[:80]!a} stands twice")
        seen.add(value)


def _corrupt(what: str, error: BadDocumentError) -> ManifestError:
    return ManifestError(
        CORRUPT,
        f"the {what} in the workspace cannot be used: {error}",
        next_step="restore an earlier release with --dbx-rollback, or delete it: the next "
        "deployment then adopts what is equal and removes nothing",
    )
