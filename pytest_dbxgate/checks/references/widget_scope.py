"""Which widgets there are where a notebook runs, who reads them and who passes values.

Notebooks that run one another by ``%run`` share their widgets, in both directions: all that a
notebook's callers run is *around* it, what it runs itself is *below* it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.facts import Argument, NotebookFacts
from pytest_dbxgate.project.graph import Graph
from pytest_dbxgate.project.project import Project
from pytest_dbxgate.project.resolving import Resolver
from pytest_dbxgate.project.widget_facts import SETTING


class Names(NamedTuple):
    """What several notebooks together say about widgets."""

    declared: frozenset[str]
    settings: frozenset[str]
    """Spark settings that SQL reads like widgets; ``*`` is any."""
    read: frozenset[str]
    reads_any: bool
    declares_any: bool
    open: bool
    """Whether one of them runs something that nobody can look into."""


class Feeds(NamedTuple):
    """What is passed to a notebook by all who are known to run it."""

    names: frozenset[str]
    known: bool
    """False where somebody passes what nobody can tell before the run."""
    exist: bool
    """Whether there is anybody."""


class Scope:
    """Answers about one project. What was asked once is remembered."""

    def __init__(self, project: Project, graph: Graph, resolver: Resolver) -> None:
        self._notebooks = project.notebooks
        self._graph = graph
        self._resolver = resolver
        self._passed: dict[NotebookKey, list[tuple[Argument, ...] | None]] = {}
        self._loose: set[str] = set()
        self._below: dict[NotebookKey, Names] = {}
        self._around: dict[NotebookKey, Names] = {}
        self._callers: dict[NotebookKey, frozenset[NotebookKey]] = {}
        self._collect(project)

    def target(self, source: NotebookKey, target: str | None) -> NotebookKey | None:
        """The notebook that ``source`` runs; None where that is not known."""
        found = self._resolver.resolve(source, target).notebook if target else None
        return found if found in self._notebooks else None

    def below(self, key: NotebookKey) -> Names:
        """The notebook and all it runs."""
        if key not in self._below:
            self._below[key] = self._names(self._graph.closure([key]))
        return self._below[key]

    def around(self, key: NotebookKey) -> Names:
        """The notebook, all that run it, and all these run."""
        if key not in self._around:
            callers = self.callers(key)
            alone = len(callers) == 1
            self._around[key] = (
                self.below(key) if alone else self._names(self._graph.closure(callers))
            )
        return self._around[key]

    def feeds(self, key: NotebookKey) -> Feeds:
        """What is passed to the notebook or to one of its callers."""
        names: set[str] = set(self._loose)
        known, exist = True, False
        for each in self.callers(key):
            for arguments in self._passed.get(each, ()):
                exist = True
                known = known and arguments is not None
                names.update(argument.name for argument in arguments or ())
        return Feeds(frozenset(names), known, exist)

    def callers(self, key: NotebookKey) -> frozenset[NotebookKey]:
        """The notebook and everything that runs it by ``%run``, directly or not."""
        if key not in self._callers:
            self._callers[key] = self._graph.running(key)
        return self._callers[key]

    def _collect(self, project: Project) -> None:
        for key, facts in project.notebooks.items():
            for run in facts.runs:
                if run.parameters:
                    self._pass(self.target(key, run.target), run.parameters)
            for call in facts.notebook_runs:
                self._pass(self.target(key, call.target), call.arguments)
        for task in project.tasks:
            self._pass(task.notebook, task.arguments)

    def _pass(self, target: NotebookKey | None, arguments: tuple[Argument, ...] | None) -> None:
        if target is not None:
            self._passed.setdefault(target, []).append(arguments)
        else:
            # It may be meant for any notebook.
            self._loose.update(argument.name for argument in arguments or ())

    def _names(self, keys: Iterable[NotebookKey]) -> Names:
        declared: set[str] = set()
        settings: set[str] = set()
        read: set[str] = set()
        reads_any = declares_any = is_open = False
        for key in keys:
            facts = self._notebooks.get(key)
            if facts is None:
                is_open = True
                continue
            for widget in facts.widgets:
                (settings if widget.kind == SETTING else declared).add(widget.name)
            read.update(each.name for each in facts.reads)
            reads_any = reads_any or facts.reads_any
            declares_any = declares_any or facts.declares_any
            is_open = is_open or self._is_open(facts)
        return Names(
            frozenset(declared),
            frozenset(settings),
            frozenset(read),
            reads_any,
            declares_any,
            is_open,
        )

    def _is_open(self, facts: NotebookFacts) -> bool:
        return any(self.target(facts.key, run.target) is None for run in facts.runs)
