"""The JSON report of a run (``--dbx-json FILE``). ``schema.json`` beside this file is its contract.

Strings are reported as they are, so that paths and messages can be compared by machines;
characters that a terminal or a pipeline's log would act on stand in the file as JSON escapes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.result import NotebookResult, State
from pytest_dbxgate.codes import Check
from pytest_dbxgate.execution.outcome import CellPlace, Outcome
from pytest_dbxgate.files import write_report
from pytest_dbxgate.notebook.model import Format, NotebookKey
from pytest_dbxgate.reporting.text import escape_json
from pytest_dbxgate.settings import PolicyOrigin

if TYPE_CHECKING:
    from pytest_dbxgate.delivery.published import Published

VERSION = 1
"""Grows when a reader of the former version would misread the report."""

Report = dict[str, Any]

_NOTEBOOKS = frozenset(each.value for each in Format)


def build(
    results: Iterable[NotebookResult],
    findings: Iterable[Finding],
    states: Mapping[NotebookKey, Mapping[Check, State]],
    tools: Mapping[str, str],
    policies: Iterable[PolicyOrigin] = (),
    published: Published | None = None,
    outcomes: Iterable[Outcome] = (),
) -> Report:
    """The report as plain values, in an order that does not depend on that of the run.

    ``tools`` maps names to versions, ``policies`` are those the settings extend. A notebook
    without ``states`` had no check run.
    """
    rows = sorted(results, key=lambda row: (row.key.path, row.key.member or ""))
    return {
        "version": VERSION,
        "tools": dict(sorted(tools.items())),
        "policies": [
            {
                "name": each.name,
                "version": each.version,
                "origin": each.origin,
                "sha256": each.sha256,
            }
            for each in policies
        ],
        "notebooks": [
            _notebook(row, states.get(row.key, {})) for row in rows if row.format in _NOTEBOOKS
        ],
        "jobs": [
            _job(row, states.get(row.key, {})) for row in rows if row.format not in _NOTEBOOKS
        ],
        "findings": [_finding(each) for each in sorted(findings, key=lambda each: each.order)],
        "outcomes": [_outcome(each) for each in sorted(outcomes, key=_run_order)],
        "verdict": {} if published is None else _verdict(published),
        "deployment": {} if published is None else _deployment(published),
    }


def _verdict(published: Published) -> Report:
    from pytest_dbxgate.reporting.published import verdict_document

    return verdict_document(published)


def _deployment(published: Published) -> Report:
    from pytest_dbxgate.reporting.published import deployment_document

    return deployment_document(published)


def dumps(report: Report) -> str:
    """The report as JSON text, one notebook or finding a line."""
    members = ",\n".join(f"{json.dumps(key)}: {_value(value)}" for key, value in report.items())
    return escape_json(f"{{\n{members}\n}}\n")


def write(file: Path, report: Report) -> None:
    """Write the report as a whole or not at all.

    Raises :class:`~pytest_dbxgate.errors.ConfigurationError` where ``file`` cannot be written.
    """
    write_report(file, dumps(report).encode("utf-8"), name="--dbx-json")


def schema() -> Report:
    """The JSON Schema (2020-12) of the report."""
    text = files(__package__).joinpath("schema.json").read_text(encoding="utf-8")
    document: Report = json.loads(text)
    return document


def _notebook(result: NotebookResult, states: Mapping[Check, State]) -> Report:
    return {
        "path": result.key.path,
        "member": result.key.member,
        "format": result.format,
        "language": result.language,
        "cells": result.cells,
        "sha256": result.digest,
        "checks": _checks(states),
    }


def _job(result: NotebookResult, states: Mapping[Check, State]) -> Report:
    return {
        "path": result.key.path,
        "kind": result.format,
        "sha256": result.digest,
        "checks": _checks(states),
    }


def _checks(states: Mapping[Check, State]) -> dict[str, str]:
    return {check.value: states[check].value for check in Check if check in states}


def _run_order(outcome: Outcome) -> tuple[str, str, str]:
    key = outcome.key
    return key.notebook.path, key.notebook.member or "", key.case


def _outcome(outcome: Outcome) -> Report:
    key, failure = outcome.key, outcome.failure
    return {
        "path": key.notebook.path,
        "member": key.notebook.member,
        "case": key.case,
        "state": outcome.state.value,
        "message": outcome.message,
        "sha256": outcome.digest,
        "exit_value": outcome.exit_value,
        "seconds": round(outcome.seconds, 3),
        "attempts": outcome.attempts,
        "engine": outcome.engine,
        "url": outcome.url,
        "notices": list(outcome.notices),
        "output": outcome.output,
        "failure": None
        if failure is None
        else {
            "at": _cell_place(failure.place),
            "error": failure.error,
            "condition": failure.condition,
            "message": failure.message,
            "chain": [_cell_place(each) for each in failure.chain],
            "traceback": list(failure.traceback),
        },
        "cells": [
            {**_cell_place(each.place), "seconds": round(each.seconds, 3)} for each in outcome.cells
        ],
    }


def _cell_place(place: CellPlace) -> Report:
    return {
        "path": place.path,
        "member": place.member,
        "cell": place.cell,
        "cell_line": place.line,
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


def _value(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        # Without ``indent``, which is slow: a report may hold 100,000 findings.
        return "[\n" + ",\n".join(_compact(item) for item in value) + "\n]"
    return _compact(value)


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
