"""Which notebook a path means that another notebook runs.

In a workspace a notebook has no ending: what stands at ``etl/orders.py`` is ``etl/orders`` there.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator
from enum import Enum
from typing import NamedTuple

from pytest_dbxgate.notebook.formats import SUFFIXES
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.nearness import Nearness
from pytest_dbxgate.settings import Settings, SettingsOf

_WORKSPACE = "/Workspace/"
_ARCHIVE = ".dbc"
_ENDINGS = tuple(SUFFIXES)

_Writer = Callable[[str], str]
"""Writes a path of the tree as the source of a target would."""


class ResolutionKind(str, Enum):
    """What stands where a target leads."""

    FOUND = "found"
    MISSING = "missing"
    FILE = "file"
    """A plain file."""
    EXTENSION = "extension"
    """The notebook is there, the target carries a file ending."""
    CASE = "case"
    """A notebook whose path differs in upper and lower case only."""
    OUTSIDE = "outside"
    """Nobody can tell: it is no part of the repository."""


class Resolution(NamedTuple):
    """What a target means."""

    kind: ResolutionKind
    path: str = ""
    """Relative to the root, with ``/``: the workspace path that was looked for; of a FILE the
    file's. Empty for OUTSIDE."""
    notebook: NotebookKey | None = None
    """Of FOUND, EXTENSION and CASE."""
    near: str = ""
    """Of MISSING, EXTENSION and CASE: the right target as the source would write it; empty where
    nothing comes near."""


_OUTSIDE = Resolution(ResolutionKind.OUTSIDE)


class _Shelf:
    """The notebooks of a tree or an archive by their workspace paths."""

    def __init__(self, notebooks: Iterable[tuple[str, NotebookKey]]) -> None:
        self.by_path: dict[str, NotebookKey] = {}
        self._by_folded: dict[str, str] = {}
        for path, key in notebooks:
            if path not in self.by_path:
                self.by_path[path] = key
                self._by_folded.setdefault(path.casefold(), path)

    def find(self, path: str, write: _Writer) -> Resolution | None:
        """The notebook at ``path``, or where its case or its ending would be another."""
        key = self.by_path.get(path)
        if key is not None:
            return Resolution(ResolutionKind.FOUND, path, key)
        found = self._by_folded.get(path.casefold())
        if found is not None:
            return self._other(ResolutionKind.CASE, found, write)
        if path.lower().endswith(_ENDINGS):
            bare = workspace_path(path)
            found = bare if bare in self.by_path else self._by_folded.get(bare.casefold())
            if found is not None:
                return self._other(ResolutionKind.EXTENSION, found, write)
        return None

    def _other(self, kind: ResolutionKind, found: str, write: _Writer) -> Resolution:
        return Resolution(kind, found, self.by_path[found], write(found))


class Resolver:
    """Resolves targets among ``notebooks``; ``others`` are the paths of all plain files."""

    def __init__(
        self,
        notebooks: Collection[NotebookKey],
        others: Collection[str],
        settings: SettingsOf,
    ) -> None:
        single: list[tuple[str, NotebookKey]] = []
        archived: dict[str, list[tuple[str, NotebookKey]]] = {}
        for key in sorted(notebooks, key=lambda each: (each.path, each.member or "")):
            if key.path.lower().endswith(_ARCHIVE):
                archived.setdefault(key.path, []).append((key.member or "", key))
            else:
                single.append((workspace_path(key.path), key))
        self._tree = _Shelf(single)
        self._archives = {path: _Shelf(members) for path, members in archived.items()}
        self._unpacked = frozenset(map(workspace_path, archived))
        if self._unpacked:
            # What is there as a folder, too, is known by that.
            self._unpacked -= {
                folder for path in self._tree.by_path for folder in _upward(posixpath.dirname(path))
            }
        self._others = frozenset(others)
        self._sources = {
            workspace_path(path): path
            for path in sorted(others, reverse=True)
            if path.lower().endswith(_ENDINGS)
        }
        self._settings = settings
        self._nearness = Nearness(self._tree.by_path)
        self._known: dict[tuple[str, str, str], Resolution] = {}

    def resolve(self, source: NotebookKey, target: str) -> Resolution:
        """What ``target`` means in the notebook ``source``."""
        folder = posixpath.dirname(source.path)
        # What decides is the folder: it has the settings, too.
        place = (
            (source.path, posixpath.dirname(source.member), target)
            if source.member
            else (folder, "", target)
        )
        known = self._known.get(place)
        if known is None:
            if source.member:
                known = self._in_archive(source, target)
            elif target.startswith("/"):
                known = self._absolute(source, target)
            else:
                path = posixpath.normpath(posixpath.join(folder, target))
                known = self._in_tree(path, lambda found: relative(found, folder))
            self._known[place] = known
        return known

    def _in_tree(self, path: str, write: _Writer) -> Resolution:
        if path == ".." or path.startswith("../"):
            return _OUTSIDE
        if path in self._others:
            return Resolution(ResolutionKind.FILE, path)
        found = self._tree.find(path, write)
        if found is not None:
            return found
        if path in self._sources:
            return Resolution(ResolutionKind.FILE, self._sources[path])
        if self._unpacked and not self._unpacked.isdisjoint(_upward(path)):
            # An archive becomes a folder in the workspace, of which only the workspace knows.
            return _OUTSIDE
        near = self._nearness.of(path)
        return Resolution(ResolutionKind.MISSING, path, near=write(near) if near else "")

    def _absolute(self, source: NotebookKey, target: str) -> Resolution:
        settings = self._settings(source)
        path = _bare(target)
        roots = [each for each in settings.workspace_roots if _is_below(path, _bare(each))]
        if not roots:
            return _OUTSIDE
        best = max(roots, key=lambda each: len(_bare(each)))
        inside = settings.workspace_roots[best].strip("/") or "."
        rest = path[len(_bare(best)) :].lstrip("/")
        above = _WORKSPACE[:-1] if target.startswith(_WORKSPACE) else ""

        def write(found: str) -> str:
            below = _below(settings, inside, found)
            if below is None:
                return relative(found, posixpath.dirname(source.path))
            return f"{above}{_bare(best)}/{below}"

        return self._in_tree(from_root(settings, posixpath.join(inside, rest)), write)

    def _in_archive(self, source: NotebookKey, target: str) -> Resolution:
        shelf = self._archives.get(source.path)
        if shelf is None or target.startswith("/"):
            return _OUTSIDE
        folder = posixpath.dirname(source.member or "")
        path = posixpath.normpath(posixpath.join(folder, target))
        # An archive need not hold all that stood beside its notebooks.
        return shelf.find(path, lambda found: relative(found, folder)) or _OUTSIDE


def workspace_path(path: str) -> str:
    """``path`` as the workspace has it: without the ending of a notebook."""
    return path[: path.rfind(".")] if path.lower().endswith(_ENDINGS) else path


def relative(path: str, folder: str) -> str:
    """How a notebook in ``folder`` writes ``path``; both are relative to one root."""
    written = posixpath.relpath(path, folder or ".")
    return written if written.startswith("../") else f"./{written}"


def _bare(path: str) -> str:
    """An absolute workspace path without ``/Workspace``; the root of all is empty."""
    path = "/" + posixpath.normpath(path).strip("/")
    if path == _WORKSPACE[:-1] or path.startswith(_WORKSPACE):
        path = path[len(_WORKSPACE) - 1 :]
    return path.rstrip("/")


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def from_root(settings: Settings, path: str) -> str:
    """A path of the project relative to the root of the run, which may stand below it."""
    if settings.root_inside:
        return posixpath.relpath(path, settings.root_inside)
    return posixpath.normpath(posixpath.join(settings.folder, path))


def _below(settings: Settings, folder: str, path: str) -> str | None:
    """``path`` (from the root of the run) relative to a folder of the project; None where it is
    not below it."""
    if settings.folder != "." and not path.startswith(f"{settings.folder}/"):
        return None
    inner, folder = settings.inside(path), posixpath.normpath(folder)
    if folder == ".":
        return inner
    return inner[len(folder) + 1 :] if inner.startswith(f"{folder}/") else None


def _upward(path: str) -> Iterator[str]:
    """``path`` and the folders above it."""
    while path:
        yield path
        path = posixpath.dirname(path)
