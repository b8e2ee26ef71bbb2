"""What the command line names: notebooks of ours, folders for both, the rest for pytest."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from pytest_dbxgate.codes import Check
from pytest_dbxgate.discovery import NotebookFile, look_at, under
from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.notebook.model import NotebookKey


@dataclass(frozen=True)
class Wanted:
    """One notebook file and which of its checks; ``only`` None means all of them."""

    file: NotebookFile
    only: frozenset[tuple[NotebookKey, Check]] | None = None


@dataclass(frozen=True)
class Plan:
    """The notebooks to gate, in order, and the arguments left to pytest."""

    wanted: tuple[Wanted, ...]
    rest: tuple[str, ...]


def split(
    arguments: Sequence[str], *, root: Path, directory: Path, notebooks: Iterable[NotebookFile]
) -> Plan:
    """Sort the arguments, which count from ``directory``, into ours and pytest's.

    Raises :class:`ConfigurationError` for a file that is not a notebook, for a notebook outside
    ``root`` and for a check that does not exist.
    """
    known = tuple(notebooks)
    by_path = {item.path: item for item in known}
    chosen: dict[str, Wanted] = {}
    rest: list[str] = []
    for argument in arguments:
        base, names = _parts(directory, argument)
        full = Path(os.path.normpath(directory / base))
        if full.is_dir():
            rest.append(argument)
            relative = _relative(full, root)
            for item in under(known, relative) if relative is not None else ():
                chosen[item.path] = Wanted(item)
        elif not os.path.lexists(full):
            rest.append(argument)
        else:
            item = _named(full, root, by_path, argument)
            chosen[item.path] = _merged(chosen.get(item.path), _narrowed(item, names, argument))
    return Plan(tuple(chosen.values()), tuple(rest))


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


def _named(full: Path, root: Path, by_path: dict[str, NotebookFile], argument: str) -> NotebookFile:
    relative = _relative(full, root)
    if relative is None:
        raise ConfigurationError(
            f"{argument} stands outside the root {root}",
            next_step="run pytest there, or name a root that holds it with --rootdir",
        )
    item = by_path.get(relative) or look_at(root, relative)
    if item is None:
        raise ConfigurationError(
            f"{argument} is not a notebook",
            next_step="a source notebook's first line is '# Databricks notebook source'; "
            "to run ordinary tests beside the gate, name their folder or set testpaths",
        )
    return item


def _narrowed(item: NotebookFile, names: str, argument: str) -> Wanted:
    """Only the checks that ``names`` (``check``, ``member`` or ``member::check``) tells."""
    if not names:
        return Wanted(item)
    member, _, last = names.rpartition("::")
    checks = frozenset(check for check in Check if check.value == last)
    if not checks:
        member, checks = names, frozenset(Check)
    keys = [key for key in item.keys if not member or key.member == member]
    if not keys:
        raise ConfigurationError(
            f"not found: {argument}",
            next_step=f"checks: {', '.join(check.value for check in Check)}"
            + (f"; notebooks: {', '.join(item.members[:5])}" if item.members else ""),
        )
    return Wanted(item, frozenset((key, check) for key in keys for check in checks))


def _merged(old: Wanted | None, new: Wanted) -> Wanted:
    if old is None:
        return new
    if old.only is None or new.only is None:
        return Wanted(new.file)
    return Wanted(new.file, old.only | new.only)


def hidden(paths: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """Those of ``paths`` that stand in a folder which pytest's ``norecursedirs`` passes over."""
    folders: dict[str, bool] = {"": False}

    def is_hidden(folder: str) -> bool:
        if folder not in folders:
            above, name = posixpath.split(folder)
            folders[folder] = any(fnmatch(name, each) for each in patterns) or is_hidden(above)
        return folders[folder]

    return [path for path in paths if is_hidden(posixpath.dirname(path))]
