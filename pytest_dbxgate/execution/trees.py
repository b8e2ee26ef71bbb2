"""The copy of the repository that a run gets: it may change it, the repository stays as it is."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path

MOST_FILES = 2_000
MOST_BYTES = 64 * 1024 * 1024
"""Of a larger repository one copy is made, which all runs share."""


class Trees:
    """Copies of the files of ``root``. ``paths`` are relative to it, with ``/``; ``folder`` is
    where they are made. Safe to use from several threads."""

    def __init__(self, root: Path, paths: Iterable[str], folder: Path) -> None:
        self._root = root
        self._top = root.resolve()
        self._folder = folder
        self._paths = list(dict.fromkeys(paths))
        self._lock = threading.Lock()
        self._shared: Path | None = None
        self._made = 0
        self.is_shared = len(self._paths) > MOST_FILES or _size(root, self._paths) > MOST_BYTES

    def make(self) -> Path:
        """The folder of one run's files. A file that is gone meanwhile, or that leads out of the
        repository, is left out."""
        with self._lock:
            self._made += 1
            tree = self._folder / f"tree-{self._made}"
            if self.is_shared:
                tree = self._shared = self._shared or self._laid(tree)
                return tree
        return self._laid(tree)

    def give_back(self, tree: Path) -> None:
        """The run is over."""
        if not self.is_shared:
            shutil.rmtree(tree, ignore_errors=True)

    def _laid(self, tree: Path) -> Path:
        tree.mkdir(parents=True, exist_ok=True)
        folders = {tree}
        for path in self._paths:
            source, target = self._root / path, tree / path
            # A link that leads back to itself is a RuntimeError before Python 3.13.
            with contextlib.suppress(OSError, RuntimeError):
                if not source.resolve().is_relative_to(self._top):
                    continue
                if target.parent not in folders:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    folders.add(target.parent)
                shutil.copyfile(source, target)
        return tree


def _size(root: Path, paths: Iterable[str]) -> int:
    total = 0
    for path in paths:
        with contextlib.suppress(OSError):
            total += (root / path).stat().st_size
    return total
