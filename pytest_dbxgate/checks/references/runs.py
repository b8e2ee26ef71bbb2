"""Whether what ``%run`` and ``dbutils.notebook.run`` name is there, and is a notebook."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Collection, Iterator

from pytest_dbxgate.checks.references.claim import Claim
from pytest_dbxgate.notebook.formats import language_of_suffix
from pytest_dbxgate.notebook.header import header_of
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.facts import NotebookFacts, Run, RunProblem, Spot
from pytest_dbxgate.project.graph import EdgeKind, Graph, names_path, order, resolve_call
from pytest_dbxgate.project.project import Project
from pytest_dbxgate.project.resolving import (
    Resolution,
    ResolutionKind,
    Resolver,
    workspace_path,
)

_TOP_FOLDERS = frozenset({"Repos", "Shared", "Users", "Workspace"})
"""Folders that every workspace has."""
_MOST_SHOWN = 8
"""Notebooks of a cycle that a message names."""


def check(
    project: Project, graph: Graph, resolver: Resolver, keys: Collection[NotebookKey]
) -> list[Claim]:
    """The claims about what the notebooks ``keys`` run."""
    found: list[Claim] = []
    for key in sorted(keys, key=order):
        facts = project.notebooks.get(key)
        if facts is None:
            continue
        found += _form(facts)
        for run in facts.runs:
            # Whether a target with an open quote was meant to go on, nobody knows.
            if names_path(run) and run.problem is not RunProblem.UNCLOSED_QUOTE:
                resolution = resolver.resolve(key, run.target)
                if resolution.notebook == key:
                    found.append(_runs_itself(key, run))
                else:
                    found += _target(key, run.target, run.spot, resolution)
        for call in facts.notebook_runs:
            if call.target:
                resolution = resolve_call(resolver, graph, key, call.target)
                found += _target(key, call.target, call.spot, resolution)
    found += _cycles(graph, frozenset(keys))
    return found


def _form(facts: NotebookFacts) -> Iterator[Claim]:
    """What is wrong with the text of each ``%run``."""
    count = Counter(run.spot.cell for run in facts.runs)
    for run in facts.runs:
        if run.problem is RunProblem.NOT_ALONE:
            yield _not_alone(facts.key, run, count[run.spot.cell])
        elif run.problem is RunProblem.NO_PATH:
            yield _no_path(facts.key, run)
        elif run.problem is RunProblem.UNCLOSED_QUOTE:
            message = "a quote of `%run` is not closed"
            hint = "close it: what follows belongs to the quoted text"
            yield Claim(facts.key, "DBX309", message, run.spot, hint)


def _not_alone(key: NotebookKey, run: Run, count: int) -> Claim:
    if count > 1:
        message, hint = f"{count} `%run` in one cell", "give each `%run` a cell of its own"
    else:
        message = "`%run` is not alone in its cell"
        hint = "move the rest of the cell into a cell of its own"
    return Claim(key, "DBX301", message, run.spot, hint)


def _no_path(key: NotebookKey, run: Run) -> Claim:
    if run.target:
        message = f"`%run` takes no variable: `{run.target}`"
        hint = "write the path itself, or use dbutils.notebook.run"
    else:
        message, hint = "`%run` names no notebook", "write the notebook's path behind it"
    return Claim(key, "DBX308", message, run.spot, hint)


def _runs_itself(key: NotebookKey, run: Run) -> Claim:
    return Claim(
        key,
        "DBX307",
        f"`{run.target}` is this notebook itself",
        run.spot,
        "it would never end: name another notebook, or remove the cell",
    )


def _target(key: NotebookKey, target: str, spot: Spot, resolution: Resolution) -> Iterator[Claim]:
    """What is wrong with a target."""
    instead = f"write `{resolution.near}`"
    match resolution.kind:
        case ResolutionKind.MISSING:
            message = f"there is no notebook `{resolution.path}`"
            near = f"did you mean `{resolution.near}`?" if resolution.near else _where(target)
            yield Claim(key, "DBX302", message, spot, near)
        case ResolutionKind.FILE:
            message = f"`{resolution.path}` is a plain file, not a notebook"
            yield Claim(key, "DBX303", message, spot, _make_notebook(resolution.path))
        case ResolutionKind.EXTENSION:
            message = f"`{target}` carries a file ending; a notebook's path has none"
            yield Claim(key, "DBX304", message, spot, instead)
        case ResolutionKind.CASE:
            message = f"`{target}` differs from the notebook's path in upper and lower case"
            yield Claim(key, "DBX305", message, spot, instead)
        case ResolutionKind.OUTSIDE:
            message = f"`{target}` is outside the repository"
            yield Claim(key, "DBX310", message, spot, _map(target))


def _where(target: str) -> str:
    if target.startswith("/"):
        return "check the path, and workspace_roots in the settings"
    if target.partition("/")[0] in _TOP_FOLDERS:
        return "a path from the top of the workspace begins with `/`"
    return "a path is relative to the folder of the notebook it stands in"


def _map(target: str) -> str:
    if target.startswith("/"):
        return "name the folder of the repository it stands for in workspace_roots"
    return "only a run on the workspace can tell whether it is there"


def _make_notebook(path: str) -> str:
    language = language_of_suffix(posixpath.splitext(path)[1])
    if language is None:
        return "name a notebook"
    return f"begin it with `{header_of(language)}`, or import it"


def _cycles(graph: Graph, keys: frozenset[NotebookKey]) -> Iterator[Claim]:
    """Each cycle, at every ``%run`` in ``keys`` that leads on in it."""
    for cycle in graph.cycles():
        for index, key in enumerate(cycle):
            if key not in keys:
                continue
            following = cycle[(index + 1) % len(cycle)]
            message = "`%run` in a circle: " + _shown((*cycle[index:], *cycle[:index]))
            for edge in graph.targets(key, EdgeKind.RUN):
                if edge.target == following:
                    yield Claim(
                        key,
                        "DBX306",
                        message,
                        edge.spot,
                        "move what both need into a notebook that runs neither",
                    )


def _shown(cycle: tuple[NotebookKey, ...]) -> str:
    names = [key.member if key.member is not None else workspace_path(key.path) for key in cycle]
    if len(names) > _MOST_SHOWN:
        left = f"... {len(names) - _MOST_SHOWN} more ..."
        names = [*names[: _MOST_SHOWN - 1], left, names[-1]]
    return " -> ".join([*names, names[0]])
