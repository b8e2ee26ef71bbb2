"""What runs notebooks of the target by absolute paths, led into the copy of a run. Pure.

What is tested must be what was checked: the notebook at the target is another one, that of the
last deployment.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pytest_dbxgate.errors import ConfigurationError, RefusedEditError
from pytest_dbxgate.notebook import formats
from pytest_dbxgate.notebook.model import Notebook
from pytest_dbxgate.project.facts import Spot
from pytest_dbxgate.project.runs import find_notebook_runs, find_runs
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


class _Reference(NamedTuple):
    """A notebook that a cell runs."""

    by: str
    target: str
    spot: Spot


def redirected(notebook: Notebook, redirection: Redirection, there: frozenset[str]) -> bytes:
    """The notebook's bytes; those of cells that run such a notebook are rewritten, nothing else.

    ``there``: the places of the copy that hold notebooks. Raises
    :class:`~pytest_dbxgate.errors.ConfigurationError` where one is not among them, or the cell
    cannot be rewritten exactly.
    """
    found: list[tuple[_Reference, str]] = []
    for each in _references(notebook):
        place = redirection.place(each.target)
        if place is None:
            continue
        if place not in there:
            why = "leads to the target, and the run has no copy of it"
            raise _refused(notebook, each, why, "select it too")
        found.append((each, paths.shown(f"{redirection.copy}/{place}")))
    if not found:
        return notebook.data
    try:
        return formats.rewrite(notebook, _rewritten(notebook, found))
    except RefusedEditError:
        raise _inexact(notebook, found[0][0]) from None


def _references(notebook: Notebook) -> Iterator[_Reference]:
    """Every ``%run``, and every ``dbutils.notebook.run`` of a path that is written there."""
    trees = Trees(notebook)
    for run in find_runs(notebook, trees):
        yield _Reference("%run", run.target, run.spot)
    for call in find_notebook_runs(notebook, trees):
        if call.target:
            yield _Reference("dbutils.notebook.run", call.target, call.spot)


def _rewritten(notebook: Notebook, found: Sequence[tuple[_Reference, str]]) -> dict[int, str]:
    """The new sources of cells, by number."""
    cells: dict[int, list[str]] = {}
    # From the right to the left, so that the columns of what is still to come hold.
    for each, target in sorted(found, key=lambda one: one[0].spot, reverse=True):
        spot = each.spot
        lines = cells.setdefault(spot.cell, notebook.cell(spot.cell).source.split("\n"))
        text = lines[spot.line - 1]
        start = text.find(each.target, spot.column - 1, spot.end_column)
        if start < 0 or spot.end_line != spot.line:
            raise _inexact(notebook, each)
        lines[spot.line - 1] = text[:start] + target + text[start + len(each.target) :]
    return {number: "\n".join(lines) for number, lines in cells.items()}


def _inexact(notebook: Notebook, each: _Reference) -> ConfigurationError:
    return _refused(notebook, each, "cannot be led into the copy", "write a relative path")


def _refused(notebook: Notebook, each: _Reference, why: str, next_step: str) -> ConfigurationError:
    where = f"{notebook.key}, cell {each.spot.cell}, line {each.spot.line}"
    return ConfigurationError(f"{where}: {each.by} {each.target} {why}", next_step=next_step)
