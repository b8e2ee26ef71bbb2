from __future__ import annotations

import pytest

from pytest_dbxgate.checks.metadata import policy
from pytest_dbxgate.codes import Severity
from pytest_dbxgate.notebook import source as reader
from pytest_dbxgate.notebook.model import Language
from pytest_dbxgate.settings import Policy
from support import source


def found(rules: Policy, *cells: str) -> list[tuple[str, int | None, int | None]]:
    notebook = reader.read("a.py", source(*cells).encode(), Language.PYTHON)
    findings = policy.check(notebook, rules)
    assert all(item.severity is Severity.ERROR for item in findings)
    return [(item.code, item.cell, item.cell_line) for item in findings]


def test_nothing_is_asked_by_default() -> None:
    assert found(Policy(), "import os", "# MAGIC %sh rm -rf /") == []


@pytest.mark.parametrize(
    ("first", "right"),
    [
        ("# MAGIC %md\n# MAGIC # Orders", True),
        ("# MAGIC %md #Orders", True),
        ("# MAGIC %md-sandbox\n# MAGIC <h1>Orders</h1>", True),
        ("# MAGIC %md\n# MAGIC\n# MAGIC ## Orders", True),
        ("# MAGIC %md\n# MAGIC Orders", False),
        ("# Orders\nx = 1", False),
    ],
)
def test_title_cell(first: str, right: bool) -> None:
    expected = [] if right else [("DBX230", None, None)]
    assert found(Policy(title_cell=True), first, "x = 1") == expected


@pytest.mark.parametrize(
    ("cell", "right"),
    [
        ("# MAGIC %md\n# MAGIC Owner: data team", True),
        ("# MAGIC %md\n# MAGIC * **owner:** data team", True),
        ("# OWNER : a.b@example.com", True),
        ("# MAGIC %md\n# MAGIC Owner:", False),
        ("# MAGIC %md\n# MAGIC The owner is unknown", False),
        ("# coowner: me", False),
    ],
)
def test_owner(cell: str, right: bool) -> None:
    expected = [] if right else [("DBX231", None, None)]
    assert found(Policy(owner=True), "a = 1", "b = 2", cell) == expected


def test_the_owner_is_named_early() -> None:
    cells = ("a = 1", "b = 2", "c = 3", "# Owner: late")
    assert found(Policy(owner=True), *cells) == [("DBX231", None, None)]


def test_magics() -> None:
    rules = Policy(allowed_magics=("md", "%sql"))
    cells = (
        "# MAGIC %md\n# MAGIC %sh is an example",
        "# MAGIC %sql\n# MAGIC SELECT 1",
        "# list\n# MAGIC %sh\n# MAGIC ls",
        "x = 1\n# MAGIC %time x\n# MAGIC %time x\n# MAGIC %pip list",
    )
    assert found(rules, *cells) == [("DBX232", 3, 2), ("DBX232", 4, 2), ("DBX232", 4, 4)]


def test_a_magic_is_a_whole_word() -> None:
    assert found(Policy(allowed_magics=("r",)), "# MAGIC %restart_python") == [("DBX232", 1, 1)]


def test_languages() -> None:
    rules = Policy(allowed_languages=("Python", "sql"))
    cells = (
        "x = 1",
        "# MAGIC %sql SELECT 1",
        "# MAGIC %scala\n# MAGIC val x = 1",
        "# MAGIC %md text",
        "# MAGIC %sh ls",
    )
    assert found(rules, *cells) == [("DBX233", 3, 2)]


def test_the_notebooks_own_language_counts() -> None:
    assert found(Policy(allowed_languages=("sql",)), "x = 1", "") == [("DBX233", 1, 1)]


def test_number_of_cells() -> None:
    assert found(Policy(max_cells=2), "a", "b") == []
    assert found(Policy(max_cells=2), "a", "b", "c", "d") == [("DBX234", 3, 1)]
