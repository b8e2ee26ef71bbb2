"""Silencers of what lies between notebooks are told where they silence nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_dbxgate.session import Gate
from support import source, write


def found(root: Path) -> list[tuple[str, str, int, str]]:
    gate = Gate(root)
    findings = gate.run(gate.select_all()).findings
    return [(each.path, each.code, each.line, each.message) for each in findings]


@pytest.mark.parametrize("code", ["F821", "DBX301", "DBX4"])
def test_one_that_silences_nothing(tmp_path: Path, code: str) -> None:
    write(tmp_path, {"a.py": source(f"print(1)  # dbx: ignore[{code}]")})
    assert found(tmp_path) == [
        ("a.py", "DBX180", 2, f"nothing to silence here for `{code}`"),
    ]


@pytest.mark.parametrize(
    "cells",
    [
        ["print(late)  # dbx: ignore[F821]"],
        ["# dbx: ignore[F821]\nprint(late)\nprint(later)"],
        ["# dbx: ignore[DBX302]\n# MAGIC %run ./nowhere"],
        ["print(1)  # dbx: ignore[F821, DBX180]"],
        ["print(1)  # dbx: ignore[F821]", "x = ("],
    ],
)
def test_one_that_is_needed_or_may_be(tmp_path: Path, cells: list[str]) -> None:
    write(tmp_path, {"a.py": source(*cells)})
    assert [each for each in found(tmp_path) if each[1] == "DBX180"] == []


def test_a_name_that_a_caller_lacks(tmp_path: Path) -> None:
    child = source("print(day)  # dbx: ignore[F821]", "print(day)")
    caller = source("day = 1", "# MAGIC %run ./child")
    write(tmp_path, {"child.py": child, "a.py": caller})
    assert found(tmp_path) == [("child.py", "DBX180", 2, "nothing to silence here for `F821`")]
    write(tmp_path, {"b.py": source("# MAGIC %run ./child")})
    assert [(path, code, line) for path, code, line, _ in found(tmp_path)] == [
        ("child.py", "F821", 6)
    ]
