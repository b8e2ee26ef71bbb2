"""The decision about one statement."""

from __future__ import annotations

from pytest_dbxgate.execution.sql.adapted import Adapted, Columns, Kind
from pytest_dbxgate.execution.sql.code import Code
from pytest_dbxgate.execution.sql.queries import CannotError, rewritten
from pytest_dbxgate.execution.sql.sail import decide as decide_for_sail
from pytest_dbxgate.execution.sql.spark import decide as decide_for_spark
from pytest_dbxgate.execution.sql.tables import replacing


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
        return Adapted(Kind.CANNOT, notice=f"Sail has no {reason}")
    replaced = replacing(text, columns)
    if replaced is not None:
        return replaced
    if text == decided.text:
        return decided
    return Adapted(Kind.REWRITE, text, decided.notice, decided.before)
