"""Where Python looks for the modules that a notebook imports."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from pytest_dbxgate.project import wheels
from pytest_dbxgate.project.search_paths import UNKNOWN
from pytest_dbxgate.settings import Settings


class Roots(NamedTuple):
    """Folders relative to the root of the run (the empty string), in the order of the search."""

    near: tuple[str, ...]
    far: tuple[str, ...] = ()
    """Wheels that stand elsewhere in the repository."""
    guessed: tuple[str, ...] = ()
    """The folders above the notebook, which it often adds in a way that cannot be followed."""
    unknown: bool = False
    """Whether there are folders that nobody knows before the run."""


class ModulePaths:
    """The distributions of a repository, by their folders."""

    def __init__(self, root: Path, folders: Collection[str]) -> None:
        self.root = root
        self.folders = folders
        self.wheels = dict(self._wheels())

    def _wheels(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        for folder in sorted({"", *self.folders}):
            files = [name for name in wheels.FILES if (self.root / folder / name).is_file()]
            roots = wheels.roots_of(self.root, folder, files) if files else ()
            if roots:
                yield folder, roots


def roots_for(
    folder: str, settings: Settings, search_paths: tuple[str, ...], paths: ModulePaths
) -> Roots:
    """Where a notebook in ``folder`` finds modules; the nearest wheels first."""
    near = [folder]
    unknown = False
    for written in search_paths:
        added = _added(folder, written, settings)
        if added is None or (added and added not in paths.folders):
            unknown = True
        else:
            near.append(added)
    own = (_inside(settings, each) for each in (".", *settings.module_roots))
    near += [each for each in own if each is not None]
    near.append("")
    above = [each for each in paths.wheels if _is_above(each, folder)]
    for wheel in sorted(above, key=len, reverse=True):
        near += paths.wheels[wheel]
    far = [root for wheel in paths.wheels if wheel not in above for root in paths.wheels[wheel]]
    return Roots(
        tuple(dict.fromkeys(near)),
        tuple(dict.fromkeys(each for each in far if each not in near)),
        tuple(each for each in _above(folder) if each not in near),
        unknown,
    )


def _above(folder: str) -> Iterator[str]:
    while folder:
        folder = posixpath.dirname(folder)
        yield folder
        yield f"{folder}/src" if folder else "src"


def _is_above(folder: str, other: str) -> bool:
    return not folder or other == folder or other.startswith(folder + "/")


def _inside(settings: Settings, path: str) -> str | None:
    """``path`` of the settings relative to the root of the run; None where it is outside."""
    if settings.root_inside:
        return _clean(posixpath.relpath(posixpath.join("/", path), "/" + settings.root_inside))
    return _clean(posixpath.join(settings.folder, path))


def _clean(path: str) -> str | None:
    path = posixpath.normpath(path)
    if path.startswith(("..", "/")):
        return None
    return "" if path == "." else path


def _added(folder: str, written: str, settings: Settings) -> str | None:
    """The folder that a notebook in ``folder`` adds to the search; None where it is unknown."""
    written = written.replace("\\", "/")
    if written == UNKNOWN:
        return None
    if not written.startswith("/"):
        return _clean(posixpath.join(folder, written))
    path = posixpath.normpath(written).removeprefix("/Workspace")
    for place, own in settings.workspace_roots.items():
        above = posixpath.normpath(place).removeprefix("/Workspace")
        if path == above or path.startswith(above + "/"):
            return _inside(settings, posixpath.join(own, path[len(above) :].lstrip("/")))
    return None
