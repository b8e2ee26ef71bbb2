"""How a run of a job goes on: which task may start, which never will, how the whole ends. Pure.

A run is the JSON that the store keeps: ``settings`` (of the job, as they were), ``attempts`` (one
entry for each attempt of each task, in order), ``cancelled``, ``queued``, ``state``. Times are
milliseconds. States and what ``run_if`` means are the documentation's [doc].
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pytest_dbxgate.emulator.values import Json, rows

BLOCKED, QUEUED, PENDING, RUNNING = "BLOCKED", "QUEUED", "PENDING", "RUNNING"
TERMINATING = "TERMINATING"
TERMINATED, SKIPPED, INTERNAL_ERROR = "TERMINATED", "SKIPPED", "INTERNAL_ERROR"
SUCCESS, FAILED, TIMEDOUT, CANCELED = "SUCCESS", "FAILED", "TIMEDOUT", "CANCELED"
UPSTREAM_FAILED, UPSTREAM_CANCELED = "UPSTREAM_FAILED", "UPSTREAM_CANCELED"
EXCLUDED, WITH_FAILURES = "EXCLUDED", "SUCCESS_WITH_FAILURES"
TOO_MANY = "MAXIMUM_CONCURRENT_RUNS_REACHED"

RUN_IF = (
    "ALL_SUCCESS",
    "ALL_DONE",
    "AT_LEAST_ONE_SUCCESS",
    "NONE_FAILED",
    "AT_LEAST_ONE_FAILED",
    "ALL_FAILED",
)

ACTIVE = (BLOCKED, QUEUED, PENDING, RUNNING, TERMINATING)
"""The life cycle states of what has not ended."""

MESSAGES = {
    SUCCESS: "",
    FAILED: "Workload failed, see run output for details",
    TIMEDOUT: "Run timed out.",
    CANCELED: "Run cancelled.",
    UPSTREAM_FAILED: "An upstream task failed.",
    UPSTREAM_CANCELED: "An upstream task was cancelled.",
    EXCLUDED: "The run_if condition of the task was not met.",
    WITH_FAILURES: "The job run succeeded, with failures.",
    TOO_MANY: "The maximum number of concurrent runs has been reached.",
}
CODES = {
    SUCCESS: ("SUCCESS", "SUCCESS"),
    FAILED: ("RUN_EXECUTION_ERROR", "CLIENT_ERROR"),
    CANCELED: ("USER_CANCELED", "CLIENT_ERROR"),
    TIMEDOUT: ("CANCELED", "CLIENT_ERROR"),
    UPSTREAM_FAILED: ("SKIPPED", "CLIENT_ERROR"),
    UPSTREAM_CANCELED: ("SKIPPED", "CLIENT_ERROR"),
    EXCLUDED: ("SKIPPED", "SUCCESS"),
    WITH_FAILURES: ("SUCCESS_WITH_FAILURES", "SUCCESS"),
    TOO_MANY: ("MAX_CONCURRENT_RUNS_EXCEEDED", "CLIENT_ERROR"),
}
"""Code [sdk] and type [fake] of ``termination_details`` by result."""
_KINDS = {
    "CLOUD_FAILURE": "CLOUD_FAILURE",
    "CLUSTER_ERROR": "CLOUD_FAILURE",
    "RESOURCE_NOT_FOUND": "CLIENT_ERROR",
}
"""Type by code, where the platform ended a run [fake]; of the others INTERNAL_ERROR."""


def is_active(state: Mapping[str, Any]) -> bool:
    return state.get("life_cycle_state") in ACTIVE


def attempt(task_key: str, run_id: int, number: int, now: int) -> Json:
    """A new attempt that waits for its turn."""
    return {
        "task_key": task_key,
        "run_id": run_id,
        "number": number,
        "life": BLOCKED,
        "result": "",
        "message": "",
        "code": "",
        "since": now,
        "start": 0,
        "end": 0,
    }


def end(one: Json, result: str, now: int, *, life: str = TERMINATED, message: str = "") -> None:
    """End an attempt that has not ended."""
    if one["life"] in ACTIVE:
        one.update(life=life, result=result, end=now, message=message or MESSAGES.get(result, ""))


def latest(run: Json) -> dict[str, Json]:
    """The attempt of each task that counts: its last."""
    return {one["task_key"]: one for one in run["attempts"]}


def tasks_of(run: Json) -> dict[str, Json]:
    return {str(task["task_key"]): task for task in rows(run["settings"], "tasks")}


def advance(run: Json, now: int, next_id: Callable[[], int]) -> tuple[list[Json], list[Json]]:
    """Move ``run`` on, as far as nothing has to be waited for.

    Gives the attempts to start and those to stop, which have to be ended by whoever runs them.
    """
    if run.get("queued") and not run["cancelled"]:
        run["state"] = {"life_cycle_state": QUEUED, "state_message": ""}
        return [], []
    tasks = tasks_of(run)
    started: list[Json] = []
    stopped = _timed_out(run, tasks, now)
    if run["cancelled"]:
        stopped += _cancelled(run, now)
    changed = True
    while changed:
        # What is tried again has not failed yet for those that depend on it.
        changed = _retry(run, tasks, now, next_id)
        counting = latest(run)
        for key, one in counting.items():
            if one["life"] == BLOCKED and one["since"] <= now and not run["cancelled"]:
                changed |= _decide(tasks[key], one, counting, now, started)
    _settle(run, now)
    return started, stopped


def due(run: Json, now: int) -> int | None:
    """When the clock alone moves ``run`` on, in milliseconds; None where it never does."""
    if run.get("queued"):
        return now
    tasks, times = tasks_of(run), []
    limit = int(run["settings"].get("timeout_seconds") or 0)
    if limit and not run["cancelled"]:
        times.append(_began(run) + limit * 1000 + 1)
    for one in latest(run).values():
        limit = int(tasks[one["task_key"]].get("timeout_seconds") or 0)
        if limit and one["life"] == RUNNING:
            times.append(one["start"] + limit * 1000 + 1)
        if one["life"] == BLOCKED and one["since"] > now:
            times.append(one["since"])
    return min(times, default=None)


def _decide(
    task: Json, one: Json, counting: Mapping[str, Json], now: int, started: list[Json]
) -> bool:
    """Start a task or end it without a start, once what it depends on has ended."""
    before = [counting[str(each["task_key"])] for each in rows(task, "depends_on")]
    if any(each["life"] in ACTIVE for each in before):
        return False
    verdict = met(str(task.get("run_if") or "ALL_SUCCESS"), [each["result"] for each in before])
    if verdict:
        end(one, verdict, now)
    else:
        one.update(life=PENDING, since=now)
        started.append(one)
    return True


def met(run_if: str, results: Iterable[str]) -> str:
    """The result of a task whose condition is not met; empty where it may start."""
    found = list(results)
    if not found:
        return ""
    if all(each == EXCLUDED for each in found):
        return EXCLUDED
    # What was excluded is treated as successful [doc].
    good = [each in (SUCCESS, EXCLUDED) for each in found]
    bad = [each in (FAILED, TIMEDOUT, UPSTREAM_FAILED) for each in found]
    match run_if:
        case "ALL_DONE":
            return ""
        case "ALL_FAILED":
            return "" if all(bad) else EXCLUDED
        case "AT_LEAST_ONE_FAILED":
            return "" if any(bad) else EXCLUDED
        case "AT_LEAST_ONE_SUCCESS":
            holds = any(good)
        case "NONE_FAILED":
            holds = any(good) and not any(bad)
        case _:
            holds = all(good)
    if holds:
        return ""
    return UPSTREAM_FAILED if any(bad) else UPSTREAM_CANCELED


def _retry(run: Json, tasks: Mapping[str, Json], now: int, next_id: Callable[[], int]) -> bool:
    """Another attempt for what failed and may be tried again."""
    added = False
    for key, one in latest(run).items():
        task = tasks[key]
        retries = int(task.get("max_retries") or 0)
        again = one["result"] == FAILED or (
            one["result"] == TIMEDOUT and bool(task.get("retry_on_timeout"))
        )
        if again and not run["cancelled"] and (retries < 0 or one["number"] < retries):
            wait = int(task.get("min_retry_interval_millis") or 0)
            number = one["number"] + 1
            run["attempts"].append(attempt(key, next_id(), number, one["end"] + wait))
            added = True
    return added


def _began(run: Json) -> int:
    """A repair gets the time of the job anew [fake]."""
    repairs = run.get("repairs")
    return int(repairs[-1]["start_time"] if repairs else run["start_time"])


def _timed_out(run: Json, tasks: Mapping[str, Json], now: int) -> list[Json]:
    stopped = []
    limit = int(run["settings"].get("timeout_seconds") or 0)
    if limit and now > _began(run) + limit * 1000 and not run["cancelled"]:
        run["cancelled"] = TIMEDOUT
    for one in latest(run).values():
        limit = int(tasks[one["task_key"]].get("timeout_seconds") or 0)
        if limit and one["life"] == RUNNING and now > one["start"] + limit * 1000:
            end(one, TIMEDOUT, now)
            stopped.append(one)
    return stopped


def _cancelled(run: Json, now: int) -> list[Json]:
    stopped = []
    for one in latest(run).values():
        if one["life"] == BLOCKED:
            end(one, run["cancelled"], now)
        elif one["life"] in (PENDING, RUNNING):
            # What runs ends a moment later: a cancel is asynchronous [doc].
            one["life"] = TERMINATING
            stopped.append(one)
    return stopped


def _settle(run: Json, now: int) -> None:
    """The state of the whole, from its tasks: the last ones of the graph decide [doc]."""
    counting = latest(run)
    lives = {one["life"] for one in counting.values()}
    if lives & set(ACTIVE):
        life = next(each for each in (TERMINATING, RUNNING, PENDING, BLOCKED) if each in lives)
        if life == TERMINATING and not run["cancelled"]:
            # One task alone was cancelled.
            life = RUNNING
        if life == BLOCKED or (life == PENDING and run["was_running"]):
            life = RUNNING if run["was_running"] else PENDING
        run["was_running"] = run["was_running"] or life == RUNNING
        run["state"] = {"life_cycle_state": life, "state_message": ""}
        return
    if not is_active(run["state"]):
        return
    needed = {
        str(each["task_key"])
        for task in tasks_of(run).values()
        for each in rows(task, "depends_on")
    }
    leaves = [one["result"] for key, one in counting.items() if key not in needed]
    everything = [one["result"] for one in counting.values()]
    if run["cancelled"]:
        result = run["cancelled"]
    elif all(each in (SUCCESS, EXCLUDED) for each in leaves):
        good = all(each in (SUCCESS, EXCLUDED) for each in everything)
        result = SUCCESS if good else WITH_FAILURES
    else:
        result = TIMEDOUT if set(leaves) <= {TIMEDOUT, SUCCESS} else FAILED
    broken = INTERNAL_ERROR in lives and len(counting) == 1
    message = next(
        (one["message"] for one in counting.values() if one["result"] == result), MESSAGES[result]
    )
    run["end_time"] = now
    run["state"] = {
        "life_cycle_state": INTERNAL_ERROR if broken else TERMINATED,
        "result_state": result,
        "state_message": message if len(counting) == 1 else MESSAGES[result],
    }


def told_state(one: Json) -> Json:
    """The state of an attempt as the API tells it, in both of its forms."""
    state: Json = {"life_cycle_state": one["life"], "state_message": one["message"]}
    if one["result"]:
        state["result_state"] = one["result"]
    return {"state": state, "status": status(state, one["code"])}


def status(state: Mapping[str, Any], code: str = "") -> Json:
    """The newer form: ``status`` with ``termination_details``."""
    result = str(state.get("result_state") or "")
    if not result:
        return {"state": str(state["life_cycle_state"])}
    known, kind = CODES.get(result, ("RUN_EXECUTION_ERROR", "CLIENT_ERROR"))
    if code and code != known:
        known, kind = code, _KINDS.get(code, "INTERNAL_ERROR")
    details = {"code": known, "type": kind, "message": str(state.get("state_message") or "")}
    return {"state": "TERMINATED", "termination_details": details}
