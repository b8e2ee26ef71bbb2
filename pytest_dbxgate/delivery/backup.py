"""Keeping what is about to be overwritten or deleted: zip archives of at most 7 MB.

They end with ``.backup``: a workspace unpacks what is imported as ``.zip`` [doc].
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from pytest_dbxgate.delivery.canonical import sha256
from pytest_dbxgate.delivery.store import BACKUPS, Store
from pytest_dbxgate.errors import IncompleteError

MOST_BYTES = 7_000_000
"""Of an archive. Base64 may be what counts against the limit of 10 MB [doc, report]."""
ENDING = ".backup"
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
_OVERHEAD = 400
_MOST_UNPACKED = 200_000_000


class Part(NamedTuple):
    """One archive."""

    name: str
    data: bytes
    members: tuple[str, ...]
    """As the workspace's own archive names them."""


def parts(members: Mapping[str, bytes], *, prefix: str = "part") -> list[Part]:
    """Archives that hold all of ``members``, by name. Equal members give equal bytes."""
    groups = _groups(sorted(members.items()))
    return [
        Part(f"{prefix}-{number}{ENDING}", _pack(group), tuple(name for name, _ in group))
        for number, group in enumerate(groups, start=1)
    ]


def save(store: Store, operation: str, saved: Iterable[Part]) -> dict[str, str]:
    """Write archives and read them back; the SHA-256 of each by its name."""
    digests = {}
    for part in saved:
        store.create(f"{BACKUPS}/{operation}/{part.name}", part.data)
        digests[part.name] = sha256(part.data)
    return digests


class Backup:
    """The archives of one deployment, read when they are needed."""

    def __init__(self, store: Store, operation: str, digests: Mapping[str, str]) -> None:
        self._store = store
        self._operation = operation
        self._digests = digests
        self._read: dict[str, Mapping[str, bytes]] = {}

    def member(self, part: str, name: str) -> bytes:
        """What was kept of an object. Raises :class:`IncompleteError` where it is not to be had."""
        if part not in self._read:
            self._read[part] = self._unpack(part)
        try:
            return self._read[part][name]
        except KeyError:
            raise _damaged(self._path(part), f"{name} is not in it") from None

    def _unpack(self, part: str) -> Mapping[str, bytes]:
        data = self._store.read(f"{BACKUPS}/{self._operation}/{part}")
        if data is None:
            raise _damaged(self._path(part), "it is not there")
        if sha256(data) != self._digests.get(part):
            raise _damaged(self._path(part), "its digest is not the one in the journal")
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > _MOST_UNPACKED:
                raise _damaged(self._path(part), "it is too large when unpacked")
            return {entry.filename: archive.read(entry) for entry in entries}

    def _path(self, part: str) -> str:
        return self._store.path(f"{BACKUPS}/{self._operation}/{part}")


def _groups(members: Iterable[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    group: list[tuple[str, bytes]] = []
    size = 0
    for name, data in members:
        # Counted as if nothing could be compressed: an archive is then never too large.
        cost = len(data) + len(name.encode()) * 2 + _OVERHEAD
        if group and size + cost > MOST_BYTES:
            yield group
            group, size = [], 0
        group.append((name, data))
        size += cost
    if group:
        yield group


def _pack(members: Iterable[tuple[str, bytes]]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            entry = zipfile.ZipInfo(name, _FIRST_DAY)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return stream.getvalue()


def _damaged(path: str, why: str) -> IncompleteError:
    return IncompleteError(
        f"{path}: the backup cannot be used: {why}",
        next_step="restore the object from git (docs/guarantees.md, recovery by hand)",
    )
