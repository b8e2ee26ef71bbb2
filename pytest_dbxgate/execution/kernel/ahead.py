"""Modules that are imported before the notebook begins, so that it need not wait for them.

A notebook does not notice: they are hidden until it imports one, and what it would find elsewhere
it finds there. Where that is not enough, it needs a new Python (:func:`meets`).
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
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


def meets(roots: Iterable[str]) -> bool:
    """Whether a folder of ``roots`` has a module of the same name as one that is loaded: what
    others have built on that one would be built on another."""
    tops = {_top(name) for name in _LOADED}
    return any(name in tops for root in roots for name in _modules_in(Path(root)))


def _modules_in(root: Path) -> Iterable[str]:
    with contextlib.suppress(OSError):
        for each in root.iterdir():
            if each.suffix == ".py":
                yield each.stem
            elif (each / "__init__.py").is_file():
                yield each.name


def on_import(name: str, then: Callable[[], Any]) -> None:
    """Hide what is loaded, and do something when the notebook first imports ``name``."""
    hidden: dict[str, dict[str, ModuleType]] = defaultdict(dict)
    for each in _LOADED & sys.modules.keys():
        hidden[_top(each)][each] = sys.modules.pop(each)
    finder = _Hidden(hidden, name, then) if name in hidden else _OnImport(name, then)
    sys.meta_path.insert(0, finder)


def _top(name: str) -> str:
    return name.partition(".")[0]


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

        # Every import has a loader of its own, so no other module is concerned.
        spec.loader.exec_module = execute_then  # type: ignore[method-assign]
        return spec


class _Hidden(MetaPathFinder, Loader):
    """Gives modules back that are imported, if that would find the same ones."""

    def __init__(
        self, hidden: dict[str, dict[str, ModuleType]], name: str, then: Callable[[], Any]
    ) -> None:
        self._hidden = hidden
        self._name = name
        self._then = then
        self._specs = {
            each: module.__spec__ for known in hidden.values() for each, module in known.items()
        }
        self._importing: dict[str, ModuleType] = {}
        self._lock = threading.Lock()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        top = _top(fullname)
        if top not in self._hidden:
            return None
        with self._lock:
            given: dict[str, ModuleType] = {}
            for each in self._wanted_with(top):
                given |= self._given(each)
            # Were it in place already, the import would execute it again.
            module = given.pop(fullname, None)
            sys.modules.update(given)
            if module is not None:
                self._importing[fullname] = module
        return None if module is None else ModuleSpec(fullname, self)

    def _wanted_with(self, top: str) -> list[str]:
        """Libraries look for one another in what is imported, so they come together."""
        if top in sys.stdlib_module_names:
            return [top]
        libraries = [each for each in self._hidden if each not in sys.stdlib_module_names]
        return [each for each in libraries if each != self._name or top == self._name]

    def _given(self, top: str) -> dict[str, ModuleType]:
        known = self._hidden.pop(top, {})
        module = known.get(top)
        # A notebook may have put something in its place.
        replaced = module is not None and (top in sys.modules or not _is_found(top, module))
        return {} if replaced else known

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._importing[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        # The import has put its own, empty one in the place of the module's.
        module.__spec__ = self._specs[name]
        del self._importing[name]
        if name == self._name:
            self._then()


def _is_found(name: str, module: ModuleType) -> bool:
    """Whether an import would find this very module."""
    own = module.__spec__
    if own is None or own.origin in ("built-in", "frozen"):
        return True
    found = PathFinder.find_spec(name)
    return found is not None and (found.origin, _folders(found)) == (own.origin, _folders(own))


def _folders(spec: ModuleSpec) -> list[str]:
    return list(spec.submodule_search_locations or ())
