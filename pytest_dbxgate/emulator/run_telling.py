"""Runs as the API tells them. Pure."""

from __future__ import annotations

from pytest_dbxgate.emulator import run_states
from pytest_dbxgate.emulator.values import Json

_PLAIN = ("run_id", "job_id", "run_name", "run_type", "start_time", "state")


def told(run: Json) -> Json:
    """A run without its tasks."""
    found: Json = {name: run[name] for name in _PLAIN}
    found["run_page_url"] = _page(run, run["run_id"])
    found["status"] = run_states.status(run["state"])
    if "attempts" not in run:
        return found
    return found | {
        "creator_user_name": run["creator_user_name"],
        "end_time": run["end_time"],
        "run_duration": max(0, run["end_time"] - run["start_time"]),
        "number_in_job": run["run_id"],
        "original_attempt_run_id": run["run_id"],
        "trigger": "ONE_TIME",
        "format": "MULTI_TASK",
        "job_clusters": run["settings"].get("job_clusters", []),
        "job_parameters": [
            {"name": name, "value": value} for name, value in run["job_parameters"].items()
        ],
    }


def tasks(run: Json, attempts: list[Json]) -> list[Json]:
    """Attempts of tasks."""
    known = run_states.tasks_of(run)
    return [_task(run, one, known[one["task_key"]]) for one in attempts]


def task_alone(run: Json, one: Json) -> Json:
    """An attempt of a task, asked for by its own run id."""
    return {
        **tasks(run, [one])[0],
        "job_id": run["job_id"],
        "job_run_id": run["run_id"],
        "run_name": one["task_key"],
        "run_type": run["run_type"],
        "creator_user_name": run["creator_user_name"],
    }


def listed(run: Json) -> Json:
    """What ``runs/list`` tells; the rest is for ``runs/get``."""
    found = told(run)
    for name in ("job_clusters", "job_parameters"):
        found.pop(name, None)
    return found


def turn(run: Json) -> Json:
    """The entry of ``repair_history`` for what a run is going through now."""
    if not run["repairs"]:
        return {"type": "ORIGINAL", **_times(run), "start_time": run["start_time"]}
    return {"type": "REPAIR", **_times(run), **run["repairs"][-1]}


def history(run: Json) -> list[Json]:
    """``repair_history``: the run at first, then each repair."""
    return [*run["history"], turn(run)]


def _task(run: Json, one: Json, task: Json) -> Json:
    start, ended = one["start"] or one["since"], one["end"]
    return {
        **task,
        "run_id": one["run_id"],
        "attempt_number": one["number"],
        "run_page_url": _page(run, one["run_id"]),
        "start_time": start,
        "end_time": ended,
        "setup_duration": 0,
        "execution_duration": max(0, ended - start) if ended else 0,
        "cleanup_duration": 0,
        **run_states.told_state(one),
    }


def _times(run: Json) -> Json:
    return {
        "end_time": run["end_time"],
        "state": run["state"],
        "status": run_states.status(run["state"]),
    }


def _page(run: Json, run_id: int) -> str:
    return f"https://embedded/#job/{run['job_id']}/run/{run_id}"
