"""What notebooks import of the repository's own modules: is it there?"""

from __future__ import annotations

import difflib
import posixpath
import re
from collections.abc import Collection, Iterator, Sequence
from functools import cache

from pytest_dbxgate.checks.references.claim import Claim
from pytest_dbxgate.files import open_regular
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.facts import Import, Name, NotebookFacts
from pytest_dbxgate.project.modules import Located, ModuleKind, ModuleNames
from pytest_dbxgate.project.project import Project
from pytest_dbxgate.project.search_paths import UNKNOWN

_EVERYWHERE = """
    __all__ __annotations__ __builtins__ __cached__ __class__ __dict__ __doc__ __file__ __loader__
    __name__ __package__ __path__ __spec__
"""
_ALWAYS = frozenset(_EVERYWHERE.split())
"""What every module has."""

_LARGEST = 4 * 1024 * 1024


def check(project: Project, keys: Collection[NotebookKey]) -> list[Claim]:
    """What the notebooks of these ``keys`` import and the repository does not have.

    DBX330 a missing module, DBX331 a name that a module lacks, DBX332 a notebook that is imported.
    An import whose failure is caught is not looked at.
    """
    modules = _Imports(project)
    return [
        claim
        for key in sorted(keys, key=str)
        # Where the notebooks of an archive are imported to is not known.
        if key.member is None and key in project.notebooks
        for claim in modules.claims(project.notebooks[key])
    ]


class _Imports:
    def __init__(self, project: Project) -> None:
        self._project = project
        self._linked = _targets(project)
        self._paths = _all_search_paths(project)
        self._defined = cache(self._read_notebook)

    def claims(self, facts: NotebookFacts) -> Iterator[Claim]:
        for item in facts.imports:
            if item.guarded:
                continue
            found = self._locate(facts, item)
            if found.kind is ModuleKind.FOUND:
                yield from self._names(facts.key, item, found)
            elif found.kind is ModuleKind.NOTEBOOK:
                if self._is_meant(item, found.path):
                    yield _notebook(facts.key, item, found)
            elif found.kind is ModuleKind.MISSING:
                yield _missing(facts.key, item, found)

    def _locate(self, facts: NotebookFacts, item: Import) -> Located:
        settings = self._project.settings(facts.key)
        modules = self._project.modules
        paths = facts.search_paths
        found = modules.locate(item.module, item.level, facts.key.path, settings, paths)
        if found.kind is not ModuleKind.MISSING or item.level or not self._is_linked(facts):
            return found
        # %run shares sys.path: a notebook that is run, or that runs this one, may have added to it.
        more = (*paths, *self._shared_with(facts))
        return modules.locate(item.module, item.level, facts.key.path, settings, more)

    def _is_linked(self, facts: NotebookFacts) -> bool:
        return bool(facts.runs) or _stem(facts.key.path) in self._linked

    def _shared_with(self, facts: NotebookFacts) -> Iterator[str]:
        own = posixpath.dirname(facts.key.path)
        for folder, paths in self._paths.items():
            for path in paths:
                absolute = path == UNKNOWN or path.startswith("/")
                target = path if absolute else posixpath.join(folder, path)
                yield target if absolute else posixpath.relpath(target or ".", own or ".")

    def _names(self, key: NotebookKey, item: Import, found: Located) -> Iterator[Claim]:
        wanted = item.names or item.uses
        if wanted:
            is_module = found.path.endswith(".py") or bool(found.packages)
            certain = is_module and not found.guessed
            yield from self._lacking(key, wanted, found.path, certain)
        if item.names and item.uses:
            yield from self._of_submodules(key, item.uses, found)

    def _of_submodules(
        self, key: NotebookKey, uses: Sequence[Name], found: Located
    ) -> Iterator[Claim]:
        """What is read of modules that came by ``from package import module``."""
        modules = self._project.modules
        own = modules.names_of(found.path)
        read: dict[str, list[Name]] = {}
        for use in uses:
            module, _, name = use.name.partition(".")
            # What the package itself calls so may be something else.
            if module in own.submodules and module not in own.names and not own.open:
                read.setdefault(module, []).append(use._replace(name=name))
        for module, names in read.items():
            path = modules.tree.submodule(found.path, module)
            if path is not None:
                yield from self._lacking(key, names, path, not found.guessed)

    def _lacking(
        self, key: NotebookKey, wanted: Sequence[Name], path: str, certain: bool
    ) -> Iterator[Claim]:
        known = self._project.modules.names_of(path)
        if known.open and not known.borrowed:
            return
        there = known.names | known.submodules | _ALWAYS
        for name in wanted:
            if name.name in there:
                continue
            near = _nearest(name.name, known)
            # An installed package of that name comes before a folder without __init__.py, what a
            # star brings is not known, nor is what leads to a module that is guessed: there only
            # what looks like a slip counts.
            if (certain and not known.borrowed) or near:
                yield _lacks(key, name, path, near)

    def _is_meant(self, item: Import, path: str) -> bool:
        """Whether the import must mean the notebook at ``path``: an installed package may bear
        the same name."""
        wanted = {name.name for name in (*item.names, *item.uses)}
        return bool(wanted & self._defined(path))

    def _read_notebook(self, path: str) -> frozenset[str]:
        """The names that the notebook at ``path`` seems to define."""
        try:
            with open_regular(self._project.modules.root / path) as stream:
                text = stream.read(_LARGEST).decode("utf-8", "replace")
        except (OSError, ValueError):
            return frozenset()
        return frozenset(name for pair in _DEFINED.findall(text) for name in pair if name)


