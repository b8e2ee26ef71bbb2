"""A job as a value: its node, what its references mean, and its tasks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pytest_dbxgate.project.jobs.fields import task_types
from pytest_dbxgate.project.jobs.model import JobKind
from pytest_dbxgate.project.jobs.nodes import (
    Mark,
    Node,
    Sequence,
    Table,
    Unknown,
    is_null,
)
from pytest_dbxgate.project.jobs.variables import Scope


class Job(NamedTuple):
    """One job; of a bundle with several targets there is one for each."""

    kind: JobKind
    name: str
    """Its key in a bundle, its name elsewhere."""
    node: Table
    mark: Mark
    """Where it is named."""
    scope: Scope
    folder: str = ""
    """Of a bundle: the folder its files are uploaded from, relative to the root of the run."""
    mutable: bool = False
    """Whether Python code of the bundle may change it."""
    is_default: bool = False
    """Whether it is that of the target a bundle is deployed to where none is named."""

    def get(self, *path: str) -> Node | None:
        """The node at ``path``, its references filled in."""
        return look(self.scope, self.node, *path)


class Task(NamedTuple):
    """One task of a job."""

    node: Table
    key: str | None
    """None where it has none, or nobody knows it."""
    nested: bool = False
    """Whether it is the task of a ``for_each_task``."""


def look(scope: Scope, node: Node, *path: str) -> Node | None:
    """The node at ``path`` below ``node``, references filled in on the way."""
    found: Node = scope.see(node)
    for step in path:
        if isinstance(found, Unknown):
            return found
        if not isinstance(found, Table) or step not in found.entries:
            return None
        found = scope.see(found.entries[step].value)
    return found


def elements(scope: Scope, node: Node | None) -> tuple[Node, ...]:
    """The elements of a list, references filled in; of all else none."""
    return tuple(map(scope.see, node.items)) if isinstance(node, Sequence) else ()


def listed(job: Job) -> tuple[Task, ...]:
    """The tasks in ``tasks``, those of a ``for_each_task`` left out."""
    found = elements(job.scope, job.get("tasks"))
    return tuple(_task(job, node) for node in found if isinstance(node, Table))


def tasks(job: Job) -> Iterator[Task]:
    """All tasks: each of the list, the one of its ``for_each_task``, and the job itself where it
    is written in the old form of a single task."""
    if is_single(job):
        yield Task(job.node, None)
    for task in listed(job):
        yield task
        inner = look(job.scope, task.node, "for_each_task", "task")
        if isinstance(inner, Table):
            yield _task(job, inner)._replace(nested=True)


def is_single(job: Job) -> bool:
    """Whether the job is itself its only task, as in the Jobs API before 2.1."""
    return (
        job.kind is JobKind.JOB
        and is_null(job.node.get("tasks"))
        and not task_types().isdisjoint(job.node.entries)
    )


def _task(job: Job, node: Table) -> Task:
    return Task(node, job.scope.value(node.get("task_key")))
