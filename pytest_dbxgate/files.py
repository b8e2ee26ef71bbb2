"""Files: read only what ends, written as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path
from typing import BinaryIO

from pytest_dbxgate.errors import ConfigurationError


def open_regular(file: str | Path) -> BinaryIO:
    """Open a file to read. Raises OSError, also for a pipe or a device: a reader might wait at it
    for ever, or never come to its end."""
    handle = os.open(file, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError("it is not a regular file")
    return os.fdopen(handle, "rb")


def read_regular(file: Path) -> bytes:
    """All of a file. Raises OSError, also for a pipe or a device."""
    with open_regular(file) as stream:
        return stream.read()


def write_atomically(file: Path, data: bytes) -> None:
    """Replace ``file`` by ``data`` so that a reader sees the old bytes or the new ones.

    Its mode stays; a new file gets the usual one. Raises OSError; the old file is whole then.
    """
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name[:40]}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        Path(name).chmod(_mode(file))
        Path(name).replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def write_report(file: Path, data: bytes, *, name: str) -> None:
    """Write what a user asked to have in ``file``, its folder too where there is none.

    Raises :class:`ConfigurationError` with ``name``, what the user calls the file, where that
    fails.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists() and not file.is_file():
            # A pipe or a device must not be replaced by a file.
            file.write_bytes(data)
        else:
            # What a link leads to is replaced, not the link.
            write_atomically(file.resolve(), data)
    except OSError as error:
        raise ConfigurationError(
            f"{name} {file}: cannot be written: {error.strerror or error}",
            next_step="name a file in a folder that can be written to",
        ) from None


def _mode(file: Path) -> int:
    try:
        return stat.S_IMODE(file.stat().st_mode)
    except OSError:
        # mkstemp makes private files; a new report should be as readable as any other.
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask
