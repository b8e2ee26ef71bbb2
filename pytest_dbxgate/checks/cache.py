"""Remembering what was found in a file as long as nothing that matters has changed.

One JSON file. An entry holds for the bytes of one file under one *environment*: tool versions,
settings and every configuration file. Whatever is wrong with the file, the cache is empty.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Any

from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.result import NotebookResult
from pytest_dbxgate.codes import Check, Severity
from pytest_dbxgate.files import write_atomically
from pytest_dbxgate.notebook.model import NotebookKey

_VERSION = 1
_FINDING_FIELDS = [item.name for item in fields(Finding)]
_NUMBER_OF_FIELDS = len(_FINDING_FIELDS)
_values = attrgetter(*_FINDING_FIELDS)
_CHECK, _SEVERITY, _EXCERPT = (
    _FINDING_FIELDS.index(name) for name in ("check", "severity", "excerpt")
)
_Entry = tuple[str, Sequence[str], Sequence[Any]]


class Cache:
    """Results by path. ``file`` None keeps nothing from run to run."""

    def __init__(self, file: Path | None, environment: str) -> None:
        self._file = file
        self._environment = environment
        self._entries: dict[str, _Entry] = {}
        self._changed = False
        if file is not None:
            self._entries = _load(file, environment)

    def get(
        self, path: str, digest: str, checks: frozenset[Check]
    ) -> tuple[NotebookResult, ...] | None:
        """The results for the file at ``path`` if they hold for its bytes and cover ``checks``."""
        entry = self._entries.get(path)
        if entry is None:
            return None
        try:
            known, done, rows = entry
            if known != digest or not checks <= {Check(name) for name in done}:
                return None
            return tuple(_thaw(path, row) for row in rows)
        except (TypeError, ValueError, KeyError, AttributeError):
            return None

    def put(
        self, path: str, digest: str, checks: frozenset[Check], results: Iterable[NotebookResult]
    ) -> None:
        rows = [_freeze(result) for result in results]
        self._entries[path] = (digest, sorted(check.value for check in checks), rows)
        self._changed = True

    def save(self, keep: Iterable[str]) -> None:
        """Write the entries of the paths in ``keep``. A cache that cannot be written is none."""
        if self._file is None or not self._changed:
            return
        paths = set(keep)
        entries = {path: entry for path, entry in self._entries.items() if path in paths}
        document = {"version": _VERSION, "environment": self._environment, "files": entries}
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._file, json.dumps(document).encode())


def _load(file: Path, environment: str) -> dict[str, _Entry]:
    try:
        document = json.loads(file.read_bytes())
        if document["version"] != _VERSION or document["environment"] != environment:
            return {}
        files = document["files"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return files if isinstance(files, dict) else {}


def _freeze(result: NotebookResult) -> Mapping[str, Any]:
    return {
        "member": result.key.member,
        "format": result.format,
        "language": result.language,
        "cells": result.cells,
        "digest": result.digest,
        "unreadable": result.unreadable,
        "runs": result.runs,
        "findings": [_values(finding) for finding in result.findings],
    }


def _thaw(path: str, row: Mapping[str, Any]) -> NotebookResult:
    return NotebookResult(
        key=NotebookKey(path, row["member"]),
        format=row["format"],
        language=row["language"],
        cells=row["cells"],
        digest=row["digest"],
        unreadable=row["unreadable"],
        runs=tuple(row["runs"]),
        findings=tuple(_finding(values) for values in row["findings"]),
    )


def _finding(values: Sequence[Any]) -> Finding:
    if len(values) != _NUMBER_OF_FIELDS:
        raise ValueError("an entry of another version")
    plain = list(values)
    plain[_CHECK] = Check(plain[_CHECK])
    plain[_SEVERITY] = Severity(plain[_SEVERITY])
    plain[_EXCERPT] = tuple(plain[_EXCERPT])
    return Finding(*plain)
