"""Packages and modules as files and folders: what Python would find where."""

from __future__ import annotations

import difflib
import os
import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from pytest_dbxgate.project.module_paths import Roots

_GENERATED = re.compile(r"_?version|_version\w*|\w+_pb2(?:_grpc)?|_?build\w*|_generated\w*")
"""Modules that a build writes."""


class ModuleKind(Enum):
    """What an import leads to."""

    FOUND = "found"
    MISSING = "missing"
    """Its first package is the repository's own, the rest is not there."""
    NOTEBOOK = "notebook"
    UNKNOWN = "unknown"
    """Most likely somebody else's."""


class Located(NamedTuple):
    """What an import leads to."""

    kind: ModuleKind
    path: str = ""
    """FOUND: the file, or the folder of a package without ``__init__.py``. NOTEBOOK: its file.
    MISSING: the folder or file that lacks it."""
    missing: str = ""
    """MISSING: the dotted name up to the part that is not there."""
    near: str = ""
    """MISSING: the nearest dotted name that is there."""
    packages: tuple[str, ...] = ()
    """FOUND: the ``__init__.py`` of the packages above it."""
    guessed: bool = False
    """FOUND: in a folder that may not be searched."""


IsDynamic = Callable[[str], bool]
"""Whether the package of this ``__init__.py`` may find submodules that nobody sees."""


class ModuleTree:
    """The plain Python files below a root."""

    def __init__(self, root: Path, paths: Iterable[str], notebooks: Collection[str]) -> None:
        self._root = root
        self.files = frozenset(path for path in paths if path.endswith(".py"))
        self._notebooks = {
            posixpath.splitext(path)[0]: path
            for path in notebooks
            if path.endswith((".py", ".ipynb"))
        }
        children: defaultdict[str, set[str]] = defaultdict(set)
        for path in self.files:
            _register(children, path.removesuffix(".py"))
        self._children = dict(children)
        self.folders = frozenset(self._children)
        """Every folder with a plain Python file in it or below it."""
        self._tops = {name for names in children.values() for name in names}
        self._tops.update(stem.rpartition("/")[2] for stem in self._notebooks)

    def may_know(self, module: str) -> bool:
        """Whether anything in the repository is called like the first part of ``module``."""
        return module.partition(".")[0] in self._tops

    def is_package(self, folder: str) -> bool:
        return _join(folder, "__init__.py") in self.files

    def submodules(self, path: str) -> frozenset[str]:
        """The names of the modules in the package at ``path``: its folder or ``__init__.py``."""
        if path.endswith(".py"):
            if posixpath.basename(path) != "__init__.py":
                return frozenset()
            path = posixpath.dirname(path)
        return frozenset(self._children.get(path, ())) - {"__init__"}

    def submodule(self, path: str, name: str) -> str | None:
        """The file of a module in the package at ``path``, or its ``__init__.py``."""
        folder = posixpath.dirname(path) if path.endswith(".py") else path
        for file in (_join(folder, f"{name}/__init__.py"), _join(folder, f"{name}.py")):
            if file in self.files:
                return file
        return None

    def top_of(self, folder: str) -> str:
        """The folder above the outermost package that ``folder`` belongs to."""
        while folder and self.is_package(folder):
            folder = posixpath.dirname(folder)
        return folder

    def locate(self, module: str, roots: Roots, is_dynamic: IsDynamic) -> Located:
        """Look for ``module`` in ``roots``: what is there beats what is not."""
        parts = module.split(".")
        worse: list[Located] = []
        for number, root in enumerate((*roots.near, *roots.far)):
            found = self._walk(root, parts, is_dynamic)
            if found.kind is ModuleKind.FOUND:
                return found
            # That a wheel elsewhere lacks a module says nothing unless it surely is the one.
            far = number >= len(roots.near)
            if found.kind is not ModuleKind.UNKNOWN and not (
                far and not self.is_package(_join(root, parts[0]))
            ):
                worse.append(found)
        for root in roots.guessed:
            found = self._walk(root, parts, is_dynamic)
            if found.kind is ModuleKind.FOUND:
                return found._replace(guessed=True)
        for kind in (ModuleKind.NOTEBOOK, ModuleKind.MISSING):
            for found in worse:
                if found.kind is kind and not (roots.unknown and kind is ModuleKind.MISSING):
                    return found
        return Located(ModuleKind.UNKNOWN)

    def relative(self, folder: str, level: int, module: str, is_dynamic: IsDynamic) -> Located:
        """What ``level`` dots and ``module`` mean to a module in ``folder``."""
        for _ in range(level - 1):
            if not folder:
                return Located(ModuleKind.UNKNOWN)
            folder = posixpath.dirname(folder)
        if module:
            return self._walk(folder, module.split("."), is_dynamic)
        init = _join(folder, "__init__.py")
        return Located(ModuleKind.FOUND, init if init in self.files else folder)

    def _walk(self, root: str, parts: list[str], is_dynamic: IsDynamic) -> Located:
        here, packages = root, []
        for number, part in enumerate(parts):
            there, last = _join(here, part), number == len(parts) - 1
            if self.is_package(there):
                packages.append(_join(there, "__init__.py"))
            elif f"{there}.py" in self.files:
                if last:
                    return Located(ModuleKind.FOUND, f"{there}.py", packages=tuple(packages))
                name = ".".join(parts[: number + 2])
                return Located(ModuleKind.MISSING, f"{there}.py", name)
            elif there not in self.folders:
                if last and there in self._notebooks:
                    return Located(ModuleKind.NOTEBOOK, self._notebooks[there])
                if number == 0 or (packages and is_dynamic(packages[-1])):
                    return Located(ModuleKind.UNKNOWN)
                return self._missing(here, parts[: number + 1], certain=bool(packages))
            here = there
        if packages and self.is_package(here):
            return Located(ModuleKind.FOUND, packages[-1], packages=tuple(packages[:-1]))
        return Located(ModuleKind.FOUND, here, packages=tuple(packages))

    def _missing(self, folder: str, parts: list[str], *, certain: bool) -> Located:
        """``folder`` lacks the last of ``parts``. Where no package above it has an
        ``__init__.py``, an installed package of that name comes first: then only what looks like
        a slip counts."""
        part = parts[-1]
        if _GENERATED.fullmatch(part) or self._is_on_disk(folder, part):
            return Located(ModuleKind.UNKNOWN)
        names = sorted(self.submodules(folder))
        near = difflib.get_close_matches(part, names, n=1, cutoff=0.6)
        if not certain and not near:
            return Located(ModuleKind.UNKNOWN)
        nearest = ".".join([*parts[:-1], near[0]]) if near else ""
        return Located(ModuleKind.MISSING, folder, ".".join(parts), nearest)

    def _is_on_disk(self, folder: str, name: str) -> bool:
        """Whether git ignores a module of that name, or it is no Python source."""
        try:
            entries = os.listdir(os.path.join(self._root, folder))  # noqa: PTH118, PTH208
        except (OSError, ValueError):
            return False
        return any(entry.partition(".")[0] == name for entry in entries)


def _register(children: defaultdict[str, set[str]], stem: str) -> None:
    """Enter a module in its folder, and that folder in the one above."""
    while stem:
        folder, _, name = stem.rpartition("/")
        known = children[folder]
        if name in known:
            return
        known.add(name)
        stem = folder


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
