from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_dbxgate.checks.cache import Cache
from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.result import NotebookResult
from pytest_dbxgate.codes import Check, Severity
from pytest_dbxgate.notebook.model import NotebookKey

SYNTAX = frozenset((Check.SYNTAX,))
FINDING = Finding(
    path="a.py",
    check=Check.LINT,
    code="F821",
    message="undefined name `x`",
    severity=Severity.WARNING,
    cell=1,
    line=2,
    column=3,
    excerpt=("x",),
)
RESULT = NotebookResult(
    key=NotebookKey("a.py"),
    format="source",
    language="python",
    cells=1,
    digest="d",
    findings=(FINDING,),
    runs=("./b",),
)


def filled(file: Path) -> Cache:
    cache = Cache(file, "env")
    cache.put("a.py", "d", SYNTAX, [RESULT])
    cache.save(["a.py"])
    return Cache(file, "env")


def test_what_is_put_comes_back(tmp_path: Path) -> None:
    assert filled(tmp_path / "c.json").get("a.py", "d", SYNTAX) == (RESULT,)


@pytest.mark.parametrize(
    ("path", "digest", "checks"),
    [
        ("b.py", "d", SYNTAX),
        ("a.py", "other bytes", SYNTAX),
        ("a.py", "d", frozenset((Check.SYNTAX, Check.LINT))),
    ],
)
def test_nothing_else_does(
    tmp_path: Path, path: str, digest: str, checks: frozenset[Check]
) -> None:
    assert filled(tmp_path / "c.json").get(path, digest, checks) is None


def test_another_environment_is_empty(tmp_path: Path) -> None:
    filled(tmp_path / "c.json")
    assert Cache(tmp_path / "c.json", "other").get("a.py", "d", SYNTAX) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"version": 1, "environment": "env", "files": []}',
        '{"version": 1, "environment": "env", "files": {"a.py": ["d", ["syntax"], [{}]]}}',
        '{"version": 1, "environment": "env", "files": {"a.py": 7}}',
        '{"version": 1, "environment": "env", "files": {"a.py": ["d", ["no"], []]}}',
    ],
)
def test_a_damaged_file_is_an_empty_cache(tmp_path: Path, text: str) -> None:
    file = tmp_path / "c.json"
    file.write_text(text, encoding="utf-8")
    assert Cache(file, "env").get("a.py", "d", SYNTAX) is None


def test_an_entry_of_a_file_that_is_gone_is_dropped(tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    cache = Cache(file, "env")
    cache.put("a.py", "d", SYNTAX, [RESULT])
    cache.put("b.py", "d", SYNTAX, [])
    cache.save(["a.py"])
    assert list(json.loads(file.read_bytes())["files"]) == ["a.py"]
