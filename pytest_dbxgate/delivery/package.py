"""Build once, publish many: everything a release needs in one file, and nothing believed unseen.

A package holds ``receipt.json``, ``contents.json`` and each object's bytes under its digest.
Reading it needs no checkout, no git and no code of the repository.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_dbxgate.delivery import package_contents, package_zip, receipt, untrusted
from pytest_dbxgate.delivery.canonical import sha256
from pytest_dbxgate.delivery.model import Item, JobItem, Kind, Origin
from pytest_dbxgate.delivery.package_contents import Contents, NewerError, at_root
from pytest_dbxgate.delivery.package_zip import (
    ALTERED,
    FOREIGN,
    INCOMPLETE,
    NEWER,
    UNSAFE,
    PackageError,
    refused,
)
from pytest_dbxgate.delivery.places import shown
from pytest_dbxgate.delivery.receipt import PassedCheck, Receipt
from pytest_dbxgate.delivery.untrusted import BadDocumentError
from pytest_dbxgate.files import write_report

MAX_BYTES = 2_000_000_000

_RECEIPT = "receipt.json"
_CONTENTS = receipt.CONTENTS

__all__ = ["Package", "PackageError", "build", "read", "write"]


@dataclass(frozen=True, slots=True)
class Package:
    """A package whose every digest was verified."""

    sha256: str
    """Of the file."""
    receipt: Receipt
    contents: Contents

    @property
    def project(self) -> str:
        return self.contents.project

    @property
    def items(self) -> tuple[Item, ...]:
        return self.contents.items

    @property
    def origin(self) -> Origin:
        """That of the build, with the package it came in."""
        return replace(self.receipt.origin, package_sha256=self.sha256)

    @property
    def targets(self) -> tuple[str, ...]:
        """Those it was made for."""
        return tuple(sorted(self.contents.settings))

    def settings(self, target: str) -> Mapping[str, Any]:
        """The settings of a target as they were at the gate. Raises :class:`PackageError`."""
        if target not in self.contents.settings:
            known = ", ".join(map(shown, self.targets)) or "none"
            raise refused(
                INCOMPLETE, f"it was not made for the target {shown(target)}, only for: {known}"
            )
        return self.contents.settings[target]

    def jobs(self, target: str, root: str) -> tuple[JobItem, ...]:
        """The jobs for a target whose root is ``root``. Raises :class:`PackageError`."""
        self.settings(target)
        return tuple(
            JobItem(job.key, at_root(job.settings, root), job.permissions)
            for job in self.contents.jobs.get(target, ())
        )


def build(
    project: str,
    items: Sequence[Item],
    *,
    jobs: Mapping[str, Sequence[JobItem]],
    settings: Mapping[str, Mapping[str, Any]],
    checks: Iterable[PassedCheck],
    origin: Origin,
    pipeline: str = "",
    build_id: str = "",
    tools: Mapping[str, str] | None = None,
) -> bytes:
    """The bytes of a package, the same for the same arguments.

    ``jobs`` and ``settings`` are by target. The jobs' paths begin with
    :data:`package_contents.ROOT` in place of the target's root. Raises :class:`PackageError`
    where a notebook has no passed check.
    """
    by_target = {target: tuple(found) for target, found in jobs.items()}
    contents = Contents(project, tuple(items), by_target, settings)
    listed = package_contents.to_bytes(contents)
    statement = Receipt(
        project=project,
        contents=sha256(listed),
        files={item.source: item.sha256 for item in items},
        settings={name: sha256(untrusted.dump(values)) for name, values in settings.items()},
        checks=tuple(checks),
        origin=origin,
        pipeline=pipeline,
        build_id=build_id,
        tools=tools or {},
    )
    _check_proof(contents, statement)
    objects = {f"objects/{item.sha256}": item.data for item in items}
    return package_zip.pack({_RECEIPT: receipt.to_bytes(statement), _CONTENTS: listed, **objects})


def write(file: Path, data: bytes) -> str:
    """Write a package; its digest, which is to travel by another way than the file."""
    write_report(file, data, name="the package")
    return sha256(data)


def read(file: Path, expected: str) -> Package:
    """The package in ``file``, whose SHA-256 in hex must be ``expected``.

    Raises :class:`PackageError`. The bytes that are verified are those that are used.
    """
    data = _load(file)
    if sha256(data) != expected.strip().lower():
        raise refused(ALTERED, f"{file.name} does not have the digest {shown(expected)}")
    members = package_zip.unpack(data)
    for name in (_RECEIPT, _CONTENTS):
        if name not in members:
            raise refused(INCOMPLETE, f"it has no {name}")
    try:
        statement = receipt.from_bytes(members[_RECEIPT])
        contents = package_contents.from_bytes(members[_CONTENTS])
    except NewerError as error:
        raise refused(NEWER, str(error)) from None
    except BadDocumentError as error:
        raise refused(FOREIGN, f"its documents cannot be used: {error}") from None
    _check_bound(contents, statement, members[_CONTENTS])
    items = _filled(contents.items, members)
    _check_proof(contents, statement)
    return Package(sha256(data), statement, contents._replace(items=items))


def _load(file: Path) -> bytes:
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise refused(FOREIGN, f"{file.name} is not a regular file")
        if status.st_size > MAX_BYTES:
            raise refused(UNSAFE, f"{file.name} has more than {MAX_BYTES} bytes")
        return file.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise refused(INCOMPLETE, f"{file.name} cannot be read: {reason}") from None


def _check_bound(contents: Contents, statement: Receipt, listed: bytes) -> None:
    """The receipt speaks of these contents."""
    settings = {name: sha256(untrusted.dump(each)) for name, each in contents.settings.items()}
    pairs = (
        (statement.contents, sha256(listed), "list of contents"),
        (statement.project, contents.project, "project"),
        (dict(statement.files), {item.source: item.sha256 for item in contents.items}, "objects"),
        (dict(statement.settings), settings, "settings of the targets"),
    )
    for bound, found, what in pairs:
        if bound != found:
            raise refused(ALTERED, f"its receipt speaks of another {what}")


def _filled(items: tuple[Item, ...], members: Mapping[str, bytes]) -> tuple[Item, ...]:
    """The items with their bytes."""
    left = set(members) - {_RECEIPT, _CONTENTS}
    found: list[Item] = []
    for item in items:
        name = f"objects/{item.sha256}"
        if name not in members:
            raise refused(INCOMPLETE, f"the bytes of {shown(item.source)} are missing")
        if sha256(members[name]) != item.sha256:
            raise refused(ALTERED, f"the bytes of {shown(item.source)} are others")
        left.discard(name)
        found.append(replace(item, data=members[name]))
    if left:
        raise refused(FOREIGN, f"it holds bytes that nothing names: {min(left)}")
    return tuple(found)


def _check_proof(contents: Contents, statement: Receipt) -> None:
    """Every notebook passed a check: of these bytes, or of the archive's member it was made of."""
    checked = {(each.path, each.sha256) for each in statement.checks if each.member is None}
    members = {(each.path, each.member) for each in statement.checks}
    for item in contents.items:
        path, _, member = item.source.partition("::")
        proved = (path, member) in members if member else (path, item.sha256) in checked
        if item.kind is Kind.NOTEBOOK and not proved:
            raise refused(INCOMPLETE, f"no check of {shown(item.source)} passed")
