"""Runs of jobs: started once, followed over all pages, repaired at most as often as asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_dbxgate.errors import GateError
from pytest_dbxgate.workspace.calls import Caller
from pytest_dbxgate.workspace.failures import Cause
from pytest_dbxgate.workspace.jobs import LATE
from pytest_dbxgate.workspace.model import UnavailableError
from pytest_dbxgate.workspace.run_model import RemoteRun, RemoteState, RemoteTask, TaskOutput

_API = "/api/2.2/jobs"
_REPAIRS = 4
"""Attempts at one repair."""
_MOST_PAGES = 100


class Runs:
    """Calls about runs. Safe to use from several threads."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def run_now(self, job_id: int, token: str, parameters: Mapping[str, str] | None) -> int:
        """See :class:`~pytest_dbxgate.workspace.run_model.RunCalls`."""
        body: dict[str, Any] = {"job_id": job_id, "idempotency_token": token}
        if parameters:
            body["job_parameters"] = dict(parameters)
        what = f"run job {job_id}"
        made = self._caller.post(f"{_API}/run-now", what, endpoint="jobs/run-now", body=body)
        return _number(made.get("run_id"))

    def run(self, run_id: int, *, history: bool = False) -> RemoteRun | None:
        query: dict[str, Any] = {"run_id": run_id}
        if history:
            query["include_history"] = True
        what = f"look at run {run_id}"
        pages = list(self._pages("runs/get", what, query))
        if not pages:
            return None
        tasks = [task for page in pages for task in _objects(page.get("tasks"))]
        return _run(run_id, pages[0], tasks)

    def active(self, job_id: int) -> list[int]:
        query = {"job_id": job_id, "active_only": True, "limit": 25}
        what = f"list the runs of job {job_id}"
        pages = self._pages("runs/list", what, query)
        return [_number(run.get("run_id")) for page in pages for run in _objects(page.get("runs"))]

    def output(self, task_run_id: int) -> TaskOutput:
        answer = self._read(
            "runs/get-output",
            f"read the output of run {task_run_id}",
            {"run_id": task_run_id},
        )
        found = _object(answer.get("notebook_output"))
        result = found.get("result")
        return TaskOutput(
            None if result is None else str(result),
            found.get("truncated") is True,
            str(answer.get("error") or ""),
            str(answer.get("error_trace") or ""),
        )

    def export(self, task_run_id: int) -> str:
        answer = self._read(
            "runs/export",
            f"export run {task_run_id}",
            {"run_id": task_run_id, "views_to_export": "CODE"},
        )
        views = _objects(answer.get("views"))
        return next((str(each.get("content") or "") for each in views), "")

    def cancel(self, run_id: int) -> None:
        body = {"run_id": run_id}
        path, endpoint = f"{_API}/runs/cancel", "jobs/runs/cancel"
        outcome = self._caller.call("POST", path, endpoint=endpoint, body=body)
        # A run that has ended may be refused; whether it has is asked anyway.
        harmless = (Cause.MISSING, Cause.REJECTED)
        if outcome.failure is not None and outcome.failure.cause not in harmless:
            raise self._caller.error(outcome, f"cancel run {run_id}")

    def repair(self, run_id: int, tasks: Sequence[str]) -> int:
        """See :class:`~pytest_dbxgate.workspace.run_model.RunCalls`."""
        what = f"repair run {run_id}"
        before = self._repairs(run_id)
        body: dict[str, Any] = {"run_id": run_id, "rerun_tasks": list(tasks)}
        if before:
            body["latest_repair_id"] = before[-1]
        lost = False
        error: GateError = UnavailableError(f"{self._caller.host}: {what}: no attempt")
        for _ in range(_REPAIRS):
            outcome = self._caller.call(
                "POST",
                f"{_API}/runs/repair",
                endpoint="jobs/runs/repair",
                body=body,
                repeat_lost=False,
            )
            if outcome.failure is None:
                return _number(outcome.content.get("repair_id"))
            error = self._caller.error(outcome, what)
            lost = lost or outcome.lost
            if not lost:
                raise error
            self._caller.times.sleep(LATE)
            made = [each for each in self._repairs(run_id) if each not in before]
            if made:
                return made[0]
            if not outcome.failure.maybe_done:
                raise error
        raise error

    def _read(self, call: str, what: str, query: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a read gives; it raises also where there is no such thing."""
        path, endpoint = f"{_API}/{call}", f"jobs/{call}"
        outcome = self._caller.call("GET", path, endpoint=endpoint, query=query)
        if outcome.failure is not None:
            raise self._caller.error(outcome, what)
        return outcome.content

    def _repairs(self, run_id: int) -> Sequence[int]:
        found = self.run(run_id, history=True)
        return found.repairs if found else ()

    def _pages(self, call: str, what: str, query: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        token = ""
        for _ in range(_MOST_PAGES):
            asked = {**query, "page_token": token} if token else query
            path = f"{_API}/{call}"
            page = self._caller.get(path, what, endpoint=f"jobs/{call}", query=asked)
            if page is None:
                return
            yield page
            token = str(page.get("next_page_token") or "")
            if not token:
                return


def _run(run_id: int, value: Mapping[str, Any], tasks: Sequence[Mapping[str, Any]]) -> RemoteRun:
    history = _objects(value.get("repair_history"))
    repairs = [_number(each.get("id")) for each in history if each.get("type") == "REPAIR"]
    return RemoteRun(
        run_id if "run_id" not in value else _number(value["run_id"]),
        _number(value.get("job_id")),
        _state(value),
        _last_attempts(tasks),
        str(value.get("run_page_url") or ""),
        tuple(repairs),
    )


def _last_attempts(values: Sequence[Mapping[str, Any]]) -> tuple[RemoteTask, ...]:
    """Retries and repairs appear as several entries of one key: the last counts [doc]."""
    last: dict[str, RemoteTask] = {}
    for value in values:
        task = _task(value)
        known = last.get(task.key)
        if known is None or task.attempt >= known.attempt:
            last[task.key] = task
    return tuple(last.values())


def _task(value: Mapping[str, Any]) -> RemoteTask:
    return RemoteTask(
        str(value.get("task_key") or ""),
        _number(value.get("run_id")),
        _state(value),
        _number(value.get("attempt_number")),
        str(_object(value.get("notebook_task")).get("notebook_path") or ""),
        str(value.get("run_page_url") or ""),
        _number(value.get("start_time")) / 1000,
        _number(value.get("end_time")) / 1000,
    )


def _state(value: Mapping[str, Any]) -> RemoteState:
    state = _object(value.get("state"))
    details = _object(_object(value.get("status")).get("termination_details"))
    return RemoteState(
        str(state.get("life_cycle_state") or ""),
        str(state.get("result_state") or ""),
        str(state.get("state_message") or details.get("message") or ""),
        str(details.get("code") or ""),
        str(details.get("type") or ""),
    )


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _objects(value: object) -> list[Mapping[str, Any]]:
    found = value if isinstance(value, list) else []
    return [each for each in found if isinstance(each, Mapping)]


def _number(value: object) -> int:
    """A whole number from outside; 0 for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
