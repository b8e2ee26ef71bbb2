"""The list of a package's contents: objects without their bytes, jobs and settings by target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pytest_dbxgate.delivery import places, untrusted
from pytest_dbxgate.delivery.canonical import ENDINGS
from pytest_dbxgate.delivery.model import Item, JobItem, Kind
from pytest_dbxgate.delivery.untrusted import BadDocumentError, Fields
from pytest_dbxgate.workspace.model import ImportFormat

VERSION = 1
MAX_BYTES = 256_000_000
MAX_ITEMS = 100_000
MAX_JOBS = 10_000
MAX_TARGETS = 1000
_MAX_DEPTH = 100

ROOT = "${dbxgate.root}"
"""Stands in a packaged job for the root of the target, which is known when it is published."""

Settings = Mapping[str, Mapping[str, Any]]


class NewerError(BadDocumentError):
    """A later release wrote the package."""


class Contents(NamedTuple):
    """What a package holds, its objects still without bytes."""

    project: str
    items: tuple[Item, ...]
    """``data`` is empty; ``sha256`` names it."""
    jobs: Mapping[str, tuple[JobItem, ...]]
    """By target."""
    settings: Settings
    """By target."""


def to_bytes(contents: Contents) -> bytes:
    """The same bytes for equal contents."""
    items = sorted(contents.items, key=lambda item: item.place)
    return untrusted.dump(
        {
            "version": VERSION,
            "project": contents.project,
            "items": [_item(item) for item in items],
            "targets": {
                target: {
                    "settings": contents.settings[target],
                    "jobs": [_job(job) for job in contents.jobs.get(target, ())],
                }
                for target in sorted(contents.settings)
            },
        }
    )


def from_bytes(data: bytes) -> Contents:
    """The contents in ``data``. Raises :class:`BadDocumentError`."""
    fields = untrusted.load(data, most=MAX_BYTES)
    version = fields.whole("version", least=1)
    if version > VERSION:
        raise NewerError(f"it has version {version}; this release reads version {VERSION}")
    fields.only("version", "project", "items", "targets")
    items = tuple(map(_read_item, fields.items("items", most=MAX_ITEMS)))
    for what, values in (
        ("place", [item.place.casefold() for item in items]),
        ("source", [item.source for item in items]),
    ):
        if len({*values}) != len(values):
            raise BadDocumentError(f"a {what} stands twice")
    targets = fields.table("targets")
    names = targets.names(most=MAX_TARGETS)
    jobs = {name: _read_jobs(targets.table(name)) for name in names}
    settings = {name: _mapping(targets.table(name), "settings") for name in names}
    return Contents(fields.text("project"), items, jobs, settings)


def at_root(value: Any, root: str) -> Any:
    """A packaged value with the target's root filled in."""
    if isinstance(value, str):
        return value.replace(ROOT, root)
    if isinstance(value, Mapping):
        return {name: at_root(inner, root) for name, inner in value.items()}
    if isinstance(value, Sequence):
        return [at_root(inner, root) for inner in value]
    return value


def _item(item: Item) -> Mapping[str, Any]:
    return {
        "source": item.source,
        "place": item.place,
        "kind": item.kind.value,
        "format": item.format.value,
        "language": item.language,
        "rank": item.rank,
        "sha256": item.sha256,
        "size": len(item.data),
    }


def _job(job: JobItem) -> Mapping[str, Any]:
    return {"key": job.key, "settings": job.settings, "permissions": list(job.permissions)}


def _read_item(fields: Fields) -> Item:
    fields.only("source", "place", "kind", "format", "language", "rank", "sha256", "size")
    place = fields.text("place")
    problem = places.fault(place)
    if problem:
        raise BadDocumentError(f"the place {place[:80]!a} {problem}")
    kind = fields.choice("kind", Kind)
    language = fields.text_or_none("language")
    if (language in ENDINGS) is not (kind is Kind.NOTEBOOK):
        raise BadDocumentError(f"{place[:80]!a}: language and kind do not go together")
    format = fields.choice("format", ImportFormat)
    if (format is ImportFormat.AUTO) is not (kind is Kind.FILE):
        raise BadDocumentError(f"{place[:80]!a}: format and kind do not go together")
    fields.whole("size")
    return Item(
        source=fields.text("source"),
        place=place,
        kind=kind,
        format=format,
        data=b"",
        sha256=fields.sha256("sha256"),
        language=language,
        rank=fields.whole("rank"),
    )


def _read_jobs(fields: Fields) -> tuple[JobItem, ...]:
    fields.only("settings", "jobs")
    jobs = tuple(map(_read_job, fields.items("jobs", most=MAX_JOBS)))
    if len({job.key for job in jobs}) != len(jobs):
        raise BadDocumentError("a job stands twice")
    return jobs


def _read_job(fields: Fields) -> JobItem:
    fields.only("key", "settings", "permissions")
    permissions = fields.raw("permissions")
    if not isinstance(permissions, list) or not all(isinstance(p, dict) for p in permissions):
        raise BadDocumentError("the permissions of a job are no list of objects")
    return JobItem(fields.text("key"), _mapping(fields, "settings"), tuple(permissions))


def _mapping(fields: Fields, name: str) -> Mapping[str, Any]:
    value = fields.raw(name)
    if not isinstance(value, dict):
        raise BadDocumentError(f"{name} is not an object")
    level: list[Any] = [value]
    for _ in range(_MAX_DEPTH):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return value
    raise BadDocumentError(f"{name} is nested too deeply")
