"""The catalogs that notebooks name: an engine has to know them before it starts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_WORD = r"(?:`([^`\n]{1,100})`|([A-Za-z_][\w-]{0,99}))"
_PART = r"(?:`[^`\n]+`|[\w{}$-]+)"

_SAID = re.compile(
    r"\b(?:USE|SET|CREATE|DROP|ON)\s+CATALOG\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?"
    rf"['\"]?{_WORD}"
    rf"|\b(?:SCHEMA|DATABASE|USE)\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?{_WORD}\s*\.\s*{_PART}"
    rf"|\b(?:FROM|JOIN|INTO|TABLE|VIEW|UPDATE|EXISTS|USING|OPTIMIZE|VACUUM|OVERWRITE|FUNCTION"
    rf"|VOLUME|DESCRIBE|DESC|HISTORY|DETAIL)\s+{_WORD}\s*\.\s*{_PART}\s*\.\s*{_PART}(?![\w.]*\s+import\b)"
    rf"|[\"']{_WORD}\.{_PART}\.{_PART}[\"']"
    r"|setCurrentCatalog\(\s*[\"']([\w-]{1,100})[\"']"
    r"|catalog\w*[\"']?\s*(?:=|,|:|DEFAULT)\s*[\"']([A-Za-z_][\w-]{0,99})[\"']",
    re.IGNORECASE,
)

_NOT_CATALOGS = frozenset(
    {
        *("spark", "org", "com", "io", "java", "system", "global_temp", "www", "http", "https"),
        *("delta", "parquet", "csv", "json", "text", "orc", "avro", "binaryfile", "iceberg"),
        *("if", "not", "exists", "select", "current_catalog", "information_schema", "identifier"),
    }
)

ALWAYS = ("main", "hive_metastore", "spark_catalog")
"""There whether they are named or not: every workspace has the one or the other."""

_MOST = 64


def catalogs_named(sources: Iterable[str]) -> tuple[str, ...]:
    """The catalogs that texts of notebooks, and the values of their parameters written as
    ``catalog = "dev"``, may name, with those that are always there.

    A quick look, not a reading: one too many does no harm, a name put together at run time is
    not found.
    """
    found = dict.fromkeys(ALWAYS)
    for source in sources:
        for match in _SAID.finditer(source):
            name = next(filter(None, match.groups()), "")
            if name.lower() not in _NOT_CATALOGS and re.fullmatch(r"[\w -]+", name):
                found.setdefault(name)
        if len(found) > _MOST:
            break
    return tuple(found)[:_MOST]


def default_catalog(catalogs: Sequence[str]) -> str:
    """The catalog of names without one: ``main``, as in a workspace with Unity Catalog."""
    return "main" if "main" in catalogs or not catalogs else catalogs[0]
