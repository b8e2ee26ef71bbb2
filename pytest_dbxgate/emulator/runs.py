"""``/api/2.x/jobs/runs``: runs that are started, told, cancelled, repaired, and how they go on.

Every method is called with ``store.lock`` held, but for those of :class:`Driver` that say so.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from pytest_dbxgate.emulator import job_rules, paths, run_pages, run_states
from pytest_dbxgate.emulator.executing import Executor, TaskEnd, TaskRun
from pytest_dbxgate.emulator.run_states import ACTIVE, RUNNING, attempt, is_active, latest
from pytest_dbxgate.emulator.store import Row, Store
from pytest_dbxgate.emulator.values import (
    MEGABYTE,
    Answer,
    ApiError,
    Call,
    Json,
    answer,
    invalid,
    rows,
)

MAX_RESULT = 5 * MEGABYTE
"""Of ``notebook_output.result`` [doc]."""
MAX_TOKEN = 64
"""Characters of an idempotency token [doc]."""
_PAGE = 100
_TICK = 0.05
_REFERENCE = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}")
_RAN = ("notebook_task",)
_COMPUTE = ("job_cluster_key", "new_cluster", "existing_cluster_id", "environment_key")


class Runs:
    """The handlers. ``clock`` gives seconds since 1970."""

    def __init__(self, store: Store, clock: Callable[[], float], executor: Executor) -> None:
        self._store = store
        self._clock = clock
        self._executor = executor
        self._timer: threading.Thread | None = None
        self._closed = threading.Event()

    # -- handlers --------------------------------------------------------------------------

    def run_now(self, call: Call) -> Answer:
        """The same token starts nothing anew [doc]."""
        token = _token(call)
        job_id = call.number("job_id")
        row = self._store.get("job", _key(job_id))
        if row is None:
            raise invalid(f"Job {job_id} does not exist.")
        known = self._by_token(token)
        if known is not None:
            return answer({"run_id": known["run_id"], "number_in_job": known["run_id"]})
        settings = row.value["settings"]
        defaults = {
            str(one["name"]): one.get("default", "") for one in rows(settings, "parameters")
        }
        given = {**defaults, **_strings(call, "job_parameters")}
        run = self._new(call, settings, token, job_id=job_id, name=str(settings.get("name", "")))
        run["job_parameters"] = given
        run["notebook_params"] = _strings(call, "notebook_params")
        if self._is_full(job_id, settings):
            run["state"] = {
                "life_cycle_state": "SKIPPED",
                "result_state": "CANCELED",
                "state_message": "The maximum number of concurrent runs has been reached.",
            }
            run["end_time"] = run["start_time"]
            run["attempts"] = []
            self._save(run)
        else:
            self._go_on(run)
        return answer({"run_id": run["run_id"], "number_in_job": run["run_id"]})

    def submit(self, call: Call) -> Answer:
        """A run without a job. It cannot share a job cluster [sdk]."""
        token = _token(call)
        known = self._by_token(token)
        if known is not None:
            return answer({"run_id": known["run_id"]})
        settings = {"name": "Untitled", **call.body}
        for task in rows(settings, "tasks"):
            if "job_cluster_key" in task or (
                not any(name in task for name in _COMPUTE) and "notebook_task" not in task
            ):
                raise invalid(
                    "One of job_cluster_key, new_cluster, or existing_cluster_id must be specified."
                )
        job_rules.check(settings)
        name = str(call.body.get("run_name") or "Untitled")
        run = self._new(call, job_rules.with_defaults(settings), token, job_id=0, name=name)
        self._go_on(run)
        return answer({"run_id": run["run_id"]})

    def get(self, call: Call) -> Answer:
        """Of a task's run id the task alone; more than 100 tasks come in pages [doc]."""
        run_id = call.number("run_id")
        run = self._run(run_id)
        if run["run_id"] != run_id:
            one = next(each for each in run["attempts"] if each["run_id"] == run_id)
            return answer(self._task(run, one))
        start = int(call.query.get("page_token") or 0)
        told = self._told(run)
        attempts = run.get("attempts", [])
        told["tasks"] = [self._task(run, one) for one in attempts[start : start + _PAGE]]
        if len(attempts) > start + _PAGE:
            told |= {"has_more": True, "next_page_token": str(start + _PAGE)}
        if call.flag("include_history"):
            told["repair_history"] = _history(run)
        return answer(told)

    def output(self, call: Call) -> Answer:
        """Of one task; a run of several has none of its own [doc]."""
        run, one = self._attempt(call)
        told: Json = {"metadata": self._task(run, one)}
        value = one.get("value")
        if one["life"] in ACTIVE:
            return answer({**told, "notebook_output": {}})
        output: Json = {} if value is None else {"result": value[:MAX_RESULT]}
        output["truncated"] = value is not None and len(value) > MAX_RESULT
        told["notebook_output"] = output
        if one.get("error"):
            told |= {"error": one["error"], "error_trace": one["trace"]}
        return answer(told)

    def export(self, call: Call) -> Answer:
        run, one = self._attempt(call)
        if one["life"] in ACTIVE:
            raise ApiError(400, "INVALID_STATE", "Cannot export the notebook of an active run.")
        path = _path_of(run, one)
        name = path.rpartition("/")[2]
        view = {
            "name": name,
            "type": "NOTEBOOK",
            "content": run_pages.page(name, one.get("cells") or []),
        }
        return answer({"views": [view]})

    def cancel(self, call: Call) -> Answer:
        """Asynchronous [doc]: nothing happens to a run that has ended."""
        run = self._run(call.number("run_id"))
        self._cancel(run)
        return answer({})

    def cancel_all(self, call: Call) -> Answer:
        job_id = call.body.get("job_id")
        for run in self._active():
            if job_id is None or str(run["job_id"]) == str(job_id):
                self._cancel(run)
        return answer({})

    def delete(self, call: Call) -> Answer:
        run = self._run(call.number("run_id"))
        if is_active(run["state"]):
            raise ApiError(400, "INVALID_STATE", f"Run {run['run_id']} is active.")
        self._store.remove("run", _key(run["run_id"]))
        return answer({})

    def repair(self, call: Call) -> Answer:
        """Run tasks again. It has no token: a repair must name the one before [doc]."""
        run = self._run(call.number("run_id"))
        if "attempts" not in run or is_active(run["state"]):
            raise ApiError(400, "INVALID_STATE", f"Run {run['run_id']} cannot be repaired now.")
        repairs = run["repairs"]
        before = call.body.get("latest_repair_id")
        if (before or None) != (repairs[-1]["id"] if repairs else None):
            raise invalid("latest_repair_id is not that of the latest repair.")
        keys = self._rerun(call, run)
        if not keys:
            raise invalid("There are no tasks to run again.")
        now = self._now()
        for key in keys:
            number = latest(run)[key]["number"] + 1
            run["attempts"].append(attempt(key, self._store.next_id("run"), number, now))
        repair_id = self._store.next_id("run")
        ids = [one["run_id"] for one in run["attempts"][-len(keys) :]]
        repairs.append({"id": repair_id, "start_time": now, "task_run_ids": ids})
        run |= {"cancelled": "", "was_running": False, "end_time": 0}
        run["state"] = {"life_cycle_state": run_states.PENDING, "state_message": ""}
        self._go_on(run)
        return answer({"repair_id": repair_id})

    # -- how runs go on --------------------------------------------------------------------

    def wake(self) -> None:
        """After a stop of the workspace: nobody runs any more what ran then."""
        now = self._now()
        for run in self._active():
            for one in latest(run).values():
                message = "The workspace was stopped while the task ran."
                run_states.end(one, "FAILED", now, life=run_states.INTERNAL_ERROR, message=message)
            run_states.advance(run, now, self._next)
            state = {"life_cycle_state": "INTERNAL_ERROR", "result_state": "FAILED"}
            run |= {"state": {**state, "state_message": message}, "end_time": now}
            self._save(run)

    def close(self) -> None:
        """Stop what runs. Called without the lock."""
        self._closed.set()
        self._executor.close()
        if self._timer is not None:
            self._timer.join(5)

    def tick(self) -> bool:
        """Move on what waits for the clock; whether anything is active. Takes the lock."""
        with self._store.lock:
            active = self._active()
            if active:
                with self._store.writing():
                    for run in active:
                        self._go_on(run)
        return bool(active)

    def report(self, run_id: int, ended: TaskEnd | None) -> None:
        """What an executor says of an attempt. Takes the lock."""
        if self._closed.is_set():
            return
        with self._store.lock:
            try:
                run = self._run(run_id)
            except ApiError:
                # Deleted, or put back to an earlier state.
                return
            one = next(each for each in run["attempts"] if each["run_id"] == run_id)
            with self._store.writing():
                self._reported(run, one, ended)
                self._go_on(run)

    def _reported(self, run: Json, one: Json, ended: TaskEnd | None) -> None:
        now = self._now()
        if ended is None:
            if one["life"] == run_states.PENDING:
                one |= {"life": RUNNING, "start": now}
            return
        if one["life"] not in ACTIVE:
            return
        result = ended.result
        if one["life"] == run_states.TERMINATING:
            result = str(run["cancelled"] or "CANCELED")
        life = run_states.INTERNAL_ERROR if ended.code else run_states.TERMINATED
        run_states.end(one, result, now, life=life, message=ended.message)
        one |= {
            "value": ended.value,
            "error": ended.error,
            "trace": ended.trace,
            "code": ended.code,
            "cells": [asdict(cell) for cell in ended.cells],
        }
        run["task_values"][one["task_key"]] = dict(ended.task_values)

    def _go_on(self, run: Json) -> None:
        """Advance and save; start and stop what has to be."""
        started, stopped = run_states.advance(run, self._now(), self._next)
        self._finish_repairs(run)
        self._save(run)
        for one in stopped:
            self._executor.cancel(one["run_id"])
        for one in started:
            self._start(run, one)
        if is_active(run["state"]):
            self._watch()

    def _start(self, run: Json, one: Json) -> None:
        task = run_states.tasks_of(run)[one["task_key"]]
        kind = next((name for name in task if name.endswith("_task")), "")
        if kind not in _RAN:
            end = TaskEnd(
                "FAILED", message=f"The embedded workspace runs no {kind}.", code="INTERNAL_ERROR"
            )
            threading.Thread(target=self.report, args=(one["run_id"], end), daemon=True).start()
            return
        context = {
            "jobId": str(run["job_id"]),
            "jobRunId": str(run["run_id"]),
            "runId": str(one["run_id"]),
            "currentRunId": str(one["run_id"]),
            "taskKey": one["task_key"],
            "user": run["creator_user_name"],
        }
        parameters = self._parameters(run, task)
        path = paths.canonical(_path_of(run, one))
        self._executor.start(
            TaskRun(one["run_id"], run["run_id"], path, parameters, run["task_values"], context),
            self.report,
        )

    def _parameters(self, run: Json, task: Json) -> dict[str, str]:
        """A job's parameter beats one of the task of the same name [doc]."""
        base = task["notebook_task"].get("base_parameters") or {}
        merged = {**base, **run["notebook_params"], **run["job_parameters"]}
        known = {
            "job.id": str(run["job_id"]),
            "job.run_id": str(run["run_id"]),
            "job.name": run["run_name"],
            "task.name": str(task["task_key"]),
            **{f"job.parameters.{name}": value for name, value in run["job_parameters"].items()},
            **{
                f"tasks.{key}.values.{name}": str(value)
                for key, values in run["task_values"].items()
                for name, value in values.items()
            },
        }

        def fill(match: re.Match[str]) -> str:
            return str(known.get(match[1], match[0]))

        return {str(name): _REFERENCE.sub(fill, str(value)) for name, value in merged.items()}

    def _watch(self) -> None:
        if self._timer is None or not self._timer.is_alive():
            self._timer = threading.Thread(target=self._turn, name="runs of jobs", daemon=True)
            self._timer.start()

    def _turn(self) -> None:
        while not self._closed.wait(_TICK) and self.tick():
            pass

    # -- rows ------------------------------------------------------------------------------

    def _new(self, call: Call, settings: Json, token: str, *, job_id: int, name: str) -> Json:
        now = self._now()
        run_id = self._store.next_id("run")
        keys = [str(task["task_key"]) for task in rows(settings, "tasks")]
        return {
            "run_id": run_id,
            "job_id": job_id,
            "run_name": name,
            "run_type": "JOB_RUN" if job_id else "SUBMIT_RUN",
            "creator_user_name": call.user,
            "token": token,
            "settings": settings,
            "start_time": now,
            "end_time": 0,
            "cancelled": "",
            "was_running": False,
            "job_parameters": {},
            "notebook_params": {},
            "task_values": {},
            "attempts": [attempt(key, self._store.next_id("run"), 0, now) for key in keys],
            "repairs": [],
            "state": {"life_cycle_state": run_states.PENDING, "state_message": ""},
        }

    def _told(self, run: Json) -> Json:
        told: Json = {
            name: run[name]
            for name in ("run_id", "job_id", "run_name", "run_type", "start_time", "state")
        }
        told["run_page_url"] = f"https://embedded/#job/{run['job_id']}/run/{run['run_id']}"
        if "attempts" not in run:
            return told
        settings = run["settings"]
        told |= {
            "creator_user_name": run["creator_user_name"],
            "end_time": run["end_time"],
            "run_duration": max(0, run["end_time"] - run["start_time"]),
            "number_in_job": run["run_id"],
            "original_attempt_run_id": run["run_id"],
            "trigger": "ONE_TIME",
            "format": "MULTI_TASK",
            "status": run_states.status(run["state"]),
            "job_clusters": settings.get("job_clusters", []),
            "job_parameters": [
                {"name": name, "value": value} for name, value in run["job_parameters"].items()
            ],
        }
        return told

    def _task(self, run: Json, one: Json) -> Json:
        task = run_states.tasks_of(run)[one["task_key"]]
        start, ended = one["start"] or one["since"], one["end"]
        return {
            **task,
            "run_id": one["run_id"],
            "attempt_number": one["number"],
            "run_page_url": f"https://embedded/#job/{run['job_id']}/run/{one['run_id']}",
            "start_time": start,
            "end_time": ended,
            "setup_duration": 0,
            "execution_duration": max(0, ended - start) if ended else 0,
            "cleanup_duration": 0,
            **run_states.told_state(one),
        }

    def _run(self, run_id: int) -> Json:
        """The run of this id, or that of a task of this id."""
        row = self._store.get("run", _key(run_id))
        if row is not None:
            return row.value
        for each in reversed(self._store.all("run")):
            if any(one["run_id"] == run_id for one in each.value.get("attempts", ())):
                return each.value
        raise invalid(f"Run {run_id} does not exist.")

    def _attempt(self, call: Call) -> tuple[Json, Json]:
        run_id = call.number("run_id")
        run = self._run(run_id)
        attempts = run.get("attempts", [])
        if run["run_id"] != run_id:
            return run, next(one for one in attempts if one["run_id"] == run_id)
        if len(attempts) != 1:
            raise invalid(
                "Retrieving the output of runs with multiple tasks is not supported. Please "
                "retrieve the output of each individual task run instead."
            )
        return run, attempts[0]

    def _by_token(self, token: str) -> Json | None:
        everything = (row.value for row in self._store.all("run")) if token else ()
        return next((run for run in everything if run.get("token") == token), None)

    def _active(self) -> list[Json]:
        runs = (row.value for row in self._store.all("run"))
        return [run for run in runs if "attempts" in run and is_active(run["state"])]

    def _is_full(self, job_id: int, settings: Json) -> bool:
        most = int(settings.get("max_concurrent_runs") or 1)
        active = [run for run in self._active() if run["job_id"] == job_id]
        return len(active) >= most

    def _cancel(self, run: Json) -> None:
        if "attempts" in run and is_active(run["state"]):
            run["cancelled"] = "CANCELED"
            self._go_on(run)

    def _rerun(self, call: Call, run: Json) -> list[str]:
        counting = latest(run)
        if call.flag("rerun_all_failed_tasks"):
            return [key for key, one in counting.items() if one["result"] not in ("SUCCESS",)]
        wanted = call.body.get("rerun_tasks") or []
        for key in wanted:
            if key not in counting:
                raise invalid(f"Task {key} does not exist.")
        return [str(key) for key in wanted]

    def _finish_repairs(self, run: Json) -> None:
        for repair in run["repairs"]:
            if not is_active(run["state"]):
                repair.setdefault("end_time", run["end_time"])

    def _next(self) -> int:
        return self._store.next_id("run")

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _save(self, run: Json) -> None:
        self._store.put("run", Row(_key(run["run_id"]), run))


def _path_of(run: Json, one: Json) -> str:
    task = run_states.tasks_of(run)[one["task_key"]]
    return str(task["notebook_task"].get("notebook_path", ""))


def _history(run: Json) -> list[Json]:
    first: Json = {
        "type": "ORIGINAL",
        "start_time": run["start_time"],
        "end_time": run["end_time"],
        "state": run["state"],
    }
    repairs = [{"type": "REPAIR", **each, "state": run["state"]} for each in run["repairs"]]
    return [first, *repairs]


def _key(number: int) -> str:
    return f"{number:020}"


def _token(call: Call) -> str:
    token = str(call.body.get("idempotency_token") or "")
    if len(token) > MAX_TOKEN:
        raise invalid(f"The idempotency token is longer than {MAX_TOKEN} characters.")
    return token


def _strings(call: Call, name: str) -> dict[str, str]:
    value: Any = call.body.get(name) or {}
    if not isinstance(value, Mapping):
        raise invalid(f"Invalid {name}: an object is expected.")
    return {str(key): str(each) for key, each in value.items()}
