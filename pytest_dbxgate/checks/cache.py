"""Remembering what was found in a file as long as nothing that matters has changed.

One JSON file. An entry holds for the bytes of one file under one *environment*: tool versions,
settings and every configuration file. What was found between files holds as long as nothing in
the whole project changes; of it the names, which cost most, are kept by closure besides.
Whatever is wrong with the file, the cache is empty.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from pytest_dbxgate.checks.arrivals import Place
from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.result import NotebookResult
from pytest_dbxgate.codes import Check, Severity
from pytest_dbxgate.files import write_atomically
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project import facts
from pytest_dbxgate.project.facts import NotebookFacts

_VERSION = 2
_FINDING_FIELDS = [item.name for item in fields(Finding)]
_NUMBER_OF_FIELDS = len(_FINDING_FIELDS)
_values = attrgetter(*_FINDING_FIELDS)
_CHECK, _SEVERITY, _EXCERPT = (
    _FINDING_FIELDS.index(name) for name in ("check", "severity", "excerpt")
)
_Findings = dict[NotebookKey, list[Finding]]
_Places = dict[NotebookKey, frozenset[Place]]


class _Entry(NamedTuple):
    """What is kept of one file."""

    digest: str
    checks: Sequence[str]
    """Those that were done."""
    results: Sequence[Any]
    facts: Sequence[Any] | None
    """None where nobody asked for them, or where they are not to be kept."""


class Cache:
    """Results by path. ``file`` None keeps nothing from run to run."""

    def __init__(self, file: Path | None, environment: str) -> None:
        self._file = file
        self._environment = environment
        self._changed = False
        document = {} if file is None else _load(file, environment)
        self._entries: dict[str, Any] = _table(document, "files")
        self._project: dict[str, Any] = _table(document, "project")
        self._names: dict[str, Any] = _table(document, "names")

    def get(
        self, path: str, digest: str, checks: frozenset[Check]
    ) -> tuple[NotebookResult, ...] | None:
        """The results for the file at ``path`` if they hold for its bytes and cover ``checks``."""
        try:
            entry = self._entry(path, digest)
            if entry is None or not checks <= {Check(name) for name in entry.checks}:
                return None
            return tuple(_thaw(path, row) for row in entry.results)
        except (TypeError, ValueError, KeyError, AttributeError):
            return None

    def facts(self, path: str, digest: str) -> tuple[NotebookFacts, ...] | None:
        """The facts of the notebooks in the file at ``path`` if they hold for its bytes."""
        try:
            entry = self._entry(path, digest)
            if entry is None or entry.facts is None:
                return None
            return tuple(
                facts.from_json(NotebookKey(path, member), row) for member, row in entry.facts
            )
        except (TypeError, ValueError, IndexError, AttributeError):
            return None

    def put(
        self,
        path: str,
        digest: str,
        checks: frozenset[Check],
        results: Iterable[NotebookResult],
        known: Iterable[NotebookFacts] | None,
    ) -> None:
        """Keep what was found in the file at ``path``; ``known`` are its facts, if somebody asked
        for them."""
        before = self._entry(path, digest)
        self._entries[path] = _Entry(
            digest,
            sorted(check.value for check in checks),
            [_freeze(result) for result in results],
            (before.facts if before else None) if known is None else _rows(known),
        )
        self._changed = True

    def put_facts(self, path: str, digest: str, known: Iterable[NotebookFacts]) -> None:
        """Keep the facts of a file beside whatever else is known of these bytes."""
        before = self._entry(path, digest) or _Entry(digest, (), (), None)
        self._entries[path] = before._replace(facts=_rows(known))
        self._changed = True

    def project(self, digest: str) -> tuple[_Findings, _Places] | None:
        """What :meth:`put_project` was given when all that decides it had this digest."""
        try:
            if self._project.get("digest") != digest:
                return None
            findings = {
                NotebookKey(path, member): [_finding(values) for values in rows]
                for path, member, rows in self._project["findings"]
            }
            unused = {
                NotebookKey(path, member): frozenset((cell, line, at) for cell, line, at in rows)
                for path, member, rows in self._project["unused"]
            }
            return findings, unused
        except (TypeError, ValueError, KeyError):
            return None

    def put_project(
        self,
        digest: str,
        findings: Mapping[NotebookKey, Iterable[Finding]],
        unused: Mapping[NotebookKey, Iterable[Place]],
    ) -> None:
        """Keep what was found between files."""
        self._project = {
            "digest": digest,
            "findings": [(*key, list(map(_values, found))) for key, found in findings.items()],
            "unused": [(*key, sorted(places)) for key, places in unused.items()],
        }
        self._changed = True

    def names(self, root: NotebookKey, closure: str) -> Any:
        """What :meth:`put_names` was given for a root whose closure has this digest, or None."""
        entry = self._names.get(str(root))
        if not isinstance(entry, list) or entry[:2] != [root.path, closure]:
            return None
        return entry[2] if len(entry) == 3 else None

    def put_names(self, root: NotebookKey, closure: str, rows: Any) -> None:
        self._names[str(root)] = [root.path, closure, rows]
        self._changed = True

    def save(self, keep: Iterable[str]) -> None:
        """Write the entries of the paths in ``keep``. A cache that cannot be written is none."""
        if self._file is None or not self._changed:
            return
        paths = set(keep)
        document = {
            "version": _VERSION,
            "environment": self._environment,
            "files": {path: entry for path, entry in self._entries.items() if path in paths},
            "project": self._project,
            "names": {name: row for name, row in self._names.items() if row[0] in paths},
        }
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._file, json.dumps(document).encode())

    def _entry(self, path: str, digest: str) -> _Entry | None:
        try:
            entry = _Entry(*self._entries[path])
        except (KeyError, TypeError):
            return None
        return entry if entry.digest == digest else None


def _load(file: Path, environment: str) -> dict[str, Any]:
    try:
        document = json.loads(file.read_bytes())
        if document["version"] != _VERSION or document["environment"] != environment:
            return {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _table(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _rows(known: Iterable[NotebookFacts]) -> list[Any] | None:
    """The facts of a file as they are kept: of those that hold a secret nothing."""
    taken = tuple(known)
    if any(each.holds_secret for each in taken):
        return None
    return [(each.key.member, facts.as_json(each)) for each in taken]


def _freeze(result: NotebookResult) -> Mapping[str, Any]:
    return {
        "member": result.key.member,
        "format": result.format,
        "language": result.language,
        "cells": result.cells,
        "digest": result.digest,
        "unreadable": result.unreadable,
        "broken": result.broken,
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
        broken=None if row["broken"] is None else tuple(row["broken"]),
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
