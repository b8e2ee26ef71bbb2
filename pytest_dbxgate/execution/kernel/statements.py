"""SQL on the way to the engine: each statement as it has to be there.

It passes through here whether a ``%sql`` cell or ``spark.sql`` sends it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pytest_dbxgate.execution.kernel.errors import NeedsClusterError
from pytest_dbxgate.execution.sql import Kind, adapt, bound

DATABRICKS = "connect"
"""The engine that needs no help."""


def adapting(
    original: Callable[..., Any], engine: str, notice: Callable[[str], None]
) -> Callable[..., Any]:
    """``SparkSession.sql`` for an engine that is not Databricks. ``notice`` gets what was done
    otherwise."""

    def sql(self: Any, sqlQuery: str, args: Any = None, **kwargs: Any) -> Any:  # noqa: N803
        if kwargs or not isinstance(sqlQuery, str):
            # DataFrames are put in by name: PySpark itself must see the text.
            return original(self, sqlQuery, args, **kwargs)

        def columns(query: str) -> list[tuple[str, str]]:
            dtypes: list[tuple[str, str]] = original(self, *_bound(query, args, engine)).dtypes
            return dtypes

        made = adapt(sqlQuery, engine=engine, columns=columns)
        if made.notice and made.kind is not Kind.CANNOT:
            notice(made.notice)
        if made.kind is Kind.CANNOT:
            raise NeedsClusterError(made.notice)
        if made.setting is not None:
            self.conf.set(*made.setting)
        for each in made.before:
            original(self, *_bound(each, args, engine))
        if made.kind is Kind.ACKNOWLEDGE:
            if made.text:
                original(self, *_bound(made.text, args, engine))
            return original(self, "SELECT 1 AS acknowledged WHERE false")
        return original(self, *_bound(made.text or sqlQuery, args, engine))

    return sql


def _bound(text: str, args: Any, engine: str) -> tuple[Any, ...]:
    """The arguments of PySpark's own ``sql``. Sail binds no parameters in commands."""
    if not isinstance(args, Mapping) or not args or engine != "sail":
        return (text, args)
    if all(isinstance(value, str) for value in args.values()):
        return (bound(text, dict(args)), None)
    return (text, args)
