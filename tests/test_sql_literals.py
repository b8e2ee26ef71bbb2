"""Literal SQL in Python cells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dbxgate.languages.sql import literals
from pytest_dbxgate.languages.sql.literals import SqlString


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('spark.sql("SELECT 1")', SqlString("SELECT 1", 1, 12, True)),
        ("df = sql('SELECT 1')", SqlString("SELECT 1", 1, 11, True)),
        ("sqlContext.sql(r'SELECT \\d')", SqlString("SELECT \\d", 1, 18, True)),
        ("self.spark.sql('x')", SqlString("x", 1, 17, True)),
        ("spark.sql(sqlQuery='x', args={})", SqlString("x", 1, 21, True)),
        ('é = spark.sql("x")', SqlString("x", 1, 16, True)),
        ('spark.sql("""\n  SELECT 1\n""")', SqlString("\n  SELECT 1\n", 1, 14, True)),
        ("spark.sql('a\\nb')", SqlString("a\nb", 1, 11, False)),
        ("spark.sql('a' 'b')", SqlString("ab", 1, 11, False)),
        ("spark.sql(\n  'a'\n  'b')", SqlString("ab", 2, 3, False)),
    ],
)
def test_found(code: str, expected: SqlString) -> None:
    assert list(literals.find(code)) == [expected]


@pytest.mark.parametrize(
    "code",
    [
        'spark.sql(f"SELECT {x}")',
        "spark.sql('SELECT {}'.format(x))",
        "spark.sql('SELECT %s' % x)",
        "spark.sql('SELECT ' + x)",
        "spark.sql(query)",
        "spark.sql()",
        "spark.sql(1)",
        "duckdb.sql('SELECT 1')",
        "# spark.sql('SELECT 1')",
        "%timeit spark.sql('SELECT 1')",
        "spark.sql('SELECT 1'",
        "spark.sql('\x00')",
    ],
)
def test_not_found(code: str) -> None:
    assert list(literals.find(code)) == []


def test_an_odd_escape_warns_nobody() -> None:
    assert list(literals.find("spark.sql('SELECT \\d')")) == [SqlString("SELECT \\d", 1, 12, True)]


def test_deep_nesting_is_passed_over() -> None:
    assert list(literals.find("spark.sql(" + "(" * 5000 + ")" * 5000 + ")")) == []


def test_places() -> None:
    exact = SqlString("a\nb", 4, 12, True)
    assert [exact.place(1, 1), exact.place(1, 3), exact.place(2, 3)] == [(4, 12), (4, 14), (5, 3)]
    assert SqlString("a\nb", 4, 12, False).place(2, 3) == (4, 12)


@given(st.text(alphabet="ab \n'\"é:;", max_size=20))
def test_every_character_is_where_the_map_says(text: str) -> None:
    if '"""' in text or text.endswith('"'):
        return
    code = f'x = 1\ny = spark.sql("""{text}""")\n'
    (string,) = literals.find(code)
    lines = code.split("\n")
    for number, line in enumerate(text.split("\n"), start=1):
        for column, character in enumerate(line, start=1):
            at_line, at_column = string.place(number, column)
            assert lines[at_line - 1][at_column - 1] == character
