"""What the Jobs API says no to, and what it adds to what it is given. Pure.

The words are the server's own where it is known what it says [report]; the rest is [fake].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_dbxgate.emulator.run_states import RUN_IF
from pytest_dbxgate.emulator.values import Json, invalid, rows

MAX_TASKS = 1000
MAX_TAGS = 25
MAX_NAME = 4096

_COMPUTE = ("job_cluster_key", "new_cluster", "existing_cluster_id", "environment_key")
_KEYS = {"tasks": "task_key", "job_clusters": "job_cluster_key", "parameters": "name"}


def check(settings: Mapping[str, Any]) -> None:
    """Raise for settings the API refuses."""
    tasks = rows(settings, "tasks")
    for name, kind in (("tags", dict), ("name", str), ("parameters", list)):
        if not isinstance(settings.get(name), (kind, type(None))):
            raise invalid(f"Invalid {name}.")
    if len(tasks) > MAX_TASKS:
        raise invalid(f"The job has {len(tasks)} tasks, the limit is {MAX_TASKS}.")
    if len(settings.get("tags") or {}) > MAX_TAGS:
        raise invalid(f"A job may have at most {MAX_TAGS} tags.")
    if len(str(settings.get("name", "")).encode()) > MAX_NAME:
        raise invalid(f"The job name must be at most {MAX_NAME} bytes.")
    clusters = {str(one.get("job_cluster_key")) for one in rows(settings, "job_clusters")}
    has_git = "git_source" in settings
    for task in tasks:
        _check_task(task, clusters, has_git=has_git)
    _check_numbers(settings, ("timeout_seconds", "max_concurrent_runs"))
    _check_graph(tasks)


def with_defaults(settings: Mapping[str, Any]) -> Json:
    """The settings as ``get`` tells them [report]."""
    filled: Json = {
        "name": "Untitled",
        "email_notifications": {},
        "webhook_notifications": {},
        "timeout_seconds": 0,
        "max_concurrent_runs": 1,
        "format": "MULTI_TASK",
        **{name: value for name, value in settings.items() if value is not None},
    }
    filled.pop("access_control_list", None)
    if "tasks" in filled:
        filled["tasks"] = [_task_with_defaults(task) for task in rows(filled, "tasks")]
    return filled


def updated(settings: Json, new: Mapping[str, Any], remove: list[str]) -> Json:
    """``update``: top-level fields are replaced, arrays merged by key [doc]."""
    merged = dict(settings)
    for name, value in new.items():
        key = _KEYS.get(name)
        merged[name] = _merged(rows(merged, name), rows(new, name), key) if key else value
    for field in remove:
        name, _, member = field.partition("/")
        if member and name in _KEYS:
            kept = [one for one in merged.get(name, []) if one.get(_KEYS[name]) != member]
            merged[name] = kept
        else:
            merged.pop(name, None)
    return merged


def _check_task(task: Json, clusters: set[str], *, has_git: bool) -> None:
    if not task.get("task_key"):
        raise invalid("Missing required field: settings.tasks.task_key")
    key = task.get("job_cluster_key")
    if key is not None and key not in clusters:
        raise invalid(f"Job cluster '{key}' is not defined in field 'job_clusters'.")
    if sum(name in task for name in _COMPUTE) > 1:
        raise invalid(f"Task '{task['task_key']}' has more than one kind of compute.")
    _check_numbers(task, ("timeout_seconds", "max_retries", "min_retry_interval_millis"))
    run_if = task.get("run_if")
    if run_if is not None and run_if not in RUN_IF:
        raise invalid(f"Invalid run_if: {run_if}.")
    notebook = task.get("notebook_task")
    if notebook is None:
        return
    if not isinstance(notebook, dict):
        raise invalid("Invalid notebook_task: an object is expected.")
    if not isinstance(notebook.get("base_parameters"), (dict, type(None))):
        raise invalid("Invalid base_parameters: an object is expected.")
    path = str(notebook.get("notebook_path", ""))
    from_git = has_git and notebook.get("source", "GIT") == "GIT"
    if not from_git and not path.startswith("/"):
        raise invalid(
            f"Invalid notebook_path: {path}. Only absolute paths are currently supported. "
            "Paths must begin with '/'."
        )


def _check_numbers(fields: Mapping[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        if not isinstance(fields.get(name), (int, type(None))):
            raise invalid(f"Invalid {name}: a whole number is expected.")


def _check_graph(tasks: list[Json]) -> None:
    needs: dict[str, set[str]] = {}
    for task in tasks:
        key = str(task["task_key"])
        if key in needs:
            raise invalid(f"Duplicate task key '{key}'.")
        needs[key] = {str(one.get("task_key")) for one in rows(task, "depends_on")}
        if key in needs[key]:
            raise invalid(f"Invalid dependency graph, task '{key}' can not reference itself.")
    for key, others in needs.items():
        for other in sorted(others - needs.keys()):
            raise invalid(f"Invalid dependency graph, task '{key}' depends on unknown '{other}'.")
    while needs:
        free = {key for key, others in needs.items() if not others & needs.keys()}
        if not free:
            raise invalid("Invalid dependency graph, it has a cycle.")
        needs = {key: others for key, others in needs.items() if key not in free}


def _task_with_defaults(task: Mapping[str, Any]) -> Json:
    filled: Json = {
        "run_if": "ALL_SUCCESS",
        "timeout_seconds": 0,
        "email_notifications": {},
        **task,
    }
    notebook = filled.get("notebook_task")
    if isinstance(notebook, dict):
        filled["notebook_task"] = {"source": "WORKSPACE", **notebook}
    return filled


def _merged(old: list[Json], new: list[Json], key: str) -> list[Json]:
    members = {one.get(key): one for one in old}
    for one in new:
        members[one.get(key)] = {**members.get(one.get(key), {}), **one}
    return list(members.values())
