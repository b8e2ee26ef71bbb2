"""The JSON report of a run (``--dbx-json FILE``). ``schema.json`` beside this file is its contract.

Strings are reported as they are, so that paths and messages can be compared by machines;
characters that a terminal or a pipeline's log would act on stand in the file as JSON escapes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from pytest_dbxgate.checks.cache import write_atomically
from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.result import NotebookResult, State
from pytest_dbxgate.codes import Check
from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.reporting.text import escape_json

VERSION = 1
"""Grows when a reader of the former version would misread the report."""

Report = dict[str, Any]


@dataclass(frozen=True, slots=True)
class NotebookRow:
    """What the report says about one notebook."""

    path: str
    """Relative to the root of the run, with ``/``."""
    format: str
    language: str
    cells: int
    sha256: str
    """Of the bytes that were checked, in hex."""
    member: str | None = None

    @classmethod
    def of(cls, result: NotebookResult) -> NotebookRow:
        return cls(
            path=result.key.path,
            format=result.format,
            language=result.language,
            cells=result.cells,
            sha256=result.digest,
            member=result.key.member,
        )

    @property
    def key(self) -> NotebookKey:
        return NotebookKey(self.path, self.member)


def build(
    notebooks: Iterable[NotebookRow],
    findings: Iterable[Finding],
    states: Mapping[NotebookKey, Mapping[Check, State]],
    tools: Mapping[str, str],
) -> Report:
    """The report as plain values, in an order that does not depend on that of the run.

    ``tools`` maps names to versions. A notebook without ``states`` had no check run.
    """
    rows = sorted(notebooks, key=lambda row: (row.path, row.member or ""))
    return {
        "version": VERSION,
        "tools": dict(sorted(tools.items())),
        "notebooks": [_notebook(row, states.get(row.key, {})) for row in rows],
        "findings": [_finding(finding) for finding in sorted(findings, key=_order)],
        "outcomes": [],
        "verdict": {},
        "deployment": {},
    }


def dumps(report: Report) -> str:
    """The report as JSON text, one notebook or finding a line."""
    members = ",\n".join(f"{json.dumps(key)}: {_value(value)}" for key, value in report.items())
    return escape_json(f"{{\n{members}\n}}\n")


def write(file: Path, report: Report) -> None:
    """Write the report as a whole or not at all.

    Raises :class:`ConfigurationError` where ``file`` cannot be written.
    """
    data = dumps(report).encode("utf-8")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists() and not file.is_file():
            # A pipe or a device must not be replaced by a file.
            file.write_bytes(data)
        else:
            write_atomically(file.resolve(), data)
    except OSError as error:
        raise ConfigurationError(
            f"--dbx-json {file}: cannot be written: {error.strerror or error}",
            next_step="name a file in a folder that can be written to",
        ) from None


def schema() -> Report:
    """The JSON Schema (2020-12) of the report."""
    text = files(__package__).joinpath("schema.json").read_text(encoding="utf-8")
    document: Report = json.loads(text)
    return document


def _notebook(row: NotebookRow, states: Mapping[Check, State]) -> Report:
    return {
        "path": row.path,
        "member": row.member,
        "format": row.format,
        "language": row.language,
        "cells": row.cells,
        "sha256": row.sha256,
        "checks": {check.value: states[check].value for check in Check if check in states},
    }


def _finding(finding: Finding) -> Report:
    return {
        "path": finding.path,
        "member": finding.member,
        "cell": finding.cell,
        "cell_title": finding.cell_title,
        "cell_line": finding.cell_line,
        "language": finding.language,
        "line": finding.line,
        "column": finding.column,
        "end_line": finding.end_line,
        "end_column": finding.end_column,
        "code": finding.code,
        "severity": finding.severity.value,
        "check": finding.check.value,
        "message": finding.message,
        "hint": finding.hint,
    }


def _order(finding: Finding) -> tuple[str, str, int, int, int, int, str, str]:
    return (
        finding.path,
        finding.member or "",
        finding.line,
        finding.column,
        finding.cell or 0,
        finding.cell_line or 0,
        finding.code,
        finding.message,
    )


def _value(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        # Without ``indent``, which is slow: a report may hold 100,000 findings.
        return "[\n" + ",\n".join(_compact(item) for item in value) + "\n]"
    return _compact(value)


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
