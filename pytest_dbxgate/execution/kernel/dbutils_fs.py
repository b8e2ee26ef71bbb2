"""``dbutils.fs``."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

from pytest_dbxgate.execution.kernel.filesystem import FileSystem, OutsideError
from pytest_dbxgate.execution.kernel.signals import NeedsClusterError
from pytest_dbxgate.execution.kernel.utility import Utility

_TOO_LARGE = 65_536


class ExecutionError(Exception):
    """A command of ``dbutils.fs`` failed; worded as the cluster words it."""


class FileInfo(NamedTuple):
    """A file or folder, as ``ls`` gives it."""

    path: str
    name: str
    size: int
    modificationTime: int  # noqa: N815 - Databricks' name

    def isDir(self) -> bool:  # noqa: N802
        """Whether it is a folder."""
        return self.path.endswith("/")

    def isFile(self) -> bool:  # noqa: N802
        """Whether it is a file."""
        return not self.isDir()


class FileUtils(Utility):
    """Commands on files."""

    def __init__(self, files: FileSystem) -> None:
        super().__init__("dbutils.fs")
        self._files = files

    def ls(self, dir: str) -> list[FileInfo]:
        """What stands in a folder, or the file itself."""
        path = self._there(dir)
        found = sorted(path.iterdir()) if path.is_dir() else [path]
        return [self._info(each, dir) for each in found]

    def head(self, file: str, maxBytes: int = _TOO_LARGE) -> str:  # noqa: N803
        """The beginning of a file, as text."""
        path = self._there(file)
        with path.open("rb") as stream:
            data = stream.read(maxBytes)
        if path.stat().st_size > maxBytes:
            print(f"[Truncated to first {maxBytes} bytes]")
        return data.decode("utf-8", "replace")

    def put(self, file: str, contents: str, overwrite: bool = False) -> bool:
        """Write a text into a file."""
        path = self._local(file)
        if path.exists() and not overwrite:
            raise ExecutionError(
                f"java.nio.file.FileAlreadyExistsException: {file} already exists; "
                "overwrite=True replaces it"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        data = contents.encode("utf-8")
        path.write_bytes(data)
        print(f"Wrote {len(data)} bytes.")
        return True

    def mkdirs(self, dir: str) -> bool:
        """Make a folder and those above it."""
        self._local(dir).mkdir(parents=True, exist_ok=True)
        return True

    def rm(self, dir: str, recurse: bool = False) -> bool:
        """Remove a file, or a folder with ``recurse``; False where nothing is there."""
        path = self._local(dir)
        if path == self._files.folder:
            raise ExecutionError("the root of the file system cannot be removed")
        if not path.exists():
            return False
        if not path.is_dir():
            path.unlink()
        elif recurse:
            shutil.rmtree(path)
        elif any(path.iterdir()):
            raise ExecutionError(
                f"java.io.IOException: {dir} is not empty; recurse=True removes it"
            )
        else:
            path.rmdir()
        return True

    def cp(self, from_: str, to: str, recurse: bool = False) -> bool:
        """Copy a file, or a folder with ``recurse``."""
        source, target = self._there(from_), self._local(to)
        if source.is_dir():
            if not recurse:
                raise ExecutionError(
                    f"java.io.IOException: {from_} is a directory; recurse=True copies it"
                )
            shutil.copytree(source, target, dirs_exist_ok=True)
            return True
        if target.is_dir() or to.endswith("/"):
            target = target / source.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        return True

    def mv(self, from_: str, to: str, recurse: bool = False) -> bool:
        """Move a file, or a folder with ``recurse``."""
        self.cp(from_, to, recurse)
        return self.rm(from_, True)

    def _local(self, path: str) -> Path:
        try:
            return self._files.local(path)
        except OutsideError as error:
            text = str(error)
            if "cluster" in text:
                raise NeedsClusterError(text) from None
            raise ExecutionError(text) from None

    def _there(self, path: str) -> Path:
        found = self._local(path)
        if not found.exists():
            raise ExecutionError(f"java.io.FileNotFoundException: No such file or directory {path}")
        return found

    def _info(self, path: Path, asked: str) -> FileInfo:
        status = path.stat()
        slash = "/" if path.is_dir() else ""
        return FileInfo(
            self._files.remote(path, asked) + slash,
            path.name + slash,
            0 if slash else status.st_size,
            int(status.st_mtime * 1000),
        )
