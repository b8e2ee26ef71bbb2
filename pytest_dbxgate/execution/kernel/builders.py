"""What notebooks expect of pyspark that a client of Spark Connect has not."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from pytest_dbxgate.execution.kernel.spark import NoSparkContext
from pytest_dbxgate.execution.kernel.utility import needs_cluster

_OF_A_CLUSTER = ("SparkContext", "SparkConf", "RDD", "Broadcast", "Accumulator", "SparkFiles")
_NOT_SET = ("spark.app.name", "spark.master", "spark.remote", "spark.submit.deployMode")


_CACHES = ("clearCache", "cacheTable", "uncacheTable", "refreshTable", "refreshByPath")


def give(session: Any, notice: Callable[[str], None]) -> None:
    """From now on every ``SparkSession.builder`` gives ``session``, as on a cluster, and the names
    of a cluster can be imported, though not used."""
    import pyspark
    from pyspark.sql import SparkSession

    def get_or_create(self: Any) -> Any:
        for key, value in dict(self._options).items():
            if key not in _NOT_SET:
                # A cluster, too, ignores what can be set at its start only.
                with contextlib.suppress(Exception):
                    session.conf.set(key, value)
        return session

    type(session).sparkContext = NoSparkContext()
    SparkSession.Builder.getOrCreate = get_or_create  # type: ignore[method-assign]
    _acknowledge(session, notice)
    for name in _OF_A_CLUSTER:
        if not hasattr(pyspark, name):
            setattr(pyspark, name, _Absent(name, (), {}))


def _acknowledge(session: Any, notice: Callable[[str], None]) -> None:
    """What changes no rows is not done."""

    def said(name: str, result: Callable[[Any], Any]) -> Callable[..., Any]:
        def skip(self: Any, *values: Any, **options: Any) -> Any:
            notice(f"{name} is not done here; it changes no rows")
            return result(self)

        return skip

    catalog, frame = type(session.catalog), type(session.range(0))
    for name in _CACHES:
        setattr(catalog, name, said(f"catalog.{name}", lambda self: None))
    for name in ("checkpoint", "localCheckpoint"):
        setattr(frame, name, said(f"DataFrame.{name}", lambda self: self))


class _Absent(type):
    """A class that can be imported; whatever else is done with it needs a cluster."""

    def __call__(cls, *values: Any, **options: Any) -> Any:
        needs_cluster(f"{cls.__name__}: Spark Connect has none; it")

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        needs_cluster(f"{cls.__name__}.{name}: Spark Connect has no {cls.__name__}; it")
