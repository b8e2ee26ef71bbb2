from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_dbxgate.reporting.diff import cells, unified


def test_unified_diff() -> None:
    assert unified("etl/a.py", "a\nb\nc\n", "a\nB\nc\n") == (
        "--- etl/a.py\n+++ etl/a.py\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"
    )


def test_no_change_is_no_diff() -> None:
    assert unified("a.py", "a\n", "a\n") == ""
    assert cells("a.ipynb", {1: ("a", "a")}) == ""


def test_missing_newline_at_the_end() -> None:
    assert unified("a.py", "a\nb", "a\nb\n") == (
        "--- a.py\n+++ a.py\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n"
    )
    assert unified("a.py", "a", "b") == (
        "--- a.py\n+++ a.py\n@@ -1 +1 @@\n"
        "-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n"
    )


def test_colour() -> None:
    assert unified("a.py", "a\nb\n", "a\nc\n", color=True) == (
        "\x1b[1m--- a.py\x1b[0m\n\x1b[1m+++ a.py\x1b[0m\n\x1b[36m@@ -1,2 +1,2 @@\x1b[0m\n"
        " a\n\x1b[31m-b\x1b[0m\n\x1b[32m+c\x1b[0m\n"
    )


def test_line_ends_of_windows_are_nothing_to_see() -> None:
    assert unified("a.py", "x\r\ny\r\n", "x\r\nz\r\n") == (
        "--- a.py\n+++ a.py\n@@ -1,2 +1,2 @@\n x\n-y\n+z\n"
    )


def test_line_ends_and_control_characters_are_visible() -> None:
    assert unified("a\n.py", "x\r\n\x1b[0m\x0c\n", "x\n##vso[y]\n") == (
        "--- a\\n.py\n+++ a\\n.py\n@@ -1,2 +1,2 @@\n-x\\x0d\n-\\x1b[0m\\x0c\n+x\n+##vso\\[y]\n"
    )


def test_removed_lines_that_look_like_headers() -> None:
    assert unified("a.sql", "-- x\n", "++ y\n", color=True).splitlines()[3:] == [
        "\x1b[31m--- x\x1b[0m",
        "\x1b[32m+++ y\x1b[0m",
    ]


def test_long_lines_are_cut() -> None:
    assert unified("a.py", "", "x" * 83_338 + "\n").splitlines()[-1] == (
        "+" + "x" * 1999 + "… (81339 more characters)"
    )


def test_cells_of_a_notebook() -> None:
    changes = {5: ("x=1", "x = 1"), 2: ("a\nb", "a\nB\n")}
    assert cells("a.ipynb", changes) == (
        "--- a.ipynb cell 2\n+++ a.ipynb cell 2\n@@ -1,2 +1,2 @@\n a\n-b\n"
        "\\ No newline at end of cell\n+B\n"
        "--- a.ipynb cell 5\n+++ a.ipynb cell 5\n@@ -1 +1 @@\n-x=1\n+x = 1\n"
    )


TEXTS = st.text(st.sampled_from("ab\n"), max_size=30)


@given(TEXTS, TEXTS)
def test_a_diff_ends_in_a_newline_and_is_empty_only_for_equal_texts(
    before: str, after: str
) -> None:
    shown = unified("a.py", before, after)
    assert (shown == "") == (before == after)
    assert shown == "" or shown.endswith("\n")
