"""Splitting SQL into statements and tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dbxgate.languages.sql import lexing

PIECES = st.lists(
    st.sampled_from(
        ["SELECT 1", ";", "'", '"', "`", "--", "/*", "*/", "$$", "\n", "\\", "BEGIN", "END", "r'"]
    ),
    max_size=12,
).map(" ".join)


def texts(sql: str) -> list[str]:
    return [statement.text for statement in lexing.statements(sql)]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1; SELECT 2", ["SELECT 1", "SELECT 2"]),
        ("SELECT ';' ; -- a; b\nSELECT \";\"", ["SELECT ';'", 'SELECT ";"']),
        ("/* ; */ SELECT `a;b`;", ["SELECT `a;b`"]),
        (r"SELECT 'it\'s; so'; SELECT 2", [r"SELECT 'it\'s; so'", "SELECT 2"]),
        (r"SELECT r'\'; SELECT 2", [r"SELECT r'\'", "SELECT 2"]),
        ("AS $$ a; b $$; SELECT 2", ["AS $$ a; b $$", "SELECT 2"]),
        (";;", []),
        ("-- nothing\n", []),
        ("SELECT 'open; SELECT 2", ["SELECT 'open; SELECT 2"]),
    ],
)
def test_statements(sql: str, expected: list[str]) -> None:
    assert texts(sql) == expected


@pytest.mark.parametrize(
    "script",
    [
        "BEGIN SELECT 1; SELECT CASE WHEN a THEN b END; END",
        "BEGIN IF a THEN SELECT 1; END IF; WHILE a DO SET b = 1; END WHILE; END",
        "BEGIN BEGIN SELECT 1; END; FOR r AS SELECT 1 DO SELECT 2; END FOR; END",
        "main: BEGIN CASE a WHEN 1 THEN SELECT 1; END CASE; END main",
        "CREATE OR REPLACE PROCEDURE p() LANGUAGE SQL AS BEGIN SELECT 1; END",
    ],
)
def test_a_script_is_one_statement(script: str) -> None:
    assert texts(f"{script};\nSELECT 2") == [script, "SELECT 2"]


def test_a_transaction_is_not_a_script() -> None:
    assert texts("BEGIN TRANSACTION; DELETE FROM t; COMMIT") == [
        "BEGIN TRANSACTION",
        "DELETE FROM t",
        "COMMIT",
    ]


@given(PIECES)
def test_statements_stand_where_they_say(sql: str) -> None:
    end = 0
    for statement in lexing.statements(sql):
        assert sql[statement.start :].startswith(statement.text)
        assert statement.start >= end
        end = statement.start + len(statement.text)


@given(PIECES)
def test_tokens_leave_out_blanks_only(sql: str) -> None:
    joined = "".join(token.text for token in lexing.tokens(sql))
    assert "".join(joined.split()) == "".join(sql.split())


def test_place_and_offset_are_inverse() -> None:
    text = "a\nbc\n\nd"
    for offset in range(len(text) + 1):
        assert lexing.offset(text, *lexing.place(text, offset)) == offset
    assert lexing.offset(text, 9, 1) == len(text)


def test_blanked_keeps_lines() -> None:
    assert lexing.blanked("ab\ncd\nef", 1, 4) == "a \n  \nef"
