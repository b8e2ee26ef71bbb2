"""Every SQL statement of a run on its way to the engine: adapted, acknowledged or refused."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable, Mapping
from typing import Any

from pytest_dbxgate.execution.kernel.signals import NeedsClusterError

STATEMENT = "_dbxgate_statement"
"""The attribute that tells of an error which statement raised it."""

LINE = "_dbxgate_line"
"""The attribute that tells in which line of a cell's code the statement stands."""

_QUERIES = frozenset(
    {
        "SELECT",
        "WITH",
        "FROM",
        "VALUES",
        "TABLE",
        "SHOW",
        "DESCRIBE",
        "DESC",
        "EXPLAIN",
        "LIST",
        "(",
    }
)
_NOTHING = "SELECT '' AS result WHERE 1 = 0"


class Statements:
    """Takes the place of ``SparkSession.sql``."""

    def __init__(
        self,
        engine: str,
        notice: Callable[[str], None],
        mapped: Callable[[str], str] = str,
    ) -> None:
        self._engine = engine
        self._notice = notice
        self._mapped = mapped

    def install(self, session: Any) -> None:
        """From now on every session of this process gives its statements here first."""
        kind = type(session)
        original = kind.sql
        statements = self

        def sql(self: Any, sqlQuery: str, args: Any = None, **kwargs: Any) -> Any:  # noqa: N803
            def run(text: str, args: Any = args) -> Any:
                return original(self, text, args, **kwargs)

            return statements.run(self, run, sqlQuery, args)

        sql.__doc__ = original.__doc__
        kind.sql = sql
        if self._engine != "connect":
            kind.stop = self._stop

    def _stop(self) -> None:
        self._notice("spark.stop() was not done: the session belongs to the run")

    def run(self, session: Any, run: Callable[..., Any], text: str, args: Any) -> Any:
        """Do what ``text`` asks for; the result as a DataFrame. ``run`` asks the engine."""
        try:
            return self._run(session, run, text, args)
        except Exception as error:
            if not hasattr(error, STATEMENT):
                setattr(error, STATEMENT, text)
            raise

    def _run(self, session: Any, run: Callable[..., Any], text: str, args: Any) -> Any:
        from pytest_dbxgate.execution import sql as dialects

        def columns(query: str) -> Any:
            return run(query).dtypes

        text = self._mapped(text)
        adapted = dialects.adapt(text, engine=self._engine, columns=columns)
        if adapted.kind is dialects.Kind.CANNOT:
            raise NeedsClusterError(f"{adapted.notice}: it needs a cluster")
        if adapted.notice:
            self._notice(f"{adapted.notice}: {_short(text)}")
        for each in adapted.before:
            self._ask(run, each, args)
        if adapted.kind is dialects.Kind.ACKNOWLEDGE:
            if adapted.setting is not None:
                session.conf.set(*adapted.setting)
            if adapted.text:
                self._ask(run, adapted.text, args)
            return run(_NOTHING, None)
        result = self._ask(run, adapted.text, args)
        if self._engine == "sail" and is_query(adapted.text):
            # Spark looks at a query at once, Sail only when its rows are asked for.
            _ = result.schema
        return result

    def _ask(self, run: Callable[..., Any], text: str, args: Any) -> Any:
        """Sail takes named parameters in queries only, and names by ``IDENTIFIER`` seldom."""
        if self._engine == "sail" and isinstance(args, Mapping) and args:
            if not is_query(text) or "IDENTIFIER" in text.upper():
                return run(bind(text, args), None)
            used = {key: value for key, value in args.items() if f":{key}" in text}
            return run(text, used or None)
        return run(text, args)


def is_query(statement: str) -> bool:
    """Whether a statement gives rows."""
    code = statement.lstrip()
    while code.startswith(("--", "/*")):
        end = code.find("\n") if code.startswith("--") else code.find("*/") + 1
        code = code[end + 1 :].lstrip() if end > 0 else ""
    word = code[:1] if code.startswith("(") else code.split(None, 1)[0] if code else ""
    return word.upper().partition("(")[0] in _QUERIES or word == "("


def bind(text: str, args: Mapping[str, Any]) -> str:
    """``text`` with values in the place of its named parameters."""
    from pytest_dbxgate.execution import sql as dialects

    marks = {name: f"\x01{number}\x01" for number, name in enumerate(args)}
    strings = {name: value for name, value in args.items() if isinstance(value, str)}
    found = dialects.bound(text, {**marks, **strings})
    for name, mark in marks.items():
        found = found.replace(f"'{mark}'", _literal(args[name]))
    return found


def _literal(value: Any) -> str:
    match value:
        case None:
            return "NULL"
        case bool():
            return str(value).upper()
        case int() | decimal.Decimal():
            return str(value)
        case float():
            return f"CAST('{value!r}' AS DOUBLE)"
        case datetime.datetime():
            return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
        case datetime.date():
            return f"DATE '{value.isoformat()}'"
    escaped = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def limit_of(error: BaseException) -> str:
    """Why this engine cannot do what raised ``error``; empty where that is not the reason."""
    from pytest_dbxgate.execution import sql as dialects

    return dialects.limit_of(error, getattr(error, STATEMENT, ""))


def _short(statement: str) -> str:
    words = " ".join(statement.split())
    return words if len(words) <= 60 else words[:57] + "..."
