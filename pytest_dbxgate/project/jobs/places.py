"""Which notebook of the repository the path in a task means."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterator
from enum import Enum
from functools import cached_property
from pathlib import PurePath
from typing import NamedTuple

from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.jobs.variables import FILES, ROOT
from pytest_dbxgate.project.resolving import (
    Resolution,
    ResolutionKind,
    Resolver,
    workspace_path,
)
from pytest_dbxgate.settings import Settings


class Fault(str, Enum):
    """What is wrong with a path."""

    MISSING = "missing"
    FILE = "file"
    """A plain file, no notebook."""
    ENDING = "ending"
    """It carries a file ending where it must not."""
    NO_ENDING = "no ending"
    """It lacks the ending that a bundle wants."""
    CASE = "case"
    LEADING = "leading"
    """A path into a Git repository that begins with ``/`` or ``./``."""
    RELATIVE = "relative"
    """The Jobs API takes absolute paths alone."""


class Found(NamedTuple):
    """What a path means. Neither notebook nor fault: nobody can tell offline."""

    notebook: NotebookKey | None = None
    fault: Fault | None = None
    near: str = ""
    """The right path as it is to be written; empty where nothing comes near."""


_FAULTS = {
    ResolutionKind.MISSING: Fault.MISSING,
    ResolutionKind.FILE: Fault.FILE,
    ResolutionKind.EXTENSION: Fault.ENDING,
    ResolutionKind.CASE: Fault.CASE,
}


class Places:
    """Finds the notebooks of one run. ``others`` are the paths of all plain files."""

    def __init__(
        self,
        root: PurePath,
        notebooks: Collection[NotebookKey],
        others: Collection[str],
        settings: Callable[[str], Settings],
    ) -> None:
        self._root = root
        self._notebooks = frozenset(notebooks)
        self._others = frozenset(others)
        self._settings = settings
        self._resolver = Resolver(notebooks, others, lambda key: settings(key.path))

    def absolute(self, file: str, target: str) -> Found:
        """An absolute path of the workspace."""
        return _found(self._resolver.resolve(NotebookKey(file), target))

    def uploaded(self, folder: str, target: str) -> Found | None:
        """A path below ``${workspace.file_path}``, where ``folder`` is uploaded to; None where
        ``target`` is another path."""
        for start in (FILES, f"{ROOT}/files"):
            for prefix in (start, f"/Workspace{start}", f"/{start}"):
                if target.startswith(f"{prefix}/"):
                    inside = target[len(prefix) + 1 :]
                    found = _found(self._resolver.resolve(_in(folder), inside))
                    return found._replace(
                        near=found.near
                        and f"${{workspace.file_path}}/{found.near.removeprefix('./')}"
                    )
        return None

    def local(self, file: str, target: str) -> Found:
        """A relative path in a bundle; it counts from ``file`` and carries the file's ending."""
        folder = posixpath.dirname(file)
        path = posixpath.normpath(posixpath.join(folder, target))
        if path.startswith("../"):
            return Found()
        if NotebookKey(path) in self._notebooks:
            return Found(NotebookKey(path))
        if path in self._others:
            return Found(fault=Fault.FILE)
        bare = workspace_path(target)
        meant = self._resolver.resolve(NotebookKey(file), bare)
        key = meant.notebook
        if meant.kind is ResolutionKind.OUTSIDE:
            return Found()
        if key is None and meant.near:
            near = posixpath.normpath(posixpath.join(folder, meant.near))
            key = self._resolver.resolve(_in(""), near).notebook
        written = "" if key is None else _relative(key.path, folder)
        if meant.kind is ResolutionKind.FOUND and bare == target:
            return Found(key, Fault.NO_ENDING, written)
        if key is not None and key.path.casefold() == path.casefold():
            return Found(key, Fault.CASE, written)
        return Found(fault=Fault.MISSING, near=written)

    def relative(self, file: str, target: str) -> Found:
        """A relative path in a file of the Jobs API, which takes none: tools that deploy such
        files may fill it in, so that only a path that leads nowhere is a fault."""
        best = Found(fault=Fault.RELATIVE)
        for base in self._bases(file):
            meant = self._resolver.resolve(_in(base), target)
            if meant.notebook is not None:
                return Found(meant.notebook)
            if meant.kind is ResolutionKind.FILE:
                best = Found(fault=Fault.FILE)
            elif meant.near and not best.near and best.fault is Fault.RELATIVE:
                best = Found(fault=Fault.MISSING, near=meant.near.removeprefix("./"))
        return best

    def in_git(self, file: str, target: str) -> Found:
        """A path into the repository of ``git_source``, if that is this one: only then is a
        missing notebook a fault, which the folder above it shows."""
        bare = target.lstrip("/") if target.startswith("/") else posixpath.normpath(target)
        missing = Found()
        for base, inside in self._git_bases(file, bare):
            meant = self._resolver.resolve(_in(base), inside)
            prefix = bare[: len(bare) - len(inside)]
            near = posixpath.normpath(prefix + (meant.near or inside))
            if meant.notebook is not None:
                return Found(meant.notebook, _git_fault(target, meant), near)
            parent = posixpath.dirname(posixpath.join(base, inside))
            if parent not in ("", base) and parent in self._folders and missing.fault is None:
                fault = Fault.FILE if meant.kind is ResolutionKind.FILE else Fault.MISSING
                missing = Found(fault=fault, near=near if meant.near else "")
        if target.startswith(("/", "./")) and missing.fault is None:
            return Found(fault=Fault.LEADING, near=bare)
        return missing

    def _git_bases(self, file: str, target: str) -> Iterator[tuple[str, str]]:
        """Where the top of the repository may be, and the path from there."""
        for base in self._bases(file):
            yield base, target
        # The run may look at a folder within the repository alone.
        parts = target.split("/")
        for count in range(1, len(parts)):
            if self._root.parts[-count:] == tuple(parts[:count]):
                yield "", "/".join(parts[count:])

    def _bases(self, file: str) -> Iterator[str]:
        """The folders above ``file``, the root first."""
        folder = posixpath.dirname(file)
        parts = folder.split("/") if folder else []
        for count in range(len(parts) + 1):
            yield "/".join(parts[:count])

    @cached_property
    def _folders(self) -> frozenset[str]:
        found: set[str] = set()
        for path in (*(key.path for key in self._notebooks), *self._others):
            folder = posixpath.dirname(path)
            while folder and folder not in found:
                found.add(folder)
                folder = posixpath.dirname(folder)
        return frozenset(found)


def _git_fault(target: str, meant: Resolution) -> Fault | None:
    if target.startswith(("/", "./")):
        return Fault.LEADING
    return _FAULTS.get(meant.kind)


def _found(meant: Resolution) -> Found:
    return Found(meant.notebook, _FAULTS.get(meant.kind), meant.near)


def _in(folder: str) -> NotebookKey:
    """A source that stands in ``folder``."""
    return NotebookKey(posixpath.join(folder, "x"))


def _relative(path: str, folder: str) -> str:
    written = posixpath.relpath(path, folder or ".")
    return written if written.startswith("../") else f"./{written}"
