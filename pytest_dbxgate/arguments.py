"""What the command line names: notebooks of ours, folders for both, the rest for pytest."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from pytest_dbxgate.codes import Check
from pytest_dbxgate.discovery import GatedFile, discover, look_at, look_at_job, under
from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.notebook.model import NotebookKey

_RUN_ITEM = re.compile(r"run(\[.*\])?")


@dataclass(frozen=True)
class Wanted:
    """One file and which of its checks; ``only`` None means all of them."""

    file: GatedFile
    only: frozenset[tuple[NotebookKey, Check]] | None = None
    runs: frozenset[str] | None = None
    """The names of the items of its runs; None: all of them."""
    named: bool = False
    """Whether the command line names the file itself, and not a folder around it."""

    def wants_run(self, item: str) -> bool:
        return self.runs is None or item in self.runs


@dataclass(frozen=True)
class Plan:
    """The files to gate, in order, and the arguments left to pytest."""

    wanted: tuple[Wanted, ...]
    rest: tuple[str, ...]
    missing: tuple[str, ...] = ()
    """Those of ``rest`` that pytest will not find."""


def split(
    arguments: Sequence[str], *, root: Path, directory: Path, files: Iterable[GatedFile]
) -> Plan:
    """Sort the arguments, which count from ``directory``, into ours and pytest's.

    Raises :class:`ConfigurationError` for a file that is not a notebook, for a notebook outside
    ``root`` and for a check that does not exist.
    """
    known = tuple(files)
    by_path = {item.path: item for item in known}
    chosen: dict[str, Wanted] = {}
    rest: list[str] = []
    missing: list[str] = []
    for argument in arguments:
        base, names = _parts(directory, argument)
        full = Path(os.path.normpath(directory / base))
        if not os.path.lexists(full) or (names and full.is_dir()):
            rest.append(argument)
            missing.append(argument)
        elif full.is_dir():
            rest.append(argument)
            for item in _below(full, root, known, argument):
                chosen[item.path] = Wanted(item)
        else:
            item = _named(full, root, by_path, argument)
            chosen[item.path] = _merged(chosen.get(item.path), _narrowed(item, names, argument))
    return Plan(tuple(chosen.values()), tuple(rest), tuple(missing))


def _parts(directory: Path, argument: str) -> tuple[str, str]:
    """Split ``path::names`` where the longest existing path ends: file names may hold ``::``."""
    base, names = argument, ""
    while not os.path.lexists(directory / base) and "::" in base:
        base, _, last = base.rpartition("::")
        names = f"{last}::{names}" if names else last
    return (base, names) if os.path.lexists(directory / base) else (argument, "")


def _relative(full: Path, root: Path) -> str | None:
    try:
        return full.relative_to(root).as_posix()
    except ValueError:
        return "." if full in root.parents else None


def _below(full: Path, root: Path, known: tuple[GatedFile, ...], argument: str) -> list[GatedFile]:
    """The notebooks in a folder, which may be reached through a link."""
    for folder, top in ((full, root), (full.resolve(), root.resolve())):
        relative = _relative(folder, top)
        found = [] if relative is None else under(known, relative)
        if found:
            return found
    if relative is None and discover(full).files:
        raise _outside(argument, root)
    return []


def _outside(argument: str, root: Path) -> ConfigurationError:
    return ConfigurationError(
        f"{argument} stands outside the root {root}",
        next_step="run pytest there, or name a root that holds it with --rootdir",
    )


def _named(full: Path, root: Path, by_path: dict[str, GatedFile], argument: str) -> GatedFile:
    relative = _relative(full, root)
    if relative is None:
        relative = _relative(full.parent.resolve() / full.name, root.resolve())
    if relative is None:
        raise _outside(argument, root)
    item = by_path.get(relative) or look_at(root, relative) or look_at_job(root, relative)
    if item is None:
        raise ConfigurationError(
            f"{argument} is neither a notebook nor a job file",
            next_step="a source notebook's first line is '# Databricks notebook source'; "
            "to run ordinary tests beside the gate, name their folder or set testpaths",
        )
    return item


def _narrowed(item: GatedFile, names: str, argument: str) -> Wanted:
    """Only the checks that ``names`` (``check``, ``member`` or ``member::check``) tells."""
    if not names:
        return Wanted(item, named=True)
    possible = item.checks
    member, _, last = names.rpartition("::")
    if (
        _RUN_ITEM.fullmatch(last)
        and item.job is None
        and (not member or member in (item.members or ()))
    ):
        return Wanted(item, frozenset(), frozenset((last,)), named=True)
    checks = frozenset(check for check in possible if check.value == last)
    if not checks:
        member, checks = names, possible
    keys = [key for key in item.keys if not member or key.member == member]
    if not keys:
        raise ConfigurationError(
            f"not found: {argument}",
            next_step=f"checks: {', '.join(each.value for each in Check if each in possible)}"
            + (f"; notebooks: {', '.join(item.members[:5])}" if item.members else ""),
        )
    only = frozenset((key, check) for key in keys for check in checks)
    # A member of an archive is named with its runs, a check without.
    return Wanted(item, only, None if checks == possible else frozenset(), named=True)


def _merged(old: Wanted | None, new: Wanted) -> Wanted:
    if old is None:
        return new
    checks = None if old.only is None or new.only is None else old.only | new.only
    runs = None if old.runs is None or new.runs is None else old.runs | new.runs
    return Wanted(new.file, checks, runs, named=old.named or new.named)


def is_ignored(file: Path, paths: Iterable[Path], patterns: Sequence[str]) -> bool:
    """Whether pytest, on its way down to ``file``, would stop at one of the ``paths`` or at what
    one of the ``patterns`` matches."""
    places = (file, *file.parents)
    return any(path in places for path in paths) or any(
        fnmatch(str(place), pattern) for place in places for pattern in patterns
    )


def imported(paths: Iterable[str]) -> list[str]:
    """A note for each notebook that pytest imports all the same, before any plugin can object."""
    return [
        f"{path} is a notebook, and pytest runs every conftest.py as Python: rename it, or add "
        "--noconftest"
        for path in paths
        if path.rpartition("/")[2] == "conftest.py"
    ]


def hidden(paths: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """Those of ``paths`` that stand in a folder which pytest's ``norecursedirs`` passes over."""
    folders: dict[str, bool] = {"": False}

    def is_hidden(folder: str) -> bool:
        if folder not in folders:
            above, name = posixpath.split(folder)
            folders[folder] = any(fnmatch(name, each) for each in patterns) or is_hidden(above)
        return folders[folder]

    return [path for path in paths if is_hidden(posixpath.dirname(path))]
