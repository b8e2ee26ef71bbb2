"""The Databricks archive: a zip of notebooks. Never raises; what is wrong becomes a Problem.

Nothing is ever extracted to disk, and no more is inflated than the limits below allow.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass, replace
from typing import NamedTuple

from pytest_dbxgate.notebook.dbc_member import MemberError, read_member
from pytest_dbxgate.notebook.model import Format, Language, Notebook, Problem
from pytest_dbxgate.notebook.source import LFS_POINTER, lfs_problem

MAX_BYTES = 200_000_000
"""Inflated bytes of all notebooks of an archive."""
MAX_MEMBER_BYTES = 50_000_000
"""Inflated bytes of one notebook: decoded JSON may take twenty times its size."""
MAX_MEMBERS = 20_000
MAX_RATIO = 200
"""Inflated to stored bytes of an archive that inflates to more than ``RATIO_FROM`` bytes;
real archives stay under 15."""
RATIO_FROM = 20_000_000

_LANGUAGES = {
    "python": Language.PYTHON,
    "scala": Language.SCALA,
    "sql": Language.SQL,
    "r": Language.R,
}
_ENDINGS = tuple(f".{ending}" for ending in _LANGUAGES)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_EXPORT = "export the archive again from the workspace"
_ENTRY = b"PK\x01\x02"
_ENCRYPTED = 0x1
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    IndexError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)
"""What zipfile and zlib raise for bytes that are no sound archive."""
_REPEATED = Problem("DBX123", "the archive holds a member of this name twice", hint=_EXPORT)


def read(path: str, data: bytes) -> tuple[Notebook, ...]:
    """Read the notebooks of an archive, sorted by member.

    An archive that cannot be read as a whole is one notebook without a member, with one fatal
    problem; a member that cannot is a notebook of its own with one.
    """
    try:
        archive = _open(data)
    except _RefusedError as error:
        return (_unread(path, data, None, error.problem),)
    with archive:
        budget = _Budget(MAX_BYTES)
        return tuple(_read_entry(path, archive, entry, budget) for entry in _entries(archive))


def members(data: bytes) -> tuple[str, ...]:
    """The members :func:`read` finds, in its order, without inflating them; () where it finds
    only that the archive cannot be read."""
    try:
        archive = _open(data)
    except _RefusedError:
        return ()
    with archive:
        return tuple(entry.member for entry in _entries(archive))


class _RefusedError(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class _Entry(NamedTuple):
    member: str
    info: zipfile.ZipInfo
    repeated: bool
    """True where an earlier entry has the same name."""


@dataclass(slots=True)
class _Budget:
    """The bytes that may still be inflated."""

    left: int


def _open(data: bytes) -> zipfile.ZipFile:
    if data.startswith(LFS_POINTER):
        raise _RefusedError(lfs_problem())
    if data.count(_ENTRY) > 2 * MAX_MEMBERS:
        raise _too_big(f"more than {MAX_MEMBERS} entries")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except _DAMAGE as error:
        raise _RefusedError(_not_an_archive(data, error)) from None
    notebooks = [info for info in archive.infolist() if _is_notebook(info)]
    _check_size(notebooks, len(data))
    if not notebooks:
        raise _RefusedError(_fatal("DBX120", "the archive holds no notebook", _EXPORT))
    if all(info.flag_bits & _ENCRYPTED for info in notebooks):
        raise _RefusedError(_fatal("DBX120", "the archive is encrypted", _EXPORT))
    return archive


def _check_size(notebooks: list[zipfile.ZipInfo], stored: int) -> None:
    # zipfile never yields more than the declared size, so a lie can only make it smaller.
    total = sum(info.file_size for info in notebooks)
    if len(notebooks) > MAX_MEMBERS:
        raise _too_big(f"{len(notebooks)} notebooks; at most {MAX_MEMBERS} are read")
    if total > MAX_BYTES:
        raise _too_big(f"{total} bytes; at most {MAX_BYTES} are read")
    if total > RATIO_FROM and total > MAX_RATIO * stored:
        raise _too_big(f"{total // stored} times its size; at most {MAX_RATIO} times is read")


def _entries(archive: zipfile.ZipFile) -> list[_Entry]:
    """The archive's notebooks, each with a member of its own, sorted by it."""
    infos = [info for info in archive.infolist() if _is_notebook(info)]
    names = [_printable(info.orig_filename) for info in infos]
    stems = Counter(_stem(name) for name in set(names))
    taken: set[str] = set()
    repeats: Counter[str] = Counter()
    entries: list[_Entry] = []
    for info, name in zip(infos, names, strict=True):
        # Two endings for one stem: the ending stays, for a member names one notebook.
        stem = _stem(name) if stems[_stem(name)] == 1 else name
        member = stem
        while member in taken:
            repeats[stem] += 1
            member = f"{stem} ({repeats[stem] + 1})"
        taken.add(member)
        entries.append(_Entry(member, info, member != stem))
    return sorted(entries, key=lambda entry: entry.member)


