"""Who runs whom, who imports what, which job runs what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from enum import Enum
from typing import NamedTuple

from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.circles import circles
from pytest_dbxgate.project.facts import Run, RunProblem, Spot
from pytest_dbxgate.project.project import Project
from pytest_dbxgate.project.resolving import Resolution, ResolutionKind, Resolver

NOWHERE = Spot(0, 1, 1)
"""The spot of an edge whose source is a module: nobody asks where in it."""


class EdgeKind(str, Enum):
    """How one file reaches for another."""

    RUN = "run"
    """``%run``: one session, names flow both ways."""
    NOTEBOOK_RUN = "notebook run"
    """``dbutils.notebook.run``: a session of its own."""
    IMPORT = "import"
    """A notebook or a module imports a module of the repository."""
    TASK = "task"
    """A job runs a notebook."""


class Edge(NamedTuple):
    """``source`` reaches for ``target``. A module or a job file is a key without a member."""

    source: NotebookKey
    target: NotebookKey
    kind: EdgeKind
    spot: Spot
    """In the source."""


class Graph:
    """The edges of a project, from both ends."""

    def __init__(self, edges: Iterable[Edge]) -> None:
        self.edges = tuple(dict.fromkeys(edges))
        self._targets: dict[NotebookKey, list[Edge]] = defaultdict(list)
        self._callers: dict[NotebookKey, list[Edge]] = defaultdict(list)
        for edge in self.edges:
            self._targets[edge.source].append(edge)
            self._callers[edge.target].append(edge)

    def targets(self, key: NotebookKey, *kinds: EdgeKind) -> tuple[Edge, ...]:
        """The edges that begin at ``key``, in the order of the notebook; all kinds if none is
        named."""
        return _of_kinds(self._targets.get(key, ()), kinds)

    def callers(self, key: NotebookKey, *kinds: EdgeKind) -> tuple[Edge, ...]:
        """The edges that end at ``key``; all kinds if none is named."""
        return _of_kinds(self._callers.get(key, ()), kinds)

    def closure(self, keys: Iterable[NotebookKey]) -> frozenset[NotebookKey]:
        """``keys`` and all that their ``%run`` bring in."""
        return _reachable(keys, lambda key: _run_targets(self, key))

    def affected(self, keys: Collection[NotebookKey]) -> frozenset[NotebookKey]:
        """``keys``, everything whose closure, modules or jobs touch one of them, and what the
        job files among them run."""
        run_by_job = (edge.target for key in keys for edge in self.targets(key, EdgeKind.TASK))
        return _reachable(
            keys, lambda key: (edge.source for edge in self._callers.get(key, ()))
        ) | self.closure(run_by_job)

    def running(self, key: NotebookKey) -> frozenset[NotebookKey]:
        """``key`` and all that bring it in by ``%run``, directly or not."""
        return _reachable([key], lambda each: _run_sources(self, each))

    def cycles(self) -> tuple[tuple[NotebookKey, ...], ...]:
        """A cycle of ``%run`` for each set of notebooks that run one another, as the notebooks
        in order, the first once only. A notebook that runs itself is none."""
        following = {
            source: tuple(dict.fromkeys(_run_targets(self, source)))
            for source in sorted(self._targets, key=order)
        }
        return circles(following, order)


def edges(project: Project, resolver: Resolver) -> tuple[Edge, ...]:
    """Every edge of a project. Targets whose case or ending is wrong count: the notebook they
    mean is known, and they are reported as what they are."""
    runs = tuple(_runs(project, resolver))
    run_graph = Graph(runs)
    return (
        *runs,
        *_notebook_runs(project, resolver, run_graph),
        *_imports(project),
        *(
            Edge(NotebookKey(task.file), task.notebook, EdgeKind.TASK, task.spot)
            for task in project.tasks
            if task.notebook is not None
        ),
    )


def names_path(run: Run) -> bool:
    """Whether the target of a ``%run`` is a path."""
    return bool(run.target) and run.problem is not RunProblem.NO_PATH


def resolve_call(resolver: Resolver, graph: Graph, key: NotebookKey, target: str) -> Resolution:
    """What ``dbutils.notebook.run(target)`` in ``key`` means.

    It runs in the session of whoever brought ``key`` in by ``%run``, so its path may be relative
    to the folder of any of them.
    """
    own = resolver.resolve(key, target)
    if own.kind is not ResolutionKind.MISSING or target.startswith("/"):
        return own
    callers = sorted(graph.running(key) - {key}, key=order)
    found = [resolver.resolve(caller, target) for caller in callers]
    for kind in (ResolutionKind.FOUND, ResolutionKind.OUTSIDE):
        for each in found:
            if each.kind is kind:
                return each
    return next((each for each in found if each.kind is not ResolutionKind.MISSING), own)


def _runs(project: Project, resolver: Resolver) -> Iterator[Edge]:
    for key, facts in project.notebooks.items():
        for run in facts.runs:
            target = resolver.resolve(key, run.target).notebook if names_path(run) else None
            if target is not None:
                yield Edge(key, target, EdgeKind.RUN, run.spot)


def _notebook_runs(project: Project, resolver: Resolver, graph: Graph) -> Iterator[Edge]:
    for key, facts in project.notebooks.items():
        for run in facts.notebook_runs:
            if run.target:
                target = resolve_call(resolver, graph, key, run.target).notebook
                if target is not None:
                    yield Edge(key, target, EdgeKind.NOTEBOOK_RUN, run.spot)


def _imports(project: Project) -> Iterator[Edge]:
    """Of notebooks, and of the modules that they import, directly or not."""
    modules = project.modules
    waiting: list[str] = []
    for key, facts in project.notebooks.items():
        if facts.imports:
            for path, spot in modules.edges(facts, project.settings(key)):
                yield Edge(key, NotebookKey(path), EdgeKind.IMPORT, spot)
                waiting.append(path)
    seen: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for inner in modules.imported_by(path):
            yield Edge(NotebookKey(path), NotebookKey(inner), EdgeKind.IMPORT, NOWHERE)
            waiting.append(inner)


def _of_kinds(found: Iterable[Edge], kinds: Collection[EdgeKind]) -> tuple[Edge, ...]:
    return tuple(edge for edge in found if edge.kind in kinds) if kinds else tuple(found)


def _run_targets(graph: Graph, key: NotebookKey) -> Iterator[NotebookKey]:
    return (edge.target for edge in graph.targets(key, EdgeKind.RUN))


def _run_sources(graph: Graph, key: NotebookKey) -> Iterator[NotebookKey]:
    return (edge.source for edge in graph.callers(key, EdgeKind.RUN))


def _reachable(
    keys: Iterable[NotebookKey], following: Callable[[NotebookKey], Iterable[NotebookKey]]
) -> frozenset[NotebookKey]:
    """``keys`` and everything that can be reached from them."""
    seen = set(keys)
    waiting = list(seen)
    while waiting:
        for key in following(waiting.pop()):
            if key not in seen:
                seen.add(key)
                waiting.append(key)
    return frozenset(seen)


def order(key: NotebookKey) -> tuple[str, str]:
    """What sorts notebooks; a member may be None, which cannot be compared."""
    return key.path, key.member or ""
