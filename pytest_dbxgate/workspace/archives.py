"""Unpacking an archive that a workspace exported. What it says of itself is not believed. Pure."""

from __future__ import annotations

import io
import re
import stat
import zipfile
from typing import NamedTuple

from pytest_dbxgate.workspace.model import RejectedError

_CHUNK = 1 << 20
_DRIVE = re.compile("[A-Za-z]:")


class Limits(NamedTuple):
    """What an archive may hold."""

    members: int = 50_000
    total: int = 1 << 30
    """Bytes of all members together, unpacked."""
    ratio: int = 200
    """Unpacked bytes for each packed byte, beyond the first megabyte of a member."""


class ArchiveError(RejectedError):
    """The archive is damaged, or holds what no workspace puts into one."""


def unpack(data: bytes, *, limits: Limits = Limits()) -> dict[str, bytes]:  # noqa: B008
    """The files of a zip archive by name, with ``/``. Raises :class:`ArchiveError`."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _files(archive, limits)
    except ArchiveError:
        raise
    except Exception as error:
        # A damaged archive makes zipfile, zlib and struct raise almost anything.
        reason = str(error)
    raise _refused(f"cannot be read ({reason})")


def _files(archive: zipfile.ZipFile, limits: Limits) -> dict[str, bytes]:
    members = archive.infolist()
    if len(members) > limits.members:
        raise _refused(f"holds more than {limits.members:,} members")
    files: dict[str, bytes] = {}
    left = limits.total
    for member in members:
        name = _checked(member)
        if name in files:
            raise _refused(f"holds {name!r} twice")
        if not member.is_dir():
            files[name] = _content(archive, member, limits, left)
            left -= len(files[name])
    return files


def _checked(member: zipfile.ZipInfo) -> str:
    # ``filename`` ends at a NUL; what was written is in ``orig_filename``.
    name = member.orig_filename
    bare = name[:-1] if member.is_dir() else name
    parts = bare.split("/")
    if "\\" in name or "\0" in name or _DRIVE.fullmatch(parts[0]) or not bare:
        raise _refused(f"holds {name!r}, which is no relative path")
    if any(part in ("", ".", "..") for part in parts):
        raise _refused(f"holds {name!r}, which leads out of the folder")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise _refused(f"holds {name!r}, which is a link")
    if member.flag_bits & 1:
        raise _refused(f"holds {name!r}, which is encrypted")
    return name


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limits: Limits, left: int) -> bytes:
    most = min(left, _CHUNK + member.compress_size * limits.ratio)
    parts: list[bytes] = []
    with archive.open(member) as stream:
        while chunk := stream.read(_CHUNK):
            most -= len(chunk)
            if most < 0:
                raise _refused(f"unpacks {member.filename!r} to more than it may")
            parts.append(chunk)
    return b"".join(parts)


def _refused(what: str) -> ArchiveError:
    return ArchiveError(
        f"the archive that the workspace exported {what}",
        next_step="export the folder in the workspace's browser and look at what is in it",
    )
