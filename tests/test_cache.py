from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_dbxgate.checks.cache import Cache
from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.result import NotebookResult
from pytest_dbxgate.codes import Check, Severity
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.facts import (
    Argument,
    Import,
    Name,
    NotebookFacts,
    NotebookRun,
    Run,
    Spot,
    Widget,
    WidgetRead,
)

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
    broken=(2,),
)
FACTS = NotebookFacts(
    NotebookKey("a.py"),
    "d",
    runs=(Run("./b", Spot(1, 1, 6), (Argument("x", "1", Spot(1, 1, 12)),)),),
    notebook_runs=(NotebookRun("./c", Spot(2, 1, 1), None),),
    imports=(Import("m", Spot(3, 1, 1), 0, (Name("f", Spot(3, 1, 15)),)),),
    search_paths=("../src",),
    widgets=(Widget("w", "dropdown", Spot(4, 1, 1), "a", ("a", "b")),),
    reads=(WidgetRead("w", Spot(5, 1, 1), "get"),),
    reads_any=True,
    languages=("python",),
)


def filled(file: Path) -> Cache:
    cache = Cache(file, "env")
    cache.put("a.py", "d", SYNTAX, [RESULT], [FACTS])
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
        '{"version": 2, "environment": "env", "files": []}',
        '{"version": 2, "environment": "env", "files": {"a.py": ["d", ["syntax"], [{}], []]}}',
        '{"version": 2, "environment": "env", "files": {"a.py": 7}}',
        '{"version": 2, "environment": "env", "files": {"a.py": ["d", ["no"], [], []]}}',
    ],
)
def test_a_damaged_file_is_an_empty_cache(tmp_path: Path, text: str) -> None:
    file = tmp_path / "c.json"
    file.write_text(text, encoding="utf-8")
    assert Cache(file, "env").get("a.py", "d", SYNTAX) is None


def test_an_entry_of_a_file_that_is_gone_is_dropped(tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    cache = Cache(file, "env")
    cache.put("a.py", "d", SYNTAX, [RESULT], [FACTS])
    cache.put("b.py", "d", SYNTAX, [], [])
    cache.save(["a.py"])
    assert list(json.loads(file.read_bytes())["files"]) == ["a.py"]


def test_facts_come_back(tmp_path: Path) -> None:
    cache = filled(tmp_path / "c.json")
    assert cache.facts("a.py", "d") == (FACTS,)
    assert cache.facts("a.py", "other bytes") is None
    assert cache.facts("b.py", "d") is None


def test_facts_that_hold_a_secret_are_not_kept(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c.json", "env")
    secret = FACTS._replace(holds_secret=True)
    cache.put("a.py", "d", SYNTAX, [RESULT], [FACTS, secret])
    # Nor does who asks for them alone drop what is known besides.
    cache.put_facts("a.py", "d", [secret])
    cache.save(["a.py"])
    cache = Cache(tmp_path / "c.json", "env")
    assert cache.facts("a.py", "d") is None
    assert cache.get("a.py", "d", SYNTAX) == (RESULT,)


def test_what_was_found_between_files_comes_back(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c.json", "env")
    key = NotebookKey("a.dbc", "b")
    cache.put_project("p", {key: [replace(FINDING, path="a.dbc", member="b")]}, {key: {(1, 2, 3)}})
    cache.put_names(key, "closure", [[1, 2]])
    cache.save(["a.dbc"])
    cache = Cache(tmp_path / "c.json", "env")
    assert cache.project("p") == (
        {key: [replace(FINDING, path="a.dbc", member="b")]},
        {key: frozenset({(1, 2, 3)})},
    )
    assert cache.project("other") is None
    assert cache.names(key, "closure") == [[1, 2]]
    assert cache.names(key, "other") is None
    assert cache.names(NotebookKey("a.dbc"), "closure") is None
