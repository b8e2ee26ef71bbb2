"""Paths of DBFS and of volumes on a folder of this machine."""

from __future__ import annotations

import re
from pathlib import Path

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")


class OutsideError(Exception):
    """A path leads out of the folder that stands for the file systems."""


class FileSystem:
    """``dbfs:/x``, ``/dbfs/x`` and ``/x`` are one file of the folder; ``/Volumes`` stands there,
    too. ``file:/x`` is a file of this machine."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder).resolve() if folder else None

    def local(self, path: str) -> Path:
        """Where ``path`` is on this machine. Raises OutsideError."""
        text = str(path)
        scheme = _SCHEME.match(text)
        name = scheme[1].lower() if scheme else ""
        if name == "file":
            return Path(re.sub(r"^/{2,}", "/", text[5:]))
        if name not in ("", "dbfs"):
            raise OutsideError(f"{name}: files need a cluster: {text}")
        if self.folder is None:
            raise OutsideError(f"no folder stands for DBFS in this run: {text}")
        inside = (text[5:] if name else text).lstrip("/")
        if inside == "dbfs" or inside.startswith("dbfs/"):
            inside = inside[4:].lstrip("/")
        found = (self.folder / inside).resolve()
        if not found.is_relative_to(self.folder):
            raise OutsideError(f"the path leads out of the file system: {text}")
        return found

    def remote(self, path: Path, asked: str) -> str:
        """How a file is called, where it was asked for by a path such as ``asked``."""
        if self.folder is None or not path.is_relative_to(self.folder):
            return f"file:{path.as_posix()}"
        return f"dbfs:/{path.relative_to(self.folder).as_posix()}".replace("dbfs:/.", "dbfs:/")

    def for_spark(self, path: str) -> str:
        """A path for an engine of this machine. Raises OutsideError."""
        scheme = _SCHEME.match(path)
        if self.folder is None or (scheme and scheme[1].lower() == "file"):
            return path
        if not scheme and (not path.startswith("/") or self._is_local(path)):
            return path
        return str(self.local(path))

    def _is_local(self, path: str) -> bool:
        # A path that a notebook made of its working directory.
        return not path.startswith(("/dbfs/", "/Volumes/")) and Path(path).exists()
