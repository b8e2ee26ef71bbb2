"""Whether a failure is the engine's or the notebook's own."""

from __future__ import annotations

import re

_UNREAD = re.compile(r"invalid argument: found (.+?) at (\d+):(\d+) expected", re.DOTALL)
_FUNCTION = re.compile(r"unknown (table )?function: (\w+)")
_MISSING = re.compile(r'attribute ObjectName\(\[Identifier\("([^"]+)"\)\]\) is missing')


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
    if type(error).__name__ == "UnsupportedOperationException":
        return f"the engine cannot do this: {_first_line(message)}"
    missing = _MISSING.search(message)
    if missing is not None and re.search(rf"\bAS\s+`?{re.escape(missing[1])}\b", statement, re.I):
        return f"Sail cannot name `{missing[1]}` again in the SELECT that defines it"
    if "information_schema" in message or "information_schema" in statement.lower():
        return "the engine has no information_schema"
    return ""


def _first_line(message: str) -> str:
    return message.strip().split("\n")[0].rstrip(".")


def _unread(found: str, statement: str) -> str:
    """A statement that Sail does not read is the notebook's fault where sqlglot rejects it too."""
    if statement and _is_wrong(statement):
        return ""
    return f"Sail does not read this statement at `{found}`"


def _is_wrong(statement: str) -> bool:
    import sqlglot
    from sqlglot.errors import ParseError, SqlglotError

    try:
        sqlglot.parse(statement, dialect="databricks")
    except (ParseError, SqlglotError):
        return True
    except Exception:
        return False
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
