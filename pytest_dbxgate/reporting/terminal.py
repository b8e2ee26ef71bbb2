"""What a run of the gate prints besides its items: a header and a short summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.codes import Check, Severity
from pytest_dbxgate.notebook.model import Format, Notebook
from pytest_dbxgate.reporting import diff, frames, summary
from pytest_dbxgate.reporting.text import clean

if TYPE_CHECKING:
    import pytest

    from pytest_dbxgate.checks.baseline import Match

MOST_WARNINGS = 10
"""Warnings shown in full with ``-v``."""


class Extras(Protocol):
    """What a run did besides checking."""

    fixed: list[str]
    refusals: list[str]
    diffs: list[str]
    baseline_written: int | None


def header(paths: Sequence[str], jobs: int, versions: dict[str, str], *, cache: bool) -> list[str]:
    """One line: what was found, by whom it is checked. ``paths`` are those of notebooks,
    ``jobs`` counts the job files."""
    kinds = Counter(Path(path).suffix.lower() for path in paths)
    found = ", ".join(f"{count} {suffix}" for suffix, count in sorted(kinds.items()))
    tools = ", ".join(f"{name} {version}" for name, version in versions.items())
    amount = count_of(len(paths), "notebook file") + (f" ({found})" if found else "")
    if jobs:
        amount += f" and {count_of(jobs, 'job file')}"
    return [f"dbxgate: {amount}; {tools}; cache {'on' if cache else 'off'}"]


def count_of(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def end(
    reporter: pytest.TerminalReporter,
    findings: Sequence[Finding],
    match: Match | None,
    extras: Extras,
    *,
    advise_baseline: bool,
    ran: Sequence[str] = (),
) -> None:
    """The section that closes a run; ``ran``: what it says of notebooks that were run."""
    lines = [*ran, *_extras_lines(extras), *_baseline_lines(match)]
    if findings:
        lines += summary.by_code(findings)
    if not lines and not extras.diffs:
        return
    reporter.write_sep("=", "Databricks notebooks")
    for text in extras.diffs:
        reporter.write(text if text.endswith("\n") else text + "\n")
    for line in lines:
        reporter.write_line(line)
    warnings = [finding for finding in findings if finding.severity is Severity.WARNING]
    if warnings and reporter.config.get_verbosity() == 0:
        reporter.write_line("-v shows where the warnings stand")
    if reporter.config.get_verbosity() > 0:
        _write_warnings(reporter, warnings)
    failed = any(
        finding.severity is Severity.ERROR and finding.check is not Check.RUN
        for finding in findings
    )
    if failed and advise_baseline:
        reporter.write_line(summary.FIRST_RUN_HINT)


def change_as_diff(
    before: Notebook, after: Notebook, cells: dict[int, tuple[str, str]], *, color: bool
) -> str:
    """What a fix would change: of an ``.ipynb`` its cells, unless only other parts change."""
    if before.format is Format.IPYNB and cells:
        return diff.cells(before.path, cells, color=color)
    return diff.unified(before.path, before.text, after.text, color=color)


def _write_warnings(reporter: pytest.TerminalReporter, warnings: Sequence[Finding]) -> None:
    for finding in warnings[:MOST_WARNINGS]:
        reporter.write_line("")
        reporter.write_line(frames.frame(finding, color=reporter.hasmarkup))
    if len(warnings) > MOST_WARNINGS:
        reporter.write_line(f"... and {len(warnings) - MOST_WARNINGS} warnings more")


def _extras_lines(extras: Extras) -> list[str]:
    lines = [clean(line, newline="\n") for line in extras.refusals]
    if extras.fixed:
        lines.append(f"fixed {count_of(len(extras.fixed), 'notebook')}:")
        lines += [f"  {clean(path)}" for path in extras.fixed]
    if extras.diffs:
        lines.append(f"{count_of(len(extras.diffs), 'notebook')} would change; --dbx-fix writes it")
    if extras.baseline_written is not None:
        lines.append(f"baseline written: {count_of(extras.baseline_written, 'finding')}")
    return lines


def _baseline_lines(match: Match | None) -> list[str]:
    if match is None:
        return []
    lines = [f"{count_of(len(match.known), 'known finding')} of the baseline not shown"]
    if match.removable:
        gone = sum(entry.count for entry in match.removable)
        lines.append(
            f"{count_of(gone, 'known finding')} no longer there: write the baseline anew "
            "with --dbx-write-baseline"
        )
    return lines
