"""The keys, the types and the compute of a job's tasks."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache

from pytest_dbxgate.checks.references.claim import Claim
from pytest_dbxgate.checks.references.jobs.saying import did_you_mean, say
from pytest_dbxgate.project.jobs.fields import task_types
from pytest_dbxgate.project.jobs.job import Job, Task, elements, listed, look, tasks
from pytest_dbxgate.project.jobs.near import Words
from pytest_dbxgate.project.jobs.nodes import (
    Mark,
    Scalar,
    Sequence,
    Table,
    Unknown,
    is_null,
    string,
)


@cache
def _types() -> Words:
    return Words(task_types())


_COMPUTE = ("new_cluster", "existing_cluster_id", "job_cluster_key", "environment_key")


def check(job: Job) -> Iterator[Claim]:
    """DBX424, DBX425, DBX428 and DBX429."""
    yield from _keys(job)
    clusters = _clusters(job)
    names = Words(clusters or ())
    for task in tasks(job):
        yield from _type(job, task)
        yield from _compute(job, task)
        if clusters is not None:
            yield from _cluster(job, task, clusters, names)


def _keys(job: Job) -> Iterator[Claim]:
    first: dict[str, Mark] = {}
    for task in listed(job):
        if task.key is None:
            continue
        mark = task.node.entries["task_key"].value.mark
        if task.key in first:
            yield say(
                mark,
                "DBX425",
                f"two tasks are called `{task.key}`; line {first[task.key].line} has the other",
                "give each task a key of its own",
            )
        first.setdefault(task.key, mark)


def _type(job: Job, task: Task) -> Iterator[Claim]:
    fields = [name for name in task.node.entries if name.endswith("_task")]
    fields = [name for name in fields if not is_null(task.node.get(name))]
    known = [name for name in fields if name in task_types()]
    for name in fields:
        near = "" if name in task_types() else _types().closest(name)
        if near:
            yield say(
                task.node.entries[name].key,
                "DBX424",
                f"`{name}` is no type of task",
                f"did you mean `{near}`?",
            )
    called = f"the task `{task.key}`" if task.key else "the task"
    if len(known) > 1:
        yield say(
            task.node.entries[known[1]].key,
            "DBX424",
            f"{called} is both `{known[0]}` and `{known[1]}`",
            "make two tasks of it",
        )
    elif not fields and not job.mutable:
        yield say(
            _mark(task), "DBX424", f"{called} does nothing", "add a type such as notebook_task"
        )


def _mark(task: Task) -> Mark:
    entry = task.node.entries.get("task_key")
    return task.node.mark if entry is None else entry.value.mark


def _compute(job: Job, task: Task) -> Iterator[Claim]:
    chosen = [name for name in _COMPUTE if _is_set(job, task, name)]
    if len(chosen) > 1:
        yield say(
            max((task.node.entries[name].key for name in chosen), key=lambda mark: mark[:3]),
            "DBX429",
            f"a task has one kind of compute, not both `{chosen[0]}` and `{chosen[1]}`",
            "remove all but one; a task with none runs serverless",
        )


def _is_set(job: Job, task: Task, name: str) -> bool:
    node = look(job.scope, task.node, name)
    if node is None or isinstance(node, Unknown):
        # A variable may well be empty.
        return False
    return not isinstance(node, Scalar) or bool(node.text)


def _clusters(job: Job) -> Collection[str] | None:
    """The keys of the job's clusters; None where not all are known."""
    node = job.get("job_clusters")
    if isinstance(node, Unknown) or job.mutable:
        return None
    if node is not None and not isinstance(node, Sequence):
        return frozenset() if is_null(node) else None
    keys: set[str] = set()
    for each in elements(job.scope, node):
        key = job.scope.value(each.get("job_cluster_key")) if isinstance(each, Table) else None
        if key is None:
            return None
        keys.add(key)
    return keys


def _cluster(job: Job, task: Task, clusters: Collection[str], names: Words) -> Iterator[Claim]:
    node = look(job.scope, task.node, "job_cluster_key")
    key = string(node)
    if node is not None and key and key not in clusters:
        yield say(
            node.mark,
            "DBX428",
            f"no job cluster `{key}` is defined",
            did_you_mean(key, names, "define it under `job_clusters`"),
        )
