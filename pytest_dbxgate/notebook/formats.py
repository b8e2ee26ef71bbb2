"""One door to every format: detect, read, place, write."""

from __future__ import annotations

import errno
import hashlib
import stat
from collections.abc import Mapping
from enum import Enum
from pathlib import Path, PurePosixPath

from pytest_dbxgate.errors import RefusedEditError
from pytest_dbxgate.notebook import rewriting, source
from pytest_dbxgate.notebook.header import BOM, find_header, header_of
from pytest_dbxgate.notebook.layout import split_lines
from pytest_dbxgate.notebook.model import Cell, Format, Language, Notebook, Place, Problem

HEAD_SIZE = 4096
"""How many bytes :func:`classify` wants to see."""

MEGABYTE = 1024 * 1024

MAX_SIZE = 100 * MEGABYTE
"""Larger files are not read."""

_LANGUAGES = {
    ".py": Language.PYTHON,
    ".sql": Language.SQL,
    ".scala": Language.SCALA,
    ".r": Language.R,
}
_OTHER_OBJECTS = (".designer.ipynb", ".dbquery.ipynb")

SUFFIXES = frozenset({*_LANGUAGES, ".ipynb", ".dbc"})
"""The endings a notebook may have, in lower case; files may have them in any case."""


class Kind(Enum):
    """What a file is, as far as its name and first bytes tell."""

    NOTEBOOK = "notebook"
    NEAR_MISS = "near miss"
    """Meant as a notebook, but Databricks would take it for a plain file."""
    OTHER = "other"


def language_of_suffix(suffix: str) -> Language | None:
    """The language of a source file with this ending, in any case: ``.py``, ``.R``."""
    return _LANGUAGES.get(suffix.lower())


def classify(name: str, head: bytes) -> Kind:
    """Tell what a file is from its name and its first :data:`HEAD_SIZE` bytes."""
    name = name.lower()
    dot = name.rfind(".")
    suffix = name[dot:] if dot >= 0 else ""
    if suffix in (".ipynb", ".dbc"):
        return Kind.OTHER if name.endswith(_OTHER_OBJECTS) else Kind.NOTEBOOK
    language = _LANGUAGES.get(suffix)
    if language is None:
        return Kind.OTHER
    header = header_of(language).encode()
    if head.startswith(header) and head[len(header) : len(header) + 1] in (b"", b"\n", b"\r"):
        return Kind.NOTEBOOK
    return Kind.NEAR_MISS if _is_near_miss(head, language) else Kind.OTHER


def read(file: Path, path: str) -> tuple[Notebook, ...]:
    """The notebooks in a file: one, or the members of a ``.dbc``.

    ``path`` is what they are called in reports. Never raises for what stands on the disk: a
    file that cannot be read is one notebook without cells and with a fatal problem.
    """
    data = _load(file)
    if isinstance(data, Problem):
        return (_empty(path, b"", data),)
    return parse(path, data)


def parse(path: str, data: bytes) -> tuple[Notebook, ...]:
    """The notebooks in the bytes of the file at ``path``, whose ending tells the format."""
    suffix = PurePosixPath(path).suffix.lower()
    if data.startswith(source.LFS_POINTER):
        return (_empty(path, data, source.lfs_problem()),)
    if suffix == ".ipynb":
        from pytest_dbxgate.notebook import ipynb

        return (ipynb.read(path, data),)
    if suffix == ".dbc":
        from pytest_dbxgate.notebook import dbc

        return dbc.read(path, data)
    return (source.read(path, data, language_of_suffix(suffix) or Language.PYTHON),)


def place(notebook: Notebook, cell: Cell, line: int, column: int) -> Place:
    """Where a 1-based position of ``cell.source`` stands in the file (``.dbc``: in the cell)."""
    if notebook.format is Format.IPYNB:
        from pytest_dbxgate.notebook import ipynb

        return ipynb.place(notebook, cell, line, column)
    if notebook.format is Format.DBC:
        return Place(line, column)
    margin = cell.margins[line - 1] if 0 < line <= len(cell.margins) else 0
    return Place(cell.line + line - 1, column + margin)


def rewrite(notebook: Notebook, sources: Mapping[int, str]) -> bytes:
    """The file with new whole sources for the cells of these numbers.

    Raises :class:`RefusedEditError` where more than those sources would change.
    """
    if notebook.format is Format.IPYNB:
        from pytest_dbxgate.notebook import ipynb

        return ipynb.rewrite(notebook, sources)
    if notebook.format is Format.DBC:
        raise RefusedEditError(
            f"{notebook.key}: a .dbc archive is never edited",
            next_step="fix the notebook in the workspace, or keep it as a source file",
        )
    return rewriting.rewrite(notebook, sources)


def _is_near_miss(head: bytes, language: Language) -> bool:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = head.decode("utf-16", "replace").removeprefix(BOM)
        return text.startswith(header_of(language))
    if b"COMMAND ----" not in head and b"source" not in head.lower():
        return False
    lines = split_lines(head.decode("utf-8", "replace"))
    if len(head) >= HEAD_SIZE:
        lines = lines[:-1] or lines
    return find_header(lines, language) is not None


def _load(file: Path) -> bytes | Problem:
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            return _unreadable("it is not a regular file")
        if status.st_size > MAX_SIZE:
            return _too_large(status.st_size)
        return file.read_bytes()
    except (OSError, RuntimeError, ValueError) as error:
        # Path.stat() of a looping link is an OSError or, on some systems, a RuntimeError.
        return _broken_link(file, error) or _unreadable(_reason(error))


def _broken_link(file: Path, error: Exception) -> Problem | None:
    try:
        target = file.readlink()
    except (OSError, ValueError):
        return None
    if isinstance(error, OSError) and error.errno not in (errno.ENOENT, errno.ELOOP, errno.ENOTDIR):
        return None
    loops = not isinstance(error, OSError) or error.errno == errno.ELOOP
    message = (
        "the symbolic link leads back to itself"
        if loops
        else f"the symbolic link leads to {target}, which does not exist"
    )
    return Problem("DBX107", message, hint="mend or remove the link", fatal=True)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else "") or str(error)


def _unreadable(reason: str) -> Problem:
    message = f"the file cannot be read: {reason}"
    return Problem("DBX100", message, hint="check the file and its permissions", fatal=True)


def _too_large(size: int) -> Problem:
    return Problem(
        "DBX210",
        f"the file is not checked: it has {size / MEGABYTE:.0f} MB, "
        f"more than {MAX_SIZE // MEGABYTE} MB",
        hint="remove stored outputs and data, or split the notebook",
        fatal=True,
    )


def _empty(path: str, data: bytes, problem: Problem) -> Notebook:
    suffix = Path(path).suffix.lower()
    language = language_of_suffix(suffix)
    formats = {".ipynb": Format.IPYNB, ".dbc": Format.DBC}
    return Notebook(
        path=path,
        format=formats.get(suffix, Format.SOURCE),
        language=language or Language.PYTHON,
        cells=(),
        data=data,
        digest=hashlib.sha256(data).hexdigest(),
        problems=(problem,),
    )
