from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dbxgate.reporting.text import clean, columns, cut, escape_json, paint, window_start

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text, nothing to do", "plain text, nothing to do"),
        ("größer 漢字 ✓", "größer 漢字 ✓"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("a\x00b\x07c\x7fd", "a\\x00b\\x07c\\x7fd"),
        ("\x9b31m one byte CSI", "\\x9b31m one byte CSI"),
        ("back\rover", "back\\x0dover"),
        ("a\nb\r\nc", "a\\nb\\nc"),
        ("tab\tkept", "tab\tkept"),
        ("user\u202egpj.exe", "user<U+202E>gpj.exe"),
        ("a\u2066b\u2069", "a<U+2066>b<U+2069>"),
        ("zero\u200bwidth\ufeff", "zero<U+200B>width<U+FEFF>"),
        ("line\u2028separator", "line<U+2028>separator"),
        ("lone \ud800 surrogate", "lone <U+D800> surrogate"),
        ("tag \U000e0041", "tag <U+E0041>"),
        ("family \U0001f469\u200d\U0001f467", "family \U0001f469\u200d\U0001f467"),
    ],
)
def test_what_a_terminal_would_act_on_is_made_visible(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("##vso[task.setvariable variable=x]y", "##vso\\[task.setvariable variable=x]y"),
        ("x = 1  # ##VSO[task.complete]", "x = 1  # ##VSO\\[task.complete]"),
        ("##[error]spoofed", "##\\[error]spoofed"),
        ("###[group]", "###\\[group]"),
        ("##v\u00adso[task]", "##v<U+00AD>so[task]"),
        ("##vso\n[task]", "##vso\\n[task]"),
        ("## [link](x)", "## [link](x)"),
    ],
)
def test_logging_commands_of_a_pipeline_are_defused(text: str, expected: str) -> None:
    assert clean(text) == expected


def test_newlines_tabs_and_length_are_the_callers_choice() -> None:
    assert clean("a\r\nb\nc", newline=" ") == "a b c"
    assert clean("a\nb", newline="\n") == "a\nb"
    assert clean("\tx", tab="    ") == "    x"
    assert clean("x" * 301, limit=300) == "x" * 299 + "…"
    assert clean("x" * 300, limit=300) == "x" * 300


def test_joining_by_an_empty_newline_makes_no_command() -> None:
    assert clean("##\nvso[x]", newline="") == "##vso\\[x]"


@given(ANY_TEXT)
def test_cleaned_text_is_inert_and_stays_so(text: str) -> None:
    cleaned = clean(text)
    assert not re.search(r"##(vso)?\[", cleaned, re.IGNORECASE)
    assert not re.search("[\x00-\x08\x0a-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", cleaned)
    assert clean(cleaned) == cleaned
    cleaned.encode("utf-8")


@given(st.lists(ANY_TEXT | st.sampled_from(["##vso[x]", "##[error]", "\x1b[0m", "\ud800"])))
def test_json_is_escaped_without_loss(texts: list[str]) -> None:
    document = escape_json(json.dumps(texts, ensure_ascii=False))
    assert [text.encode("utf-16", "surrogatepass") for text in json.loads(document)] == [
        text.encode("utf-16", "surrogatepass") for text in texts
    ]
    assert clean(document, newline="\n") == document
    document.encode("utf-8")


def test_json_escapes_are_exactly_these() -> None:
    document = json.dumps("##vso[a]\u202e\U000e0041", ensure_ascii=False)
    assert escape_json(document) == '"##vso\\u005ba]\\u202e\\udb40\\udc41"'


@pytest.mark.parametrize(
    ("length", "column", "start"),
    [(300, 300, 0), (1000, 1, 0), (1000, 101, 0), (1000, 500, 399), (1000, 1001, 700)],
)
def test_window_holds_the_column(length: int, column: int, start: int) -> None:
    assert window_start(length, column, 300) == start


def test_cut_marks_what_is_left_out() -> None:
    assert cut("abcdefghij", 0, 10) == "abcdefghij"
    assert cut("abcdefghij", 0, 5) == "abcd…"
    assert cut("abcdefghij", 3, 5) == "…efg…"
    assert cut("abcdefghij", 5, 5) == "…ghij"
    assert cut("abc", 5, 5) == ""


def test_columns_of_wide_and_combining_characters() -> None:
    assert columns("abc") == 3
    assert columns("漢字") == 4
    assert columns("e\u0301") == 1
    assert columns("\U0001f600") == 2


def test_paint() -> None:
    assert paint("x", "bold", "red", color=True) == "\x1b[1;31mx\x1b[0m"
    assert paint("x", "bold", color=False) == "x"
    assert paint("", "bold", color=True) == ""
