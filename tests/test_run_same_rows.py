"""The transformations of ``sample_notebooks`` give the same rows on Sail and on Apache Spark.

Their queries, without the Delta commands around them, over a few rows given here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Any

import pytest

import apache_spark
from pytest_dbxgate.execution.engines import ENGINES
from pytest_dbxgate.execution.sql import adapt, split
from pytest_dbxgate.notebook import formats
from pytest_dbxgate.notebook.model import Language
from spark_client import connect

pytest.importorskip("pysail", reason="pysail is not installed")

SAMPLES = Path(__file__).resolve().parent.parent / "sample_notebooks"

TABLES = {
    "bronze_orders": """
        SELECT
            CAST(order_id AS BIGINT) AS order_id,
            CAST(customer_id AS BIGINT) AS customer_id,
            product_id,
            quantity,
            CAST(unit_price AS DECIMAL(10, 2)) AS unit_price,
            CAST(order_date AS DATE) AS order_date,
            shop,
            CAST(ingested AS TIMESTAMP) AS _ingested_at
        FROM VALUES
            (1, 10, 'P-100', 2, '12.50', '2024-06-01', 'north', '2024-06-01 10:00:00'),
            (1, 10, 'P-100', 3, '12.50', '2024-06-01', 'north', '2024-06-01 11:00:00'),
            (2, 11, 'P-200', 1, '89.00', '2024-06-01', 'south', '2024-06-01 10:00:00'),
            (3, 10, 'P-999', 7, '0.333', '2024-06-02', NULL, '2024-06-02 10:00:00'),
            (4, 12, 'P-300', NULL, '3.20', '2024-06-02', 'north', '2024-06-02 10:00:00'),
            (5, NULL, NULL, 1, '24.00', '2024-06-03', 'north', '2024-06-03 10:00:00')
            AS orders (
                order_id, customer_id, product_id, quantity, unit_price, order_date, shop, ingested
            )
    """,
    "bronze_customers": """
        SELECT
            CAST(customer_id AS BIGINT) AS customer_id,
            email,
            country,
            CAST(updated AS TIMESTAMP) AS updated_at
        FROM VALUES
            (10, 'Ada@Example.com', 'GB', '2024-01-01 00:00:00'),
            (10, 'ada@example.org', 'FR', '2024-05-01 00:00:00'),
            (11, 'bob@example.com', 'DE', '2024-01-01 00:00:00'),
            (13, NULL, 'DE', '2024-01-01 00:00:00')
            AS customers (customer_id, email, country, updated)
    """,
}
"""Views of a name each, for the tables ``main.retail_LAYER.NAME``."""


@pytest.fixture(scope="module")
def sail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    server = ENGINES["sail"].start(tmp_path_factory.mktemp("sail"), ("main",))
    session = connect(server.remote)
    session.conf.set("spark.sql.session.timeZone", "UTC")
    yield session
    session.stop()
    server.stop()


def _cells(notebook: str) -> list[str]:
    (read,) = formats.read(SAMPLES / notebook, notebook)
    return [
        statement.text
        for cell in read.cells
        if cell.language is Language.SQL
        for statement in split(cell.code)
    ]


def _query(statement: str) -> str:
    """The query in a statement, over views instead of tables."""
    query = re.sub(r"^CREATE OR REPLACE .*?\bAS\s+(?=SELECT|WITH)", "", statement, flags=re.DOTALL)
    merged = re.match(r"MERGE INTO \S+ AS \w+\s+USING \((.*)\) AS \w+\s+ON ", query, re.DOTALL)
    return re.sub(r"\bmain\.retail_(\w+)\.", r"\1_", merged[1] if merged else query)


def _of(notebook: str, beginning: str) -> str:
    (statement,) = [each for each in _cells(notebook) if each.startswith(beginning)]
    return _query(statement)


def _views() -> dict[str, str]:
    """Name of a view -> its query, in the order in which they are made."""
    return {
        **TABLES,
        "bronze_products": _of("bronze/03_ingest_products.sql", "CREATE OR REPLACE TABLE"),
        "silver_orders": _of("silver/10_orders.sql", "MERGE"),
        "silver_customers": """
            SELECT
                customer_id,
                country,
                updated_at,
                sha2(concat('salt', lower(email)), 256) AS email_hash
            FROM (
                SELECT
                    *,
                    row_number() OVER (PARTITION BY customer_id ORDER BY updated_at DESC) AS _rank
                FROM bronze_customers
            )
            WHERE _rank = 1
        """,
        "categorised_orders": _of("gold/20_daily_revenue.sql", "CREATE OR REPLACE TEMPORARY VIEW"),
        "gold_daily_revenue": _of("gold/20_daily_revenue.sql", "CREATE OR REPLACE TABLE"),
    }


QUERIES = {
    **{name: f"SELECT * FROM {name}" for name in _views()},
    "products by category": _of("bronze/03_ingest_products.sql", "SELECT"),
    "rows by day": _of("silver/10_orders.sql", "SELECT").replace(":run_date", "'2024-06-02'"),
    "the best days": _of("gold/20_daily_revenue.sql", "SELECT"),
}


DIVIDING = frozenset({"gold_daily_revenue"})
"""Queries that divide decimals: Sail gives six digits."""


def _rows(session: Any, query: str) -> list[tuple[Any, ...]]:
    answer = session.sql(query)
    rows = sorted((tuple(map(_plain, row)) for row in answer.collect()), key=repr)
    return [tuple(answer.columns), *rows]


def _cut(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Decimals to six digits, cut off."""
    six = Decimal("0.000001")
    return [
        tuple(
            cell.quantize(six, rounding=ROUND_DOWN) if isinstance(cell, Decimal) else cell
            for cell in row
        )
        for row in rows
    ]


