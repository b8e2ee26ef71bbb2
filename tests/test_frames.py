from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.codes import Check, Severity
from pytest_dbxgate.reporting.frames import frame, item_report
from pytest_dbxgate.reporting.summary import FIRST_RUN_HINT, by_code
from pytest_dbxgate.reporting.text import columns

UNDEFINED = Finding(
    path="notebooks/etl/01_ingest.py",
    check=Check.LINT,
    code="F821",
    message="undefined name `df`",
    hint="assign it in an earlier cell",
    language="python",
    cell=3,
    cell_title="Load bronze",
    cell_line=2,
    cell_column=5,
    cell_end_line=2,
    cell_end_column=7,
    line=14,
    column=5,
    end_line=14,
    end_column=7,
    excerpt=("x = 1", "y = df.count()"),
)


def shown(expected: str) -> str:
    return expected.strip("\n")


def test_finding_in_a_source_notebook() -> None:
    assert frame(UNDEFINED) == shown("""
notebooks/etl/01_ingest.py:14:5 F821 undefined name `df`
  cell 3 "Load bronze" (python), line 2
   13 | x = 1
   14 | y = df.count()
      |     ^^
  help: assign it in an earlier cell
""")


def test_line_numbers_of_different_length_are_aligned() -> None:
    assert frame(replace(UNDEFINED, line=10, hint="", cell_title=None)) == shown("""
notebooks/etl/01_ingest.py:10:5 F821 undefined name `df`
  cell 3 (python), line 2
    9 | x = 1
   10 | y = df.count()
      |     ^^
""")


def test_magic_lines_count_columns_of_the_file_in_the_head_only() -> None:
    finding = replace(UNDEFINED, column=13, hint="")
    assert frame(finding).splitlines()[0].startswith("notebooks/etl/01_ingest.py:14:13 F821")
    assert frame(finding).splitlines()[-1] == "      |     ^^"


def test_ipynb_counts_lines_in_the_cell() -> None:
    finding = replace(UNDEFINED, path="a.ipynb", line=211, column=30, hint="")
    assert frame(finding) == shown("""
a.ipynb:cell 3:2:5 F821 undefined name `df`
  cell 3 "Load bronze" (python), line 2
   1 | x = 1
   2 | y = df.count()
     |     ^^
""")


def test_dbc_names_its_member() -> None:
    finding = replace(UNDEFINED, path="archive.dbc", member="folder/name", line=2, hint="")
    assert frame(finding) == shown("""
archive.dbc::folder/name:cell 3:2:5 F821 undefined name `df`
  cell 3 "Load bronze" (python), line 2
   1 | x = 1
   2 | y = df.count()
     |     ^^
""")


def test_warning_about_a_file_as_a_whole() -> None:
    finding = Finding(
        path="a.py",
        check=Check.METADATA,
        code="DBX103",
        message="line 1 is almost the header",
        severity=Severity.WARNING,
        column=29,
        excerpt=("# Databricks notebook source ",),
    )
    assert frame(finding) == shown("""
a.py:1:29 DBX103 (warning) line 1 is almost the header
   1 | # Databricks notebook source
     |                             ^
""").replace("source\n", "source \n")


@pytest.mark.parametrize(
    ("path", "member", "expected"),
    [
        ("a.ipynb", None, "a.ipynb:7:3 DBX110 not JSON"),
        ("a.dbc", None, "a.dbc DBX110 not JSON"),
        ("a.dbc", "x/y", "a.dbc::x/y DBX110 not JSON"),
    ],
)
def test_findings_without_a_cell_or_lines(path: str, member: str | None, expected: str) -> None:
    finding = Finding(path, Check.SYNTAX, "DBX110", "not JSON", member=member, line=7, column=3)
    assert frame(finding) == expected


def test_caret_stands_below_wide_characters_and_tabs() -> None:
    finding = replace(
        UNDEFINED,
        excerpt=('\tx = "売上高"; y = df',),
        cell_column=17,
        cell_end_column=19,
        hint="",
        cell_title=None,
    )
    assert frame(finding).splitlines()[2:] == [
        '   14 |     x = "売上高"; y = df',
        "      |                       ^^",
    ]


def test_caret_below_wide_characters_is_as_wide() -> None:
    finding = replace(UNDEFINED, excerpt=("値 = 1",), cell_column=1, cell_end_column=2, hint="")
    assert frame(finding).splitlines()[-1] == "      | ^^"


def test_finding_over_several_lines_is_marked_to_the_end_of_its_first() -> None:
    finding = replace(UNDEFINED, cell_end_line=4, cell_end_column=2, hint="")
    assert frame(finding).splitlines()[-1] == "      |     ^^^^^^^^^^"


def test_position_after_the_end_of_the_line() -> None:
    finding = replace(
        UNDEFINED, excerpt=("ab",), cell_column=99, cell_end_line=None, cell_end_column=None
    )
    assert frame(finding).splitlines()[3] == "      |   ^"


