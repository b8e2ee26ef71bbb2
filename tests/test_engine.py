"""The engine: each tool once, and a tool's failure kept to what it failed on."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from pytest_dbxgate.checks import engine
from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.python import syntax as python_syntax
from pytest_dbxgate.checks.result import State
from pytest_dbxgate.checks.sql import pool
from pytest_dbxgate.codes import Check
from pytest_dbxgate.errors import ToolError
from pytest_dbxgate.languages.python.tree import parse
from pytest_dbxgate.notebook import formats
from pytest_dbxgate.notebook.model import Notebook, NotebookKey
from pytest_dbxgate.settings import Settings
from support import source, write

PYTHON_CHECKS = (Check.SYNTAX, Check.LINT, Check.FORMAT)


def run(root: Path, files: dict[str, str | bytes]) -> engine.Answer:
    write(root, files)
    paths = [path for path in files if path.endswith((".py", ".sql"))]
    notebooks = [item for path in paths for item in formats.read(root / path, path)]
    return engine.run(
        engine.Request(
            root=root,
            notebooks=notebooks,
            checks={item.key: frozenset(Check) for item in notebooks},
            settings=lambda _: Settings(),
        )
    )


def test_a_tool_that_fails_over_one_folder_still_serves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = python_syntax.check

    def hang(
        notebooks: Sequence[Notebook], settings: Callable[[NotebookKey], Settings]
    ) -> list[Finding]:
        if any(item.path.startswith("odd/") for item in notebooks):
            raise ToolError("ruff", "did not end")
        return check(notebooks, settings)

    monkeypatch.setattr(python_syntax, "check", hang)
    files: dict[str, str | bytes] = {
        "odd/ruff.toml": "",
        "odd/a.py": source("x = 1"),
        "b.py": source("x = ("),
        "c.py": source("print(1 is 2)"),
    }
    answer = run(tmp_path, files)
    odd, broken, wrong = (answer.results[NotebookKey(f)] for f in ("odd/a.py", "b.py", "c.py"))
    assert answer.errors == {"ruff": "ruff: did not end"}
    assert dict(odd.failed_tools) == dict.fromkeys(PYTHON_CHECKS, "ruff")
    assert [odd.state(check) for check in PYTHON_CHECKS] == [State.SKIPPED] * 3
    assert broken.state(Check.SYNTAX) is State.FAILED
    assert [finding.code for finding in wrong.findings] == ["F632"]


def test_a_line_of_the_file_is_shown_as_an_editor_counts(tmp_path: Path) -> None:
    late = "# a\x0cb\u2028c\n# Databricks notebook source\n# COMMAND ----------\nx = 1\n"
    answer = run(tmp_path, {"a.py": late})
    (finding,) = answer.results[NotebookKey("a.py")].findings
    assert (finding.code, finding.line) == ("DBX104", 2)
    assert finding.excerpt == ("# a\x0cb\u2028c", "# Databricks notebook source")


def test_an_interrupt_ends_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(servers: object) -> None:
        assert threading.current_thread() is threading.main_thread(), "no interrupt gets here"
        raise KeyboardInterrupt

    monkeypatch.setattr(pool, "_watch", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, {"a.sql": source(*(f"SELECT {n}" for n in range(50)), suffix=".sql")})
    assert not [each for each in threading.enumerate() if each.name == "dbxgate-sql"]


def test_two_threads_leave_the_warnings_filters_alone() -> None:
    before = list(warnings.filters)

    def work() -> None:
        for _ in range(200):
            parse(r"'\d'")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert warnings.filters == before
