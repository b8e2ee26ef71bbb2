"""``SET`` of Spark's own settings: which of them change rows on an engine that ignores them."""

from __future__ import annotations

from pytest_dbxgate.execution.sql.adapted import Adapted, Kind

_DEFAULTS = {
    "spark.sql.casesensitive": "false",
    "spark.sql.storeassignmentpolicy": "ansi",
    "spark.sql.mapkeydeduppolicy": "exception",
    "spark.sql.groupbyordinal": "true",
    "spark.sql.orderbyordinal": "true",
    "spark.sql.groupbyaliases": "true",
    "spark.sql.sources.partitionoverwritemode": "static",
    "spark.databricks.delta.schema.automerge.enabled": "false",
    "spark.sql.sources.partitioncolumntypeinference.enabled": "true",
    "spark.sql.files.ignorecorruptfiles": "false",
    "spark.sql.files.ignoremissingfiles": "false",
}
"""Settings that change rows and that Sail does not know, with Databricks' defaults."""

_LEGACY = "spark.sql.legacy."


def setting_limit(key: str, value: str) -> str:
    """Why Sail cannot be set so: a sentence, empty where it can or where no rows depend on it."""
    folded = key.casefold()
    default = _DEFAULTS.get(folded)
    changes = folded.startswith(_LEGACY) or (default and value.strip().casefold() != default)
    return f"Sail does not know the setting {key}, which may change rows" if changes else ""


def set_to(key: str, value: str, engine: str) -> Adapted:
    """What becomes of ``SET key = value``."""
    reason = setting_limit(key, value) if engine == "sail" else ""
    if reason:
        return Adapted(Kind.CANNOT, notice=reason)
    return Adapted(Kind.ACKNOWLEDGE, setting=(key, value))
