"""Paths in what Spark reads and writes: the files of the run stand for DBFS and volumes, and what
is missing is missing. Sail reads a path where nothing is as no rows at all."""

from __future__ import annotations

import glob
import importlib
import os
import re
from pathlib import Path
from typing import Any

from pytest_dbxgate.execution.kernel.filesystem import FileSystem, OutsideError
from pytest_dbxgate.execution.kernel.signals import NeedsClusterError

_FILES = ("avro", "binaryfile", "csv", "delta", "json", "orc", "parquet", "text", "xml")
_TABLE = re.compile(
    r"(?P<before>\b(?:avro|binaryFile|csv|delta|json|orc|parquet|text|xml)\s*\.\s*`)"
    r"(?P<path>[^`]*[/:][^`]*)(?P<after>`)",
    re.IGNORECASE,
)
_LOCATION = re.compile(
    r"(?P<before>\bLOCATION\s+(?P<quote>['\"]))(?P<path>.+?)(?P<after>(?P=quote))", re.IGNORECASE
)


class SparkPaths:
    """Maps paths on their way to the engine. ``checks``: whether the engine itself does not
    notice that a path is missing."""

    def __init__(self, files: FileSystem, *, checks: bool) -> None:
        self._files = files
        self._checks = checks

    def install(self) -> None:
        """Let readers and writers find the run's files."""
        readwriter: Any = importlib.import_module("pyspark.sql.connect.readwriter")
        load, save = readwriter.DataFrameReader.load, readwriter.DataFrameWriter.save

        def mapped_load(reader: Any, path: Any = None, *args: Any, **kwargs: Any) -> Any:
            kind = args[0] if args else kwargs.get("format")
            kind = str(kind or getattr(reader, "_format", "") or "parquet").lower()
            use = self._read if kind in _FILES else self._map
            return load(reader, self._each(path, use), *args, **kwargs)

        def mapped_save(writer: Any, path: Any = None, *args: Any, **kwargs: Any) -> Any:
            return save(writer, self._each(path, self._map), *args, **kwargs)

        readwriter.DataFrameReader.load = mapped_load
        readwriter.DataFrameWriter.save = mapped_save

    def in_sql(self, statement: str) -> str:
        """A statement with the paths in it mapped."""
        if "`" in statement:
            use = self._read if not _writes(statement) else self._map
            statement = _TABLE.sub(lambda match: _with(match, use(match["path"])), statement)
        return _LOCATION.sub(lambda match: _with(match, self._map(match["path"])), statement)

    def _each(self, path: Any, use: Any) -> Any:
        if isinstance(path, list | tuple):
            return [self._each(each, use) for each in path]
        return use(os.fspath(path)) if isinstance(path, str | Path) else path

    def _map(self, path: str) -> str:
        try:
            return self._files.for_spark(path)
        except OutsideError as error:
            raise NeedsClusterError(str(error)) from None

    def _read(self, path: str) -> str:
        found = self._map(path)
        if self._checks and not _exists(found):
            from pyspark.errors import AnalysisException

            raise AnalysisException(f"[PATH_NOT_FOUND] Path does not exist: {path}.")
        return found


def _exists(path: str) -> bool:
    local = re.sub(r"^file:/*(?=/)", "", path)
    if "{" in local:
        # Alternatives are for the engine to look for.
        return True
    # The pattern may be absolute.
    return Path(local).exists() or bool(glob.glob(local))  # noqa: PTH207


def _writes(statement: str) -> bool:
    return re.match(r"\s*(?:SELECT|WITH|FROM|TABLE|DESC)", statement, re.IGNORECASE) is None


def _with(match: re.Match[str], path: str) -> str:
    return f"{match['before']}{path}{match['after']}"