def _is_notebook(info: zipfile.ZipInfo) -> bool:
    """Folders, the manifest and what a Mac adds are no notebooks."""
    name = info.orig_filename
    return name.lower().endswith(_ENDINGS) and not name.startswith("__MACOSX/")


def _stem(name: str) -> str:
    stem = name.rpartition(".")[0]
    return name if not stem or stem.endswith("/") else stem


def _printable(name: str) -> str:
    return "".join(char if char.isprintable() else "\ufffd" for char in name)


def _read_entry(path: str, archive: zipfile.ZipFile, entry: _Entry, budget: _Budget) -> Notebook:
    unsafe = _unsafe(entry.info.orig_filename)
    if unsafe:
        message = f"the member's name {unsafe}: {entry.info.orig_filename[:80]!a}"
        return _unread(path, b"", entry.member, _fatal("DBX122", message, _EXPORT))
    data = b""
    try:
        data = _body(archive, entry.info, budget)
        blank = _blank(path, data, entry.member)
        blank = replace(blank, language=_LANGUAGES[_ending(entry.info)])
        if entry.repeated:
            blank = replace(blank, problems=(_REPEATED,))
        return read_member(blank, MAX_MEMBER_BYTES)
    except MemberError as error:
        problem = _fatal(error.code, f"the member cannot be read: {error.message}", _EXPORT)
        return _unread(path, data, entry.member, problem)


def _body(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: _Budget) -> bytes:
    if info.flag_bits & _ENCRYPTED:
        raise MemberError("DBX120", "it is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise MemberError("DBX123", f"compression method {info.compress_type} is not known")
    limit = min(budget.left, MAX_MEMBER_BYTES)
    try:
        with archive.open(info) as stream:
            data = stream.read(limit + 1)
    except _DAMAGE as error:
        raise MemberError("DBX123", f"it cannot be unpacked: {error}") from None
    if len(data) > limit:
        raise MemberError("DBX121", f"it unpacks to more than {limit} bytes")
    budget.left -= len(data)
    return data


def _unsafe(name: str) -> str:
    """What is wrong with a member's name, or an empty string."""
    if name.startswith("/"):
        return "is absolute"
    if "\\" in name:
        return "holds a backslash"
    if re.match("[A-Za-z]:(?! )", name):
        return "begins with a drive letter"
    if ".." in name.split("/"):
        return 'holds ".."'
    return "holds a control character" if _CONTROL.search(name) else ""


def _ending(info: zipfile.ZipInfo) -> str:
    return info.orig_filename.rpartition(".")[2].lower()


def _unread(path: str, data: bytes, member: str | None, problem: Problem) -> Notebook:
    return replace(_blank(path, data, member), problems=(problem,))


def _blank(path: str, data: bytes, member: str | None) -> Notebook:
    return Notebook(
        path=path,
        format=Format.DBC,
        language=Language.PYTHON,
        cells=(),
        data=data,
        digest=hashlib.sha256(data).hexdigest(),
        member=member,
    )


def _not_an_archive(data: bytes, error: Exception) -> Problem:
    if not data:
        return _fatal("DBX120", "the file is empty", _EXPORT)
    if data.startswith(b"PK\x03\x04"):
        return _fatal("DBX120", f"the archive is truncated or damaged: {error}", _EXPORT)
    return _fatal("DBX120", "the file is not a zip archive", _EXPORT)


def _too_big(what: str) -> _RefusedError:
    hint = "export the folders one by one, without results"
    return _RefusedError(_fatal("DBX121", f"the archive unpacks to {what}", hint))


def _fatal(code: str, message: str, hint: str) -> Problem:
    return Problem(code, message, hint=hint, fatal=True)
