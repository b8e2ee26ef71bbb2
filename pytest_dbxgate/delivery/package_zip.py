"""The file of a package: a zip of stored members with names of our own making."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping

from pytest_dbxgate.errors import RefusedError

ALTERED = "package-altered"
FOREIGN = "package-foreign"
INCOMPLETE = "package-incomplete"
UNSAFE = "package-unsafe"
NEWER = "package-newer"

MAX_MEMBERS = 100_002

_NAME = re.compile(r"receipt\.json|contents\.json|objects/[0-9a-f]{64}")
_ENCRYPTED = 0x1
_ENTRY = b"PK\x01\x02"
_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644 << 16
_DAMAGE = (
    *(zipfile.BadZipFile, EOFError, IndexError, KeyError, NotImplementedError),
    *(OSError, OverflowError, RuntimeError, ValueError),
)


class PackageError(RefusedError):
    """A package that must not be used; ``name`` is one of the constants here."""


def pack(members: Mapping[str, bytes]) -> bytes:
    """The same bytes for the same members, on every machine: nothing is compressed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, _TIME)
            info.create_system = 3
            info.external_attr = _MODE
            archive.writestr(info, members[name])
    return buffer.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    """The members by name. Raises :class:`PackageError`; nothing is inflated or written."""
    if data.count(_ENTRY) > 2 * MAX_MEMBERS:
        raise refused(UNSAFE, f"it holds more than {MAX_MEMBERS} members")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            _check(infos, archive.comment, len(data))
            return {info.filename: archive.read(info) for info in infos}
    except PackageError:
        raise
    except _DAMAGE:
        raise refused(FOREIGN, "it is no sound zip archive") from None


def refused(name: str, what: str) -> PackageError:
    """The error for a package, with what is to be done."""
    next_steps = {
        ALTERED: "publish the very file that the gate wrote, with the digest it reported",
        NEWER: "publish with the release of pytest-dbxgate that wrote it, or a later one",
    }
    usual = "write the package again with --dbx-write-package"
    return PackageError(
        name, f"the package is refused: {what}", next_step=next_steps.get(name, usual)
    )


def _check(infos: list[zipfile.ZipInfo], comment: bytes, size: int) -> None:
    seen: set[str] = set()
    for info in infos:
        name = info.orig_filename
        if info.flag_bits & _ENCRYPTED:
            raise refused(UNSAFE, f"the member {name[:80]!a} is encrypted")
        if name.startswith("/") or "\\" in name or ".." in name.split("/"):
            raise refused(UNSAFE, f"the member {name[:80]!a} leads out of it")
        if name in seen:
            raise refused(UNSAFE, f"the member {name[:80]!a} stands twice")
        if not _NAME.fullmatch(name):
            raise refused(FOREIGN, f"the member {name[:80]!a} does not belong there")
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise refused(UNSAFE, f"the member {name[:80]!a} is compressed")
        seen.add(name)
    if len(infos) > MAX_MEMBERS:
        raise refused(UNSAFE, f"it holds more than {MAX_MEMBERS} members")
    # Members may share bytes of the file, so that few of them become many.
    if sum(info.file_size for info in infos) > size:
        raise refused(UNSAFE, "its members are larger than itself")
    if comment:
        raise refused(FOREIGN, "it carries a comment")
