"""Modules that are imported before the notebook begins, so that it need not wait for them.

A notebook does not notice: a module of its repository's own comes before one of the same name, and
what is to happen with an import happens when the notebook imports.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

_LOADED: set[str] = set()


def load(names: Iterable[str]) -> None:
    """Import these now. What is missing is told by who needs it."""
    before = set(sys.modules)
    for name in names:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    _LOADED.update(set(sys.modules) - before)


def give_way(roots: Iterable[str]) -> None:
    """Forget those that a folder of ``roots`` has a module of the same name for."""
    own = {name for root in roots for name in _modules_in(Path(root))}
    for name in [each for each in _LOADED if each.partition(".")[0] in own]:
        sys.modules.pop(name, None)


def _modules_in(root: Path) -> Iterable[str]:
    with contextlib.suppress(OSError):
        for each in root.iterdir():
            if each.suffix == ".py":
                yield each.stem
            elif (each / "__init__.py").is_file():
                yield each.name


def on_import(name: str, then: Callable[[], Any]) -> None:
    """Do something when the notebook first imports ``name``."""
    known = {
        each: module
        for each, module in sys.modules.items()
        if each in _LOADED and (each == name or each.startswith(name + "."))
    }
    for each in known:
        del sys.modules[each]
    sys.meta_path.insert(0, _OnImportOfLoaded(known, then) if known else _OnImport(name, then))


class _OnImport(MetaPathFinder):
    """Does something right after a module was imported for the first time."""

    def __init__(self, name: str, then: Callable[[], Any]) -> None:
        self._name = name
        self._then = then

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def execute_then(module: ModuleType) -> None:
            execute(module)
            self._then()

        spec.loader.exec_module = execute_then  # type: ignore[method-assign]
        return spec


class _OnImportOfLoaded(MetaPathFinder, Loader):
    """Gives such modules back with the first import of one, and does something."""

    def __init__(self, known: dict[str, ModuleType], then: Callable[[], Any]) -> None:
        self._known = known
        self._specs = {name: module.__spec__ for name, module in known.items()}
        self._then = then

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self._known:
            return None
        sys.meta_path.remove(self)
        sys.modules.update(self._known)
        self._then()
        return ModuleSpec(fullname, self)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._known[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        # The import has put its own, empty one in the place of the module's.
        module.__spec__ = self._specs[module.__name__]
