"""``CREATE TABLE`` and ``CREATE SCHEMA`` without what says nothing about rows.

The layout of files (``CLUSTER BY``), keys, which Databricks does not enforce, and comments.
"""

from __future__ import annotations

import re

from pytest_dbxgate.execution.sql.adapted import Adapted, Columns, Kind
from pytest_dbxgate.execution.sql.code import NAME, Code, name_of, quoted

_KEYS = ("PRIMARY", "FOREIGN", "REFERENCES")
_CLAUSES = frozenset({"USING", "PARTITIONED", "CLUSTER", "LOCATION", "COMMENT", "OPTIONS"}) | {
    "TBLPROPERTIES",
    "AS",
    "SELECT",
    "WITH",
    "CLUSTERED",
}


def without_layout(text: str) -> tuple[str, tuple[str, ...]]:
    """A ``CREATE TABLE`` for Sail, and what was left out of it."""
    left_out: list[str] = []
    for step, name in (
        (_clustering, "CLUSTER BY"),
        (_comment_of_query, "COMMENT"),
        (_key, "PRIMARY KEY and FOREIGN KEY, which are not enforced"),
    ):
        while True:
            changed = step(Code(text))
            if changed is None:
                break
            text = changed
            if name not in left_out:
                left_out.append(name)
    return text, tuple(left_out)


_REPLACING = re.compile(rf"(?:CREATE OR )?REPLACE TABLE (?P<table>{NAME}) ", re.IGNORECASE)


def replacing(text: str, columns: Columns | None) -> Adapted | None:
    """``CREATE OR REPLACE TABLE ... AS`` over a table of other columns; None where it is none.

    Sail keeps the columns of the table that is there and casts the new rows into them, 2.5 into
    the 2 of an INT. So the rows go into a new table first, which fails as the statement would.
    """
    code = Code(text)
    match = _REPLACING.match(code.bare)
    query = query_of(code)
    if match is None or query == len(code) or columns is None:
        return None
    query += code.word(query) == "AS"
    table, rows = code.matched(match, "table"), code.slice(query, len(code))
    try:
        there = columns(f"SELECT * FROM {table}")
    except Exception:  # it is not there
        return None
    if list(there) == list(columns(rows)):
        return None
    first = code.token_at(match.end() - 1) + 1
    if any(code.word(at) == "LOCATION" for at in range(first, query)) or "(" in match["table"]:
        return Adapted(Kind.CANNOT, notice="Sail cannot replace such a table by other columns")
    before, text = by_way_of(code, table, first)
    return Adapted(
        Kind.REWRITE,
        text,
        "the table has other columns now: its earlier versions are gone here",
        before,
    )


def by_way_of(code: Code, table: str, first: int) -> tuple[tuple[str, ...], str]:
    """Statements that replace ``table`` by a query that may read it: what goes before, the last.

    ``first`` is the token after its name. Nothing is dropped before the new rows are there.
    """
    query = query_of(code)
    query += code.word(query) == "AS"
    clauses, rows = code.slice(first, query), code.slice(query, len(code))
    head, _, last = table.rpartition(".")
    parked = f"{head}." * bool(head) + quoted(f"{name_of(Code(last).tokens[0])}__dbx_new")
    return (
        f"CREATE TABLE {parked} {clauses} {rows}",
        f"DROP TABLE IF EXISTS {table}",
        f"CREATE TABLE {table} {clauses} SELECT * FROM {parked}",
    ), f"DROP TABLE {parked}"


def query_of(code: Code) -> int:
    """Where the query begins; the end where there is none."""
    for index in range(len(code)):
        if code.depths[index] == 0 and code.word(index) in ("SELECT", "WITH", "VALUES", "FROM"):
            return index
        if code.word(index) == "AS" and code.depths[index] == 0:
            return index
    return len(code)


def _clustering(code: Code) -> str | None:
    end = query_of(code)
    for index in range(end):
        if code.depths[index] or not code.says(index, "CLUSTER", "BY"):
            continue
        if code.word(index + 2) == "(":
            return code.replaced(index, code.closing(index + 2) + 1, "")
        if code.word(index + 2) in ("AUTO", "NONE"):
            return code.replaced(index, index + 3, "")
    return None


def _comment_of_query(code: Code) -> str | None:
    end = query_of(code)
    if end == len(code):
        return None
    for index in range(end - 1):
        is_text = code.tokens[index + 1].kind == "string"
        if not code.depths[index] and code.word(index) == "COMMENT" and is_text:
            return code.replaced(index, index + 2, "")
    return None


def _key(code: Code) -> str | None:
    """Leave out one key, of a column or of the table."""
    opening = next((at for at in range(query_of(code)) if code.word(at) == "("), None)
    if opening is None or any(code.word(at) in _CLAUSES for at in range(opening)):
        return None
    closing = code.closing(opening)
    at = opening + 1
    for start, end in definitions(code, opening + 1, closing):
        first = start + 2 if code.word(start) == "CONSTRAINT" else start
        if code.word(first) in ("PRIMARY", "FOREIGN") and code.word(first + 1) == "KEY":
            # with the comma ahead of it
            return code.replaced(max(at, start - 1), end, "")
        for index in code.level(start + 1, end):
            if code.word(index) in _KEYS and code.word(index) != "FOREIGN":
                return _column_key(code, start, index, end)
            if code.says(index, "FOREIGN", "KEY", "REFERENCES"):
                return _column_key(code, start, index, end)
    return None


def _column_key(code: Code, start: int, index: int, end: int) -> str:
    """A column without its key; that of a primary key is NOT NULL, as on Databricks."""
    primary = code.word(index) == "PRIMARY"
    first = index - 2 if code.word(index - 2) == "CONSTRAINT" else index
    last = index + (1 if code.word(index) == "REFERENCES" else 2)
    if not primary:
        last += code.word(last) == "REFERENCES"
        last += 1
        while code.word(last) == ".":
            last += 2
        if code.word(last) == "(":
            last = code.closing(last) + 1
    while last < end and code.word(last) in _OPTIONS:
        last += 1
    nullable = primary and not any(
        code.says(at, "NOT", "NULL") for at in code.level(start + 1, end)
    )
    return code.replaced(first, last, "NOT NULL" if nullable else "")


_OPTIONS = frozenset(
    {"NOT", "ENFORCED", "DEFERRABLE", "INITIALLY", "DEFERRED", "NORELY", "RELY", "TIMESERIES"}
)


def definitions(code: Code, start: int, end: int) -> list[tuple[int, int]]:
    """The definitions of columns; a comma between ``<`` and ``>`` belongs to a type."""
    found: list[tuple[int, int]] = []
    angles = 0
    first = start
    for index in range(start, end):
        angles += (code.word(index) == "<") - (code.word(index) == ">")
        if code.word(index) == "," and code.depths[index] == code.depths[start] and angles <= 0:
            found.append((first, index))
            first = index + 1
    return [*found, (first, end)]
