"""What a job may hold at most."""

from __future__ import annotations

import json
from collections.abc import Iterator

from pytest_dbxgate.checks.references.claim import Claim
from pytest_dbxgate.checks.references.jobs.saying import say
from pytest_dbxgate.project.jobs.calls import job_parameters
from pytest_dbxgate.project.jobs.job import Job, look, tasks
from pytest_dbxgate.project.jobs.nodes import Node, Scalar, Table, items, string, table

MAX_TASKS = 1000
MAX_TAGS = 25
MAX_NAME = 4096
MAX_PARAMETERS = 10_000
MAX_BASE_PARAMETERS = 1_000_000


def check(job: Job) -> Iterator[Claim]:
    """DBX432."""
    listed = items(job.get("tasks"))
    if len(listed) > MAX_TASKS:
        yield _over(listed[MAX_TASKS], f"{len(listed):,} tasks", f"{MAX_TASKS:,}")
    tags = list(table(job.get("tags")).values())
    if len(tags) > MAX_TAGS:
        yield say(tags[MAX_TAGS].key, *_saying(f"{len(tags)} tags", str(MAX_TAGS)))
    name = job.get("name")
    size = len((string(name) or "").encode(errors="replace"))
    if name is not None and size > MAX_NAME:
        yield _over(name, f"a name of {size:,} bytes", f"{MAX_NAME:,}")
    parameters = job.get("parameters")
    placed = job_parameters(job).arguments
    passed = {name: each.argument.value for name, each in placed.items()}
    size = _size(passed)
    if parameters is not None and size > MAX_PARAMETERS:
        yield _over(parameters, f"job parameters of {size:,} bytes", f"{MAX_PARAMETERS:,}")
    for task in tasks(job):
        base = look(job.scope, task.node, "notebook_task", "base_parameters")
        size = _base_size(base)
        if isinstance(base, Table) and size > MAX_BASE_PARAMETERS:
            yield _over(base, f"base parameters of {size:,} bytes", f"{MAX_BASE_PARAMETERS:,}")


def _base_size(base: Node | None) -> int:
    entries = table(base)
    values = {key: entry.value for key, entry in entries.items()}
    return _size({key: each.text for key, each in values.items() if isinstance(each, Scalar)})


def _size(values: dict[str, str | None]) -> int:
    return len(json.dumps(values, ensure_ascii=False).encode(errors="replace"))


def _over(node: Node, what: str, limit: str) -> Claim:
    return say(node.mark, *_saying(what, limit))


def _saying(what: str, limit: str) -> tuple[str, str, str]:
    return "DBX432", f"{what}; a job takes {limit}", "split the job"
