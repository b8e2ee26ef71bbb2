"""The repository's own Python modules, and what a notebook's imports mean."""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from pytest_dbxgate.files import open_regular
from pytest_dbxgate.project import module_text
from pytest_dbxgate.project.facts import NotebookFacts, Spot
from pytest_dbxgate.project.known_packages import is_known
from pytest_dbxgate.project.module_paths import ModulePaths, Roots, roots_for
from pytest_dbxgate.project.module_text import ModuleImport, ModuleText
from pytest_dbxgate.project.module_tree import Located, ModuleKind, ModuleTree
from pytest_dbxgate.settings import Settings

__all__ = ["Located", "ModuleKind", "ModuleNames", "Modules"]

_LARGEST = 2 * 1024 * 1024


class ModuleNames(NamedTuple):
    """What can be taken from a module."""

    names: frozenset[str] = frozenset()
    """Bound at its top level."""
    listed: frozenset[str] | None = None
    """``__all__``; None where there is none."""
    submodules: frozenset[str] = frozenset()
    open: bool = False
    """Whether there may be more than can be known."""
    borrowed: bool = False
    """Whether all that makes it open is ``from x import *`` of well-known packages."""
    open_list: bool = False
    """Whether ``__all__`` is worked out at run time."""


class Modules:
    """The plain Python files among ``paths`` (relative to ``root``, with ``/``).

    ``notebooks`` are the paths of the notebooks, which cannot be imported. A file is read when it
    is first asked for, and never executed.
    """

    def __init__(self, root: Path, paths: Iterable[str], notebooks: Collection[str] = ()) -> None:
        self.root = root
        self.tree = ModuleTree(root, paths, notebooks)
        self._data: dict[str, bytes] = {}
        self._texts: dict[str, ModuleText] = {}
        self._names: dict[str, ModuleNames] = {}
        self._located: dict[tuple[str, Roots], Located] = {}
        self._roots: dict[tuple[object, ...], Roots] = {}

    @property
    def paths(self) -> frozenset[str]:
        """Every plain Python file."""
        return self.tree.files

    @cached_property
    def _wheels(self) -> ModulePaths:
        return ModulePaths(self.root, self.tree.folders)

    def locate(
        self,
        module: str,
        level: int,
        notebook: str,
        settings: Settings,
        search_paths: Sequence[str] = (),
    ) -> Located:
        """What ``module`` with ``level`` leading dots is to the notebook at this path.

        Looked for as on Databricks: in the notebook's folder, in what it adds to ``sys.path``, in
        the project's folder, the root and ``module_roots``, and among the packages of the
        repository's wheels. A well-known package is never taken for one of the repository's.
        """
        folder = posixpath.dirname(notebook)
        if level:
            if self.tree.is_package(folder):
                return Located(ModuleKind.UNKNOWN)
            return Located(ModuleKind.MISSING, missing="." * level + module)
        if not self.tree.may_know(module) or is_known(module):
            return Located(ModuleKind.UNKNOWN)
        return self._locate(module, self._roots_of(folder, settings, tuple(search_paths)))

    def _roots_of(self, folder: str, settings: Settings, search_paths: tuple[str, ...]) -> Roots:
        key = (
            *(folder, search_paths, settings.folder, settings.root_inside, settings.module_roots),
            *settings.workspace_roots.items(),
        )
        if key not in self._roots:
            self._roots[key] = roots_for(folder, settings, search_paths, self._wheels)
        return self._roots[key]

    def _locate(self, module: str, roots: Roots) -> Located:
        key = (module, roots)
        if key not in self._located:
            self._located[key] = self.tree.locate(module, roots, self._is_dynamic)
        return self._located[key]

    def _is_dynamic(self, package: str) -> bool:
        """Whether a package may find its submodules in a way of its own."""
        return self._text(package).open

    def names_of(self, path: str) -> ModuleNames:
        """What can be taken from the module at ``path``: a ``.py`` file, or a folder without an
        ``__init__.py``."""
        if path not in self._names:
            # What imports itself in a circle adds nothing to itself.
            self._names[path] = ModuleNames()
            self._names[path] = self._find_names(path)
        return self._names[path]

    def _find_names(self, path: str) -> ModuleNames:
        submodules = self.tree.submodules(path)
        if not path.endswith(".py"):
            return ModuleNames(submodules=submodules)
        text = self._text(path)
        names = set(text.names)
        is_open, borrowed = text.open, False
        for item in text.imports:
            if not item.star:
                continue
            found = self._of_module(path, item)
            if found.kind is not ModuleKind.FOUND:
                known = not item.level and is_known(item.module)
                is_open, borrowed = is_open or not known, borrowed or known
                continue
            brought = self.names_of(found.path)
            names |= _exported(brought)
            is_open = is_open or (brought.open and not brought.borrowed) or brought.open_list
            borrowed = borrowed or brought.borrowed
        return ModuleNames(
            frozenset(names),
            text.listed,
            submodules,
            open=is_open or borrowed,
            borrowed=borrowed and not is_open,
            open_list=text.open_list,
        )

    def exports(
        self,
        module: str,
        notebook: str,
        settings: Settings,
        search_paths: Sequence[str] = (),
    ) -> frozenset[str] | None:
        """What ``from module import *`` brings; None where that cannot be known."""
        found = self.locate(module, 0, notebook, settings, search_paths)
        if found.kind is not ModuleKind.FOUND:
            return None
        names = self.names_of(found.path)
        if names.open_list or (names.open and names.listed is None):
            return None
        return _exported(names)

    def edges(self, facts: NotebookFacts, settings: Settings) -> Iterator[tuple[str, Spot]]:
        """The repository's files that a notebook imports, ``__init__.py`` of packages included,
        and where."""
        if facts.key.member is not None:
            return
        for item in facts.imports:
            found = self.locate(
                item.module, item.level, facts.key.path, settings, facts.search_paths
            )
            names = (*item.names, *item.uses)
            for path in self._files(found, [name.name for name in names]):
                yield path, item.spot

    def imported_by(self, path: str) -> Iterator[str]:
        """The repository's files that the module at ``path`` imports."""
        for item in self._text(path).imports:
            yield from self._files(self._of_module(path, item), item.names)

    def _files(self, found: Located, names: Iterable[str]) -> Iterator[str]:
        if found.kind is not ModuleKind.FOUND:
            return
        yield from found.packages
        if found.path.endswith(".py"):
            yield found.path
        submodules = self.tree.submodules(found.path)
        for name in names:
            if name in submodules and (path := self.tree.submodule(found.path, name)):
                yield path

    def _of_module(self, path: str, item: ModuleImport) -> Located:
        """What an import in the module at ``path`` means."""
        folder = posixpath.dirname(path)
        if item.level:
            return self.tree.relative(folder, item.level, item.module, self._is_dynamic)
        if not self.tree.may_know(item.module) or is_known(item.module):
            return Located(ModuleKind.UNKNOWN)
        own = (folder, self.tree.top_of(folder))
        roots = self._roots_of(folder, Settings(), ())
        return self._locate(item.module, roots._replace(near=(*own, *roots.near)))

    def _text(self, path: str) -> ModuleText:
        if path not in self._texts:
            data = self._bytes(path)
            try:
                text = module_text.read(data.decode("utf-8-sig")) if data is not None else None
            except UnicodeDecodeError:
                text = None
            self._texts[path] = text or module_text.UNREADABLE
        return self._texts[path]

    def digest(self, path: str) -> str:
        """SHA-256 of the file in hex; empty where it cannot be read."""
        data = self._bytes(path)
        return "" if data is None else hashlib.sha256(data).hexdigest()

    def _bytes(self, path: str) -> bytes | None:
        try:
            with open_regular(os.path.join(self.root, path)) as stream:  # noqa: PTH118
                data = stream.read(_LARGEST + 1)
        except (OSError, ValueError):
            return None
        return data if len(data) <= _LARGEST else None


def _exported(names: ModuleNames) -> frozenset[str]:
    if names.listed is not None:
        return names.listed
    return frozenset(name for name in names.names if not name.startswith("_"))
