from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_dbxgate import programs
from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.grammar import check as grammar
from pytest_dbxgate.checks.grammar import rscript, scala
from pytest_dbxgate.checks.grammar.parsing import Mistake, Unparsed, Verdict
from pytest_dbxgate.codes import Check, Severity
from pytest_dbxgate.notebook import source as reader
from pytest_dbxgate.notebook.model import Language, Notebook
from support import source

needs_scala = pytest.mark.skipif(
    isinstance(scala.parse([""]), Unparsed), reason="the extra languages is not installed"
)
needs_r = pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")


def notebook(*cells: str, suffix: str = ".scala") -> Notebook:
    language = {".scala": Language.SCALA, ".r": Language.R, ".py": Language.PYTHON}[suffix]
    return reader.read(f"etl/a{suffix}", source(*cells, suffix=suffix).encode(), language)


def check(*notebooks: Notebook) -> list[Finding]:
    return grammar.check(notebooks)


def one(code: str) -> Verdict:
    verdicts = scala.parse([code])
    assert isinstance(verdicts, list)
    return verdicts[0]


@needs_scala
class TestScala:
    @pytest.mark.parametrize(
        "code",
        [
            "val x = 1\ndef f(n: Int): Int = n * 2\nf(x)",
            'import org.apache.spark.sql.functions._\ndf.select(\'a % 100 as("b"))',
            'spark.read\n  .table("a")\n  .groupBy($"b")\n  .count()',
            "package com.example\ncase class Order(id: Long, note: Option[String] = None)",
            'spark.sql(s"""SELECT * FROM ${schema}.orders""")',
            "x match {\n  case Some(n) if n > 0 => n\n  case _ => 0\n}",
            "/* a comment\n%sh ls\n*/",
        ],
    )
    def test_legal_cells(self, code: str) -> None:
        assert one(code) is None

    @pytest.mark.parametrize(
        "code",
        [r'val x = raw"\"', r'f(raw"C:\", raw"a\\")', r'raw"""\"""', r'raw"\d+" + 1'],
    )
    def test_a_backslash_ends_no_raw_string(self, code: str) -> None:
        assert one(code) is None

    def test_a_mistake_beside_such_a_string_is_found(self) -> None:
        assert one('val x = raw"\\"\nval y = (') == Mistake("unexpected end of the cell", 2, 10)

    @pytest.mark.parametrize(
        ("code", "line", "column", "message"),
        [
            ("val a = 1\nval b = )", 2, 9, "unexpected ')'"),
            ("val a = f(1,\n// why\nval b = 2", 3, 1, "unexpected 'val'"),
            ("def f(x: Int) = {\n  x", 2, 4, "unexpected end of the cell"),
            ("val spark: SparkSession = ...", 1, 27, "unexpected '...'"),
            ("# a comment of another language\nval x = 1", 1, 1, "unexpected '#'"),
            ("people.", 1, 8, "unexpected end of the cell"),
            ('spark.sql(s"""\n  SELECT 1\n', 1, 12, "the string is not closed"),
            ('val s = "abc\nval x = 1', 1, 9, "the string is not closed"),
            ('val é = "é\U0001f600" + (1', 1, 18, "unexpected end of the cell"),
        ],
    )
    def test_mistakes(self, code: str, line: int, column: int, message: str) -> None:
        assert one(code) == Mistake(message, line, column)

    def test_without_a_log_the_error_node_tells_the_place(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(scala, "_reached", lambda *_: None)
        assert one("val a = 1\nval b = )") == Mistake("unexpected 'val'", 2, 1)
        assert one("f(1") == Mistake("unexpected end of the cell", 1, 4)

    def test_deep_nesting_is_survived(self) -> None:
        assert one("(" * 50_000 + ")" * 50_000) is None
        assert isinstance(one("{" * 50_000), Mistake)

    def test_a_parser_that_takes_too_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(scala, "SECONDS", -1.0)
        code = "a b ) c " * 20_000
        verdicts = scala.parse([code, "val x = 1\n"])
        assert isinstance(verdicts, list)
        assert verdicts[0] == Unparsed("the parser took longer than -1 s")

    @settings(max_examples=50, deadline=None)
    @given(
        st.lists(
            st.sampled_from(
                [
                    "val",
                    "x",
                    "=",
                    "(",
                    ")",
                    "{",
                    "}",
                    '"',
                    "'",
                    'raw"\\"',
                    "/*",
                    "*/",
                    "é",
                    "\n",
                    "=>",
                    "[",
                ]
            )
        )
    )
    def test_any_code_is_survived(self, words: list[str]) -> None:
        code = " ".join(words)
        verdict = one(code)
        if isinstance(verdict, Mistake):
            lines = code.split("\n")
            assert 1 <= verdict.line <= len(lines)
            assert 1 <= verdict.column <= len(lines[verdict.line - 1]) + 1

    def test_findings(self) -> None:
        (found,) = check(notebook("val x = 1", "// DBTITLE 1,Broken\nval y = )", ""))
        assert (found.code, found.check, found.severity) == (
            "DBX165",
            Check.SYNTAX,
            Severity.ERROR,
        )
        assert (found.cell, found.cell_title, found.language) == (2, "Broken", "scala")
        assert (found.cell_line, found.cell_column) == (1, 9)
        assert found.message == "unexpected ')'"

    def test_a_cell_of_another_notebook(self) -> None:
        book = notebook("x = 1", "# MAGIC %scala\n# MAGIC val y = )", suffix=".py")
        (found,) = check(book)
        assert (found.cell, found.cell_line, found.cell_column) == (2, 2, 9)


def without_tree_sitter(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tree_sitter", "tree_sitter_scala"):
        monkeypatch.setitem(sys.modules, name, None)


class TestNotInstalled:
    def test_one_finding_a_notebook_names_its_cells(self, monkeypatch: pytest.MonkeyPatch) -> None:
        without_tree_sitter(monkeypatch)
        cells = ("// MAGIC %md text", "val x = 1", "", "val y = )")
        (found,) = check(notebook(*cells))
        assert found.message == "cells 2 and 4: Scala is not checked: no grammar is installed"
        assert 'pip install "pytest-dbxgate[languages]"' in found.hint
        assert (found.code, found.severity) == ("DBX170", Severity.WARNING)
        assert (found.cell, found.language) == (2, "scala")

    def test_packages_that_do_not_fit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Broken:
            def __getattr__(self, name: str) -> Any:
                raise ValueError("Incompatible Language version 99")

        monkeypatch.setitem(sys.modules, "tree_sitter", Broken())  # type: ignore[arg-type]
        verdict = scala.parse(["val x = 1"])
        assert isinstance(verdict, Unparsed)
        assert verdict.reason == "the grammar cannot be loaded: Incompatible Language version 99"

    def test_no_r(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(programs, "find", lambda _: None)
        (found,) = check(notebook("x <- 1", suffix=".r"))
        assert found.message == "cell 1: R is not checked: Rscript is not on the PATH"
        assert (found.code, found.language) == ("DBX170", "r")

    def test_nothing_to_check_asks_nobody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(_: Sequence[str]) -> Any:
            raise AssertionError

        parsers = {
            language: (name, code, fail) for language, (name, code, _) in grammar._PARSERS.items()
        }
        monkeypatch.setattr(grammar, "_PARSERS", parsers)
        assert check(notebook("x = 1", "# MAGIC %scala\n# MAGIC ", suffix=".py")) == []


def answers(monkeypatch: pytest.MonkeyPatch, *lines: str, failure: str = "") -> None:
    """Let R answer with these lines."""
    text = "\n".join(("version 4.4.1", *lines, ""))
    monkeypatch.setattr(programs, "find", lambda _: "Rscript")
    monkeypatch.setattr(rscript, "_run", lambda _program, _folder: (text, failure))


class TestRAnswers:
    @pytest.mark.parametrize(
        ("code", "answer", "verdict"),
        [
            ("x <- 1", "parses", None),
            ("x <- )", "<text>:1:6: unexpected ')'\x011: x <- )", (1, 6, "unexpected ')'")),
            ("\tx y", "<text>:1:11: unexpected symbol\x01", (1, 4, "unexpected symbol")),
            (
                "f(\n  1\n\n",
                "<text>:5:0: unexpected end of input",
                (2, 4, "unexpected end of the cell"),
            ),
            (
                'x <- "a',
                "<text>:1:6: unexpected INCOMPLETE_STRING",
                (1, 6, "unexpected end of the cell inside a string"),
            ),
            ("1 %in% %in%", "<text>:1:8: unexpected SPECIAL", (1, 8, "unexpected %operator%")),
            (
                "f(x, x)",
                "repeated formal argument 'x' on line 1",
                (1, 1, "repeated formal argument 'x'"),
            ),
            ("1 |> 2", "a call is required (<input>:1:6)", (1, 6, "a call is required")),
            ('"\\d"', "'\\d' is an unrecognized escape", (1, 1, "'\\d' is an unrecognized escape")),
        ],
    )
    def test_verdicts(
        self,
        monkeypatch: pytest.MonkeyPatch,
        code: str,
        answer: str,
        verdict: tuple[int, int, str] | None,
    ) -> None:
        answers(monkeypatch, f"00000000 {answer}", "end")
        wanted = None if verdict is None else Mistake(verdict[2], verdict[0], verdict[1])
        assert rscript.parse([code]) == [wanted]

    def test_a_limit_of_r_is_no_mistake(self, monkeypatch: pytest.MonkeyPatch) -> None:
        answers(monkeypatch, "00000000 contextstack overflow at line 1", "end")
        (found,) = check(notebook("((((", suffix=".r"))
        assert found.code == "DBX171"
        assert found.message == (
            "the R of this cell could not be checked: contextstack overflow at line 1"
        )

    def test_a_crash_in_the_middle(self, monkeypatch: pytest.MonkeyPatch) -> None:
        answers(monkeypatch, "00000000 parses", failure="R stopped with status 139")
        assert rscript.parse(["1", "2"]) == [None, Unparsed("R stopped with status 139")]

    def test_an_old_r(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(programs, "find", lambda _: "Rscript")
        monkeypatch.setattr(rscript, "_run", lambda *_: ("version 3.6.3 \n00000000 parses\n", ""))
        verdict = rscript.parse(["x"])
        assert isinstance(verdict, Unparsed)
        assert verdict.reason == "R 3.6.3 is older than 4.2"

    @settings(deadline=None)
    @given(st.text(max_size=40), st.text(max_size=60))
    def test_any_answer_is_survived(self, code: str, answer: str) -> None:
        verdict = rscript._verdict(code, answer)
        if isinstance(verdict, Mistake):
            assert verdict.line >= 1
            assert verdict.column >= 1


class TestRProcess:
    def test_a_program_that_cannot_be_started(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr(programs, "find", lambda _: str(tmp_path / "missing"))
        verdicts = rscript.parse(["x <- 1"])
        assert isinstance(verdicts, list)
        (verdict,) = verdicts
        assert isinstance(verdict, Unparsed)
        assert verdict.reason.startswith("Rscript cannot be started: ")

    def test_a_program_that_hangs_keeps_its_answers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def hang(command: Any, **options: Any) -> Any:
            assert options["timeout"] == rscript.SECONDS
            raise subprocess.TimeoutExpired(command, 60, b"version 4.4.1\r\n00000001 parses\r\n")

        monkeypatch.setattr(programs, "find", lambda _: "Rscript")
        monkeypatch.setattr(subprocess, "run", hang)
        assert rscript.parse(["1", "2"]) == [Unparsed("R took longer than 60 s"), None]

    def test_what_r_gets_to_see(self) -> None:
        full = {"PATH": "/bin", "DATABRICKS_TOKEN": "x", "R_PROFILE": "x", "LANG": "de_DE.UTF-8"}
        assert rscript._environment(full) == {
            "PATH": "/bin",
            "LANG": "de_DE.UTF-8",
            "LANGUAGE": "en",
            "R_DEFAULT_PACKAGES": "NULL",
        }
        assert rscript._environment({"LANG": "C"})["LC_ALL"] == "C.UTF-8"

    def test_a_program_of_the_repository_is_not_trusted(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(shutil, "which", lambda _: str(tmp_path / "Rscript"))
        assert programs.find("Rscript") is None

    @needs_r
    def test_the_real_r(self, tmp_path: Path) -> None:
        trace = tmp_path / "trace"
        codes = [
            "x <- c(1, 2) |> rev()",
            "f(\t\tx y)",
            "größe <- 1",
            "x <- (1 +",
            f'writeLines("ran", "{trace.as_posix()}")',
            "%md",
        ]
        assert rscript.parse(codes) == [
            None,
            Mistake("unexpected symbol", 1, 7),
            None,
            Mistake("unexpected end of the cell", 1, 10),
            None,
            Mistake("unexpected input", 1, 1),
        ]
        assert not trace.exists()
