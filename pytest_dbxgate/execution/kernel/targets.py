"""The notebook that a path means: the target of a ``%run`` or of ``dbutils.notebook.run``."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from pathlib import Path

from pytest_dbxgate.notebook import formats
from pytest_dbxgate.notebook.model import Notebook, NotebookKey

_WORKSPACE = "/Workspace"


class TargetError(Exception):
    """There is no such notebook, or it cannot be read."""


class Targets:
    """Finds and reads the notebooks below a folder."""

    def __init__(self, tree: str, workspace_roots: Mapping[str, str]) -> None:
        self._tree = Path(tree)
        self._roots = {_bare(root): folder for root, folder in workspace_roots.items()}
        self._read: dict[NotebookKey, Notebook] = {}

    def read(self, key: NotebookKey) -> Notebook:
        """Raises TargetError."""
        if key not in self._read:
            found = formats.read(self._tree / key.path, key.path)
            self._read |= {each.key: each for each in found}
        notebook = self._read.get(key)
        if notebook is None:
            raise TargetError(f"there is no notebook {key}")
        if notebook.unreadable is not None:
            raise TargetError(f"{key} cannot be read: {notebook.unreadable.message}")
        return notebook

    def find(self, source: NotebookKey, target: str) -> NotebookKey:
        """What ``target`` means in the notebook ``source``. Raises TargetError."""
        if source.member is not None and not target.startswith("/"):
            folder = posixpath.dirname(source.member)
            key = NotebookKey(source.path, posixpath.normpath(posixpath.join(folder, target)))
            self.read(key)
            return key
        path = self._path(source, target)
        found = self._file(path)
        if found is None:
            hint = ""
            if target.lower().endswith(tuple(formats.SUFFIXES)) and (self._tree / path).is_file():
                hint = " (in a workspace a notebook has no file ending)"
            raise TargetError(f"Notebook not found: {target}{hint}")
        return NotebookKey(found)

    def path_of(self, target: str) -> str:
        """Where an absolute path of the workspace is in the tree. Raises TargetError."""
        bare = _bare(target)
        above = [each for each in self._roots if bare == each or bare.startswith(f"{each}/")]
        if not above:
            raise TargetError(
                f"Notebook not found: {target} (no folder of the repository stands there; "
                "the setting workspace_roots says which does)"
            )
        root = max(above, key=len)
        inside = self._roots[root].strip("/") or "."
        return posixpath.normpath(posixpath.join(inside, bare[len(root) :].lstrip("/")))

    def _path(self, source: NotebookKey, target: str) -> str:
        """Relative to the tree."""
        if target.startswith("/"):
            path = self.path_of(target)
        else:
            path = posixpath.normpath(posixpath.join(posixpath.dirname(source.path), target))
        if path == ".." or path.startswith("../"):
            raise TargetError(f"Notebook not found: {target} (it lies outside of the repository)")
        return path

    def _file(self, path: str) -> str | None:
        """The file of a notebook, which has no ending in a workspace."""
        folder, name = posixpath.split(path)
        try:
            files = sorted(each.name for each in (self._tree / folder).iterdir() if each.is_file())
        except OSError:
            return None
        for file in files:
            stem, _, ending = file.rpartition(".")
            if stem == name and f".{ending.lower()}" in formats.SUFFIXES and ending != "dbc":
                candidate = posixpath.join(folder, file)
                if self._is_notebook(candidate):
                    return candidate
        return None

    def _is_notebook(self, path: str) -> bool:
        with (self._tree / path).open("rb") as stream:
            head = stream.read(formats.HEAD_SIZE)
        return formats.classify(path, head) is formats.Kind.NOTEBOOK


def _bare(path: str) -> str:
    """An absolute path of the workspace without ``/Workspace``."""
    path = "/" + posixpath.normpath(path).strip("/")
    if path == _WORKSPACE or path.startswith(f"{_WORKSPACE}/"):
        path = path[len(_WORKSPACE) :]
    return path.rstrip("/")
