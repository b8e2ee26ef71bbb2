"""Decisions about statements that need no engine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dbxgate.execution.sql import Adapted, Kind, adapt, bound, setting_limit, split

COLUMNS = [("id", "int"), ("shop", "string")]


def test_connect_takes_every_statement() -> None:
    for statement in ("OPTIMIZE t", "SELECT * EXCEPT (a) FROM t", "SELEC"):
        assert adapt(statement, engine="connect") == Adapted(Kind.ACCEPT, statement)


def test_a_cell_is_split_as_databricks_splits_it() -> None:
    cell = "SELECT ';' AS a; -- c;d\nBEGIN DECLARE x INT; SET x = 1; END;\n/* ; */ OPTIMIZE t"
    assert [statement.text for statement in split(cell)] == [
        "SELECT ';' AS a",
        "BEGIN DECLARE x INT; SET x = 1; END",
        "OPTIMIZE t",
    ]


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        (
            "SELECT * EXCEPT (id) -- all but the key\nFROM t WHERE a = '* EXCEPT (b)'",
            "SELECT `shop` -- all but the key\nFROM t WHERE a = '* EXCEPT (b)'",
        ),
        ("select t . * except(`ID`) from s.t", "select t .`shop` from s.t"),
        ("SELECT 2 * (3) FROM a EXCEPT (SELECT 1)", "SELECT 2 * (3) FROM a EXCEPT (SELECT 1)"),
        ("SELECT shop FROM t GROUP BY ALL, 1", "SELECT shop FROM t GROUP BY ALL, 1"),
        (
            "SELECT a IS DISTINCT FROM b AS c, count(*) FROM t GROUP BY ALL",
            "SELECT a IS DISTINCT FROM b AS c, count(*) FROM t GROUP BY 1",
        ),
        (
            "SELECT extract(YEAR FROM d) AS y, (SELECT max(x) FROM u) AS m FROM t GROUP BY ALL",
            "SELECT extract(YEAR FROM d) AS y, (SELECT max(x) FROM u) AS m FROM t GROUP BY 1, 2",
        ),
        ("SELECT id, shop FROM t ORDER BY ALL DESC NULLS LAST",
         "SELECT id, shop FROM t ORDER BY 1 DESC NULLS LAST, 2 DESC NULLS LAST"),
        ("SELECT a AS a, f(a) AS b, b + 1 FROM t", "SELECT a AS a, f(a) AS b, (f(a)) + 1 FROM t"),
        ("SELECT a AS b, b AS a, b + a FROM t", "SELECT a AS b, (a) AS a, (a) + a FROM t"),
        ("SELECT 1 AS b, (SELECT b FROM u), x -> b", "SELECT 1 AS b, (SELECT b FROM u), x -> b"),
        ("TRUNCATE TABLE `a b`.t -- now", "DELETE FROM `a b`.t"),
        ("SELECT * FROM a.b@v12 JOIN c", "SELECT * FROM a.b VERSION AS OF 12 JOIN c"),
    ],
)  # fmt: skip
def test_only_the_piece_is_replaced(statement: str, text: str) -> None:
    adapted = adapt(statement, engine="sail", columns=lambda query: COLUMNS)
    assert adapted.text == text
    assert adapted.kind is (Kind.ACCEPT if text == statement else Kind.REWRITE)


def test_the_columns_are_asked_of_the_relation_with_what_it_may_name() -> None:
    asked: list[str] = []

    def columns(query: str) -> list[tuple[str, str]]:
        asked.append(query)
        return COLUMNS

    statement = "WITH a AS (SELECT 1 AS id), b AS (SELECT * EXCEPT (id) FROM a WHERE x) SELECT 1"
    adapt(statement, engine="sail", columns=columns)
    assert asked == ["WITH a AS (SELECT 1 AS id) SELECT * FROM a"]


def test_without_the_columns_a_star_stays() -> None:
    adapted = adapt("SELECT * EXCEPT (id) FROM t", engine="sail")
    assert adapted == Adapted(
        Kind.CANNOT,
        notice="Sail cannot do this: a star over a table whose columns are not known",
    )


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("CREATE TABLE x AS SELECT :a, ':a'", "CREATE TABLE x AS SELECT 'it\\'s', ':a'"),
        ("SELECT * FROM IDENTIFIER(:t || '.s')", "SELECT * FROM `main`.`s`"),
        ("SELECT * FROM IDENTIFIER(:missing)", "SELECT * FROM IDENTIFIER(:missing)"),
        ("SELECT a:a, b::int, :missing", "SELECT a:a, b::int, :missing"),
        ("SELECT * FROM IDENTIFIER(:sneaky)", "SELECT * FROM IDENTIFIER('t; DROP TABLE u')"),
    ],
)  # fmt: skip
def test_values_become_literals(statement: str, expected: str) -> None:
    values = {"a": "it's", "t": "main", "sneaky": "t; DROP TABLE u"}
    assert bound(statement, values) == expected


def test_settings_that_change_rows() -> None:
    assert setting_limit("spark.sql.shuffle.partitions", "8") == ""
    assert setting_limit("spark.sql.caseSensitive", "FALSE") == ""
    assert setting_limit("spark.sql.legacy.x", "1") == (
        "Sail does not know the setting spark.sql.legacy.x, which may change rows"
    )


_PIECES = (
    "SELECT * EXCEPT ( ) , FROM GROUP BY ALL ORDER QUALIFY WITH AS a b `c` 'd' PIVOT FOR IN @ v1 "
    "CREATE OR REPLACE TABLE CLUSTER PRIMARY KEY ALTER ADD COLUMN SET = -- ; [ ] < > NOT NULL "
    "REFERENCES CONSTRAINT USE . CATALOG OPTIMIZE COMMENT ON INTO VALUES UNION"
)
PIECES = st.sampled_from(_PIECES.split())


@pytest.mark.parametrize("engine", ["sail", "pyspark"])
@given(st.lists(PIECES, max_size=25))
def test_no_text_breaks_it(engine: str, pieces: list[str]) -> None:
    adapted = adapt(" ".join(pieces), engine=engine, columns=lambda query: COLUMNS)
    assert adapted.notice or adapted.kind is not Kind.CANNOT
