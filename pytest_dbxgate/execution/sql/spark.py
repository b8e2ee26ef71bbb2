"""What Apache Spark without Delta's jars makes of Databricks' statements."""

from __future__ import annotations

from pytest_dbxgate.execution.sql.adapted import Adapted
from pytest_dbxgate.execution.sql.code import Code


def decide(code: Code) -> Adapted | None:
    return None
