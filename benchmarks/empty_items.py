"""A pytest plugin that collects empty items: what pytest itself costs, with nothing to check.

``EMPTY_ITEMS`` names a JSON file: paths relative to the root -> names of their items. Nothing of
the tree is imported, not even an ``__init__.py``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest


class EmptyItem(pytest.Item):
    def runtest(self) -> None:
        """Nothing: that is the point."""

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, self.name


class EmptyFile(pytest.File):
    def collect(self) -> Iterator[EmptyItem]:
        for name in _plan()[self.path.relative_to(self.config.rootpath).as_posix()]:
            yield EmptyItem.from_parent(self, name=name)


@cache
def _plan() -> dict[str, list[str]]:
    text = Path(os.environ["EMPTY_ITEMS"]).read_text(encoding="utf-8")
    plan: dict[str, list[str]] = json.loads(text)
    return plan


@pytest.hookimpl(tryfirst=True)
def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector:
    return pytest.Dir.from_parent(parent, path=path)


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Iterator[list[pytest.Collector]]:
    yield  # type: ignore[misc]  # what the other plugins made of the file is dropped
    planned = file_path.relative_to(parent.config.rootpath).as_posix() in _plan()
    return [EmptyFile.from_parent(parent, path=file_path)] if planned else []  # type: ignore[return-value]
