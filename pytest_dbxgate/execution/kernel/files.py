"""``dbutils.fs`` on folders of this machine: ``dbfs:/``, ``/Volumes`` and ``/mnt`` lie below one,
``file:/`` is the machine's own."""

from __future__ import annotations

import os
import posixpath
import shutil
from pathlib import Path
from typing import NamedTuple

from pytest_dbxgate.execution.kernel.errors import NeedsClusterError


class FileInfo(NamedTuple):
    """What ``ls`` tells of a file, as Databricks does."""

    path: str
    name: str
    size: int
    modificationTime: int  # noqa: N815
    """Milliseconds since 1970."""

    def isDir(self) -> bool:  # noqa: N802
        return self.name.endswith("/")

    def isFile(self) -> bool:  # noqa: N802
        return not self.isDir()


class FileSystem:
    """``root``: the folder that stands for ``dbfs:/``."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def ls(self, path: str) -> list[FileInfo]:
        found = self._existing(path)
        if found.is_file():
            return [self._info(path, found)]
        return [
            self._info(posixpath.join(_shown(path), each.name), each)
            for each in sorted(found.iterdir())
        ]

    def head(self, path: str, maxBytes: int = 65536) -> str:  # noqa: N803
        with self._existing(path).open("rb") as stream:
            return stream.read(maxBytes).decode("utf-8", "replace")

    def put(self, path: str, contents: str, overwrite: bool = False) -> bool:
        file = self.place(path)
        if file.exists() and not overwrite:
            raise FileExistsError(f"File already exists: {path}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(contents.encode("utf-8"))
        print(f"Wrote {len(contents.encode('utf-8'))} bytes.")
        return True

    def mkdirs(self, path: str) -> bool:
        self.place(path).mkdir(parents=True, exist_ok=True)
        return True

    def cp(self, source: str, target: str, recurse: bool = False) -> bool:
        found, place = self._existing(source), self.place(target)
        if found.is_dir():
            if not recurse:
                raise IsADirectoryError(f"{source} is a directory: pass recurse=True")
            shutil.copytree(found, place, dirs_exist_ok=True)
        else:
            place = place / found.name if place.is_dir() else place
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(found, place)
        return True

    def mv(self, source: str, target: str, recurse: bool = False) -> bool:
        self.cp(source, target, recurse)
        return self.rm(source, recurse)

    def rm(self, path: str, recurse: bool = False) -> bool:
        place = self.place(path)
        if place == self._root:
            raise PermissionError("the root cannot be removed")
        if not place.exists():
            return False
        if place.is_dir():
            if not recurse and any(place.iterdir()):
                raise OSError(f"{path} is not empty: pass recurse=True")
            shutil.rmtree(place)
        else:
            place.unlink()
        return True

    def mounts(self) -> list[object]:
        return []

    def refreshMounts(self) -> bool:  # noqa: N802
        return True

    def __getattr__(self, name: str) -> object:
        raise NeedsClusterError(f"dbutils.fs.{name} needs a cluster")

    def place(self, path: str) -> Path:
        """Where ``path`` lies on this machine. Raises PermissionError where that is outside."""
        if not isinstance(path, str):
            raise TypeError(f"a path is a string, not {path!r}")
        if path.startswith("file:"):
            return Path(path.removeprefix("file:").replace("//", "/", 1) or os.sep)
        scheme, colon, _ = path.partition(":/")
        if colon and scheme not in ("dbfs",):
            raise NeedsClusterError(f"{scheme}: is not to be reached from here")
        inside = path.removeprefix("dbfs:").removeprefix("/dbfs/").lstrip("/")
        place = Path(os.path.normpath(self._root / inside))
        if not place.resolve().is_relative_to(self._root.resolve()):
            raise PermissionError(f"{path} leads out of the run's own files")
        return place

    def _existing(self, path: str) -> Path:
        found = self.place(path)
        if not found.exists():
            raise FileNotFoundError(f"No such file or directory: {path}")
        return found

    def _info(self, path: str, file: Path) -> FileInfo:
        status = file.stat()
        is_folder = file.is_dir()
        end = "/" if is_folder else ""
        return FileInfo(
            _shown(path).rstrip("/") + end,
            file.name + end,
            0 if is_folder else status.st_size,
            int(status.st_mtime * 1000),
        )


def _shown(path: str) -> str:
    """As ``ls`` writes it: with its scheme."""
    if path.startswith(("dbfs:", "file:", "/Volumes/")):
        return path
    return "dbfs:/" + path.removeprefix("/dbfs/").lstrip("/")
