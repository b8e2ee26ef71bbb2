"""Statements that Databricks runs and sqlfluff does not know, some of them sqlglot neither.

Each entry has examples, and a test that sqlfluff still rejects them, so that an entry goes
when the tool has learnt it. A rejected statement that an entry covers is not reported.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pytest_dbxgate.languages.sql import lexing


@dataclass(frozen=True, slots=True)
class Gap:
    """A shape of statements. ``pattern`` is matched from a statement's first word on, in a text
    whose comments are blanks and whose literals are empty."""

    pattern: re.Pattern[str]
    reason: str
    examples: tuple[str, ...]


def _gap(pattern: str, reason: str, *examples: str) -> Gap:
    # A blank in a pattern stands for any blanks.
    compiled = re.compile(pattern.replace(" ", r"\s+"), re.IGNORECASE | re.DOTALL)
    return Gap(compiled, reason, examples)


_NAME = r"[\w.`]+"

GAPS: tuple[Gap, ...] = (
    _gap(
        r"(CREATE|ALTER|DROP) (SHARE|RECIPIENT|PROVIDER)\b",
        "Delta Sharing",
        "CREATE SHARE IF NOT EXISTS sales COMMENT 'for partners'",
        "ALTER SHARE sales ADD TABLE main.gold.orders",
        "DROP RECIPIENT partner",
        "ALTER PROVIDER vendor OWNER TO `admins`",
    ),
    _gap(
        r"SHOW GRANT TO RECIPIENT\b",
        "Delta Sharing",
        "SHOW GRANT TO RECIPIENT partner",
    ),
    _gap(
        r"CREATE (FOREIGN )?CATALOG (IF NOT EXISTS )?(" + _NAME + r" )?USING\b",
        "Delta Sharing and Lakehouse Federation",
        "CREATE CATALOG IF NOT EXISTS vendor USING SHARE acme.sales",
        "CREATE FOREIGN CATALOG crm USING CONNECTION pg OPTIONS (database 'crm')",
    ),
    _gap(
        r"(CREATE|ALTER|DROP) (FOREIGN )?(CONNECTION|EXTERNAL LOCATION|STORAGE CREDENTIAL)\b",
        "external data of Unity Catalog",
        "CREATE EXTERNAL LOCATION raw URL 'abfss://raw@lake' WITH (STORAGE CREDENTIAL c)",
        "ALTER EXTERNAL LOCATION raw OWNER TO `admins`",
        "CREATE CONNECTION pg TYPE postgresql OPTIONS (host 'h')",
    ),
    _gap(
        r"GRANT [\w\s,]+ ON (EXTERNAL LOCATION|STORAGE CREDENTIAL|CONNECTION)\b",
        "privileges on external data of Unity Catalog",
        "GRANT READ FILES, WRITE FILES ON EXTERNAL LOCATION raw TO `users`",
    ),
    _gap(r"LIST ['\"]", "files of a path", "LIST '/Volumes/main/raw/files'"),
    _gap(
        r"COPY INTO\b",
        "COPY INTO",
        "COPY INTO orders FROM '/Volumes/main/raw/orders' FILEFORMAT = PARQUET",
        "COPY INTO orders FROM (SELECT id::INT FROM '/raw') FILEFORMAT = CSV "
        "FORMAT_OPTIONS ('header' = 'true') COPY_OPTIONS ('mergeSchema' = 'true')",
    ),
    _gap(
        r"(MERGE|INSERT) WITH SCHEMA EVOLUTION\b",
        "schema evolution",
        "MERGE WITH SCHEMA EVOLUTION INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET *",
        "INSERT WITH SCHEMA EVOLUTION INTO t SELECT 1 AS id",
    ),
    _gap(
        r"MERGE\b.*\bSET\b.*==",
        "== in an assignment",
        "MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET t.a == s.a",
    ),
    _gap(r".*\|>", "pipe syntax", "FROM orders |> WHERE amount > 1 |> SELECT id"),
    _gap(
        r"OPTIMIZE " + _NAME + r"( FULL| WHERE\b.*?)?( ZORDER BY\b.*)?$",
        "OPTIMIZE in full, or ZORDER BY without parentheses",
        "OPTIMIZE orders FULL",
        "OPTIMIZE orders ZORDER BY id, day",
        "OPTIMIZE orders WHERE day > 1 ZORDER BY id",
    ),
    _gap(
        r"VACUUM " + _NAME + r"( FULL| LITE)?( RETAIN [\w.]+ HOURS)?( DRY RUN)?$",
        "VACUUM ... DRY RUN, FULL and LITE",
        "VACUUM orders RETAIN 168 HOURS DRY RUN",
        "VACUUM orders LITE",
    ),
    _gap(
        r"ANALYZE TABLE " + _NAME + r"( PARTITION\s*\(.*\))? COMPUTE (DELTA )?STATISTICS\b",
        "statistics of columns",
        "ANALYZE TABLE orders COMPUTE STATISTICS FOR ALL COLUMNS",
        "ANALYZE TABLE orders COMPUTE DELTA STATISTICS",
    ),
    _gap(
        r"REORG TABLE\b",
        "REORG",
        "REORG TABLE orders APPLY (PURGE)",
        "REORG TABLE orders APPLY (UPGRADE UNIFORM(ICEBERG_COMPAT_VERSION=2))",
    ),
    _gap(
        r".*\bTABLESAMPLE\s*\([^()]*\)\s*REPEATABLE\b",
        "a repeatable sample",
        "SELECT * FROM orders TABLESAMPLE (1 PERCENT) REPEATABLE (7)",
    ),
    _gap(
        r".*\bJOIN LATERAL (?!VIEW\b)",
        "lateral joins",
        "SELECT * FROM orders JOIN LATERAL explode(items)",
    ),
    _gap(
        r".*\bDISTINCT\s*\(\s*\*\s*\)",
        "DISTINCT(*)",
        "SELECT DISTINCT(*) FROM orders",
        "CREATE TEMP VIEW v AS SELECT DISTINCT (*) FROM orders",
    ),
    _gap(r".*\*FROM\b", "no blank after a star", "SELECT *FROM orders", "SELECT o.*from orders o"),
    _gap(r"UNDROP\b", "UNDROP", "UNDROP TABLE orders"),
    _gap(r"CACHE SELECT\b", "the disk cache", "CACHE SELECT * FROM orders"),
    _gap(
        r"CREATE( OR REPLACE)?( GLOBAL)? TEMP(ORARY)? VIEW( IF NOT EXISTS)? "
        + _NAME
        + r"\s*\(.*\)\s*USING\b",
        "a temporary view with typed columns over a data source",
        "CREATE OR REPLACE TEMP VIEW v (id INT, name STRING) USING CSV OPTIONS (path = '/raw')",
    ),
    _gap(
        r"CREATE (OR REFRESH )?INCREMENTAL LIVE\b",
        "the first syntax of Delta Live Tables",
        "CREATE INCREMENTAL LIVE TABLE orders AS SELECT * FROM cloud_files('/raw', 'json')",
    ),
    _gap(
        r"ALTER GROUP\b",
        "groups of the workspace",
        "ALTER GROUP analysts ADD USER `me@example.org`",
    ),
    _gap(
        r"(CREATE( OR REPLACE)?|DROP) POLICY\b",
        "attribute-based access control",
        "CREATE OR REPLACE POLICY eu ON SCHEMA main.s ROW FILTER f TO analysts FOR TABLES "
        "MATCH COLUMNS hasTag('geo') AS region USING COLUMNS (region)",
        "DROP POLICY eu ON SCHEMA main.s",
    ),
    _gap(
        r"ALTER\b.*\bSET TAGS\b",
        "tags without values",
        "ALTER TABLE customers ALTER COLUMN region SET TAGS ('geo')",
    ),
    _gap(
        r"ALTER FUNCTION " + _NAME + r" OWNER TO\b",
        "owners of functions",
        "ALTER FUNCTION mask OWNER TO `account users`",
    ),
    _gap(
        r"CREATE WIDGET \w+ " + _NAME + r" DEFAULT\s*\(",
        "a widget's default in parentheses",
        "CREATE WIDGET TEXT codes DEFAULT (\"'1', '2'\")",
    ),
    _gap(
        r"CREATE( OR REPLACE)? TABLE\b.* CLONE " + _NAME + r" (VERSION|TIMESTAMP) AS OF\b",
        "a clone of an earlier version",
        "CREATE TABLE copy SHALLOW CLONE orders VERSION AS OF 2",
    ),
    _gap(
        r"CREATE( OR REPLACE)? TABLE (IF NOT EXISTS )?" + _NAME + r"\s*\(\s*\)",
        "a table without columns",
        "CREATE TABLE main.s.empty ()",
    ),
)


def covering(statement: str) -> Gap | None:
    """The gap that covers ``statement``, whose parameters are replaced already."""
    bare = _bare(statement)
    return next((gap for gap in GAPS if gap.pattern.match(bare)), None)


def _bare(statement: str) -> str:
    pieces: list[str] = []
    at = 0
    for token in lexing.tokens(statement):
        pieces.append(statement[at : token.start])
        if token.kind == "comment":
            pieces.append(" ")
        elif token.kind in ("string", "body"):
            pieces.append("''")
        else:
            pieces.append(token.text)
        at = token.start + len(token.text)
    return "".join(pieces).strip()
