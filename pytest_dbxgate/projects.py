"""Which settings hold for which notebook: the nearest ``[tool.dbxgate]`` above it."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path

from pytest_dbxgate import settings as settings_module
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.settings import Settings, matches

CONFIGURATION_NAMES = ("dbxgate.toml", "pyproject.toml")
"""Where settings may stand; in one folder the first wins."""


@dataclass(frozen=True)
class Projects:
    """The settings of a run, one for each folder that has its own."""

    by_folder: Mapping[str, Settings]
    default: Settings = field(default_factory=Settings)

    def of(self, path: str) -> Settings:
        """The settings of the nearest project above ``path``."""
        return self._nearest(path.rpartition("/")[0])

    @cached_property
    def _nearest(self) -> Callable[[str], Settings]:
        """The settings that hold in a folder; asked for every finding, so remembered."""

        @cache
        def nearest(folder: str) -> Settings:
            if folder in self.by_folder:
                return self.by_folder[folder]
            if not folder:
                return self.by_folder.get(".", self.default)
            return nearest(folder.rpartition("/")[0])

        return nearest

    def of_key(self, key: NotebookKey) -> Settings:
        return self.of(key.path)

    def wants(self, path: str) -> bool:
        """Whether ``notebooks`` and ``exclude`` of its project take ``path`` in."""
        settings = self.of(path)
        inside = settings.inside(path)
        if settings.notebooks and not any(matches(inside, each) for each in settings.notebooks):
            return False
        return not any(matches(inside, each) for each in settings.exclude)


def load(root: Path, files: Iterable[str]) -> Projects:
    """Read the settings that stand in ``files`` (relative to ``root``) and above ``root``.

    Raises :class:`~pytest_dbxgate.errors.ConfigurationError` for settings that make no sense.
    """
    by_folder: dict[str, Settings] = {}
    for name in CONFIGURATION_NAMES:
        for path in files:
            if posixpath.basename(path) != name:
                continue
            folder = posixpath.dirname(path) or "."
            if folder not in by_folder:
                found = settings_module.load(root / path, folder=folder)
                if found is not None:
                    by_folder[folder] = found
    if "." not in by_folder:
        above = _above(root)
        if above is not None:
            by_folder["."] = above
    return Projects(by_folder)


def _above(root: Path) -> Settings | None:
    """The nearest settings at or above ``root``, up to the top of its repository."""
    folder = root
    while True:
        for name in CONFIGURATION_NAMES:
            file = folder / name
            if file.is_file():
                found = settings_module.load(file)
                if found is not None:
                    inner = root.relative_to(folder).as_posix()
                    return found if inner == "." else replace(found, root_inside=inner)
        if (folder / ".git").exists() or folder.parent == folder:
            return None
        folder = folder.parent
