"""What one session runs, and what a way of running is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.execution.outcome import Outcome
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.graph import EdgeKind
from pytest_dbxgate.running.plan import Planned
from pytest_dbxgate.session import Gate
from pytest_dbxgate.workspace.credentials import Veil


class Mode(str, Enum):
    """Where notebooks run: the values of ``--dbx-run``."""

    LOCAL = "local"
    CLUSTER = "cluster"
    CONNECT = "connect"


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that has ended, ready to be reported: without secrets, with its places."""

    outcome: Outcome
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """What one session runs."""

    gate: Gate
    planned: Planned
    """All runs to be made, those that others need included."""
    digests: Mapping[NotebookKey, str]
    """Of the bytes that were checked."""
    folder: Path
    """For what is needed meanwhile; it is taken away afterwards."""
    veil: Veil
    cancelled: Callable[[], bool]
    done: Callable[[Outcome], None]
    """Gets each outcome as soon as there is one; from any thread."""
    tell: Callable[[str], None] = lambda text: None
    """Gets what a person may want to know meanwhile."""


Way = Callable[[Batch], None]
"""Runs a batch to its end. Raises a :class:`~pytest_dbxgate.errors.GateError` where no notebook
can be run at all."""


def closure_of(gate: Gate, key: NotebookKey) -> frozenset[NotebookKey]:
    """A notebook and all that it runs, one way or the other."""
    graph = gate.survey().subject.graph
    seen = {key}
    waiting = [key]
    while waiting:
        for edge in graph.targets(waiting.pop(), EdgeKind.RUN, EdgeKind.NOTEBOOK_RUN):
            if edge.target not in seen:
                seen.add(edge.target)
                waiting.append(edge.target)
    return frozenset(seen)
