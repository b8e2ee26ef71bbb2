"""The fields of the Jobs API, as databricks-sdk's own dataclasses name them.

Importing the SDK takes more than a second, so its fields are kept in ``fields.json`` with the
version they are of. Run this module to write that file anew; a test compares it with that version
of the SDK, and what both know with any other.
"""

from __future__ import annotations

import dataclasses
import enum
import importlib
import importlib.metadata
import json
import typing
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

Fields: TypeAlias = Mapping[str, str]
"""Field -> its type: ``str``, ``int``, ``float``, ``bool``, ``enum``, the name of a class, or one
of these after ``list:`` or ``dict:``."""

FILE = Path(__file__).with_name("fields.json")
_ROOTS = ("JobSettings", "JobAccessControlRequest")


@cache
def classes() -> Mapping[str, Fields]:
    """Class -> its fields."""
    known: Mapping[str, Fields] = _file()["classes"]
    return known


def version() -> str:
    """The version of databricks-sdk that the table is of."""
    return str(_file()["databricks-sdk"])


def _file() -> Any:
    return json.loads(FILE.read_text(encoding="utf-8"))


@cache
def task_types() -> frozenset[str]:
    """The fields of a task that say what it does, such as ``notebook_task``."""
    return frozenset(name for name in classes()["Task"] if name.endswith("_task"))


def derive() -> dict[str, dict[str, str]]:
    """The table by the installed databricks-sdk. Raises ImportError without it."""
    jobs: Any = importlib.import_module("databricks.sdk.service.jobs")
    found: dict[str, dict[str, str]] = {}
    waiting: list[Any] = [getattr(jobs, name) for name in _ROOTS]
    while waiting:
        kind = waiting.pop()
        name: str = kind.__name__
        if name in found:
            continue
        hints = typing.get_type_hints(kind)
        found[name] = {each: _name(hints[each], waiting) for each in sorted(hints)}
    return dict(sorted(found.items()))


def _name(hint: Any, waiting: list[Any]) -> str:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Union:
        return _name(next(each for each in arguments if each is not type(None)), waiting)
    if origin in (list, dict):
        return f"{origin.__name__}:{_name(arguments[-1], waiting)}"
    if dataclasses.is_dataclass(hint):
        waiting.append(hint)
    elif isinstance(hint, type) and issubclass(hint, enum.Enum):
        return "enum"
    return str(getattr(hint, "__name__", hint))


def text(table: Mapping[str, Fields], of: str) -> str:
    """What ``fields.json`` holds for ``table`` of a version: a line for each class."""
    rows = (f"  {json.dumps(name)}: {json.dumps(fields)}" for name, fields in table.items())
    head = f'{{\n "databricks-sdk": {json.dumps(of)},\n "classes": {{\n'
    return head + ",\n".join(rows) + "\n }\n}\n"


def installed() -> str:
    """The version of the installed databricks-sdk. Raises ImportError without it."""
    return importlib.metadata.version("databricks-sdk")


if __name__ == "__main__":
    FILE.write_text(text(derive(), installed()), encoding="utf-8", newline="\n")
