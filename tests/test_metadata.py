from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from pytest_dbxgate.checks.metadata import check as metadata
from pytest_dbxgate.codes import Check, Severity
from pytest_dbxgate.notebook import formats, ipynb, source
from pytest_dbxgate.notebook.model import Cell, Format, Language, Notebook, Problem
from pytest_dbxgate.settings import Policy, Settings
from support import ipynb as plain_ipynb
from support import source as plain_source


def python(text: str) -> Notebook:
    return source.read("etl/a.py", text.encode(), Language.PYTHON)


def test_a_clean_notebook() -> None:
    assert metadata.check(python(plain_source("x = 1")), Settings()) == []
    clean = ipynb.read("a.ipynb", plain_ipynb("x = 1").encode())
    assert metadata.check(clean, Settings()) == []


def test_every_part_is_asked() -> None:
    text = plain_source("x = 1", "").replace("source", "source ", 1)
    settings = Settings(policy=Policy(title_cell=True))
    found = metadata.check(python(text), settings)
    assert [item.code for item in found] == ["DBX103", "DBX220", "DBX230"]
    assert {item.check for item in found} == {Check.METADATA}


def test_defaults_of_the_rules_and_of_those_that_are_off() -> None:
    found = metadata.check(python(plain_source("x = 1", "", "y = 2")), Settings())
    assert [(item.code, item.severity) for item in found] == [("DBX221", Severity.WARNING)]


def test_a_problem_of_the_file_keeps_its_line() -> None:
    found = metadata.check(python("\nx = 1\n" + plain_source("y = 2")), Settings())
    assert [(item.code, item.line, item.cell) for item in found] == [("DBX104", 3, None)]


def with_problem(problem: Problem, margins: tuple[int, ...] = ()) -> Notebook:
    cell = Cell(1, Language.PYTHON, "a\nb\nc", "a\nb\nc", line=4, margins=margins, title="T")
    return Notebook(
        path="a.py",
        format=Format.SOURCE,
        language=Language.PYTHON,
        cells=(cell,),
        data=b"",
        digest="",
        problems=(problem,),
    )


def test_a_problem_inside_a_cell_gets_the_place_in_the_cell() -> None:
    problem = Problem("DBX131", "m", line=5, column=9, cell=1, hint="h")
    (found,) = metadata.check(with_problem(problem, margins=(0, 8, 0)), Settings())
    assert (found.cell, found.cell_line, found.cell_column) == (1, 2, 1)
    assert (found.cell_title, found.message, found.hint) == ("T", "m", "h")


def test_a_problem_beside_its_cell_keeps_the_place_in_the_file() -> None:
    problem = Problem("DBX132", "blanks follow the delimiter", line=2, column=3, cell=1)
    (found,) = metadata.check(with_problem(problem), Settings())
    assert (found.cell, found.line, found.column) == (None, 2, 3)
    assert found.message == "cell 1: blanks follow the delimiter"


def test_a_problem_of_an_ipynb_keeps_the_place_in_the_file() -> None:
    document = json.loads(plain_ipynb("x = 1"))
    del document["cells"][0]["outputs"]
    notebook = ipynb.read("a.ipynb", json.dumps(document, indent=1).encode())
    found = metadata.check(notebook, Settings())
    assert {item.code for item in found} == {"DBX112"}
    assert all(item.cell is None and item.line > 1 for item in found)


def test_a_damaged_cell_is_told_once() -> None:
    document = json.loads(plain_ipynb("x = 1"))
    document["cells"][0]["cell_type"] = "poem"
    notebook = ipynb.read("a.ipynb", json.dumps(document, indent=1).encode())
    (found,) = metadata.check(notebook, Settings())
    assert found.message == "cell 1: the cell's type is 'poem'; known: code, markdown, raw"


def test_an_unreadable_notebook(tmp_path: Path) -> None:
    file = tmp_path / "a.ipynb"
    file.write_bytes(b'{"cells": [')
    (notebook,) = formats.read(file, "etl/a.ipynb")
    assert metadata.check(notebook, Settings()) == []
    found = metadata.unreadable(notebook)
    assert (found.code, found.check, found.severity) == ("DBX110", Check.SYNTAX, Severity.ERROR)
    assert (found.path, found.line) == ("etl/a.ipynb", 1)
    assert found.hint


def test_what_cannot_be_read_is_a_syntax_error_whatever_its_rule() -> None:
    book = with_problem(Problem("DBX105", "no header", line=7, fatal=True))
    found = metadata.unreadable(book)
    assert (found.check, found.severity, found.line) == (Check.SYNTAX, Severity.ERROR, 7)


def test_a_damaged_command_of_an_archive_is_metadata() -> None:
    book = with_problem(Problem("DBX123", "the command holds no text", cell=1))
    (found,) = metadata.check(replace(book, format=Format.DBC, member="a"), Settings())
    assert (found.code, found.check) == ("DBX123", Check.METADATA)
    assert found.message == "cell 1: the command holds no text"
