"""A pytest plugin and quality gate for Azure Databricks notebooks.

Importing this package loads nothing heavy; the names a ``conftest.py`` needs are
resolved on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from pytest_dbxgate.checks.finding import Finding, in_cell, in_code, in_file
    from pytest_dbxgate.codes import Check, Severity
    from pytest_dbxgate.notebook.model import Cell, Format, Language, Notebook

__all__ = [
    "Cell",
    "Check",
    "Finding",
    "Format",
    "Language",
    "Notebook",
    "Severity",
    "__version__",
    "in_cell",
    "in_code",
    "in_file",
]

_HOMES = {
    "Cell": "pytest_dbxgate.notebook.model",
    "Check": "pytest_dbxgate.codes",
    "Finding": "pytest_dbxgate.checks.finding",
    "Format": "pytest_dbxgate.notebook.model",
    "Language": "pytest_dbxgate.notebook.model",
    "Notebook": "pytest_dbxgate.notebook.model",
    "Severity": "pytest_dbxgate.codes",
    "in_cell": "pytest_dbxgate.checks.finding",
    "in_code": "pytest_dbxgate.checks.finding",
    "in_file": "pytest_dbxgate.checks.finding",
}


def __getattr__(name: str) -> object:
    try:
        home = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    from importlib import import_module

    return getattr(import_module(home), name)
