"""Runs as the API tells them. Pure."""

from __future__ import annotations

from pytest_dbxgate.emulator import run_parameters, run_states
from pytest_dbxgate.emulator.values import Json, rows

PAGE = 100
"""Members of an array that one answer holds [doc]."""
_ARRAYS = ("tasks", "job_clusters", "job_parameters", "repair_history")
_PLAIN = ("run_id", "job_id", "run_name", "run_type", "start_time", "state")
_QUEUED = {
    "code": "MAX_CONCURRENT_RUNS_REACHED",
    "message": "Queued due to reaching the maximum of concurrent runs of the job.",
}
"""The code is [sdk], its words are [fake]."""


def told(run: Json) -> Json:
    """A run without its tasks."""
    found: Json = {name: run[name] for name in _PLAIN}
    found["run_page_url"] = _page(run, run["run_id"])
    found["status"] = run_states.status(run["state"])
    if "attempts" not in run:
        return found
    if run["queued"]:
        found["state"] = {**run["state"], "queue_reason": _QUEUED["message"]}
        found["status"] = {**found["status"], "queue_details": _QUEUED}
    if run["notebook_params"]:
        found["overriding_parameters"] = {"notebook_params": run["notebook_params"]}
    return found | {
        "creator_user_name": run["creator_user_name"],
        "end_time": run["end_time"],
        # Those of a run of several tasks are 0 [doc].
        "setup_duration": 0,
        "execution_duration": 0,
        "cleanup_duration": 0,
        "run_duration": sum(_took(each) for each in history(run)),
        "number_in_job": run["run_id"],
        "original_attempt_run_id": run["run_id"],
        "trigger": "ONE_TIME",
        "format": "MULTI_TASK",
        "job_clusters": run["settings"].get("job_clusters", []),
        "job_parameters": _job_parameters(run),
    }


def tasks(run: Json, *, resolved: bool = False) -> list[Json]:
    """All attempts of a run's tasks; ``resolved``: with the parameters they were given."""
    known = run_states.tasks_of(run) if "attempts" in run else {}
    attempts = run.get("attempts", ())
    return [_task(run, one, known[one["task_key"]], resolved=resolved) for one in attempts]


def _task(run: Json, one: Json, settings: Json, *, resolved: bool = False) -> Json:
    found: Json = {
        **settings,
        "run_id": one["run_id"],
        "attempt_number": one["number"],
        "run_page_url": _page(run, one["run_id"]),
        **_task_times(one),
        **run_states.told_state(one),
    }
    if one["start"]:
        cluster = settings.get("existing_cluster_id") or f"embedded-{run['run_id']}"
        found["cluster_instance"] = {"cluster_id": cluster}
    if resolved and isinstance(settings.get("notebook_task"), dict):
        given = run_parameters.parameters(run, one)
        found["resolved_values"] = {"notebook_task": {"base_parameters": given}}
    return found


def task_alone(run: Json, one: Json) -> Json:
    """An attempt of a task, asked for by its own run id."""
    alone = _task(run, one, run_states.tasks_of(run)[one["task_key"]])
    first = next(each for each in run["attempts"] if each["task_key"] == one["task_key"])
    return {
        **alone,
        "tasks": [alone],
        "job_id": run["job_id"],
        "job_run_id": run["run_id"],
        "number_in_job": one["run_id"],
        "original_attempt_run_id": first["run_id"],
        "run_name": one["task_key"],
        "run_type": run["run_type"],
        "creator_user_name": run["creator_user_name"],
    }


def listed(run: Json, *, expand: bool) -> Json:
    """What ``runs/list`` tells: of arrays nothing, or the first 100 members [doc]."""
    found = told(run)
    if not expand:
        return {name: each for name, each in found.items() if name not in _ARRAYS}
    found["tasks"] = tasks(run)
    cut = page(found, 0)
    cut.pop("next_page_token", None)
    return cut


def page(found: Json, start: int) -> Json:
    """A page of an answer, which is cut in its arrays alone [doc]."""
    cut = dict(found)
    longest = 0
    for name in _ARRAYS:
        if name in found:
            cut[name] = found[name][start : start + PAGE]
            longest = max(longest, len(found[name]))
    if longest > start + PAGE:
        cut |= {"has_more": True, "next_page_token": str(start + PAGE)}
    return cut


def turn(run: Json) -> Json:
    """The entry of ``repair_history`` for what a run is going through now."""
    if not run["repairs"]:
        ids = [one["run_id"] for one in run["attempts"]]
        found = {"type": "ORIGINAL", **_times(run), "start_time": run["start_time"]}
        return {**found, "task_run_ids": ids}
    return {"type": "REPAIR", **_times(run), **run["repairs"][-1]}


def history(run: Json) -> list[Json]:
    """``repair_history``: the run at first, then each repair."""
    return [*run["history"], turn(run)]


def _job_parameters(run: Json) -> list[Json]:
    settings = rows(run["settings"], "parameters")
    defaults = {each.get("name"): each.get("default", "") for each in settings}
    return [
        {"name": name, "value": value, "default": defaults.get(name, "")}
        for name, value in run["job_parameters"].items()
    ]


def _task_times(one: Json) -> Json:
    """It starts when its cluster is asked for; its notebook runs once that is there [doc]."""
    began, ended = one["start"] or one["end"], one["end"]
    asked = one["since"] if one["start"] or one["life"] == run_states.PENDING else ended
    return {
        "start_time": asked,
        "end_time": ended,
        "setup_duration": max(0, began - asked),
        "execution_duration": max(0, ended - began),
        "cleanup_duration": 0,
    }


def _took(turn: Json) -> int:
    return max(0, int(turn["end_time"]) - int(turn["start_time"]))


def _times(run: Json) -> Json:
    return {
        "end_time": run["end_time"],
        "state": run["state"],
        "status": run_states.status(run["state"]),
    }


def _page(run: Json, run_id: int) -> str:
    return f"https://embedded/#job/{run['job_id']}/run/{run_id}"
