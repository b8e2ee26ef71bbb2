"""The copy of the repository that a run gets: it may change it, the repository stays as it is."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable
from pathlib import Path

COPIED = 4 * 1024 * 1024
"""Larger files (bytes) are copied once for all runs, and linked."""


class Trees:
    """Copies of the files of ``root``. ``paths`` are relative to it, with ``/``; ``folder`` keeps
    what the copies share. Safe to use from several threads."""

    def __init__(self, root: Path, paths: Iterable[str], folder: Path) -> None:
        self._root = root
        self._folder = folder
        self._small: list[str] = []
        self._large: list[str] = []
        for path in dict.fromkeys(paths):
            with contextlib.suppress(OSError):
                size = (root / path).stat().st_size
                (self._large if size > COPIED else self._small).append(path)
        for path in self._large:
            with contextlib.suppress(OSError):
                _copy(root / path, folder / path)

    def lay(self, tree: Path) -> None:
        """Lay the files out below ``tree``. A file that is gone meanwhile, or that leads out of
        the repository, is left out."""
        top = self._root.resolve()
        for path in self._small:
            source = self._root / path
            with contextlib.suppress(OSError):
                if source.resolve().is_relative_to(top):
                    _copy(source, tree / path)
        for path in self._large:
            with contextlib.suppress(OSError):
                _link(self._folder / path, tree / path)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.symlink_to(source)
    except OSError:
        # Windows lets not everybody make links.
        shutil.copyfile(source, target)
