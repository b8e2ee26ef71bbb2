"""TOML files that hold settings: their table, and on which line a key stands."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_dbxgate.errors import ConfigurationError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TABLE = "tool.dbxgate"

_HEADER = re.compile(r"\s*\[([^\[\]]+)\]")
_KEY = re.compile(r"\s*([A-Za-z0-9_.\-\"' ]+?)\s*=")
_QUOTES_AND_BLANKS = str.maketrans("", "", "\"' \t")


def document_of(data: bytes, file: str) -> dict[str, Any]:
    """The document in the bytes of a file. Raises :class:`ConfigurationError`."""
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigurationError(
            f"{file}: cannot be read: {error}", next_step="mend the file and run again"
        ) from None


def table_of(document: Mapping[str, Any], file: str, *, is_ours: bool) -> dict[str, Any] | None:
    """The settings of a document; None where it has none. A file that ``is_ours`` alone may
    leave ``[tool.dbxgate]`` out. Raises :class:`ConfigurationError`."""
    tool = document.get("tool", {})
    table = tool.get("dbxgate") if isinstance(tool, dict) else None
    if table is None:
        return dict(document) if is_ours else None
    if not isinstance(table, dict):
        raise ConfigurationError(f"{file}: {TABLE} must be a table")
    return table


def where(file: str, key: str) -> str:
    """``file`` with the line on which it sets ``key`` (dotted, below ``[tool.dbxgate]``); without
    one where that is not found."""
    try:
        lines = Path(file).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError):
        return file
    prefix = ""
    for number, line in enumerate(lines, start=1):
        if header := _HEADER.match(line):
            path = header[1].translate(_QUOTES_AND_BLANKS)
            prefix = path + "."
        elif found := _KEY.match(line):
            path = prefix + found[1].translate(_QUOTES_AND_BLANKS)
        else:
            continue
        if path in (f"{TABLE}.{key}", key):
            return f"{file}:{number}"
    return file
