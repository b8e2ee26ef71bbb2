"""The files that configure the tools: their names, and which notebooks share them."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol, TypeVar

RUFF = (".ruff.toml", "ruff.toml", "pyproject.toml")
"""In the order ruff prefers them: the first of a folder wins."""

SQLFLUFF = ("setup.cfg", "tox.ini", "pep8.ini", ".sqlfluff", "pyproject.toml")
"""sqlfluff reads all of a folder's."""

ALL = frozenset((*RUFF, *SQLFLUFF))


class _HasPath(Protocol):
    @property
    def path(self) -> str: ...


_Item = TypeVar("_Item", bound=_HasPath)


def configured_apart(root: Path, items: Iterable[_Item]) -> list[list[_Item]]:
    """Group notebooks by the nearest folder that holds a configuration file of ruff or
    sqlfluff."""
    nearest: dict[str, str] = {}

    def configured(folder: str) -> str:
        if folder not in nearest:
            here = any((root / folder / name).is_file() for name in ALL)
            above = posixpath.dirname(folder)
            nearest[folder] = folder if here or not folder else configured(above)
        return nearest[folder]

    groups: dict[str, list[_Item]] = defaultdict(list)
    for item in items:
        groups[configured(posixpath.dirname(item.path))].append(item)
    return list(groups.values())
