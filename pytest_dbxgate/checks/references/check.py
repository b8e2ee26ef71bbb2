"""Everything that is checked between notebooks, over one project."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_dbxgate.checks.arrivals import Place
from pytest_dbxgate.checks.configurations import configured_apart
from pytest_dbxgate.checks.references import jobs as job_checks
from pytest_dbxgate.checks.references import modules, names, parameters, runs
from pytest_dbxgate.checks.references.claim import Claim
from pytest_dbxgate.checks.references.names import NamesCache, NamesResult
from pytest_dbxgate.errors import ToolError
from pytest_dbxgate.notebook.model import Notebook, NotebookKey
from pytest_dbxgate.project.graph import EdgeKind, Graph
from pytest_dbxgate.project.jobs.loading import Jobs
from pytest_dbxgate.project.project import Project
from pytest_dbxgate.project.resolving import Resolver

Broken = frozenset[tuple[NotebookKey, int]]


@dataclass(frozen=True)
class Subject:
    """A project and what was derived from it."""

    root: Path
    project: Project
    resolver: Resolver
    graph: Graph
    jobs: Jobs
    sources: Sequence[str]
    """The repository's Python files that are no notebooks."""


@dataclass
class Answer:
    """What was found; ``error`` is ruff's failure, if it failed."""

    claims: list[Claim] = field(default_factory=list)
    unused: Mapping[NotebookKey, frozenset[Place]] = field(default_factory=dict)
    """The imports that nobody uses wherever the notebook is run."""
    undone: frozenset[NotebookKey] = frozenset()
    """The notebooks whose names ruff's failure left undecided."""
    error: str = ""


def check(
    subject: Subject,
    wanted: Collection[NotebookKey],
    *,
    read: Callable[[NotebookKey], Notebook | None],
    broken: Callable[[Collection[NotebookKey]], Broken],
    known: NamesCache | None,
) -> Answer:
    """Check ``wanted`` notebooks and job files. Never raises for a tool's failure.

    ``broken`` tells the cells of notebooks that do not parse.
    """
    project, graph, resolver = subject.project, subject.graph, subject.resolver
    notebooks = {key for key in wanted if key in project.notebooks}
    files = {key.path for key in wanted if key.path in subject.jobs.files}
    answer = Answer()
    answer.claims += runs.check(project, graph, resolver, notebooks)
    answer.claims += modules.check(project, notebooks)
    everything = {*notebooks, *map(NotebookKey, files)}
    answer.claims += parameters.check(project, graph, resolver, everything)
    answer.claims += job_checks.check(subject.jobs, project, files)

    def decide(some: Collection[NotebookKey]) -> NamesResult:
        return names.check(
            project,
            read,
            some,
            resolver=resolver,
            graph=graph,
            broken=broken,
            root=subject.root,
            sources=subject.sources,
            known=known,
        )

    unused = _names(answer, subject.root, notebooks, decide)
    # A job that several targets deploy says the same once for each.
    answer.claims = list(dict.fromkeys(answer.claims))
    answer.unused = {
        key: unused.get(key, frozenset()) for key in notebooks if graph.callers(key, EdgeKind.RUN)
    }
    return answer


def _names(
    answer: Answer,
    root: Path,
    wanted: Collection[NotebookKey],
    decide: Callable[[Collection[NotebookKey]], NamesResult],
) -> dict[NotebookKey, frozenset[Place]]:
    """Add what ``decide`` claims to ``answer``; the unused imports. Where ruff fails over some
    notebooks, for the others: what makes it fail is, as a rule, one folder's configuration."""
    try:
        found = decide(wanted)
    except ToolError as error:
        groups = configured_apart(root, sorted(wanted, key=str))
        unused: dict[NotebookKey, frozenset[Place]] = {}
        if len(groups) > 1:
            for group in groups:
                unused |= _names(answer, root, group, decide)
            return unused
        answer.undone |= set(wanted)
        answer.error = f"{answer.error}\n{error}" if answer.error else str(error)
        return unused
    answer.claims += found.claims
    return dict(found.unused)
