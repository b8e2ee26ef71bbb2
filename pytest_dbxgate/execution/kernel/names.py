"""The names that every notebook knows without defining them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from pytest_dbxgate.execution.kernel import display
from pytest_dbxgate.execution.kernel.spark import NoSparkContext, SqlContext
from pytest_dbxgate.execution.kernel.widgets import Widgets


def without_spark(dbutils: Any, widgets: Widgets) -> dict[str, Any]:
    """Those that need no session."""
    return {
        "dbutils": dbutils,
        "display": display.display,
        "displayHTML": display.displayHTML,
        "getArgument": widgets.getArgument,
        "sc": NoSparkContext(),
    }


def of_spark(session: Any) -> dict[str, Any]:
    """Those that come with the session."""
    from pyspark.sql.functions import udf

    return {
        "spark": session,
        "sqlContext": SqlContext(session),
        "sql": session.sql,
        "table": session.table,
        "udf": udf,
    }


def provide_modules(names: dict[str, Any], session: Callable[[], Any], *, connect: bool) -> None:
    """The modules by which a repository's own modules reach the same names."""
    dbutils = ModuleType("pyspark.dbutils")
    dbutils.DBUtils = lambda spark=None: names["dbutils"]  # type: ignore[attr-defined]
    sys.modules["pyspark.dbutils"] = dbutils
    runtime = _Runtime("databricks.sdk.runtime")
    runtime.__dict__.update(names, _session=session)
    runtime.__all__ = [*names, *_OF_SPARK]  # type: ignore[attr-defined]
    sys.modules["databricks.sdk.runtime"] = runtime
    if not connect:
        other = ModuleType("databricks.connect")
        other.DatabricksSession = _DatabricksSession(session)  # type: ignore[attr-defined]
        sys.modules["databricks.connect"] = other


_OF_SPARK = ("spark", "sqlContext", "sql", "table", "udf")


class _Runtime(ModuleType):
    """``databricks.sdk.runtime``."""

    def __getattr__(self, name: str) -> Any:
        if name not in _OF_SPARK:
            raise AttributeError(name)
        return of_spark(self.__dict__["_session"]())[name]


class _DatabricksSession:
    """``DatabricksSession``, whose builder always gives the run's own session."""

    def __init__(self, session: Callable[[], Any]) -> None:
        self._session = session

    @property
    def builder(self) -> _DatabricksSession:
        return self

    def getOrCreate(self) -> Any:  # noqa: N802 - Databricks' name
        return self._session()

    create = getOrCreate

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *values, **options: self
