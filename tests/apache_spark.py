"""Apache Spark for the tests that compare with it: started once, where it is at all."""

from __future__ import annotations

import atexit
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.execution.engines import ENGINES, pyspark
from spark_client import connect


def session() -> Any:
    """A session; skips the test where Java or a full Spark is missing."""
    home = os.environ.get("DBXGATE_TEST_SPARK_HOME") or os.environ.get("SPARK_HOME")
    if not home:
        pytest.skip("no full Spark: DBXGATE_TEST_SPARK_HOME is not set")
    try:
        pyspark.find({**os.environ, "SPARK_HOME": home})
    except ConfigurationError as error:
        pytest.skip(error.message)
    return _started(home)


@cache
def _started(home: str) -> Any:
    folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    before = os.environ.get("SPARK_HOME")
    os.environ["SPARK_HOME"] = home
    try:
        server = ENGINES["pyspark"].start(Path(folder.name), ())
    finally:
        del os.environ["SPARK_HOME"]
        if before is not None:
            os.environ["SPARK_HOME"] = before
    atexit.register(folder.cleanup)
    atexit.register(server.stop)
    return connect(server.remote)