def test_long_line_is_shown_round_the_caret() -> None:
    line = "a" * 40_000 + "HERE" + "b" * 43_334
    finding = replace(
        UNDEFINED,
        excerpt=("short", line),
        cell_column=40_001,
        cell_end_column=40_005,
        hint="",
    )
    assert frame(finding, width=48).splitlines()[2:] == [
        "   13 |",
        "   14 | …aaaaaaaaaaaaHEREbbbbbbbbbbbbbbbbbbbbbb…",
        "      |              ^^^^",
    ]
    assert len(frame(finding, width=10_000)) < 600


def test_what_a_notebook_says_is_made_harmless() -> None:
    finding = replace(
        UNDEFINED,
        path="a\x1b]0;b.py",
        message="bad\n##vso[task.complete result=Succeeded]",
        cell_title="\u202etitle",
        excerpt=("\x1b[2J##[section] df",),
        cell_column=17,
        cell_end_column=19,
        hint="first\nsecond",
    )
    assert frame(finding) == shown("""
a\\x1b]0;b.py:14:5 F821 bad ##vso\\[task.complete result=Succeeded]
  cell 3 "<U+202E>title" (python), line 2
   14 | \\x1b[2J##\\[section] df
      |                     ^^
  help: first
        second
""")


def test_colour() -> None:
    finding = replace(UNDEFINED, excerpt=("df",), cell_column=1, cell_end_column=3)
    assert frame(finding, color=True) == shown("""
\x1b[1mnotebooks/etl/01_ingest.py:14:5\x1b[0m \x1b[1;31mF821\x1b[0m undefined name `df`
  cell 3 "Load bronze" (python), line 2
\x1b[34m   14 |\x1b[0m df
\x1b[34m      |\x1b[0m \x1b[31m^^\x1b[0m
  \x1b[36mhelp:\x1b[0m assign it in an earlier cell
""")


@given(
    st.lists(st.text(max_size=200), max_size=2),
    st.integers(1, 300),
    st.integers(1, 300),
    st.integers(20, 120),
)
def test_any_position_in_any_line_gives_a_frame(
    excerpt: list[str], column: int, end: int, width: int
) -> None:
    finding = replace(
        UNDEFINED, excerpt=tuple(excerpt), cell_column=column, cell_end_column=end, hint=""
    )
    lines = frame(finding, width=width).splitlines()
    if excerpt:
        assert len(lines) == 3 + len(excerpt)
        assert lines[-1].strip(" |^") == ""
        assert "^" in lines[-1]
        assert len(lines[-1]) <= columns(lines[-2]) + len("      | ^ ")
    else:
        assert len(lines) == 2


def unformatted(cell: int) -> Finding:
    return Finding(
        "a.py", Check.FORMAT, "DBX150", "the cell is not formatted", cell=cell, language="python"
    )


def test_unformatted_cells_take_one_line() -> None:
    assert item_report([unformatted(7), unformatted(2), unformatted(5)]) == (
        "would reformat 3 cells (2, 5, 7): run pytest --dbx-gate --dbx-fix"
    )
    assert item_report([unformatted(4)]) == (
        "would reformat 1 cell (4): run pytest --dbx-gate --dbx-fix"
    )
    assert item_report([unformatted(cell) for cell in range(1, 31)]) == (
        "would reformat 30 cells (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, "
        "19, 20, ...): run pytest --dbx-gate --dbx-fix"
    )


def test_item_shows_errors_first_and_says_what_it_leaves_out() -> None:
    whole = Finding("a.py", Check.LINT, "F401", "`os` imported but unused")
    warning = replace(whole, code="W291", severity=Severity.WARNING)
    report = item_report([warning, warning, whole, whole, unformatted(2)], limit=3)
    assert report == shown("""
would reformat 1 cell (2): run pytest --dbx-gate --dbx-fix

a.py:1:1 F401 `os` imported but unused

a.py:1:1 F401 `os` imported but unused

a.py:1:1 W291 (warning) `os` imported but unused

... and 1 more; --dbx-json FILE lists all
""")


def test_item_without_findings() -> None:
    assert item_report([]) == ""


def test_summary_by_code() -> None:
    findings = [
        *(replace(UNDEFINED, message=f"undefined name `{name}`") for name in "abcdefghijkl"),
        *(Finding("a.py", Check.LINT, "F401", f"`{name}` imported but unused") for name in "ab"),
        unformatted(1),
        unformatted(2),
        Finding("a.sql", Check.FORMAT, "LT01", "Unexpected\x1b blank", severity=Severity.WARNING),
        Finding("a.py", Check.LINT, "F401", "x", severity=Severity.WARNING),
    ]
    assert by_code(findings) == [
        "  12  F821    error    undefined name",
        "   2  DBX150  error    the cell is not formatted",
        "   2  F401    error    imported but unused",
        "   1  F401    warning  x",
        "   1  LT01    warning  Unexpected\\x1b blank",
    ]


def test_summary_keeps_a_message_that_is_always_the_same() -> None:
    assert by_code([UNDEFINED, UNDEFINED]) == ["   2  F821  error    undefined name `df`"]


def test_summary_of_nothing() -> None:
    assert by_code([]) == []


def test_advice_after_a_red_first_run() -> None:
    assert FIRST_RUN_HINT == (
        "--dbx-write-baseline FILE records today's findings so that only new ones fail"
    )
