"""Whether a failure is the engine's or the notebook's own."""

from __future__ import annotations

import logging
import re

from pytest_dbxgate.execution.sql.adapted import Kind
from pytest_dbxgate.execution.sql.code import Code
from pytest_dbxgate.execution.sql.sail import decide

_UNREAD = re.compile(r"invalid argument: found (.+?) at (\d+):(\d+) expected", re.DOTALL)
_FUNCTION = re.compile(r"unknown (table )?function: (\w+)")
_MISSING = re.compile(r'attribute ObjectName\(\[Identifier\("([^"]+)"\)\]\) is missing')

_OF_SPARK = re.compile(
    r"\[(?:UNSUPPORTED_FEATURE|NOT_SUPPORTED_COMMAND|REQUIRES_SINGLE_PART_NAMESPACE|UNSUPPORTED_"
    r"(?:DATASOURCE|INSERT|DEFAULT|SAVE_MODE)|CATALOG_NOT_FOUND|MISSING_CATALOG_ABILITY)"
    r"|\[DATA_SOURCE_NOT_FOUND\].*\b(?:delta|cloudFiles|iceberg)\b"
    r"|Catalog '\w+' plugin class not found"
)
_REPLACED = re.compile(r"not found in table schema|non-nullable column")
_REPLACING = re.compile(r"\bREPLACE\s+TABLE\b", re.IGNORECASE)
_FEWER = re.compile(r"input schema for INSERT has \d+ fields, but table schema has \d+ fields")
_SOME_COLUMNS = re.compile(
    r"\bINSERT\s+INTO\s+(?:TABLE\s+)?[\w.`]+\s*\(|\bBY\s+NAME\b", re.IGNORECASE
)


def limit_of(error: BaseException, statement: str = "") -> str:
    """Why this engine cannot do what was asked, a sentence without a full stop; empty where the
    failure is the notebook's own: a missing table, a wrong column, an error of syntax."""
    message = str(error)
    unread = _UNREAD.search(message)
    if unread is not None:
        return _unread(unread[1], statement)
    function = _FUNCTION.search(message)
    if function is not None:
        return _function(function[2], bool(function[1]))
    condition = _OF_SPARK.search(message)
    if condition is not None:
        return f"Apache Spark without Delta cannot do this: {_first_line(message)}"
    if type(error).__name__ == "UnsupportedOperationException":
        return f"the engine cannot do this: {_first_line(message)}"
    missing = _MISSING.search(message)
    if missing is not None:
        return _missing(missing[1], statement)
    if "Could not find config namespace" in message:
        return "Sail does not read SET"
    if _REPLACED.search(message) and _REPLACING.search(statement):
        return "Sail cannot replace a table by one of other columns"
    if _FEWER.search(message) and _SOME_COLUMNS.search(statement):
        return "Sail has no INSERT into some of the columns"
    if "information_schema" in message or "information_schema" in statement.lower():
        return "the engine has no information_schema"
    return ""


def _missing(name: str, statement: str) -> str:
    if name.upper() == "ALL" and re.search(r"\bBY\s+ALL\b", statement, re.IGNORECASE):
        return "Sail does not know ALL in GROUP BY and ORDER BY"
    if re.search(rf"\bAS\s+`?{re.escape(name)}\b", statement, re.IGNORECASE):
        return f"Sail cannot name `{name}` again in the SELECT that defines it"
    return ""


def _first_line(message: str) -> str:
    return message.strip().split("\n")[0].rstrip(".")


def _unread(found: str, statement: str) -> str:
    """A statement that Sail does not read is the notebook's fault where sqlglot rejects it too."""
    known = decide(Code(statement)) if statement else None
    if known is not None and known.kind is not Kind.ACCEPT:
        return known.notice or f"Sail does not read this statement at `{found}`"
    if statement and _is_wrong(statement):
        return ""
    if found == ":":
        return "Sail has no paths into JSON (`column:field`)"
    return f"Sail does not read this statement at `{found}`"


def _is_wrong(statement: str) -> bool:
    import sqlglot
    from sqlglot.errors import SqlglotError

    log = logging.getLogger("sqlglot")
    disabled, log.disabled = log.disabled, True  # it tells what it does not know
    try:
        sqlglot.parse(statement, dialect="databricks")
    except SqlglotError:
        return True
    except Exception:
        # A parser that stumbles has no vote.
        return False
    finally:
        log.disabled = disabled
    return False


def _function(name: str, table: bool) -> str:
    if not _is_known(name):
        return ""
    return f"Sail has no {'table ' if table else ''}function `{name}`"


_DATABRICKS = frozenset(
    {
        *(
            "read_files",
            "read_kafka",
            "read_kinesis",
            "read_pubsub",
            "read_pulsar",
            "read_statestore",
        ),
        *(
            "table_changes",
            "cloud_files",
            "cloud_files_state",
            "event_log",
            "stream",
            "vector_search",
        ),
        *("is_member", "is_account_group_member", "current_version", "current_metastore", "secret"),
        *(
            "try_secret",
            "http_request",
            "remote_query",
            "list_secrets",
            "getargument",
            "sql_keywords",
        ),
        *("from_avro", "to_avro", "from_protobuf", "to_protobuf", "schema_of_variant_agg"),
    }
)


def _is_known(name: str) -> bool:
    """Whether Databricks has a function of this name of its own."""
    folded = name.lower()
    if folded in _DATABRICKS or folded.startswith(("ai_", "h3_", "st_")):
        return True
    try:
        from pyspark.sql import functions
    except ImportError:
        return False
    return hasattr(functions, folded)
