"""What Apache Spark without Delta makes of Databricks' statements.

Its tables are Parquet, in the one catalog that it has. Much of what Sail lacks it knows.
"""

from __future__ import annotations

import re
from dataclasses import replace

from pytest_dbxgate.execution.sql.adapted import Adapted, Columns, Kind
from pytest_dbxgate.execution.sql.code import NAME, Code
from pytest_dbxgate.execution.sql.queries import CannotError, qualify, rewritten
from pytest_dbxgate.execution.sql.sail import decide as decide_for_sail
from pytest_dbxgate.execution.sql.tables import by_way_of, query_of, without_layout

_OWN = re.compile(
    r"(?:ANALYZE|REFRESH|CACHE (?:LAZY )?TABLE|UNCACHE|CLEAR|MSCK|REPAIR|SET|RESET|DECLARE|TRUNCATE"
    r"|EXECUTE|DESC|DESCRIBE (?!HISTORY|DETAIL)|BEGIN|LOAD"
    r"|COMMENT ON (?:TABLE|SCHEMA|DATABASE)"
    r"|USE (?!CATALOG)|ALTER VIEW \S+ AS|SHOW (?!GRANT|VOLUMES|SHARES|CATALOG )"
    r"|CREATE(?: OR REPLACE)?(?: TEMPORARY| TEMP)? FUNCTION"
    r"|ALTER TABLE .+? (?:ADD COLUMN|SET TBLPROPERTIES|UNSET|RENAME|SET LOCATION|RECOVER)"
    r")\b",
    re.IGNORECASE | re.DOTALL,
)
"""What Spark decides itself."""

_CREATE = re.compile(
    rf"CREATE (?P<replace>OR REPLACE )?(?:EXTERNAL )?TABLE (?:IF NOT EXISTS )?(?P<table>{NAME})",
    re.IGNORECASE,
)
_USE_CATALOG = re.compile(r"USE CATALOG (?P<name>\w+|`q`)", re.IGNORECASE)


def decide(statement: str, columns: Columns | None) -> Adapted | None:
    """What becomes of a statement; None where Spark takes it as it is, or says why not."""
    code = Code(statement)
    match = _USE_CATALOG.fullmatch(code.bare)
    if match is not None:
        return Adapted(Kind.REWRITE, f"SET CATALOG {code.matched(match, 'name')}")
    if not _OWN.match(code.bare):
        known = decide_for_sail(code)
        if known is not None and known.kind is Kind.ACKNOWLEDGE:
            return replace(known, text=_check(known.text))
        if known is not None and known.kind is Kind.CANNOT:
            return replace(known, notice=known.notice.replace("Sail", "Apache Spark", 1))
    try:
        text = rewritten(statement, columns, (qualify,))
    except CannotError as reason:
        return Adapted(Kind.CANNOT, notice=f"Apache Spark cannot do this: {reason}")
    created = _created(text)
    if created is not None:
        return created
    return Adapted(Kind.REWRITE, text) if text != statement else None


def _check(text: str) -> str:
    """Sail's check for Spark, whose EXPLAIN explains what is not there, too."""
    text = text.replace("EXPLAIN SELECT * FROM ", "DESCRIBE TABLE ")
    return re.sub(r"^EXPLAIN SELECT (.+) FROM (.+)$", r"DESCRIBE TABLE \2 \1", text, flags=re.S)


def _created(statement: str) -> Adapted | None:
    match = _CREATE.match(Code(statement).bare)
    if match is None:
        return None
    text, left_out = without_layout(statement)
    parquet = _as_parquet(text)
    notices = [f"without {' and '.join(left_out)}"] if left_out else []
    notices += ["the table is Parquet, not Delta"] if parquet != text else []
    code = Code(parquet)
    match = _CREATE.match(code.bare)
    assert match is not None
    if match["replace"]:
        return _replaced(code, match, "; ".join(notices))
    if parquet == statement:
        return None
    return Adapted(Kind.REWRITE, parquet, "; ".join(notices))


def _as_parquet(text: str) -> str:
    code = Code(text)
    for index in range(query_of(code)):
        if not code.depths[index] and code.says(index, "USING", "DELTA"):
            return code.replaced(index + 1, index + 2, "PARQUET")
    return text


def _replaced(code: Code, match: re.Match[str], notice: str) -> Adapted:
    """Spark replaces no tables of Parquet: the old one goes when the new rows are there."""
    table = code.matched(match, "table")
    if query_of(code) == len(code):
        at = next(index for index in range(len(code)) if code.word(index) == "OR")
        drop = f"DROP TABLE IF EXISTS {table}"
        return Adapted(Kind.REWRITE, code.replaced(at, at + 2, ""), notice, (drop,))
    first = code.token_at(match.end() - 1) + 1
    before, text = by_way_of(code, table, first)
    return Adapted(Kind.REWRITE, text, notice, before)
