"""The settings of the one job: unscheduled, one run at a time, found again by its tags. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.execution.cluster.plan import Chunk, PlannedTask
from pytest_dbxgate.execution.cluster.request import ClusterRequest, Compute

RUN_TAG = "dbxgate_run"
"""Holds the run's id."""

_SHARED = "shared"
_ID = re.compile(r"[A-Za-z0-9_-]{1,50}")


def check(request: ClusterRequest) -> None:
    """Raises :class:`~pytest_dbxgate.errors.ConfigurationError` for a request that cannot be
    put into a job."""
    if not _ID.fullmatch(request.id):
        raise ConfigurationError(
            f"{request.id!r} is no id of a run",
            next_step="use at most 50 letters, digits, - and _",
        )
    if request.retries < 0:
        raise ConfigurationError(
            f"retries is {request.retries}", next_step="write 0, or how often to run again"
        )
    _compute(request.compute)


def settings(
    request: ClusterRequest, chunk: Chunk, places: Mapping[str, str], *, project: str
) -> dict[str, Any]:
    """What the job is created with. ``places``: the notebook's path in the workspace, by task
    key. The operation's tag is put in where the job is created."""
    shared, for_task = _compute(request.compute)
    tasks = [_task(task, places[task.key]) | for_task for task in chunk.tasks]
    made: dict[str, Any] = {
        "name": f"dbxgate run {project} {request.id}",
        "tags": {RUN_TAG: request.id},
        "max_concurrent_runs": 1,
        "tasks": tasks,
        **shared,
    }
    if request.timeout:
        made["timeout_seconds"] = _seconds(request.timeout)
    return made


def _task(task: PlannedTask, place: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "task_key": task.key,
        "notebook_task": {
            "notebook_path": place,
            "base_parameters": dict(task.work.parameters),
            # A job of a project with a Git source would look for the notebook there.
            "source": "WORKSPACE",
        },
        # What fails is told as it is; only what the platform failed is run again, by a repair.
        "max_retries": 0,
    }
    if task.after:
        made["depends_on"] = [{"task_key": key} for key in task.after]
        made["run_if"] = task.run_if
    if task.work.timeout:
        made["timeout_seconds"] = _seconds(task.work.timeout)
    return made


def _compute(compute: Compute) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the job and each of its tasks say of it. Raises ConfigurationError."""
    given = {
        "new_cluster": compute.new_cluster is not None,
        "existing_cluster_id": bool(compute.existing_cluster_id),
        "serverless": compute.serverless,
    }
    chosen = [name for name, is_given in given.items() if is_given]
    if len(chosen) != 1:
        raise ConfigurationError(
            f"what to run on is given {len(chosen)} times"
            if chosen
            else "it is not said what to run on",
            next_step=f"set one of {', '.join(given)}",
        )
    into = {
        name: value
        for name, value in (
            ("instance_pool_id", compute.instance_pool_id),
            ("policy_id", compute.policy_id),
        )
        if value
    }
    if compute.new_cluster is None:
        if into:
            raise ConfigurationError(
                f"{' and '.join(into)} without new_cluster",
                next_step="set new_cluster, or take it out: an existing cluster has its own",
            )
        if compute.existing_cluster_id:
            return {}, {"existing_cluster_id": compute.existing_cluster_id}
        # A notebook task without any compute field is a serverless one, which is run again by
        # itself unless that is switched off [sdk].
        return {}, {"disable_auto_optimization": True}
    cluster = {**compute.new_cluster, **into}
    shared = {"job_clusters": [{"job_cluster_key": _SHARED, "new_cluster": cluster}]}
    return shared, {"job_cluster_key": _SHARED}


def _seconds(value: float) -> int:
    return max(1, math.ceil(value))
