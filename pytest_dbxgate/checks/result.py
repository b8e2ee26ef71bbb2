"""What a run found out about one notebook, and how each tool fared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.codes import UNCHECKED_CODES, Check, Severity
from pytest_dbxgate.notebook.model import NotebookKey

BrokenCells = Mapping[NotebookKey, tuple[int, ...]]
"""The Python cells that do not parse, of every notebook where that was looked at."""


class State(str, Enum):
    """The outcome of one check of one notebook; ``SKIPPED`` means not checked."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class NotebookResult:
    """One notebook and what was found in it."""

    key: NotebookKey
    format: str
    language: str
    cells: int
    digest: str
    """SHA-256 of the bytes that were checked."""
    findings: tuple[Finding, ...] = ()
    unreadable: str = ""
    """Why no cell could be read; empty where they could."""
    broken: tuple[int, ...] | None = None
    """The numbers of its Python cells that do not parse; None where nobody looked."""
    failed_tools: tuple[tuple[Check, str], ...] = ()
    """The checks that a tool's failure left undone, with the tool's name."""

    def of(self, check: Check) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.check is check)

    def state(self, check: Check, allow_unchecked: tuple[str, ...] = ()) -> State:
        """Failed by an error; not checked where a cell could not be and nothing allows it."""
        findings = self.of(check)
        if any(finding.severity is Severity.ERROR for finding in findings):
            return State.FAILED
        if self.unreadable and check is not Check.SYNTAX:
            return State.SKIPPED
        if check in dict(self.failed_tools):
            return State.SKIPPED
        if any(is_unchecked(finding, allow_unchecked) for finding in findings):
            return State.SKIPPED
        return State.PASSED


def is_unchecked(finding: Finding, allowed: tuple[str, ...] = ()) -> bool:
    """Whether the finding says that something was not checked, and no setting allows that."""
    return finding.code in UNCHECKED_CODES and finding.language not in allowed


@dataclass(frozen=True, slots=True)
class ToolStatus:
    """One tool of a run; ``error`` is empty where it worked or was not needed."""

    name: str
    version: str
    error: str = ""
