"""The Spark session of a run: made when the first cell or module asks for Spark.

Importing pyspark costs most of what a small notebook takes, and many need none of it.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import os
import re
import uuid
import warnings
from collections.abc import Callable
from typing import Any

from pytest_dbxgate.execution.kernel import ahead
from pytest_dbxgate.execution.kernel.signals import EngineError, NeedsClusterError
from pytest_dbxgate.execution.spec import Spec

_WORDS = re.compile(r"\b(?:spark|sqlContext|sql|table|udf|_sqldf)\b")


def mentions(code: str) -> bool:
    """Whether code may need Spark's names."""
    return _WORDS.search(code) is not None


class Spark:
    """The session. ``ready`` is called once with it, before anybody else sees it."""

    def __init__(self, spec: Spec, ready: Callable[[Any], None]) -> None:
        self._spec = spec
        self._ready = ready
        self._session: Any = None
        self._starting = False
        self._position: tuple[str, str] | None = None
        self._views: frozenset[str] = frozenset()
        self.session_id = spec.session or str(uuid.uuid4())

    @property
    def is_started(self) -> bool:
        return self._session is not None

    def session(self) -> Any:
        """The session, started now if it was not. Raises EngineError."""
        if self._session is None and not self._starting:
            self._starting = True
            # What is imported now stays: collecting in between costs a tenth of the start.
            collects = gc.isenabled()
            gc.disable()
            try:
                self._session = self._start()
                if self._spec.session:
                    self._position = _position(self._session)
                    self._views = _views(self._session)
                self._ready(self._session)
            finally:
                if collects:
                    gc.enable()
                self._starting = False
        return self._session

    def leave(self) -> None:
        """Go back to the catalog and the schema that were found, and take away temporary views:
        others use the session, too, and on a cluster would see none of it."""
        if self._position is None or not self._spec.session:
            return
        catalog, database = self._position
        # The schema may be gone, or the engine.
        with contextlib.suppress(Exception):
            for view in _views(self._session) - self._views:
                self._session.catalog.dropTempView(view)
            self._session.catalog.setCurrentCatalog(catalog)
            self._session.catalog.setCurrentDatabase(database)

    def watch_imports(self) -> None:
        """Start with the first ``import pyspark``, so that ``getOrCreate`` finds the session."""
        ahead.on_import("pyspark", self.session)

    def _start(self) -> Any:
        # The client of pandas and of Arrow warns of what no notebook can change.
        warnings.filterwarnings("ignore", category=FutureWarning, module=r"pyspark\.")
        warnings.filterwarnings("ignore", category=UserWarning, module=r"pyspark\.")
        # A builder that finds it objects to ``master``.
        os.environ.pop("SPARK_REMOTE", None)
        spec = self._spec
        try:
            if spec.engine == "connect" and not spec.remote:
                return self._databricks()
            from pyspark.sql import SparkSession
        except ImportError as error:
            raise EngineError(f"Spark's client is not installed: {error}") from error
        builder = SparkSession.builder.remote(with_session(spec.remote, self.session_id))
        for key, value in self._settings().items():
            builder = builder.config(key, value)
        try:
            if spec.engine != "connect":
                _retry_for_seconds()
            return builder.create()
        except Exception as error:
            raise EngineError(f"the engine does not answer: {_first_line(error)}") from error

    def _settings(self) -> dict[str, str]:
        if self._spec.engine != "sail":
            return {}
        settings = {"spark.sql.sources.default": "delta"}
        if self._spec.warehouse:
            settings["spark.sql.warehouse.dir"] = self._spec.warehouse
        return settings

    def _databricks(self) -> Any:
        try:
            databricks = importlib.import_module("databricks.connect")
        except ImportError as error:
            raise EngineError(
                "databricks-connect is not installed: python -m pip install databricks-connect"
            ) from error
        given = self._spec.connect
        builder = databricks.DatabricksSession.builder.host(given["host"]).token(
            given.get("token", "")
        )
        if given.get("cluster_id"):
            builder = builder.clusterId(given["cluster_id"])
        else:
            builder = builder.serverless(True)
        try:
            return builder.getOrCreate()
        except Exception as error:
            raise EngineError(f"Databricks Connect: {_first_line(error)}") from error


def _position(session: Any) -> tuple[str, str] | None:
    with contextlib.suppress(Exception):
        return session.catalog.currentCatalog(), session.catalog.currentDatabase()
    return None


def _views(session: Any) -> frozenset[str]:
    """The names of the temporary views."""
    with contextlib.suppress(Exception):
        return frozenset(each.name for each in session.catalog.listTables() if each.isTemporary)
    return frozenset()


def with_session(remote: str, session_id: str) -> str:
    """A Spark Connect address with the id of a session."""
    joined = remote if "/;" in remote else remote.rstrip("/") + "/"
    return f"{joined.rstrip(';')};session_id={session_id}"


def _retry_for_seconds() -> None:
    """A local engine that is gone does not come back: ten minutes, the client's own, are vain."""
    core: Any = importlib.import_module("pyspark.sql.connect.client.core")
    core.DefaultPolicy = functools.partial(core.DefaultPolicy, max_retries=4, max_backoff=1000)


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


_OF_NO_EFFECT = ("setLogLevel", "setJobGroup", "setJobDescription", "setLocalProperty")
"""What changes logs and labels only."""


class NoSparkContext:
    """``sc``: what Spark Connect has not."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in _OF_NO_EFFECT:
            return lambda *values, **options: None
        raise NeedsClusterError(f"sc.{name} needs a cluster: Spark Connect has no SparkContext")

    def __repr__(self) -> str:
        return "<no SparkContext: Spark Connect has none>"


class SqlContext:
    """``sqlContext``, as far as notebooks use it still."""

    def __init__(self, session: Any) -> None:
        self._session = session

    @property
    def sparkSession(self) -> Any:  # noqa: N802 - Spark's name
        return self._session

    def __getattr__(self, name: str) -> Any:
        if name in ("sql", "table", "read", "createDataFrame", "range", "udf"):
            return getattr(self._session, name)
        if name.startswith("__"):
            raise AttributeError(name)
        raise NeedsClusterError(
            f"sqlContext.{name} needs a cluster: Spark Connect has no sqlContext"
        )
