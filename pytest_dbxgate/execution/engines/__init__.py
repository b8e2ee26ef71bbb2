"""Spark Connect servers on this machine, as supervised processes: one a session."""

from pytest_dbxgate.execution.engines.catalogs import catalogs_named, default_catalog
from pytest_dbxgate.execution.engines.model import Engine, Running
from pytest_dbxgate.execution.engines.pyspark import PySpark
from pytest_dbxgate.execution.engines.sail import Sail

ENGINES: dict[str, Engine] = {"sail": Sail(), "pyspark": PySpark()}
"""By the name that settings give them."""

__all__ = ["ENGINES", "Engine", "Running", "catalogs_named", "default_catalog"]
