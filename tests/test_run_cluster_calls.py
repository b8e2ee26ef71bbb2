"""The calls about runs, over a transport that answers as it is told to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from pytest_dbxgate.workspace.client import Client
from pytest_dbxgate.workspace.credentials import Secret, Veil, fixed
from pytest_dbxgate.workspace.failures import Cause, Failure
from pytest_dbxgate.workspace.model import RejectedError, UnavailableError, Workspace
from pytest_dbxgate.workspace.retry import Times
from pytest_dbxgate.workspace.run_model import RemoteState, TaskOutput
from pytest_dbxgate.workspace.transport import Answer, Request

Told = Answer | Failure


def ok(**body: Any) -> Answer:
    return Answer(200, {}, json.dumps(body).encode())


def refused(status: int, code: str, message: str) -> Answer:
    return Answer(status, {}, json.dumps({"error_code": code, "message": message}).encode())


CUT = Failure(Cause.BROKEN, "cut")
AGAIN = refused(503, "TEMPORARILY_UNAVAILABLE", "The service is temporarily unavailable.")


class Script:
    """Answers in turn, and keeps what was asked."""

    def __init__(self, *answers: Told) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    def __call__(self, request: Request, token: Secret) -> Told:
        name = request.path.removeprefix("/api/2.2/jobs/")
        self.asked.append((name, {**request.query, **(request.body or {})}))
        return self._answers.pop(0)

    @property
    def names(self) -> Sequence[str]:
        return [name for name, _ in self.asked]


def client(script: Script) -> Workspace:
    credentials = fixed("local", "test", Secret("token"), veil=Veil())
    times = Times(lambda seconds: None, lambda: 0.0, lambda: 0.5)
    return Client("https://x", credentials, script, times=times)


def state(life: str, result: str = "", message: str = "") -> dict[str, Any]:
    return {"life_cycle_state": life, "result_state": result, "state_message": message}


def task(key: str, run_id: int, life: str, result: str = "", attempt: int = 0) -> dict[str, Any]:
    return {
        "task_key": key,
        "run_id": run_id,
        "attempt_number": attempt,
        "state": state(life, result),
        "notebook_task": {"notebook_path": "/a"},
        "start_time": 1000,
        "end_time": 2500,
    }


def test_a_run_is_started_once_by_its_token() -> None:
    script = Script(CUT, AGAIN, ok(run_id=9, number_in_job=1))

    assert client(script).run_now(5, token="id-1", parameters={"p": "1"}) == 9

    body = {"job_id": 5, "idempotency_token": "id-1", "job_parameters": {"p": "1"}}
    assert script.asked == [("run-now", body)] * 3


def test_a_run_is_read_over_all_pages_and_through_what_is_temporary() -> None:
    script = Script(
        AGAIN,
        ok(
            run_id=9,
            job_id=5,
            state=state("RUNNING", message="In run"),
            run_page_url="https://x/9",
            tasks=[task("a", 1, "TERMINATED", "FAILED"), task("b", 2, "RUNNING")],
            next_page_token="2",
        ),
        ok(run_id=9, tasks=[task("a", 3, "PENDING", attempt=1), task("c", 4, "BLOCKED")]),
    )

    run = client(script).run(9)

    assert run is not None
    assert (run.run_id, run.job_id, run.url) == (9, 5, "https://x/9")
    assert (run.state.has_ended, str(run.state)) == (False, "RUNNING, In run")
    assert [(each.key, each.run_id, each.state.life_cycle) for each in run.tasks] == [
        ("a", 3, "PENDING"),
        ("b", 2, "RUNNING"),
        ("c", 4, "BLOCKED"),
    ]
    assert (run.tasks[0].started, run.tasks[0].ended) == (1.0, 2.5)
    assert script.asked[-1] == ("runs/get", {"run_id": 9, "page_token": "2"})


def test_an_older_attempt_never_counts_wherever_it_stands() -> None:
    entries = [
        task("a", 3, "TERMINATED", "FAILED", attempt=1),
        task("a", 1, "TERMINATED", "SUCCESS"),
    ]
    script = Script(ok(run_id=9, job_id=5, state=state("TERMINATED"), tasks=entries))

    run = client(script).run(9)

    assert run is not None
    assert [(each.run_id, each.state.result) for each in run.tasks] == [(3, "FAILED")]


def test_why_a_task_ended_is_told() -> None:
    details = {"code": "CLUSTER_ERROR", "type": "CLOUD_FAILURE", "message": "no nodes"}
    entry = {**task("a", 1, "TERMINATED", "FAILED"), "status": {"termination_details": details}}
    script = Script(ok(run_id=9, job_id=5, tasks=[entry]))

    run = client(script).run(9)

    assert run is not None
    assert run.tasks[0].state == RemoteState(
        "TERMINATED", "FAILED", "no nodes", "CLUSTER_ERROR", "CLOUD_FAILURE"
    )


@pytest.mark.parametrize(
    "body",
    [
        {"tasks": [None, 5, {"task_key": 4, "run_id": "x", "state": []}], "state": "y"},
        {"tasks": {}, "job_id": "7", "run_page_url": None, "repair_history": [1]},
    ],
)
def test_a_strange_answer_is_no_traceback_and_no_end(body: dict[str, Any]) -> None:
    run = client(Script(ok(**body))).run(9)

    assert run is not None
    assert not run.state.has_ended


def test_a_run_that_is_not_there() -> None:
    gone = refused(400, "INVALID_PARAMETER_VALUE", "Run 9 does not exist.")

    assert client(Script(gone)).run(9) is None
    client(Script(gone)).cancel_run(9)
    with pytest.raises(Exception, match="Run 9 does not exist"):
        client(Script(gone)).task_output(9)


def test_output_and_page() -> None:
    found = {"result": "42", "truncated": True}
    script = Script(
        ok(notebook_output=found, error="E: x", error_trace="t"),
        ok(metadata={}),
        ok(views=[{"content": "<html>", "type": "NOTEBOOK"}]),
        ok(),
    )
    workspace = client(script)

    assert workspace.task_output(1) == TaskOutput("42", True, "E: x", "t")
    assert workspace.task_output(1) == TaskOutput()
    assert workspace.export_run(1) == "<html>"
    assert workspace.export_run(1) == ""


def test_the_active_runs_over_all_pages() -> None:
    script = Script(ok(runs=[{"run_id": 1}], next_page_token="x"), ok(runs=[{"run_id": 2}]))

    assert client(script).active_run_ids(5) == [1, 2]


def history(*repairs: int) -> Answer:
    entries = [{"type": "ORIGINAL"}, *({"type": "REPAIR", "id": each} for each in repairs)]
    return ok(run_id=9, job_id=5, state=state("TERMINATED"), repair_history=entries)


def test_a_repair_says_which_one_it_follows() -> None:
    script = Script(history(70), ok(repair_id=71))

    assert client(script).repair_run(9, ["a"]) == 71

    assert script.asked == [
        ("runs/get", {"run_id": 9, "include_history": True}),
        ("runs/repair", {"run_id": 9, "rerun_tasks": ["a"], "latest_repair_id": 70}),
    ]


def test_a_repair_whose_answer_is_lost_is_looked_for_before_it_is_asked_again() -> None:
    done = Script(history(), CUT, history(71))
    assert client(done).repair_run(9, ["a"]) == 71

    undone = Script(history(), CUT, history(), ok(repair_id=72))
    assert client(undone).repair_run(9, ["a"]) == 72


def test_a_repair_that_came_late_refuses_the_second_and_counts() -> None:
    busy = refused(400, "INVALID_STATE", "The run is in progress.")
    script = Script(history(), CUT, history(), busy, history(71))

    assert client(script).repair_run(9, ["a"]) == 71


def test_a_repair_that_is_refused_or_never_answered() -> None:
    with pytest.raises(RejectedError, match="in progress"):
        client(Script(history(), refused(400, "INVALID_STATE", "in progress"))).repair_run(9, [])
    with pytest.raises(UnavailableError):
        client(Script(history(), *[CUT, history()] * 4)).repair_run(9, [])
