"""The notebook's Spark session."""

from __future__ import annotations

import warnings
from typing import Any

from pytest_dbxgate.execution.kernel.errors import NeedsClusterError
from pytest_dbxgate.execution.kernel.statements import DATABRICKS, adapting
from pytest_dbxgate.execution.kernel.telling import Teller
from pytest_dbxgate.execution.spec import Spec


def session(spec: Spec, teller: Teller) -> Any:
    """The session of ``spec``. Raises what the client raises where no server answers."""
    with warnings.catch_warnings():
        # What versions suit PySpark is not the notebook's business.
        warnings.simplefilter("ignore")
        spark = _databricks(spec) if spec.connect else _connected(spec)
    if spec.engine != DATABRICKS:
        kind = type(spark)
        kind.sql = adapting(kind.sql, spec.engine, teller.notice)
    return spark


def _connected(spec: Spec) -> Any:
    from pyspark.sql import SparkSession

    remote = spec.remote
    if spec.engine != DATABRICKS and spec.session:
        remote += ("" if "/;" in remote else "/") + f";session_id={spec.session}"
    builder = SparkSession.builder.remote(remote)
    if spec.warehouse:
        builder = builder.config("spark.sql.warehouse.dir", spec.warehouse)
        builder = builder.config("spark.sql.sources.default", "delta")
    return builder.create()


def _databricks(spec: Spec) -> Any:
    try:
        from databricks.connect import DatabricksSession
    except ImportError:
        raise NeedsClusterError(
            "running with Databricks' Spark needs its client: python -m pip install "
            '"databricks-connect", in place of pyspark-client'
        ) from None
    builder = DatabricksSession.builder.host(spec.connect["host"]).token(spec.connect["token"])
    cluster = spec.connect.get("cluster_id", "")
    builder = builder.clusterId(cluster) if cluster else builder.serverless(True)
    return builder.getOrCreate()


class Position:
    """The catalog and the schema a session is at; runs that share one must not leave another."""

    def __init__(self, spark: Any, *, is_shared: bool) -> None:
        self._spark = spark
        self._found: tuple[str, str] | None = None
        if is_shared:
            try:
                self._found = (spark.catalog.currentCatalog(), spark.catalog.currentDatabase())
            except Exception:
                # An engine without catalogs has nothing to go back to.
                self._found = None

    def restore(self) -> None:
        if self._found is None:
            return
        try:
            self._spark.catalog.setCurrentCatalog(self._found[0])
            self._spark.catalog.setCurrentDatabase(self._found[1])
        except Exception:
            # The schema may be gone by now.
            return


class NoContext:
    """``sc``: Spark Connect has none."""

    def __getattr__(self, name: str) -> Any:
        raise NeedsClusterError(
            f"sc.{name} needs a cluster: Spark Connect has no SparkContext and no RDDs"
        )


class SqlContext:
    """``sqlContext``, of which old notebooks use these."""

    def __init__(self, spark: Any) -> None:
        self._spark = spark

    def __getattr__(self, name: str) -> Any:
        return getattr(self._spark, name)