_DEFINED = re.compile(
    r"""(?:^|")(?:(?:async )?(?:def|class) (\w+)|(\w+)\s*(?::[^=\n]*)?=(?!=))""", re.M
)


def _targets(project: Project) -> frozenset[str]:
    """The last parts of all that is run with ``%run``."""
    return frozenset(
        _stem(run.target) for facts in project.notebooks.values() for run in facts.runs
    )


def _stem(path: str) -> str:
    return posixpath.splitext(posixpath.basename(path))[0]


def _all_search_paths(project: Project) -> dict[str, tuple[str, ...]]:
    """By folder: what its notebooks add to ``sys.path``."""
    found: dict[str, dict[str, None]] = {}
    for facts in project.notebooks.values():
        if facts.search_paths:
            folder = posixpath.dirname(facts.key.path)
            found.setdefault(folder, {}).update(dict.fromkeys(facts.search_paths))
    return {folder: tuple(paths) for folder, paths in found.items()}


def _nearest(name: str, known: ModuleNames) -> str:
    names = sorted({each for each in known.names if not each.startswith("_")} | known.submodules)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.7)
    return near[0] if near else ""


def _missing(key: NotebookKey, item: Import, found: Located) -> Claim:
    if item.level:
        message = f"`{found.missing}`: a notebook is in no package, so a relative import fails"
        hint = "import the module by its full name"
        return Claim(key, "DBX330", message, item.spot, hint)
    if found.path.endswith(".py"):
        message = f"no module `{found.missing}`: `{found.path}` is no package"
    else:
        message = f"no module `{found.missing}` in `{found.path}/`"
    hint = f"did you mean `{found.near}`?" if found.near else "mend the import or add the module"
    return Claim(key, "DBX330", message, item.spot, hint)


def _lacks(key: NotebookKey, name: Name, path: str, near: str) -> Claim:
    message = f"`{path}` has no `{name.name}`"
    hint = f"did you mean `{near}`?" if near else f"mend the name, or define it in `{path}`"
    return Claim(key, "DBX331", message, name.spot, hint)


def _notebook(key: NotebookKey, item: Import, found: Located) -> Claim:
    message = f"`{item.module}` is a notebook (`{found.path}`), which cannot be imported"
    hint = "use %run, or make it a plain Python file"
    return Claim(key, "DBX332", message, item.spot, hint)
