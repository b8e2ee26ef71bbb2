"""The notebooks of the run's tree, found as a workspace finds them: by path without ending."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pytest_dbxgate.notebook import formats
from pytest_dbxgate.notebook.model import Notebook, NotebookKey

_ENDINGS = (".py", ".sql", ".ipynb", ".scala", ".r", ".R", ".dbc")


class Notebooks:
    """``tree`` is the copy of the repository; ``roots`` map folders of the workspace into it."""

    def __init__(self, tree: Path, roots: Mapping[str, str]) -> None:
        self._tree = tree
        self._roots = {_bare(folder): inside for folder, inside in roots.items()}

    def read(self, key: NotebookKey) -> Notebook | None:
        """The notebook; None where it is not there."""
        file = self._tree / key.path
        if not file.is_file():
            return None
        return next((each for each in formats.read(file, key.path) if each.key == key), None)

    def find(self, target: str, callers: Sequence[NotebookKey]) -> NotebookKey | None:
        """What ``target`` means in the last of ``callers``, whose callers are those before it:
        ``dbutils.notebook.run`` may count from any of them."""
        if target.startswith("/"):
            inside = self._inside(target)
            return None if inside is None else self._at(inside)
        for caller in reversed(callers):
            if caller.member is not None:
                member = posixpath.normpath(
                    posixpath.join(posixpath.dirname(caller.member), target)
                )
                found: NotebookKey | None = NotebookKey(caller.path, member)
                found = found if found is not None and self.read(found) is not None else None
            else:
                path = posixpath.normpath(posixpath.join(posixpath.dirname(caller.path), target))
                found = self._at(path)
            if found is not None:
                return found
        return None

    def _at(self, path: str) -> NotebookKey | None:
        if path == ".." or path.startswith("../"):
            return None
        for candidate in self._candidates(path):
            key = NotebookKey(candidate)
            if (self._tree / candidate).is_file() and self._is_notebook(key):
                return key
        return self._in_archive(path)

    def _in_archive(self, path: str) -> NotebookKey | None:
        """An archive becomes a folder in the workspace."""
        folder, parts = path, []
        while folder:
            if (self._tree / f"{folder}.dbc").is_file():
                key = NotebookKey(f"{folder}.dbc", "/".join(reversed(parts)))
                return key if self.read(key) is not None else None
            folder, _, last = folder.rpartition("/")
            parts.append(last)
        return None

    def _candidates(self, path: str) -> Iterator[str]:
        for ending in _ENDINGS[:-1]:
            yield path + ending

    def _is_notebook(self, key: NotebookKey) -> bool:
        file = self._tree / key.path
        with file.open("rb") as stream:
            head = stream.read(formats.HEAD_SIZE)
        return formats.classify(file.name, head) is formats.Kind.NOTEBOOK

    def _inside(self, target: str) -> str | None:
        path = _bare(target)
        fitting = [
            root for root in self._roots if path == root or path.startswith(f"{root}/") or not root
        ]
        if not fitting:
            return None
        best = max(fitting, key=len)
        rest = path[len(best) :].lstrip("/")
        return posixpath.normpath(posixpath.join(self._roots[best], rest))


def _bare(path: str) -> str:
    """An absolute workspace path without ``/Workspace`` and without a slash at its end."""
    path = "/" + posixpath.normpath(path).strip("/")
    if path == "/Workspace" or path.startswith("/Workspace/"):
        path = path[len("/Workspace") :]
    return path.rstrip("/")
