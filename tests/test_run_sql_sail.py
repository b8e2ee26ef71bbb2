"""What becomes of Databricks' statements on Sail: one row a statement, each tried on the engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pytest_dbxgate.execution.engines import ENGINES
from pytest_dbxgate.execution.sql import Kind, adapt, limit_of
from spark_client import connect

pytest.importorskip("pysail", reason="pysail is not installed")

Rows = list[tuple[Any, ...]]
ORDERS: Rows = [(1, "a", 1.0), (2, "b", 2.0), (3, "b", 3.0)]


class Case(NamedTuple):
    statement: str
    kind: Kind
    rows: Rows | None = None
    """What it gives, or what ``then`` gives, sorted."""
    then: str = ""


def accept(statement: str, rows: Rows | None = None, then: str = "") -> Case:
    return Case(statement, Kind.ACCEPT, rows, then)


def rewrite(statement: str, rows: Rows | None, then: str = "") -> Case:
    return Case(statement, Kind.REWRITE, rows, then)


def acknowledge(statement: str) -> Case:
    return Case(statement, Kind.ACKNOWLEDGE, ORDERS, "SELECT * FROM orders")


def cannot(statement: str) -> Case:
    return Case(statement, Kind.CANNOT)


CASES = [
    # maintenance changes no rows
    acknowledge("OPTIMIZE orders"),
    acknowledge("OPTIMIZE main.default.orders WHERE shop = 'a' ZORDER BY (id, shop)"),
    acknowledge("OPTIMIZE orders FULL"),
    acknowledge("VACUUM orders"),
    acknowledge("VACUUM orders RETAIN 168 HOURS DRY RUN"),
    acknowledge("ANALYZE TABLE orders COMPUTE STATISTICS"),
    acknowledge("ANALYZE TABLE orders COMPUTE STATISTICS FOR ALL COLUMNS"),
    acknowledge("ANALYZE TABLE orders COMPUTE STATISTICS FOR COLUMNS id, shop"),
    acknowledge("REORG TABLE orders APPLY (PURGE)"),
    acknowledge("MSCK REPAIR TABLE orders"),
    acknowledge("REFRESH TABLE orders"),
    acknowledge("REFRESH orders"),
    acknowledge("CACHE TABLE orders"),
    acknowledge("CACHE LAZY TABLE orders OPTIONS ('storageLevel' = 'DISK_ONLY')"),
    acknowledge("CACHE SELECT * FROM orders"),
    acknowledge("UNCACHE TABLE orders"),
    acknowledge("UNCACHE TABLE IF EXISTS orders"),
    acknowledge("CLEAR CACHE"),
    # privileges, owners, comments, tags, keys
    acknowledge("GRANT SELECT, MODIFY ON TABLE orders TO `data engineers`"),
    acknowledge("GRANT SELECT ON orders TO analysts"),
    acknowledge("GRANT USE SCHEMA ON SCHEMA main.default TO analysts"),
    acknowledge("GRANT USE CATALOG ON CATALOG main TO `account users`"),
    acknowledge("GRANT READ VOLUME ON VOLUME main.default.files TO analysts"),
    acknowledge("REVOKE ALL PRIVILEGES ON TABLE orders FROM analysts"),
    acknowledge("DENY SELECT ON TABLE orders TO analysts"),
    acknowledge("COMMENT ON TABLE orders IS 'one row an order'"),
    acknowledge("COMMENT ON COLUMN main.default.orders.id IS 'key'"),
    acknowledge("COMMENT ON SCHEMA default IS NULL"),
    acknowledge("COMMENT ON CATALOG main IS 'x'"),
    acknowledge("ALTER TABLE orders OWNER TO `me@example.com`"),
    acknowledge("ALTER TABLE orders SET OWNER TO admins"),
    acknowledge("ALTER SCHEMA default OWNER TO admins"),
    acknowledge("ALTER CATALOG main SET OWNER TO admins"),
    acknowledge("ALTER TABLE orders SET TAGS ('layer' = 'silver')"),
    acknowledge("ALTER TABLE orders ALTER COLUMN id SET TAGS ('key')"),
    acknowledge("ALTER TABLE orders ALTER COLUMN id COMMENT 'key'"),
    acknowledge("ALTER TABLE orders CHANGE COLUMN id COMMENT 'key'"),
    acknowledge("ALTER TABLE orders CLUSTER BY (id)"),
    acknowledge("ALTER TABLE orders CLUSTER BY NONE"),
    acknowledge("ALTER TABLE orders ADD CONSTRAINT pk PRIMARY KEY (id)"),
    acknowledge("ALTER TABLE orders ADD CONSTRAINT fk FOREIGN KEY (shop) REFERENCES shops (id)"),
    acknowledge("ALTER TABLE orders DROP PRIMARY KEY IF EXISTS"),
    acknowledge("ALTER SCHEMA default SET DBPROPERTIES ('a' = 'b')"),
    acknowledge("CREATE CATALOG IF NOT EXISTS dev COMMENT 'x'"),
    acknowledge("CREATE VOLUME IF NOT EXISTS main.default.files"),
    # settings
    acknowledge("SET spark.sql.shuffle.partitions = 4"),
    acknowledge("SET spark.databricks.delta.retentionDurationCheck.enabled=false"),
    acknowledge("SET my.own.value = 'x y'"),
    acknowledge("SET TIME ZONE 'UTC'"),
    acknowledge("SET spark.sql.caseSensitive=false"),
    cannot("SET spark.sql.caseSensitive=true"),
    cannot("SET spark.sql.legacy.timeParserPolicy=LEGACY"),
    cannot("SET spark.databricks.delta.schema.autoMerge.enabled = true"),
    cannot("SET spark.sql.shuffle.partitions"),
    cannot("SET"),
    cannot("SET -v"),
    cannot("SET TIME ZONE LOCAL"),
    cannot("RESET spark.sql.shuffle.partitions"),
    cannot("DECLARE OR REPLACE VARIABLE n INT DEFAULT 5"),
    cannot("SET VAR n = 5"),
    cannot("EXECUTE IMMEDIATE 'SELECT 1'"),
    cannot("BEGIN SELECT 1; SELECT 2; END"),
    # names
    accept("USE CATALOG dev", [("dev",)], "SELECT current_catalog()"),
    accept("SET CATALOG dev", [("dev",)], "SELECT current_catalog()"),
    accept("USE SCHEMA default", ORDERS, "SELECT * FROM orders"),
    rewrite("USE default", [("main", "default")], "SELECT current_catalog(), current_schema()"),
    rewrite("USE dev.default", [("dev", "default")], "SELECT current_catalog(), current_schema()"),
    rewrite("USE SCHEMA dev.default", [("dev",)], "SELECT current_catalog()"),
    accept("SELECT * FROM main.default.orders", ORDERS),
    accept("SELECT * FROM default.orders", ORDERS),
    # rows
    rewrite("TRUNCATE TABLE orders", [], "SELECT * FROM orders"),
    cannot("TRUNCATE TABLE orders PARTITION (shop = 'a')"),
    accept("DELETE FROM orders WHERE id = 1", ORDERS[1:], "SELECT * FROM orders"),
    accept("UPDATE orders SET amount = 9 WHERE id = 1", [(9.0,)], "SELECT max(amount) FROM orders"),
    accept(
        "MERGE INTO orders USING (SELECT 1 AS id, 'z' AS shop, 0.5D AS amount) AS new "
        "ON orders.id = new.id WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
        [(1, "z", 0.5), *ORDERS[1:]],
        "SELECT * FROM orders",
    ),
    accept("INSERT INTO orders VALUES (4, 'c', 4)", [(4,)], "SELECT count(*) FROM orders"),
    accept("INSERT OVERWRITE orders SELECT 7, 'c', 7D", [(7, "c", 7.0)], "SELECT * FROM orders"),
    cannot("COPY INTO orders FROM '/files' FILEFORMAT = CSV"),
    cannot("RESTORE TABLE orders TO VERSION AS OF 1"),
    cannot("LOAD DATA INPATH '/files' INTO TABLE orders"),
    # tables
    rewrite(
        "ALTER TABLE orders ADD COLUMN note STRING",
        [(*row, None) for row in ORDERS],
        "SELECT * FROM orders",
    ),
    rewrite(
        "ALTER TABLE orders ADD COLUMNS (a DECIMAL(10, 2) COMMENT 'x', b STRUCT<c: INT, d: INT>)",
        [(*row, None, None) for row in ORDERS],
        "SELECT * FROM orders",
    ),
    cannot("ALTER TABLE orders ADD COLUMN note STRING AFTER id"),
    cannot("ALTER TABLE orders ADD COLUMN note STRING DEFAULT 'x'"),
    cannot("ALTER TABLE orders ADD COLUMN a.b STRING"),
    cannot("ALTER TABLE orders RENAME TO orders_2"),
    cannot("ALTER TABLE orders RENAME COLUMN id TO order_id"),
    cannot("ALTER TABLE orders DROP COLUMN shop"),
    rewrite("ALTER TABLE orders ALTER COLUMN id SET NOT NULL", ORDERS, "SELECT * FROM orders"),
    cannot("ALTER TABLE orders DROP CONSTRAINT positive"),
    cannot("ALTER TABLE orders SET ROW FILTER f ON (shop)"),
    cannot("ALTER TABLE orders ALTER COLUMN shop SET MASK m"),
    cannot("ALTER TABLE orders ADD PARTITION (shop = 'x')"),
    accept("ALTER TABLE orders SET TBLPROPERTIES ('a' = 'b')", ORDERS, "SELECT * FROM orders"),
    accept(
        "ALTER TABLE orders ADD CONSTRAINT positive CHECK (id > 0)", ORDERS, "SELECT * FROM orders"
    ),
    accept("CREATE OR REPLACE TABLE new AS SELECT 1 AS a", [(1,)], "SELECT * FROM new"),
    rewrite(
        "CREATE OR REPLACE TABLE orders AS SELECT id + 0.5D AS id, shop FROM orders",
        [(1.5, "a"), (2.5, "b"), (3.5, "b")],
        "SELECT * FROM orders",
    ),
    accept(
        "CREATE OR REPLACE TABLE orders AS SELECT * FROM orders WHERE id < 3",
        ORDERS[:2],
        "SELECT * FROM orders",
    ),
    rewrite(
        "CREATE OR REPLACE TABLE new CLUSTER BY AUTO COMMENT 'x' AS SELECT 1 AS a",
        [(1,)],
        "SELECT * FROM new",
    ),
    rewrite("CREATE TABLE new (a INT, b INT) CLUSTER BY (a, b)", [], "SELECT * FROM new"),
    rewrite(
        "CREATE TABLE new (a INT PRIMARY KEY, b STRUCT<c: INT, d: INT>, "
        "CONSTRAINT fk FOREIGN KEY (a) REFERENCES orders (id))",
        [("a", "int"), ("b", "struct<c:int,d:int>")],
        "DESCRIBE TABLE new",
    ),
    rewrite(
        "CREATE TABLE new (a INT NOT NULL, b INT REFERENCES x.y (z) NOT ENFORCED, "
        "CONSTRAINT pk PRIMARY KEY (a))",
        [("a", "int"), ("b", "int")],
        "DESCRIBE TABLE new",
    ),
    accept("CREATE TABLE new (a INT, b STRING) PARTITIONED BY (b)", [], "SELECT * FROM new"),
    cannot("CREATE TABLE new CLONE orders"),
    cannot("CREATE OR REPLACE TABLE new DEEP CLONE orders VERSION AS OF 1"),
    cannot("CREATE TABLE new SHALLOW CLONE orders"),
    rewrite(
        "CREATE SCHEMA IF NOT EXISTS main.s COMMENT 'x' MANAGED LOCATION 'abfss://c@a/x'",
        [(0,)],
        "SELECT 0",
    ),
    rewrite("CACHE TABLE cached AS SELECT 1 AS a", [(1,)], "SELECT * FROM cached"),
    # queries
    rewrite("SELECT shop, sum(amount) AS s FROM orders GROUP BY ALL", [("a", 1.0), ("b", 5.0)]),
    rewrite("SELECT sum(amount) AS s FROM orders GROUP BY ALL", [(6.0,)]),
    rewrite("SELECT shop FROM orders GROUP BY ALL", [("a",), ("b",)]),
    rewrite(
        "SELECT upper(shop), count(*), shop || 'x' FROM orders GROUP BY ALL HAVING count(*) > 1",
        [("B", 2, "bx")],
    ),
    rewrite("SELECT *, count(*) FROM orders GROUP BY ALL", [(*row, 1) for row in ORDERS]),
    cannot("SELECT shop, sum(amount) OVER () FROM orders GROUP BY ALL"),
    rewrite("SELECT id FROM orders ORDER BY ALL DESC LIMIT 1", [(3,)]),
    rewrite("SELECT * EXCEPT (amount) FROM orders", [row[:2] for row in ORDERS]),
    rewrite("SELECT o.* EXCEPT (ID, Shop), 1 AS x FROM orders o", [(1.0, 1), (2.0, 1), (3.0, 1)]),
    rewrite(
        "WITH a AS (SELECT * EXCEPT (id) FROM orders) SELECT * EXCEPT (shop) FROM a",
        [(1.0,), (2.0,), (3.0,)],
    ),
    rewrite(
        "SELECT struct(* EXCEPT (amount, shop)).id AS x FROM orders",
        [(1,), (2,), (3,)],
    ),
    rewrite(
        "CREATE OR REPLACE TEMP VIEW v AS SELECT * EXCEPT (amount) FROM orders",
        [row[:2] for row in ORDERS],
        "SELECT * FROM v",
    ),
    accept("SELECT id FROM orders EXCEPT (SELECT 1)", [(2,), (3,)]),
    accept("SELECT * FROM orders EXCEPT SELECT * FROM orders WHERE id = 1", ORDERS[1:]),
    cannot("SELECT * EXCEPT (amount) FROM orders a JOIN orders b ON a.id = b.id"),
    rewrite(
        "SELECT * FROM orders QUALIFY row_number() OVER (PARTITION BY shop ORDER BY id DESC) = 1",
        [ORDERS[0], ORDERS[2]],
    ),
    rewrite(
        "SELECT id, row_number() OVER (PARTITION BY shop ORDER BY id) AS rank FROM orders "
        "WHERE id > 0 QUALIFY rank = 1 ORDER BY id",
        [(1, 1), (2, 1)],
    ),
    rewrite(
        "SELECT DISTINCT shop FROM orders QUALIFY count(*) OVER (PARTITION BY shop) > 1", [("b",)]
    ),
    rewrite(
        "SELECT shop, sum(amount) AS s FROM orders GROUP BY ALL "
        "QUALIFY rank() OVER (ORDER BY sum(amount) DESC) = 1",
        [("b", 5.0)],
    ),
    cannot("SELECT upper(shop) AS shop FROM orders QUALIFY rank() OVER (ORDER BY shop) = 1"),
    rewrite(
        "SELECT * FROM orders PIVOT (sum(amount) FOR shop IN ('a', 'b'))",
        [(1, 1.0, None), (2, None, 2.0), (3, None, 3.0)],
    ),
    rewrite(
        "SELECT * FROM (SELECT shop, amount FROM orders) "
        "PIVOT (sum(amount) AS s, count(*) AS n FOR shop IN ('a' AS x, 'b' AS y))",
        [(1.0, 1, 5.0, 2)],
    ),
    accept(
        "SELECT * FROM (SELECT id, amount, amount + 1 AS more FROM orders WHERE id = 1) "
        "UNPIVOT (value FOR name IN (amount, more))",
        [(1, "amount", 1.0), (1, "more", 2.0)],
    ),
    accept("SELECT * FROM orders VERSION AS OF 1", ORDERS),
    rewrite("SELECT * FROM orders@v1", ORDERS),
    rewrite(
        "SELECT id, amount * 2 AS twice, twice + 1 AS more, `more` || 'x' FROM orders",
        [(1, 2.0, 3.0, "3.0x"), (2, 4.0, 5.0, "5.0x"), (3, 6.0, 7.0, "7.0x")],
    ),
    rewrite(
        "SELECT shop, sum(amount) AS s, s / 2 AS half FROM orders GROUP BY ALL",
        [("a", 1.0, 0.5), ("b", 5.0, 2.5)],
    ),
    rewrite(
        "SELECT * FROM (SELECT id AS a, a + 1 AS b FROM orders) WHERE a = 1",
        [(1, 2)],
    ),
    accept("SELECT upper(shop) AS shop, shop || 'x' FROM orders WHERE id = 1", [("A", "ax")]),
    accept(
        "SELECT DATE '2024-05-06' AS date, DATE '2024-01-01' AS other, "
        "extract(DAY FROM DATE '2024-05-06') AS day, DATE '2024-01-01' + INTERVAL 1 DAY = "
        "DATE '2024-01-02' FROM orders WHERE id = 1",
        None,
    ),
    # what describes
    rewrite("DESC orders", [("amount", "double"), ("id", "int"), ("shop", "string")]),
    rewrite("DESCRIBE orders", [("amount", "double"), ("id", "int"), ("shop", "string")]),
    rewrite("DESC FORMATTED orders", None),
    accept("DESCRIBE SCHEMA default"),
    cannot("DESCRIBE HISTORY orders"),
    cannot("DESC DETAIL main.default.orders"),
    cannot("SHOW CREATE TABLE orders"),
    cannot("SHOW GRANTS ON TABLE orders"),
    accept("SHOW TABLES IN main.default", None),
    accept("SHOW SCHEMAS", None),
    # what only Databricks has
    cannot("CREATE OR REPLACE FUNCTION f(x INT) RETURNS INT RETURN x + 1"),
    cannot("CREATE TEMPORARY FUNCTION f(x INT) RETURNS INT RETURN x + 1"),
    cannot("CREATE OR REFRESH STREAMING TABLE s AS SELECT * FROM STREAM orders"),
    cannot("CREATE LIVE TABLE s AS SELECT 1"),
    cannot("CREATE OR REPLACE MATERIALIZED VIEW m AS SELECT 1"),
    cannot("DROP VOLUME main.default.files"),
    cannot("DROP CATALOG dev CASCADE"),
    cannot("CREATE SHARE partners"),
    cannot("LIST '/Volumes/main/default/files'"),
    cannot("UNDROP TABLE orders"),
    cannot("CALL p()"),
]


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("sail")
    server = ENGINES["sail"].start(folder, ("main", "dev"))
    session = connect(server.remote)
    session.conf.set("spark.sql.warehouse.dir", str(folder / "warehouse"))
    session.conf.set("spark.sql.sources.default", "delta")
    yield session
    session.stop()
    server.stop()


@pytest.fixture
def orders(spark: Any) -> Any:
    """The session, with a table of three orders and nothing else."""
    for statement in (
        "USE CATALOG main",
        "USE SCHEMA default",
        "DROP TABLE IF EXISTS new",
        "DROP TABLE IF EXISTS orders",
        "CREATE TABLE orders (id INT, shop STRING, amount DOUBLE)",
        "INSERT INTO orders VALUES (1, 'a', 1.0), (2, 'b', 2.0), (3, 'b', 3.0)",
    ):
        spark.sql(statement)
    return spark


def _rows(answer: Any, width: int | None = None) -> Rows:
    return sorted((tuple(row)[:width] for row in answer.collect()), key=repr)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.statement[:60])
def test_statement(case: Case, orders: Any) -> None:
    adapted = adapt(case.statement, engine="sail", columns=lambda query: orders.sql(query).dtypes)
    assert adapted.kind is case.kind, adapted
    if case.kind is Kind.CANNOT:
        assert adapted.notice
        return
    if case.kind is Kind.ACCEPT:
        assert adapted.text == case.statement
    for statement in adapted.before:
        orders.sql(statement)
    if adapted.setting is not None:
        orders.conf.set(*adapted.setting)
    answer = orders.sql(adapted.text) if adapted.text else None
    if case.then:
        answer = orders.sql(case.then)
    if case.rows is not None:
        width = len(case.rows[0]) if case.rows else None
        assert _rows(answer, width) == sorted(case.rows, key=repr)


TAKEN = {
    # for a schema with a dot in its name
    "USE SCHEMA dev.default",
    # with the wrong rows: see below
    "CREATE OR REPLACE TABLE orders AS SELECT id + 0.5D AS id, shop FROM orders",
}

REFUSED = [
    case.statement for case in CASES if case.kind is not Kind.ACCEPT and case.statement not in TAKEN
]


@pytest.mark.parametrize("statement", REFUSED, ids=lambda statement: statement[:60])
def test_what_is_not_accepted_sail_refuses(statement: str, orders: Any) -> None:
    """So that a row goes when the engine has learnt it."""
    try:
        orders.sql(statement).collect()
    except Exception as error:
        assert limit_of(error, statement), error
    else:
        pytest.fail("Sail has learnt it")


def test_a_column_that_is_not_null_takes_no_nulls(orders: Any) -> None:
    adapted = adapt("ALTER TABLE orders ALTER COLUMN id SET NOT NULL", engine="sail")
    orders.sql(adapted.text)
    with pytest.raises(Exception, match="CHECK constraint id"):
        orders.sql("INSERT INTO orders VALUES (NULL, 'a', 1)")
    orders.sql("UPDATE orders SET shop = NULL")
    with pytest.raises(Exception, match="would be violated by existing data"):
        orders.sql(adapt("ALTER TABLE orders ALTER shop SET NOT NULL", engine="sail").text)


def test_an_engine_limit_or_the_notebooks_own(orders: Any) -> None:
    limits = {
        "SELECT rand() AS a, a + 1 AS b FROM orders": "Sail cannot name `a` again in the SELECT "
        "that defines it",
        "SELECT shop:field FROM orders": "Sail has no paths into JSON (`column:field`)",
        "SELECT * FROM read_files('/files')": "Sail has no table function `read_files`",
        "SELECT ai_query('a', 'b')": "Sail has no function `ai_query`",
        "INSERT INTO orders (id) VALUES (4)": "Sail has no INSERT into some of the columns",
        "SELECT * FROM information_schema.tables": "the engine has no information_schema",
        "OPTIMIZE orders": "OPTIMIZE is not done here; it changes no rows",
        "SELECT own_function(1)": "",
        "SELECT nothing FROM orders": "",
        "SELECT * FROM nothing": "",
        "SELECT 1 FROM": "",
        "SELEC 1": "",
        "SELECT 1 / 0": "",
        "INSERT INTO orders SELECT 1": "",
        "CREATE TABLE orders (a INT)": "",
    }
    found: dict[str, str] = {}
    for statement in limits:
        with pytest.raises(Exception) as raised:
            orders.sql(statement).collect()
        found[statement] = limit_of(raised.value, statement)
    assert found == limits


def test_files_that_came_later_are_seen(orders: Any, tmp_path: Path) -> None:
    """Why ``REFRESH`` and ``MSCK REPAIR TABLE`` need not be done."""
    first, second = tmp_path / "day=1", tmp_path / "day=2"
    first.mkdir()
    (first / "a.csv").write_text("1\n", encoding="utf-8")
    orders.sql(
        "CREATE TABLE new (id INT, day INT) USING CSV PARTITIONED BY (day) "
        f"LOCATION '{tmp_path.as_posix()}'"
    )
    assert _rows(orders.sql("SELECT * FROM new")) == [(1, 1)]
    second.mkdir()
    (second / "b.csv").write_text("2\n", encoding="utf-8")
    assert _rows(orders.sql("SELECT * FROM new")) == [(1, 1), (2, 2)]
    (second / "b.csv").write_text("33\n", encoding="utf-8")
    assert _rows(orders.sql("SELECT * FROM new")) == [(1, 1), (33, 2)]


def test_sail_replaces_a_table_by_its_own_columns(orders: Any) -> None:
    """Why it is rewritten: the rows would be wrong, and nobody would know."""
    orders.sql("CREATE OR REPLACE TABLE orders AS SELECT id + 0.5D AS id, shop, amount FROM orders")
    assert _rows(orders.sql("SELECT id FROM orders")) == [(1,), (2,), (3,)]


@pytest.mark.parametrize(
    "statement",
    [
        "OPTIMIZE nowhere",
        "VACUUM nowhere",
        "ANALYZE TABLE nowhere COMPUTE STATISTICS",
        "GRANT SELECT ON TABLE nowhere TO a",
        "COMMENT ON TABLE nowhere IS 'x'",
        "COMMENT ON COLUMN orders.nowhere IS 'x'",
        "COMMENT ON SCHEMA nowhere IS 'x'",
        "ALTER TABLE nowhere OWNER TO a",
        "ALTER TABLE orders ALTER COLUMN nowhere COMMENT 'x'",
        "ALTER SCHEMA nowhere OWNER TO a",
        "ALTER TABLE orders ADD COLUMN id INT",
        "ALTER TABLE nowhere ADD COLUMN id INT",
        "REFRESH TABLE nowhere",
        "CACHE TABLE nowhere",
        "TRUNCATE TABLE nowhere",
        "ALTER TABLE orders ALTER COLUMN id TYPE BIGINT",  # without type widening
        "SELECT * EXCEPT (nowhere) FROM orders",
        "CREATE OR REPLACE TABLE orders AS SELECT nowhere FROM orders",
    ],
)
def test_what_fails_on_databricks_fails_here(statement: str, orders: Any) -> None:
    with pytest.raises(Exception) as raised:
        adapted = adapt(statement, engine="sail", columns=lambda query: orders.sql(query).dtypes)
        for text in (*adapted.before, adapted.text):
            orders.sql(text).collect()
    assert not limit_of(raised.value, statement)
    assert orders.sql("SELECT count(*) FROM orders").collect()[0][0] == 3
