"""Parameters of SQL: what is one, what stands in, and putting them back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dbxgate.languages.sql import parameters

SQL = st.lists(
    st.sampled_from(
        [
            ":p",
            "${p}",
            "${a.b}",
            "$p",
            "{{ p }}",
            "{p}",
            "?",
            "IDENTIFIER(:p ",
            "",
            " '.t')",
            "SELECT",
            "a",
            "::int",
            "'${x}'",
            "`:y`",
            "-- :c\n        ",
            "LIMIT",
            "LIKE",
            ",",
            "  ",
            "(",
            ")",
            "$$ ${z} $$",
            "é",
            "/* ? */",
            "a:b",
            "TIMESTAMP AS OF",
            "<",
            "STRUCT",
            "${-}",
        ]
    ),
    max_size=15,
).map("".join)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("WHERE a = :name", "WHERE a = _name"),
        ("FROM ${db}.t", "FROM __db_.t"),
        ("FROM ${a.b}", "FROM __a_b_"),
        ("FROM $db.t", "FROM _db.t"),
        ("FROM {{ t }}", "FROM ___t___"),
        ("FROM {t}", "FROM _t_"),
        ("FROM cat_${env}.s", "FROM cat___env_.s"),
        ("FROM ${a}${b}", "FROM __a___b_"),
        ("FROM IDENTIFIER(:c || '.t')", "FROM IDENTIFIER____________"),
        ("f(:a,:b)", "f(_a,_b)"),
        ("a=:b", "a=_b"),
        ("a = ?", "a = 1"),
        ("LIMIT :n", "LIMIT 11"),
        ("INTERVAL ${n} DAYS", "INTERVAL 1111 DAYS"),
        ("VERSION AS OF :v", "VERSION AS OF 11"),
        ("TIMESTAMP AS OF :ts", "TIMESTAMP AS OF '_'"),
        ("TABLESAMPLE (:n ROWS)", "TABLESAMPLE (11 ROWS)"),
        ("a LIKE :p", "a LIKE ''"),
        ("LOCATION ${path}", "LOCATION '_____'"),
        (":p::date", "_p::date"),
        ("${getArgument('x')}", "__getArgument__x___"),
    ],
)
def test_stand_ins(sql: str, expected: str) -> None:
    assert parameters.prepare(sql).text == expected
    assert len(expected) == len(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "a::int",
        "raw:field.sub",
        "raw :field",
        "f(x):field",
        "`a`:field",
        "items[0]:price",
        "CAST(x AS STRUCT<a:INT, b :STRING>)",
        "'${x} :y $z {{w}}'",
        '"it\'s :y"',
        r"'it\'s ${x}'",
        "delta.`/mnt/${x}`",
        "-- :a ${b}\nSELECT 1",
        "/* $a */ SELECT 1",
        "AS $$ return ${x} $$",
        "getArgument('p')",
        "date:year",
    ],
)
def test_left_alone(sql: str) -> None:
    assert parameters.prepare(sql) == parameters.Prepared(sql)


def test_messages_speak_of_the_parameter() -> None:
    prepared = parameters.prepare("SELECT * FROM ${db}.t")
    assert prepared.named("no table __db_.t") == "no table ${db}.t"


@given(SQL)
def test_positions_hold_and_parameters_come_back(sql: str) -> None:
    prepared = parameters.prepare(sql)
    assert len(prepared.text) == len(sql)
    assert [i for i, c in enumerate(prepared.text) if c == "\n"] == [
        i for i, c in enumerate(sql) if c == "\n"
    ]
    assert parameters.restore(prepared, prepared.text) == sql


def test_restoring_after_a_new_layout() -> None:
    prepared = parameters.prepare("SELECT  {{ a }},b FROM ${db}.t\n WHERE x=:n")
    laid_out = prepared.text.replace("  ", " ").replace(",", ",\n    ").replace("=", " = ")
    assert (
        parameters.restore(prepared, laid_out)
        == "SELECT {{ a }},\n    b FROM ${db}.t\n WHERE x = :n"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("SELECT a b", "SELECT ab"),
        ("SELECT 'a  b'", "SELECT 'a b'"),
        ("SELECT a -- x\n, b", "SELECT a, b -- x\n"),
        ("SELECT a -- x\n + b", "SELECT a -- x + b"),
        ("SELECT a > = b", "SELECT a >= b"),
        ("SELECT a", "SELECT A"),
        ("SELECT :ab", "SELECT _ ab"),
    ],
)
def test_more_than_layout_is_refused(before: str, after: str) -> None:
    assert parameters.restore(parameters.prepare(before), after) is None
