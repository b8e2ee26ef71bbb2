"""Claims about places of job files."""

from __future__ import annotations

from pytest_dbxgate.checks.references.claim import Claim
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.jobs.near import Words
from pytest_dbxgate.project.jobs.nodes import Mark


def say(mark: Mark, code: str, message: str, hint: str) -> Claim:
    return Claim(NotebookKey(mark.file), code, message, mark.spot, hint)


def did_you_mean(word: str, known: Words, otherwise: str) -> str:
    """A hint that names the nearest of ``known``."""
    near = known.closest(word)
    return f"did you mean `{near}`?" if near else otherwise
