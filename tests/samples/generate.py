"""Bad input that is not kept in git: bytes an editor would mend, names a system may refuse.

Each function writes into an empty folder and says what a gate has to report.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

HEADER = "# Databricks notebook source\n"
SQL_HEADER = "-- Databricks notebook source\n"
CLEAN = HEADER + 'print("clean")\n'

Expected = dict[str, frozenset[str]]
"""Path relative to the folder, with ``/`` -> the codes found in it; empty: it is clean."""

_EPOCH = (1980, 1, 1, 0, 0, 0)

_LFS_POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
    "size 12345\n"
)


def write_bad_inputs(folder: Path) -> Expected:
    """Files that cannot be read, each with its codes, and one clean notebook among them."""
    files: list[tuple[str, bytes, str]] = [
        ("clean.py", CLEAN.encode(), ""),
        ("latin_1.py", (HEADER + 'print("é")\n').encode("latin-1"), "DBX101"),
        ("utf_16_le.py", b"\xff\xfe" + CLEAN.encode("utf-16-le"), "DBX101"),
        ("utf_16_be.py", b"\xfe\xff" + CLEAN.encode("utf-16-be"), "DBX101"),
        ("bom.py", b"\xef\xbb\xbf" + CLEAN.encode(), "DBX102"),
        ("nul.py", (HEADER + 'print("a\0b")\n').encode(), "DBX109"),
        ("only_header.py", HEADER.encode(), "DBX222"),
        ("lfs.ipynb", _LFS_POINTER.encode(), "DBX108"),
        ("lfs_archive.dbc", _LFS_POINTER.encode(), "DBX108"),
        ("truncated.ipynb", _ipynb()[:-40], "DBX110"),
        ("not_json.ipynb", b"print('not JSON')\n", "DBX110"),
        ("empty.ipynb", b"", "DBX110"),
        ("deep.ipynb", b"[" * 100_000, "DBX110"),
        ("list.ipynb", b"[]\n", "DBX111"),
        ("nbformat_3.ipynb", _json(_NBFORMAT_3), "DBX111"),
        ("no_cells.ipynb", _json({"metadata": {}, "nbformat": 4, "nbformat_minor": 0}), "DBX111"),
        ("unknown_cell.ipynb", _ipynb(cell_type="widget"), "DBX112"),
        ("not_a_zip.dbc", b"this is no archive\n", "DBX120"),
        ("empty_archive.dbc", b"", "DBX120"),
        ("cut.dbc", _archive({"a.python": _member()})[:-30], "DBX120"),
        ("encrypted.dbc", _encrypted(_archive({"a.python": _member()})), "DBX120"),
        ("parent.dbc", _archive({"../outside.python": _member()}), "DBX122"),
        ("inner_parent.dbc", _archive({"a/../../outside.python": _member()}), "DBX122"),
        ("absolute.dbc", _archive({"/etc/outside.python": _member()}), "DBX122"),
        ("drive.dbc", _archive({"C:\\outside.python": _member()}), "DBX122"),
        ("member.dbc", _archive({"a.python": b"not JSON", "b.python": _member()}), "DBX123"),
    ]
    for name, data, _ in files:
        (folder / name).write_bytes(data)
    return {name: frozenset({code} - {""}) for name, _, code in files}


def write_large_inputs(folder: Path) -> Expected:
    """What is too much for an import, for a checker, or for memory. Slower to check."""
    nested = "SELECT " + "(" * 300 + "1" + ")" * 300 + " AS one\n"
    files: list[tuple[str, bytes, str]] = [
        ("clean.py", CLEAN.encode(), ""),
        ("over_10_mb.py", (HEADER + ("# " + "x" * 76 + "\n") * 140_000).encode(), "DBX210"),
        ("nested.sql", (SQL_HEADER + nested).encode(), "DBX171"),
        ("chain.py", (HEADER + _chain(20_000)).encode(), ""),
        ("longer_chain.py", (HEADER + _chain(1_000_000)).encode(), "DBX171"),
        ("bomb.dbc", _bomb(megabytes=600), "DBX121"),
    ]
    for name, data, _ in files:
        (folder / name).write_bytes(data)
    return {name: frozenset({code} - {""}) for name, _, code in files}


def write_links(folder: Path) -> Expected:
    """Links that lead nowhere; empty where the system lets nobody make one."""
    try:
        os.symlink("nowhere.py", folder / "dangling.py")
        os.symlink("loop.py", folder / "loop.py")
    except OSError:
        return {}
    return {"dangling.py": frozenset({"DBX107"}), "loop.py": frozenset({"DBX107"})}


def write_unreadable(folder: Path) -> Expected:
    """A file nobody may read; empty where its permissions do not keep this user out."""
    file = folder / "locked.py"
    file.write_bytes(CLEAN.encode())
    file.chmod(0)
    try:
        file.read_bytes()
    except OSError:
        return {"locked.py": frozenset({"DBX100"})}
    file.unlink()
    return {}


def write_traps(folder: Path) -> list[str]:
    """Notebooks that end the test run if pytest imports one of them, or a module beside them.

    Returns the notebooks' paths, all clean; the plain modules are not among them.
    """
    trap = 'raise SystemExit("a notebook was imported")\n'
    notebooks = ["test_trap.py", "trap_test.py", "package/test_inside.py", "package/etl.py"]
    for name in notebooks:
        _write(folder / name, HEADER + trap)
    for name in ("__init__.py", "package/__init__.py", "package/test_plain.py"):
        _write(folder / name, trap)
    return notebooks


def write_names(folder: Path) -> Expected:
    """Clean notebooks whose names are awkward on a command line."""
    names = [
        "a[1].py",
        "[all].py",
        "month end.py",
        "Übersicht.py",
        "注文.py",
        "percent%20.py",
        "-dash.py",
        "UPPER.PY",
        "build/inside.py",
    ]
    refused = [] if os.name == "nt" else ["a::b.py", "a:b.py"]
    for name in names + refused:
        _write(folder / name, CLEAN)
    return {name: frozenset({"DBX212"} if name in refused else ()) for name in names + refused}


def write_refused_names(folder: Path) -> Expected:
    """Names that Windows refuses; empty on Windows itself."""
    if os.name == "nt":
        return {}
    names = ("con.py", "aux.sql", "what?.py", "a|b.py")
    for name in names:
        text = CLEAN if name.endswith(".py") else SQL_HEADER + "SELECT 1 AS one\n"
        _write(folder / name, text)
    return {name: frozenset({"DBX212"}) for name in names}


_NBFORMAT_3 = {
    "metadata": {"name": ""},
    "nbformat": 3,
    "nbformat_minor": 0,
    "worksheets": [{"cells": [], "metadata": {}}],
}


def _chain(operands: int) -> str:
    """A sum laid out as ruff lays it out. 20,000 operands abort ruff unless its stack is raised,
    a million do so whatever its stack."""
    return "total = (\n    1\n" + "    + 1\n" * (operands - 1) + ")\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def _json(document: object) -> bytes:
    return (json.dumps(document, indent=1) + "\n").encode()


def _ipynb(cell_type: str = "code") -> bytes:
    cell: dict[str, object] = {
        "cell_type": cell_type,
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": ['print("clean")'],
    }
    return _json({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 0})


def _member() -> bytes:
    command = {"version": "CommandV1", "position": 1.0, "command": 'print("clean")'}
    notebook = {
        "version": "NotebookV1",
        "name": "a",
        "language": "python",
        "commands": [command],
    }
    return json.dumps(notebook).encode()


def _archive(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), data)
    return buffer.getvalue()


def _bomb(megabytes: int) -> bytes:
    """A small archive of one huge member, made without ever holding the member."""
    buffer = io.BytesIO()
    info = zipfile.ZipInfo("bomb.python", _EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    with (
        zipfile.ZipFile(buffer, "w", compresslevel=1) as archive,
        archive.open(info, "w") as member,
    ):
        for _ in range(megabytes):
            member.write(b" " * 1_000_000)
    return buffer.getvalue()


def _encrypted(data: bytes) -> bytes:
    """Set the flag that says "encrypted" in the local and the central header of one member."""
    central = data.index(b"PK\x01\x02")
    raw = bytearray(data)
    raw[6] |= 1
    raw[central + 8] |= 1
    return bytes(raw)