def _plain(value: Any) -> Any:
    return round(value, 12) if isinstance(value, float) else value


@pytest.mark.parametrize("name", QUERIES)
def test_same_rows(name: str, sail: Any) -> None:
    spark = apache_spark.session()
    for session in (sail, spark):
        for view, query in _views().items():
            session.sql(f"CREATE OR REPLACE TEMPORARY VIEW {view} AS {query}")
    expected = _rows(spark, QUERIES[name])
    assert len(expected) > 1
    found = _rows(sail, QUERIES[name])
    if name in DIVIDING:
        found, expected = _cut(found), _cut(expected)
    assert found == expected


def test_quotients_of_decimals_are_shorter_on_sail(sail: Any) -> None:
    """The one difference, of which ``adapt`` tells."""
    query = "SELECT CAST(2 AS DECIMAL(22, 2)) / CAST(3 AS DECIMAL(32, 2)) AS quotient"
    adapted = adapt(query, engine="sail", columns=lambda query: sail.sql(query).dtypes)
    assert adapted.notice == (
        "a quotient of DECIMALs has fewer digits here than on Databricks, and is cut, not rounded"
    )
    assert _rows(sail, query)[1:] == [(Decimal("0.666666"),)]
    assert _rows(apache_spark.session(), query)[1:] == [(Decimal("0.6666666666666667"),)]


def test_same_customer_360(sail: Any) -> None:
    spark = apache_spark.session()
    expected = _customer_360(spark)
    assert len(expected) == 3
    assert _customer_360(sail) == expected


def _customer_360(session: Any) -> list[tuple[Any, ...]]:
    """The cells of ``gold/21_customer_360.py`` over the views."""
    import sys

    from pyspark.sql import functions

    sys.path.append(str(SAMPLES / "src"))
    try:
        from retail.segments import segment_expression  # type: ignore[import-not-found]
    finally:
        sys.path.pop()
    for view, query in _views().items():
        session.sql(f"CREATE OR REPLACE TEMPORARY VIEW {view} AS {query}")
    (read,) = formats.read(SAMPLES / "gold/21_customer_360.py", "gold/21_customer_360.py")
    names = {
        "F": functions,
        "run_date": "2024-06-30",
        "segment_expression": segment_expression,
        "read_table": lambda layer, name: session.table(f"{layer}_{name}"),
        "write_table": lambda frame, layer, name: None,
    }
    for cell in read.cells:
        if cell.language is Language.PYTHON and "read_table(" in cell.code:
            if not cell.code.lstrip().startswith("display"):
                exec(cell.code, names)
        elif cell.language is Language.PYTHON and "segment_expression(" in cell.code:
            exec(cell.code, names)
    frame: Any = names["customer_360"]
    return sorted((tuple(map(_plain, row)) for row in frame.collect()), key=repr)
