"""The hooks that a ``conftest.py`` or another plugin can implement. See ``docs/hooks.md``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_dbxgate.checks.finding import Finding
    from pytest_dbxgate.notebook.model import Notebook
    from pytest_dbxgate.settings import Settings


@pytest.hookspec
def pytest_dbxgate_check(notebook: Notebook, settings: Settings) -> Iterable[Finding] | None:
    """Add findings to a notebook.

    Called once a notebook and run, in the controlling process. Make findings with
    :func:`pytest_dbxgate.in_cell` or :func:`pytest_dbxgate.in_file`; their ``check`` names the
    item they fail.
    """


@pytest.hookspec
def pytest_dbxgate_findings(notebook: str, findings: list[Finding]) -> None:
    """Drop or change findings of one notebook, in place.

    ``notebook`` is its path relative to the root (``archive.dbc::member`` for one in an
    archive). Called after settings and silencers were applied, before the
    baseline.
    """


@pytest.hookspec
def pytest_dbxgate_globals(config: pytest.Config) -> Iterable[str] | None:
    """Name global variables that every Python cell may use, besides Databricks' own."""
