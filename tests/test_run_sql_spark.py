"""What becomes of Databricks' statements on Apache Spark: one row a statement, each tried."""

from __future__ import annotations

from typing import Any

import pytest

import apache_spark
from pytest_dbxgate.execution.sql import Adapted, Kind, adapt, limit_of

A, R, K, C = Kind.ACCEPT, Kind.REWRITE, Kind.ACKNOWLEDGE, Kind.CANNOT
ORDERS = [(1, "a", 1.0), (2, "b", 2.0), (3, "b", 3.0)]
ALL = "SELECT * FROM orders"

CASES: list[tuple[str, Kind, str, list[tuple[Any, ...]] | None]] = [
    ("OPTIMIZE orders ZORDER BY (id)", K, ALL, ORDERS),
    ("VACUUM orders RETAIN 0 HOURS", K, ALL, ORDERS),
    ("GRANT SELECT ON TABLE orders TO analysts", K, ALL, ORDERS),
    ("GRANT USE SCHEMA ON SCHEMA default TO analysts", K, ALL, ORDERS),
    ("ALTER TABLE orders OWNER TO admins", K, ALL, ORDERS),
    ("ALTER TABLE orders SET TAGS ('a' = 'b')", K, ALL, ORDERS),
    ("ALTER TABLE orders ALTER COLUMN id SET TAGS ('a' = 'b')", K, ALL, ORDERS),
    ("ALTER TABLE orders CLUSTER BY (id)", K, ALL, ORDERS),
    ("ALTER TABLE orders ADD CONSTRAINT pk PRIMARY KEY (id)", K, ALL, ORDERS),
    ("COMMENT ON COLUMN orders.id IS 'x'", K, ALL, ORDERS),
    ("ANALYZE TABLE orders COMPUTE STATISTICS", A, ALL, ORDERS),
    ("REFRESH TABLE orders", A, ALL, ORDERS),
    ("CACHE TABLE orders", A, ALL, ORDERS),
    ("COMMENT ON TABLE orders IS 'x'", A, ALL, ORDERS),
    ("SET spark.sql.shuffle.partitions = 4", A, ALL, ORDERS),
    ("USE SCHEMA default", A, ALL, ORDERS),
    ("USE CATALOG spark_catalog", R, ALL, ORDERS),
    ("TRUNCATE TABLE orders", A, ALL, []),
    ("ALTER TABLE orders ADD COLUMN c INT", A, ALL, [(*row, None) for row in ORDERS]),
    ("ALTER TABLE orders SET TBLPROPERTIES ('a' = 'b')", A, ALL, ORDERS),
    ("CREATE TABLE new USING DELTA AS SELECT 1 AS a", R, "SELECT * FROM new", [(1,)]),
    (
        "CREATE OR REPLACE TABLE orders USING DELTA AS SELECT id + 0.5D AS id FROM orders",
        R,
        ALL,
        [(1.5,), (2.5,), (3.5,)],
    ),
    ("CREATE OR REPLACE TABLE new AS SELECT 2 AS a", R, "SELECT * FROM new", [(2,)]),
    ("CREATE OR REPLACE TABLE orders (a INT) USING delta", R, ALL, []),
    ("CREATE TABLE new (a INT PRIMARY KEY) CLUSTER BY (a)", R, "SELECT * FROM new", []),
    ("SELECT shop, sum(amount) AS s FROM orders GROUP BY ALL", A, "", [("a", 1.0), ("b", 5.0)]),
    ("SELECT * EXCEPT (amount) FROM orders", A, "", [row[:2] for row in ORDERS]),
    (
        "SELECT * FROM orders QUALIFY row_number() OVER (PARTITION BY shop ORDER BY id DESC) = 1",
        R,
        "",
        [ORDERS[0], ORDERS[2]],
    ),
    (
        "SELECT * FROM orders PIVOT (sum(amount) FOR shop IN ('a', 'b'))",
        A,
        "",
        [(1, 1.0, None), (2, None, 2.0), (3, None, 3.0)],
    ),
    ("DECLARE OR REPLACE VARIABLE n INT DEFAULT 5", A, "SELECT n", [(5,)]),
    ("EXECUTE IMMEDIATE 'SELECT 1 AS a'", A, "", [(1,)]),
    ("DESCRIBE orders", A, "", [("amount", "double"), ("id", "int"), ("shop", "string")]),
    ("DESCRIBE HISTORY orders", C, "", None),
    ("RESTORE TABLE orders TO VERSION AS OF 1", C, "", None),
    ("CREATE TABLE new DEEP CLONE orders", C, "", None),
    ("CREATE OR REFRESH STREAMING TABLE s AS SELECT 1", C, "", None),
    ("COPY INTO orders FROM '/files' FILEFORMAT = CSV", C, "", None),
    ("SHOW GRANTS ON TABLE orders", C, "", None),
]


@pytest.fixture
def orders() -> Any:
    spark = apache_spark.session()
    for statement in (
        "DROP TABLE IF EXISTS new",
        "DROP TABLE IF EXISTS orders",
        "CREATE TABLE orders (id INT, shop STRING, amount DOUBLE) USING PARQUET",
        "INSERT INTO orders VALUES (1, 'a', 1.0), (2, 'b', 2.0), (3, 'b', 3.0)",
    ):
        spark.sql(statement)
    return spark


def _decide(statement: str, spark: Any) -> Adapted:
    return adapt(statement, engine="pyspark", columns=lambda query: spark.sql(query).dtypes)


@pytest.mark.parametrize(("statement", "kind", "then", "rows"), CASES)
def test_statement(
    statement: str, kind: Kind, then: str, rows: list[tuple[Any, ...]] | None, orders: Any
) -> None:
    adapted = _decide(statement, orders)
    assert adapted.kind is kind, adapted
    if kind is Kind.CANNOT:
        assert adapted.notice.startswith("Apache Spark")
        return
    for each in adapted.before:
        orders.sql(each)
    answer = orders.sql(adapted.text) if adapted.text else None
    answer = orders.sql(then) if then else answer
    width = len(rows[0]) if rows else None
    assert sorted((tuple(row)[:width] for row in answer.collect()), key=repr) == sorted(
        rows or [], key=repr
    )


@pytest.mark.parametrize(
    "statement",
    [
        "MERGE INTO orders USING (SELECT 1 AS id) s ON orders.id = s.id WHEN MATCHED THEN DELETE",
        "UPDATE orders SET amount = 1",
        "DELETE FROM orders WHERE id = 1",
        "SELECT * FROM main.silver.orders",
        "USE CATALOG main",
        "SELECT * FROM orders VERSION AS OF 1",
    ],
)
def test_what_needs_delta_is_the_engines_limit(statement: str, orders: Any) -> None:
    with pytest.raises(Exception) as raised:
        orders.sql(_decide(statement, orders).text).collect()
    assert limit_of(raised.value, statement), raised.value


@pytest.mark.parametrize(
    "statement",
    [
        "OPTIMIZE nowhere",
        "GRANT SELECT ON TABLE nowhere TO a",
        "COMMENT ON COLUMN orders.nowhere IS 'x'",
        "SELECT * FROM nowhere",
        "SELECT nowhere FROM orders",
        "SELECT nowhere(1)",
        "SELEC 1",
    ],
)
def test_what_fails_on_databricks_fails_here(statement: str, orders: Any) -> None:
    with pytest.raises(Exception) as raised:
        orders.sql(_decide(statement, orders).text).collect()
    assert not limit_of(raised.value, statement)
