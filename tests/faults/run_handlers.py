"""Runs of jobs in the embedded workspace that go as a script says: no notebook is executed.

A task takes :data:`SECONDS` by the workspace's clock. Everything that is told follows from what is
stored and the clock, so that faults, stale reads and snapshots work as for every other call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from pytest_dbxgate.emulator.routes import Route, _route
from pytest_dbxgate.emulator.service import Service
from pytest_dbxgate.emulator.store import Row, Store
from pytest_dbxgate.emulator.values import Answer, ApiError, Call, Json, answer, invalid

SECONDS = 5.0


class End(NamedTuple):
    """How an attempt of a notebook ends."""

    result: str = "SUCCESS"
    exit_value: str | None = None
    error: str = ""
    code: str = ""


class Runs:
    """The handlers. ``script``: by the notebook's name, the ends of its attempts, the last of
    which goes on for ever."""

    def __init__(
        self, store: Store, clock: Callable[[], float], script: Mapping[str, Sequence[End]]
    ) -> None:
        self._store = store
        self._clock = clock
        self._script = script

    def run_now(self, call: Call) -> Answer:
        token, job_id = call.text("idempotency_token"), call.number("job_id")
        for row in self._store.all("scripted run"):
            if row.value["token"] == token:
                return answer({"run_id": row.value["run_id"]})
        job = self._store.get("job", f"{job_id:020}")
        if job is None:
            raise invalid(f"Job {job_id} does not exist.")
        run_id = self._store.next_id("run")
        tasks = job.value["settings"]["tasks"]
        attempts = {each["task_key"]: [self._attempt()] for each in tasks}
        value: Json = {
            "run_id": run_id,
            "job_id": job_id,
            "token": token,
            "tasks": tasks,
            "attempts": attempts,
            "cancelled": None,
            "repairs": [],
        }
        self._save(value)
        return answer({"run_id": run_id, "number_in_job": 1})

    def get(self, call: Call) -> Answer:
        run = self._run(call.number("run_id"))
        start = int(call.query.get("page_token") or 0)
        tasks = [
            self._told(run, task, attempt)
            for task in run["tasks"]
            for attempt in range(len(run["attempts"][task["task_key"]]))
        ]
        told: Json = {
            "run_id": run["run_id"],
            "job_id": run["job_id"],
            "state": self._state(run),
            "run_page_url": f"https://x/run/{run['run_id']}",
            "tasks": tasks[start : start + 100],
        }
        if len(tasks) > start + 100:
            told["next_page_token"] = str(start + 100)
        if call.flag("include_history"):
            told["repair_history"] = [
                {"type": "ORIGINAL"},
                *({"type": "REPAIR", "id": each} for each in run["repairs"]),
            ]
        return answer(told)

    def list_(self, call: Call) -> Answer:
        job_id = call.number("job_id")
        runs = [
            row.value for row in self._store.all("scripted run") if row.value["job_id"] == job_id
        ]
        found = [{"run_id": run["run_id"]} for run in runs if self._is_active(run)]
        return answer({"runs": found, "has_more": False})

    def output(self, call: Call) -> Answer:
        run, key, attempt = self._task(call.number("run_id"))
        end = self._end(run, key, attempt)
        return answer({"notebook_output": {"result": end.exit_value}, "error": end.error})

    def export(self, call: Call) -> Answer:
        self._task(call.number("run_id"))
        return answer({"views": [{"content": "<html>", "type": "NOTEBOOK"}]})

    def cancel(self, call: Call) -> Answer:
        run = self._run(call.number("run_id"))
        if self._is_active(run):
            self._save({**run, "cancelled": self._clock()})
        return answer({})

    def repair(self, call: Call) -> Answer:
        run = self._run(call.number("run_id"))
        if self._is_active(run):
            raise ApiError(400, "INVALID_STATE", f"Run {run['run_id']} is in progress.")
        latest = run["repairs"][-1] if run["repairs"] else None
        if call.body.get("latest_repair_id") != latest:
            raise invalid("Invalid latest_repair_id.")
        repair_id = self._store.next_id("run")
        for key in call.body["rerun_tasks"]:
            run["attempts"][key].append(self._attempt())
        self._save({**run, "repairs": [*run["repairs"], repair_id], "cancelled": None})
        return answer({"repair_id": repair_id})

    def active(self) -> list[int]:
        """The runs that have not ended."""
        runs = [row.value for row in self._store.all("scripted run")]
        return [run["run_id"] for run in runs if self._is_active(run)]

    def _attempt(self) -> Json:
        return {"run_id": self._store.next_id("run"), "begun": self._clock()}

    def _save(self, run: Json) -> None:
        self._store.put("scripted run", Row(f"{run['run_id']:020}", run))

    def _run(self, run_id: int) -> Json:
        row = self._store.get("scripted run", f"{run_id:020}")
        if row is None:
            raise invalid(f"Run {run_id} does not exist.")
        return row.value

    def _task(self, run_id: int) -> tuple[Json, str, int]:
        for row in self._store.all("scripted run"):
            for key, attempts in row.value["attempts"].items():
                for number, attempt in enumerate(attempts):
                    if attempt["run_id"] == run_id:
                        return row.value, key, number
        raise invalid(f"Run {run_id} does not exist.")

    def _end(self, run: Json, key: str, attempt: int) -> End:
        path = next(
            task["notebook_task"]["notebook_path"]
            for task in run["tasks"]
            if task["task_key"] == key
        )
        ends = self._script.get(path.rpartition("/")[2], (End(),))
        return ends[min(attempt, len(ends) - 1)]

    def _times(self, run: Json, key: str, attempt: int) -> tuple[float, float]:
        """When an attempt begins and ends, by what it waits for."""
        task = next(task for task in run["tasks"] if task["task_key"] == key)
        begun = run["attempts"][key][attempt]["begun"]
        for each in task.get("depends_on", ()):
            before = each["task_key"]
            begun = max(begun, self._times(run, before, len(run["attempts"][before]) - 1)[1])
        return begun, begun + SECONDS

    def _is_upstream_failed(self, run: Json, task: Json) -> bool:
        if task.get("run_if", "ALL_SUCCESS") == "ALL_DONE":
            return False
        keys = [each["task_key"] for each in task.get("depends_on", ())]
        return any(
            self._told(run, each, len(run["attempts"][each["task_key"]]) - 1)["state"][
                "result_state"
            ]
            != "SUCCESS"
            for each in run["tasks"]
            if each["task_key"] in keys
        )

    def _told(self, run: Json, task: Json, attempt: int) -> Json:
        key = task["task_key"]
        begun, ended = self._times(run, key, attempt)
        told: Json = {
            **task,
            "run_id": run["attempts"][key][attempt]["run_id"],
            "attempt_number": attempt,
            "run_page_url": f"https://x/run/{run['run_id']}/{key}",
            "start_time": int(begun * 1000),
        }
        now, cancelled = self._clock(), run["cancelled"]
        if cancelled is not None and cancelled < ended:
            state = {"life_cycle_state": "TERMINATED", "result_state": "CANCELED"}
        elif now < ended:
            state = {"life_cycle_state": "RUNNING", "result_state": ""}
        elif self._is_upstream_failed(run, task):
            state = {"life_cycle_state": "TERMINATED", "result_state": "UPSTREAM_FAILED"}
        else:
            end = self._end(run, key, attempt)
            state = {"life_cycle_state": "TERMINATED", "result_state": end.result}
            if end.code:
                told["status"] = {"termination_details": {"code": end.code, "message": "x"}}
        return {**told, "state": state, "end_time": int(ended * 1000)}

    def _is_active(self, run: Json) -> bool:
        if run["cancelled"] is not None:
            return bool(self._clock() < run["cancelled"] + 1.0)
        return any(
            self._clock() < self._times(run, key, len(attempts) - 1)[1]
            for key, attempts in run["attempts"].items()
        )

    def _state(self, run: Json) -> Mapping[str, Any]:
        if self._is_active(run):
            return {"life_cycle_state": "RUNNING"}
        result = "CANCELED" if run["cancelled"] is not None else "SUCCESS"
        return {"life_cycle_state": "TERMINATED", "result_state": result}


def install(service: Service, script: Mapping[str, Sequence[End]]) -> Runs:
    """Put these runs in place of those that the embedded workspace has."""
    runs = Runs(service.store, service.now, script)
    own: list[Route] = [
        _route("POST", "/api/2.[012]/jobs/run-now", "jobs/run-now", runs.run_now),
        _route("GET", "/api/2.[012]/jobs/runs/get", "jobs/runs/get", runs.get),
        _route("GET", "/api/2.[012]/jobs/runs/list", "jobs/runs/list", runs.list_),
        _route("GET", "/api/2.[012]/jobs/runs/get-output", "jobs/runs/get-output", runs.output),
        _route("GET", "/api/2.[012]/jobs/runs/export", "jobs/runs/export", runs.export),
        _route("POST", "/api/2.[012]/jobs/runs/cancel", "jobs/runs/cancel", runs.cancel),
        _route("POST", "/api/2.[012]/jobs/runs/repair", "jobs/runs/repair", runs.repair),
    ]
    service._routes = (*own, *service._routes)
    return runs
