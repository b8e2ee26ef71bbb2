"""What a check of the project claims about a notebook or a job file it has not at hand."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_dbxgate.codes import Severity
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.facts import Spot


@dataclass(frozen=True, slots=True)
class Claim:
    """A finding that still lacks its cell's title, its place in the file and its excerpt."""

    key: NotebookKey
    code: str
    message: str
    spot: Spot
    hint: str = ""
    severity: Severity | None = None
    """None: that of its rule."""
