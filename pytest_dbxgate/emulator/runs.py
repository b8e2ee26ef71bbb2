"""``/api/2.x/jobs/runs``: runs that are started, told, cancelled, repaired.

Every method is called with ``store.lock`` held.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from pytest_dbxgate.emulator import (
    job_rules,
    paging,
    run_pages,
    run_rules,
    run_states,
    run_telling,
)
from pytest_dbxgate.emulator.executing import Executor
from pytest_dbxgate.emulator.run_book import RunBook
from pytest_dbxgate.emulator.run_driver import RunDriver, most_at_once
from pytest_dbxgate.emulator.run_states import ACTIVE, attempt, is_active, latest
from pytest_dbxgate.emulator.store import Store
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
"""Bytes of ``notebook_output.result`` [doc]."""
MAX_TOKEN = 64
"""Characters of an idempotency token [doc]."""
MAX_PARAMETERS = 10_000
"""Bytes of the parameters of a run, as JSON [doc]."""
_VIEWS = ("CODE", "DASHBOARDS", "ALL")
_COMPUTE = ("new_cluster", "existing_cluster_id", "environment_key")


class Runs:
    """The handlers. ``clock`` gives seconds since 1970."""

    def __init__(self, store: Store, clock: Callable[[], float], executor: Executor) -> None:
        self._store = store
        self._book = RunBook(store)
        self.driver = RunDriver(self._book, clock, executor)

    def run_now(self, call: Call) -> Answer:
        """The same token starts nothing anew [doc]."""
        token = _token(call)
        job_id = call.number("job_id")
        settings = self._book.job(job_id)["settings"]
        run = self._book.by_token(token)
        if run is None:
            settings = run_rules.only(call, settings)
            name = str(settings.get("name", ""))
            run = self._book.new(
                settings, self.driver.now(), job_id=job_id, name=name, user=call.user, token=token
            )
            parameters = rows(settings, "parameters")
            defaults = {str(one.get("name")): str(one.get("default", "")) for one in parameters}
            run["job_parameters"] = {**defaults, **_strings(call, "job_parameters")}
            run["notebook_params"] = _strings(call, "notebook_params")
            self._begin(run, call)
        return answer({"run_id": run["run_id"], "number_in_job": run["run_id"]})

    def submit(self, call: Call) -> Answer:
        """A run without a job. It cannot share a job cluster [sdk]."""
        token = _token(call)
        run = self._book.by_token(token)
        if run is None:
            settings = {"name": "Untitled", **call.body}
            for task in rows(settings, "tasks"):
                serverless = "notebook_task" in task and "job_cluster_key" not in task
                if not serverless and not any(name in task for name in _COMPUTE):
                    raise invalid(
                        "One of job_cluster_key, new_cluster, or existing_cluster_id must be "
                        "specified."
                    )
            job_rules.check(settings)
            name = str(call.body.get("run_name") or "Untitled")
            settings = job_rules.with_defaults(settings)
            run = self._book.new(
                settings, self.driver.now(), name=name, user=call.user, token=token
            )
            self.driver.go_on(run)
        return answer({"run_id": run["run_id"]})

    def get(self, call: Call) -> Answer:
        """Of a task's run id the task alone [fake]; more than 100 tasks come in pages [doc]."""
        run_id = call.number("run_id")
        run = self._book.run(run_id)
        if run["run_id"] != run_id:
            return answer(run_telling.task_alone(run, _attempt(run, run_id)))
        start = call.query.get("page_token") or "0"
        if not start.isdigit():
            raise invalid(f"Invalid page token: {start}")
        told = run_telling.told(run)
        resolved = call.flag("include_resolved_values")
        told["tasks"] = run_telling.tasks(run, resolved=resolved)
        if call.flag("include_history") and "attempts" in run:
            told["repair_history"] = run_telling.history(run)
        return answer(run_telling.page(told, int(start)))

    def list_(self, call: Call) -> Answer:
        """The newest first, 20 a page, at most 25 [doc]."""
        limit, first = paging.limit(call, 25), paging.start(call)
        found = list(filter(run_rules.wanted(call), reversed(self._book.all())))
        expand = call.flag("expand_tasks")
        told = [run_telling.listed(run, expand=expand) for run in found[: first + limit + 1]]
        return answer(paging.listed("runs", told, first, limit))

    def output(self, call: Call) -> Answer:
        """Of one task; a run of several has none of its own [report]."""
        run, one = self._one(call)
        told: Json = {"metadata": run_telling.task_alone(run, one)}
        if one["life"] in ACTIVE:
            return answer({**told, "notebook_output": {}})
        given = self._book.given(one["run_id"])
        value = given.get("value")
        whole = (value or "").encode()
        output: Json = {"truncated": len(whole) > MAX_RESULT}
        if value is not None:
            output["result"] = whole[:MAX_RESULT].decode(errors="ignore")
        told["notebook_output"] = output
        if given.get("error"):
            told |= {"error": given["error"], "error_trace": given["trace"]}
        return answer(told)

    def export(self, call: Call) -> Answer:
        """Of one notebook task that has ended."""
        run, one = self._one(call)
        notebook = run_states.tasks_of(run)[one["task_key"]].get("notebook_task")
        if not isinstance(notebook, dict):
            raise invalid(f"Run {one['run_id']} is not a notebook run.")
        if one["life"] in ACTIVE:
            raise ApiError(400, "INVALID_STATE", "Cannot export the notebook of an active run.")
        wanted = call.query.get("views_to_export") or "CODE"
        if wanted not in _VIEWS:
            raise invalid(f"Invalid views_to_export: {wanted}")
        if wanted == "DASHBOARDS":
            return answer({"views": []})
        name = str(notebook.get("notebook_path", "")).rpartition("/")[2]
        cells = self._book.given(one["run_id"]).get("cells") or []
        view = {"name": name, "type": "NOTEBOOK", "content": run_pages.page(name, cells)}
        return answer({"views": [view]})

    def cancel(self, call: Call) -> Answer:
        """Of a run, or of one of its tasks [doc]."""
        run_id = call.number("run_id")
        run = self._book.run(run_id)
        if run["run_id"] == run_id:
            self.driver.cancel(run)
        elif is_active(run["state"]):
            self.driver.cancel_task(run, _attempt(run, run_id))
        return answer({})

    def cancel_all(self, call: Call) -> Answer:
        """Of a job, or those that wait in the queue, or both [doc]."""
        queued = call.flag("all_queued_runs")
        job_id = None if queued and "job_id" not in call.body else call.number("job_id")
        for run in self._book.all():
            if job_id in (None, run["job_id"]) and (run.get("queued") or not queued):
                # Read again: a cancel may let another begin.
                self.driver.cancel(self._book.run(run["run_id"]))
        return answer({})

    def delete(self, call: Call) -> Answer:
        run_id = call.number("run_id")
        run = self._book.run(run_id)
        if run["run_id"] != run_id:
            raise invalid(f"Run {run_id} is a task of run {run['run_id']}.")
        if is_active(run["state"]):
            raise ApiError(400, "INVALID_STATE", f"Run {run_id} is active.")
        self._book.remove(run)
        return answer({})

    def repair(self, call: Call) -> Answer:
        """Run tasks again. It has no token: a repair must name the one before [doc]."""
        run = self._book.run(call.number("run_id"))
        if not run.get("attempts") or is_active(run["state"]):
            raise ApiError(400, "INVALID_STATE", f"Run {run['run_id']} cannot be repaired now.")
        repairs = run["repairs"]
        run_rules.check_latest_repair(call, repairs)
        keys = run_rules.again(call, run)
        if not keys:
            raise invalid("There are no tasks to run again.")
        run["settings"] = run_rules.renewed(run, self._book.settings(run))
        now = self.driver.now()
        run["history"].append(run_telling.turn(run))
        counting = latest(run)
        new = [
            attempt(key, self._book.next_id(run), counting[key]["number"] + 1, now) for key in keys
        ]
        run["attempts"] += new
        repair_id = self._store.next_id("run")
        ids = [one["run_id"] for one in new]
        repairs.append({"id": repair_id, "start_time": now, "task_run_ids": ids})
        run["job_parameters"] |= _strings(call, "job_parameters")
        run["notebook_params"] |= _strings(call, "notebook_params")
        run |= {"cancelled": "", "was_running": False, "end_time": 0}
        run["state"] = {"life_cycle_state": run_states.PENDING, "state_message": ""}
        self.driver.go_on(run)
        return answer({"repair_id": repair_id})

    def _begin(self, run: Json, call: Call) -> None:
        """Start a run of a job; one too many waits where the job has a queue, else it is
        skipped [doc]."""
        settings = run["settings"]
        most = most_at_once(settings)
        queue = call.body.get("queue") or settings.get("queue")
        if self.driver.is_full(run["job_id"], most):
            waits = isinstance(queue, Mapping) and bool(queue.get("enabled"))
            run["queued"] = bool(most) and waits
            if not run["queued"]:
                run["state"] = {
                    "life_cycle_state": run_states.SKIPPED,
                    "result_state": run_states.TOO_MANY,
                    "state_message": run_states.MESSAGES[run_states.TOO_MANY],
                }
                run |= {"end_time": run["start_time"], "attempts": []}
                self._book.save(run)
                return
        self.driver.go_on(run)

    def _one(self, call: Call) -> tuple[Json, Json]:
        """An attempt of a task, with its run."""
        run_id = call.number("run_id")
        run = self._book.run(run_id)
        if run["run_id"] != run_id:
            return run, _attempt(run, run_id)
        if not run.get("attempts"):
            raise invalid(f"Run {run_id} has no output.")
        # Also of a run with one task [report].
        raise invalid(
            "Retrieving the output of runs with multiple tasks is not supported. Please "
            "retrieve the output of each individual task run instead."
        )


def _attempt(run: Json, run_id: int) -> Json:
    found: Json = next(one for one in run["attempts"] if one["run_id"] == run_id)
    return found


def _token(call: Call) -> str:
    token = str(call.body.get("idempotency_token") or "")
    if len(token) > MAX_TOKEN:
        raise invalid(f"The idempotency token is longer than {MAX_TOKEN} characters.")
    return token


def _strings(call: Call, name: str) -> dict[str, str]:
    value: Any = call.body.get(name) or {}
    if not isinstance(value, Mapping):
        raise invalid(f"Invalid {name}: an object is expected.")
    if len(json.dumps(value)) > MAX_PARAMETERS:
        raise invalid(f"{name} is longer than {MAX_PARAMETERS} bytes.")
    return {str(key): str(each) for key, each in value.items()}
