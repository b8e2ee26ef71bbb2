"""Absolute ``%run``s into the target's root, led into the copy of a run. Pure.

What is tested must be what was checked: the notebook at the target is another one, that of the
last deployment.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from typing import NamedTuple

from pytest_dbxgate.errors import ConfigurationError, RefusedEditError
from pytest_dbxgate.notebook import formats
from pytest_dbxgate.notebook.model import Notebook
from pytest_dbxgate.project.facts import Run
from pytest_dbxgate.project.runs import find_runs
from pytest_dbxgate.project.trees import Trees
from pytest_dbxgate.workspace import paths


class Redirection(NamedTuple):
    """From where to where."""

    root: str
    """The target's, canonical."""
    copy: str
    """The folder of the copy, canonical."""
    base: str = "."
    """The folder of the repository that is published to ``root``."""

    def place(self, target: str) -> str | None:
        """The place in the copy of what an absolute path names; None where the path is a
        relative one, or leads to what is not ours."""
        if not target.startswith("/"):
            return None
        try:
            path = paths.canonical(target)
        except ConfigurationError:
            return None
        if not paths.is_inside(path, self.root) or path == self.root:
            return None
        inside = path[len(self.root) + 1 :]
        return posixpath.normpath(posixpath.join(self.base or ".", inside))


def redirected(notebook: Notebook, redirection: Redirection, there: frozenset[str]) -> bytes:
    """The notebook's bytes; those of cells with such a ``%run`` are rewritten, and nothing else.

    ``there``: the places of the copy that hold notebooks. Raises
    :class:`~pytest_dbxgate.errors.ConfigurationError` where one is not among them, or the cell
    cannot be rewritten exactly.
    """
    lines: dict[int, list[str]] = {}
    changed: dict[int, list[Run]] = defaultdict(list)
    if not any("%run" in cell.source for cell in notebook.cells):
        return notebook.data
    for run in find_runs(notebook, Trees(notebook)):
        place = redirection.place(run.target)
        if place is None:
            continue
        if place not in there:
            raise _refused(
                notebook, run, "leads to the target, and the run has no copy of it", "select it too"
            )
        number, line = run.spot.cell, run.spot.line
        cell = lines.setdefault(number, notebook.cell(number).source.split("\n"))
        text, start = cell[line - 1], run.spot.column - 1
        end = start + len(run.target)
        if text[start:end] != run.target:
            raise _refused(notebook, run, "cannot be led into the copy", "write a relative path")
        target = paths.shown(f"{redirection.copy}/{place}")
        cell[line - 1] = text[:start] + target + text[end:]
        changed[number].append(run)
    if not changed:
        return notebook.data
    sources = {number: "\n".join(cell) for number, cell in lines.items()}
    try:
        return formats.rewrite(notebook, sources)
    except RefusedEditError:
        first = next(run for runs in changed.values() for run in runs)
        raise _refused(
            notebook, first, "cannot be led into the copy", "write a relative path"
        ) from None


def _refused(notebook: Notebook, run: Run, why: str, next_step: str) -> ConfigurationError:
    where = f"{notebook.key}, cell {run.spot.cell}, line {run.spot.line}"
    return ConfigurationError(f"{where}: %run {run.target} {why}", next_step=next_step)
