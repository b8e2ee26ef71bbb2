"""The decision about one statement."""

from __future__ import annotations

from dataclasses import replace

from pytest_dbxgate.execution.sql.adapted import Adapted, Columns, Kind
from pytest_dbxgate.execution.sql.code import Code
from pytest_dbxgate.execution.sql.queries import CannotError, rewritten
from pytest_dbxgate.execution.sql.sail import decide as decide_for_sail
from pytest_dbxgate.execution.sql.spark import decide as decide_for_spark
from pytest_dbxgate.execution.sql.tables import query_of, replacing

_QUERY = frozenset({"SELECT", "WITH", "FROM"})

DECIMALS = (
    "a quotient of DECIMALs has fewer digits here than on Databricks, and is cut, not rounded"
)


def adapt(statement: str, *, engine: str, columns: Columns | None = None) -> Adapted:
    """What to do with one statement, its text parameters (``${p}``) filled in, those for values
    (``:p``) as they are.

    ``engine`` is that of a run: ``sail``, ``pyspark`` or ``connect``. Raises what ``columns``
    raises, and nothing else.
    """
    if engine == "sail":
        return _for_sail(statement, columns)
    decided = decide_for_spark(statement, columns) if engine == "pyspark" else None
    return decided or Adapted(Kind.ACCEPT, statement)


def _for_sail(statement: str, columns: Columns | None) -> Adapted:
    decided = decide_for_sail(Code(statement)) or Adapted(Kind.ACCEPT, statement)
    if decided.kind in (Kind.ACKNOWLEDGE, Kind.CANNOT):
        return decided
    try:
        text = rewritten(decided.text, columns)
    except CannotError as reason:
        return Adapted(Kind.CANNOT, notice=f"Sail cannot do this: {reason}")
    replaced = replacing(text, columns)
    if replaced is not None:
        return replaced
    notice = decided.notice or _about_decimals(text, columns)
    if text == decided.text:
        return replace(decided, notice=notice)
    return Adapted(Kind.REWRITE, text, notice, decided.before)


def _about_decimals(text: str, columns: Columns | None) -> str:
    """Where a query divides and gives decimals, what Sail makes of them: the scale of the
    dividend and four digits more, cut off, where Spark rounds at up to 38 digits."""
    code = Code(text)
    start = 0 if code.word(0) in _QUERY else query_of(code)
    start += code.word(start) == "AS"
    if columns is None or code.word(start) not in _QUERY:
        return ""
    divisions = [index for index in range(start, len(code)) if code.word(index) == "/"]
    # CAST(a AS DOUBLE) / b is no decimal.
    if all(code.word(at - 1) == ")" and code.word(at - 2) == "DOUBLE" for at in divisions):
        return ""
    types = (kind for _, kind in columns(code.slice(start, len(code))))
    return DECIMALS if any(kind.startswith("decimal") for kind in types) else ""
