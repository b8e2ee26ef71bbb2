"""Runs of jobs as the unmodified SDK sees them, over tasks that end when the test says so."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.config import Config
from databricks.sdk.errors import DatabricksError, InvalidParameterValue
from databricks.sdk.service.jobs import (
    JobParameterDefinition,
    NotebookTask,
    QueueSettings,
    Run,
    RunIf,
    SparkPythonTask,
    SubmitTask,
    Task,
    TaskDependency,
)

from emulator_client import send
from fake_executor import FakeExecutor
from pytest_dbxgate.emulator.executing import RanCell, Report, TaskEnd, TaskRun
from pytest_dbxgate.emulator.server import Running, start
from pytest_dbxgate.emulator.store import Rows
from pytest_dbxgate.execution.cluster import export
from test_emulator_sdk import NoTime

MANY = (
    "Retrieving the output of runs with multiple tasks is not supported. Please retrieve the "
    "output of each individual task run instead."
)


EPOCH = 1_800_000_000.0


class Time:
    def __init__(self) -> None:
        self.now = EPOCH

    def __call__(self) -> float:
        return self.now


class World:
    """A workspace whose notebooks a test ends."""

    beginning: Rows

    def __init__(self, data: Path) -> None:
        self.data = data
        self.time = Time()
        self.open()

    def open(self) -> None:
        self.fake = FakeExecutor()
        self.running: Running = start(
            self.data, executor=lambda contents: self.fake, clock=self.time
        )
        config = Config(
            host=self.running.host,
            token=self.running.token,
            auth_type="pat",
            clock=NoTime(),  # type: ignore[arg-type]
        )
        self.client = WorkspaceClient(config=config)

    def job(self, *tasks: Task | str, **settings: Any) -> int:
        made = [task if isinstance(task, Task) else note(task) for task in tasks]
        job_id = self.client.jobs.create(name="a job", tasks=made, **settings).job_id
        assert job_id is not None
        return job_id

    def run_now(self, job_id: int, **more: Any) -> int:
        run_id = self.client.jobs.run_now(job_id, **more).run_id
        assert run_id is not None
        return run_id

    def begin(self, *tasks: Task | str, **settings: Any) -> int:
        """A new job's run."""
        return self.run_now(self.job(*tasks, **settings))

    def after(self, seconds: float) -> None:
        self.time.now += seconds
        self.running.tick()

    def run(self, run_id: int) -> Run:
        return self.client.jobs.get_run(run_id)

    def state(self, run_id: int) -> str:
        return told(self.run(run_id))

    def tasks(self, run_id: int) -> dict[str, str]:
        return {task.task_key: told(task) for task in self.run(run_id).tasks or []}

    def attempt(self, run_id: int, key: str) -> int:
        """The id of a task's last attempt."""
        found = [task.run_id for task in self.run(run_id).tasks or [] if task.task_key == key]
        assert found[-1] is not None
        return found[-1]

    def cells(self, run_id: int) -> tuple[export.ExportedCell, ...]:
        (view,) = self.client.jobs.export_run(self.attempt(run_id, "a")).views or []
        assert view.content is not None
        return export.cells(view.content)


def note(key: str, after: str = "", **fields: Any) -> Task:
    """A task with a notebook of its own name."""
    depends = [TaskDependency(each) for each in after.split()]
    notebook = fields.pop("notebook_task", NotebookTask(f"/Shared/{key}"))
    return Task(task_key=key, depends_on=depends, notebook_task=notebook, **fields)


def told(one: Any) -> str:
    """The states of both forms, in short."""
    state = one.state
    result = state.result_state.value if state.result_state else ""
    text = f"{state.life_cycle_state.value} {result}".strip()
    details = one.status.termination_details if one.status else None
    return f"{text} ({details.code.value}, {details.type.value})" if details else text


OK = "TERMINATED SUCCESS (SUCCESS, SUCCESS)"
FAILED = "TERMINATED FAILED (RUN_EXECUTION_ERROR, CLIENT_ERROR)"
CANCELED = "TERMINATED CANCELED (USER_CANCELED, CLIENT_ERROR)"
SKIPPED = "SKIPPED MAXIMUM_CONCURRENT_RUNS_REACHED (MAX_CONCURRENT_RUNS_EXCEEDED, CLIENT_ERROR)"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("workspace"))
    world.beginning = world.running.snapshot()
    yield world
    world.running.stop()
    assert world.fake.is_closed


@pytest.fixture
def world(served: World) -> World:
    """As at the beginning, but that no run gets the number of an earlier one."""
    served.running.restore(served.beginning)
    served.fake.reset()
    served.time.now = EPOCH
    return served


# -- starting ------------------------------------------------------------------------------


def test_a_run_from_its_start_to_its_end(world: World) -> None:
    run_id = world.begin("a", note("b", "a"))
    assert world.state(run_id) == "PENDING"
    assert world.tasks(run_id) == {"a": "PENDING", "b": "BLOCKED"}
    world.fake.begin("a")
    assert world.state(run_id) == "RUNNING"
    assert world.fake.keys() == ["a"]
    world.time.now += 5
    world.fake.end("a")
    assert world.tasks(run_id) == {"a": OK, "b": "PENDING"}
    assert world.state(run_id) == "RUNNING"
    world.fake.end("b")
    run = world.run(run_id)
    assert told(run) == OK
    assert run.run_duration == 5000
    assert run.tasks is not None and run.tasks[0].execution_duration == 5000
    assert run.run_page_url and run.tasks[0].run_page_url
    assert run.creator_user_name == "developer@example.com"
    assert world.fake.forgotten == [run_id]


def test_the_sdk_waits_for_a_run(world: World) -> None:
    waiter = world.client.jobs.run_now(world.job("a"))
    world.fake.end("a")
    assert told(waiter.result()) == OK


def test_the_same_token_starts_nothing_anew(world: World) -> None:
    job_id = world.job("a")
    token = "t" * 64
    run_id = world.run_now(job_id, idempotency_token=token)
    assert world.run_now(job_id, idempotency_token=token) == run_id
    world.fake.end("a")
    assert world.run_now(job_id, idempotency_token=token) == run_id
    assert world.fake.keys() == ["a"]
    world.client.jobs.delete_run(run_id)
    with pytest.raises(InvalidParameterValue, match="idempotency token was deleted"):
        world.run_now(job_id, idempotency_token=token)


def test_a_token_that_is_too_long_is_refused(world: World) -> None:
    with pytest.raises(InvalidParameterValue, match="longer than 64 characters"):
        world.run_now(world.job("a"), idempotency_token="t" * 65)
    assert world.fake.keys() == []


def test_a_jobs_parameter_beats_the_tasks(world: World) -> None:
    notebook = NotebookTask("/Shared/a", {"day": "task", "own": "kept", "file": "{{job.id}}"})
    defaults = [JobParameterDefinition("day", "job"), JobParameterDefinition("where", "default")]
    job_id = world.job(note("a", notebook_task=notebook), parameters=defaults)
    world.run_now(job_id, job_parameters={"where": "given"})
    assert world.fake.task("a").parameters == {
        "day": "job",
        "own": "kept",
        "file": str(job_id),
        "where": "given",
    }


def test_references_are_filled_in(world: World) -> None:
    wanted = {
        "run": "{{job.run_id}}",
        "name": "{{ job.name }}/{{task.name}}",
        "day": "{{job.start_time.iso_date}}",
        "job": "{{job.parameters.day}}",
        "rows": "{{tasks.a.values.rows}}",
        "before": "{{tasks.a.result_state}}",
        "unknown": "{{no.such.thing}}",
    }
    days = [JobParameterDefinition("day", "{{job.start_time.iso_date}}")]
    task = note("b", "a", notebook_task=NotebookTask("/Shared/b", wanted))
    run_id = world.begin("a", task, parameters=days)
    world.fake.end("a", task_values={"rows": 3})
    given = world.fake.task("b")
    assert given.parameters == {
        "run": str(run_id),
        "name": "a job/b",
        "day": "2027-01-15",
        "job": "2027-01-15",
        "rows": "3",
        "before": "success",
        "unknown": "{{no.such.thing}}",
    }
    assert given.task_values == {"a": {"rows": 3}}


def test_what_was_filled_in_is_not_looked_at_again(world: World) -> None:
    wanted = {"twice": "{{tasks.a.values.x}}", "job": "{{job.parameters.name}}"}
    task = note("b", "a", notebook_task=NotebookTask("/Shared/b", wanted))
    world.begin("a", task, parameters=[JobParameterDefinition("name", "{{tasks.a.values.x}}")])
    world.fake.end("a", task_values={"x": "{{job.id}}"})
    assert set(world.fake.task("b").parameters.values()) == {"{{job.id}}"}


def test_what_a_notebook_is_told_of_its_run(world: World) -> None:
    job_id = world.job("a")
    run_id = world.run_now(job_id)
    task = world.fake.task("a")
    assert (task.path, task.job_run_id) == ("/Shared/a", run_id)
    assert task.context == {
        "jobId": str(job_id),
        "jobRunId": str(run_id),
        "runId": str(task.run_id),
        "currentRunId": str(task.run_id),
        "taskKey": "a",
        "user": "developer@example.com",
    }


def test_a_submitted_run_has_no_job(world: World) -> None:
    tasks = [SubmitTask("a", notebook_task=NotebookTask("/Workspace/Shared/a"))]
    waiter = world.client.jobs.submit(run_name="once", tasks=tasks, idempotency_token="x")
    again = world.client.jobs.submit(run_name="once", tasks=tasks, idempotency_token="x")
    assert waiter.run_id == again.run_id
    assert world.fake.task("a").path == "/Shared/a"
    world.fake.end("a")
    run = waiter.result()
    assert (told(run), run.run_name, run.job_id, run.run_type.value) == (  # type: ignore[union-attr]
        OK,
        "once",
        0,
        "SUBMIT_RUN",
    )
    assert world.running.dump().jobs == {}


@pytest.mark.parametrize(
    "task",
    [
        {"task_key": "a", "job_cluster_key": "c", "notebook_task": {"notebook_path": "/a"}},
        {"task_key": "a", "spark_python_task": {"python_file": "/a.py"}},
    ],
)
def test_a_submitted_run_needs_a_cluster_of_its_own(world: World, task: dict[str, Any]) -> None:
    reply = send(world.running, "POST", "/api/2.2/jobs/runs/submit", {"tasks": [task]})
    assert reply is not None
    assert (reply.status, reply.body["message"]) == (
        400,
        "One of job_cluster_key, new_cluster, or existing_cluster_id must be specified.",
    )


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("run-now", {}, "Missing required field: job_id"),
        ("run-now", {"job_id": 1234}, "Job 1234 does not exist."),
        ("runs/cancel", {"run_id": 1234}, "Run 1234 does not exist."),
        ("runs/delete", {"run_id": 1234}, "Run 1234 does not exist."),
        ("runs/repair", {"run_id": 1234}, "Run 1234 does not exist."),
        ("runs/cancel-all", {}, "Missing required field: job_id"),
    ],
)
def test_what_is_not_there_is_told(
    world: World, path: str, body: dict[str, Any], message: str
) -> None:
    reply = send(world.running, "POST", f"/api/2.2/jobs/{path}", body)
    assert reply is not None
    assert (reply.status, reply.body["message"]) == (400, message)


@pytest.mark.parametrize("path", ["get", "get-output", "export"])
def test_a_missing_run_is_told(world: World, path: str) -> None:
    reply = send(world.running, "GET", f"/api/2.2/jobs/runs/{path}", run_id="1234")
    assert reply is not None
    assert (reply.status, reply.body["message"]) == (400, "Run 1234 does not exist.")


@pytest.mark.parametrize(
    "task",
    [
        {"run_if": "SOMETIMES"},
        {"timeout_seconds": "soon"},
        {"max_retries": "many"},
        {"notebook_task": {"notebook_path": "/a", "base_parameters": ["a"]}},
    ],
    ids=str,
)
def test_settings_that_could_not_run_are_refused(world: World, task: dict[str, Any]) -> None:
    body = {"tasks": [{"task_key": "a", "notebook_task": {"notebook_path": "/a"}, **task}]}
    reply = send(world.running, "POST", "/api/2.2/jobs/create", body)
    assert reply is not None
    assert (reply.status, reply.body["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


# -- how it ends ---------------------------------------------------------------------------


def test_a_failure_and_what_follows_from_it(world: World) -> None:
    tasks = ["a", note("b", "a"), note("c", "a", run_if=RunIf.AT_LEAST_ONE_FAILED)]
    run_id = world.begin(*tasks, note("d", "c", run_if=RunIf.ALL_FAILED))
    world.fake.end("a", "FAILED", error="ValueError: no", trace="line 1\nValueError: no")
    world.fake.end("c")
    assert world.tasks(run_id) == {
        "a": FAILED,
        "b": "TERMINATED UPSTREAM_FAILED (SKIPPED, CLIENT_ERROR)",
        "c": OK,
        "d": "TERMINATED EXCLUDED (SKIPPED, SUCCESS)",
    }
    run = world.run(run_id)
    assert told(run) == FAILED
    assert run.tasks is not None and run.tasks[0].state is not None
    assert run.tasks[0].state.state_message == "Workload failed, see run output for details"


def test_success_with_failures(world: World) -> None:
    run_id = world.begin("a", note("b", "a", run_if=RunIf.ALL_DONE))
    world.fake.end("a", "FAILED")
    world.fake.end("b")
    assert world.state(run_id) == (
        "TERMINATED SUCCESS_WITH_FAILURES (SUCCESS_WITH_FAILURES, SUCCESS)"
    )


def test_retries_are_several_entries_of_one_task(world: World) -> None:
    run_id = world.begin(note("a", max_retries=1, min_retry_interval_millis=1000), note("b", "a"))
    world.fake.end("a", "FAILED")
    world.after(0.9)
    assert world.fake.keys() == ["a"]
    world.after(0.1)
    world.fake.end("a")
    found = [(one.task_key, one.attempt_number, told(one)) for one in world.run(run_id).tasks or []]
    assert found == [("a", 0, FAILED), ("b", 0, "PENDING"), ("a", 1, OK)]


def test_a_task_that_takes_too_long_is_stopped(world: World) -> None:
    run_id = world.begin(note("a", timeout_seconds=60))
    world.fake.begin("a")
    world.after(60)
    assert world.state(run_id) == "RUNNING"
    world.after(1)
    assert world.state(run_id) == "TERMINATED TIMEDOUT (CANCELED, CLIENT_ERROR)"
    assert world.fake.cancelled == [world.fake.task("a").run_id]
    world.fake.end("a", "CANCELED")
    assert world.state(run_id).startswith("TERMINATED TIMEDOUT")


def test_a_job_that_takes_too_long_is_stopped(world: World) -> None:
    run_id = world.begin("a", note("b", "a"), timeout_seconds=60)
    world.fake.begin("a")
    world.after(61)
    assert world.state(run_id) == "TERMINATING"
    world.fake.end("a", "CANCELED")
    assert world.state(run_id).startswith("TERMINATED TIMEDOUT")


def test_a_time_out_needs_nobody_who_looks(world: World) -> None:
    """The clock is looked at in the background; twice, for the thread ends in between."""
    for _ in range(2):
        run_id = world.begin(note("a", timeout_seconds=60))
        world.fake.begin("a")
        world.time.now += 61
        for _ in range(1000):
            if world.state(run_id) != "RUNNING":
                break
        assert world.state(run_id).startswith("TERMINATED TIMEDOUT")


def test_the_platforms_failure_is_an_internal_error(world: World) -> None:
    run_id = world.begin("a")
    world.fake.end("a", "FAILED", message="No nodes left", code="CLUSTER_ERROR")
    assert world.tasks(run_id) == {"a": "INTERNAL_ERROR FAILED (CLUSTER_ERROR, CLOUD_FAILURE)"}
    run = world.run(run_id)
    assert run.state is not None and run.state.life_cycle_state is not None
    assert run.state.life_cycle_state.value == "INTERNAL_ERROR"
    assert run.state.state_message == "No nodes left"


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (
            Task("a", spark_python_task=SparkPythonTask("/a.py")),
            "The embedded workspace runs no spark_python_task.",
        ),
        (Task("a"), "The embedded workspace runs no task of this kind."),
        (
            Task("a", notebook_task=NotebookTask("/Shared/../a")),
            "Path (/Shared/../a) is not valid",
        ),
    ],
)
def test_a_task_that_cannot_run_here_says_so(world: World, task: Task, message: str) -> None:
    waiter = world.client.jobs.run_now(world.job(task))
    run = wait(world, waiter.run_id)
    assert run.state is not None and run.state.state_message == message
    assert told(run.tasks[0]) == (  # type: ignore[index]
        "INTERNAL_ERROR FAILED (INVALID_RUN_CONFIGURATION, INTERNAL_ERROR)"
    )
    assert world.fake.keys() == []


def wait(world: World, run_id: int) -> Run:
    """What ends by a thread of the workspace."""
    for _ in range(1000):
        run = world.run(run_id)
        if run.end_time:
            return run
    raise AssertionError("it does not end")


# -- reading -------------------------------------------------------------------------------


def test_more_than_a_hundred_tasks_come_in_pages(world: World) -> None:
    run_id = world.begin(*(f"t{number}" for number in range(250)))
    found = [
        send(world.running, "GET", "/api/2.2/jobs/runs/get", run_id=str(run_id), page_token=token)
        for token in ("0", "100", "200")
    ]
    assert [len(reply.body["tasks"]) for reply in found if reply] == [100, 100, 50]
    assert [reply.body.get("next_page_token") for reply in found if reply] == ["100", "200", None]
    assert [one.task_key for one in world.run(run_id).tasks or []] == [
        f"t{number}" for number in range(250)
    ]
    bad = send(world.running, "GET", "/api/2.2/jobs/runs/get", run_id=str(run_id), page_token="x")
    assert bad is not None and bad.status == 400


def test_a_task_is_told_by_its_own_id(world: World) -> None:
    run_id = world.begin("a", "b")
    run = world.run(world.attempt(run_id, "b"))
    assert (run.run_id, run.run_name) == (world.attempt(run_id, "b"), "b")
    assert told(run) == "PENDING"


def test_the_output_of_a_task(world: World) -> None:
    run_id = world.begin("a", "b")
    world.fake.end("a", value="42")
    world.fake.end("b", "FAILED", error="ValueError: no", trace="line 1\nValueError: no")
    output = world.client.jobs.get_run_output(world.attempt(run_id, "a"))
    assert output.notebook_output is not None
    assert (output.notebook_output.result, output.notebook_output.truncated) == ("42", False)
    assert (output.error, output.error_trace) == (None, None)
    assert output.metadata is not None and told(output.metadata) == OK
    output = world.client.jobs.get_run_output(world.attempt(run_id, "b"))
    assert output.notebook_output is not None and output.notebook_output.result is None
    assert (output.error, output.error_trace) == ("ValueError: no", "line 1\nValueError: no")


@pytest.mark.parametrize("tasks", [("a",), ("a", "b")])
def test_a_run_has_no_output_of_its_own(world: World, tasks: tuple[str, ...]) -> None:
    run_id = world.begin(*tasks)
    for call in (world.client.jobs.get_run_output, world.client.jobs.export_run):
        with pytest.raises(InvalidParameterValue) as caught:
            call(run_id)
        assert str(caught.value) == MANY


def test_each_attempt_has_its_output(world: World) -> None:
    run_id = world.begin(note("a", max_retries=1))
    first = world.attempt(run_id, "a")
    assert world.client.jobs.get_run_output(first).error is None
    world.fake.end("a", "FAILED", error="first")
    world.fake.end("a", "FAILED", error="second")
    assert world.client.jobs.get_run_output(first).error == "first"
    assert world.client.jobs.get_run_output(world.attempt(run_id, "a")).error == "second"


def test_a_long_result_is_cut(world: World) -> None:
    run_id = world.begin("a")
    world.fake.end("a", value="x" * (5 * 1024 * 1024 + 1))
    output = world.client.jobs.get_run_output(world.attempt(run_id, "a")).notebook_output
    assert output is not None and output.result is not None
    assert (len(output.result), output.truncated) == (5 * 1024 * 1024, True)


def test_the_page_of_a_run_is_read_back(world: World) -> None:
    run_id = world.begin("a")
    with pytest.raises(DatabricksError, match="active run"):
        world.cells(run_id)
    cells = [
        RanCell("x = '<b>&amp;</b> ü %'", output="printed <i>\n", start=1000, end=2500),
        RanCell("1 / 0", "error", "ZeroDivisionError: <0>", "line 1\nline <2>"),
    ]
    world.fake.end("a", "FAILED", cells=cells, error="ZeroDivisionError: <0>", trace="t")
    first, second = world.cells(run_id)
    assert (first.source, first.output, first.seconds) == (
        "x = '<b>&amp;</b> ü %'",
        "printed <i>\n",
        1.5,
    )
    assert (second.number, second.has_failed, second.summary, second.trace) == (
        2,
        True,
        "ZeroDivisionError: <0>",
        "line 1\nline <2>",
    )


def test_what_is_no_notebook_has_no_page(world: World) -> None:
    run_id = world.begin(Task("a", spark_python_task=SparkPythonTask("/a.py")))
    wait(world, run_id)
    with pytest.raises(InvalidParameterValue, match="is not a notebook run"):
        world.cells(run_id)


def test_runs_are_listed_the_newest_first(world: World) -> None:
    job_id = world.job("a", max_concurrent_runs=100)
    runs = [world.run_now(job_id) for _ in range(30)]
    world.fake.end("a")
    other = world.begin("b")

    def ids(**wanted: Any) -> list[int | None]:
        return [run.run_id for run in world.client.jobs.list_runs(**wanted)]

    assert ids() == [other, *reversed(runs)]
    assert ids(job_id=job_id, active_only=True) == list(reversed(runs[:-1]))
    assert ids(completed_only=True) == [runs[-1]]
    reply = send(world.running, "GET", "/api/2.2/jobs/runs/list", limit="25")
    assert reply is not None
    assert (len(reply.body["runs"]), reply.body["has_more"]) == (25, True)
    reply = send(world.running, "GET", "/api/2.2/jobs/runs/list", limit="26")
    assert reply is not None and reply.status == 400
    (done,) = world.client.jobs.list_runs(completed_only=True)
    assert told(done) == OK


# -- stopping ------------------------------------------------------------------------------


def test_a_cancel_is_asynchronous(world: World) -> None:
    run_id = world.begin("a", note("b", "a"), note("c", "a", run_if=RunIf.ALL_DONE))
    world.fake.begin("a")
    world.client.jobs.cancel_run(run_id)
    assert world.state(run_id) == "TERMINATING"
    assert world.tasks(run_id) == {"a": "TERMINATING", "b": CANCELED, "c": CANCELED}
    assert world.fake.cancelled == [world.fake.task("a").run_id]
    world.client.jobs.cancel_run(run_id)
    assert len(world.fake.cancelled) == 1
    # It ended by itself just then.
    world.fake.end("a", "SUCCESS", value="done")
    assert world.state(run_id) == CANCELED
    assert world.tasks(run_id)["a"] == CANCELED
    world.client.jobs.cancel_run(run_id)
    assert world.state(run_id) == CANCELED


def test_all_runs_of_a_job_are_cancelled(world: World) -> None:
    job_id = world.job("a", max_concurrent_runs=2)
    runs = [world.run_now(job_id), world.run_now(job_id)]
    other = world.begin("b")
    world.client.jobs.cancel_all_runs(job_id=job_id)
    assert [world.state(run_id) for run_id in runs] == ["TERMINATING", "TERMINATING"]
    assert world.state(other) == "PENDING"


def test_an_active_run_is_not_deleted(world: World) -> None:
    run_id = world.begin("a")
    with pytest.raises(DatabricksError, match="is active"):
        world.client.jobs.delete_run(run_id)
    task_id = world.attempt(run_id, "a")
    world.fake.end("a")
    with pytest.raises(InvalidParameterValue, match=f"is a task of run {run_id}"):
        world.client.jobs.delete_run(task_id)
    world.client.jobs.delete_run(run_id)
    for gone in (run_id, task_id):
        with pytest.raises(DatabricksError, match="does not exist"):
            world.run(gone)


def test_a_job_that_is_deleted_while_it_runs(world: World) -> None:
    job_id = world.job("a", note("b", "a"))
    run_id = world.run_now(job_id)
    world.client.jobs.delete(job_id)
    world.fake.end("a")
    world.fake.end("b")
    assert world.state(run_id) == OK


# -- how many at once ----------------------------------------------------------------------


@pytest.mark.parametrize("most", [None, 1, 2])
def test_one_too_many_is_skipped(world: World, most: int | None) -> None:
    job_id = world.job("a", max_concurrent_runs=most)
    runs = [world.run_now(job_id) for _ in range((most or 1) + 1)]
    assert [world.state(run_id) for run_id in runs] == ["PENDING"] * (most or 1) + [SKIPPED]
    with pytest.raises(InvalidParameterValue, match="has no output"):
        world.client.jobs.get_run_output(runs[-1])
    world.fake.end("a")
    assert world.state(world.run_now(job_id)) == "PENDING"


def test_no_run_at_all(world: World) -> None:
    assert world.state(world.begin("a", max_concurrent_runs=0)) == SKIPPED


def test_a_run_put_in_by_hand_counts(world: World) -> None:
    job_id = world.job("a")
    world.running.add_run(job_id)
    assert world.state(world.run_now(job_id)) == SKIPPED


def test_the_queue_is_worked_off_in_order(world: World) -> None:
    job_id = world.job("a", queue=QueueSettings(enabled=True))
    runs = [world.run_now(job_id) for _ in range(4)]
    assert [world.state(run_id) for run_id in runs] == ["PENDING", "QUEUED", "QUEUED", "QUEUED"]
    assert world.tasks(runs[1]) == {"a": "BLOCKED"}
    world.client.jobs.cancel_run(runs[1])
    assert world.state(runs[1]) == CANCELED
    world.fake.end("a", "FAILED")
    assert [world.state(run_id) for run_id in runs[2:]] == ["PENDING", "QUEUED"]
    world.fake.end("a")
    world.fake.end("a")
    assert [world.state(run_id) for run_id in runs] == [FAILED, CANCELED, OK, OK]


@pytest.mark.parametrize("queue", ["yes", {}, {"enabled": False}, None], ids=str)
def test_what_is_no_queue_skips(world: World, queue: object) -> None:
    job_id = world.job("a")
    world.run_now(job_id)
    body = {"job_id": job_id, "queue": queue}
    reply = send(world.running, "POST", "/api/2.2/jobs/run-now", body)
    assert reply is not None and reply.status == 200
    assert world.state(reply.body["run_id"]) == SKIPPED


def test_the_queue_alone_is_cancelled(world: World) -> None:
    job_id = world.job("a", queue=QueueSettings(enabled=True))
    runs = [world.run_now(job_id) for _ in range(3)]
    world.client.jobs.cancel_all_runs(all_queued_runs=True)
    assert [world.state(run_id) for run_id in runs] == ["PENDING", CANCELED, CANCELED]
    world.client.jobs.cancel_all_runs(job_id=job_id)
    world.fake.end("a", "CANCELED")
    assert world.fake.keys() == ["a"]


def test_jobs_without_tasks_in_a_queue(world: World) -> None:
    """They end at once, each in the midst of its predecessor's end."""
    job_id = world.job(queue=QueueSettings(enabled=True))
    by_hand = world.running.add_run(job_id)
    runs = [world.run_now(job_id) for _ in range(3)]
    assert world.state(runs[2]) == "QUEUED"
    world.running.end_run(by_hand)
    world.running.tick()
    assert [world.state(run_id) for run_id in runs] == [OK, OK, OK]


# -- repairs -------------------------------------------------------------------------------


def test_a_repair_runs_what_failed(world: World) -> None:
    run_id = world.begin("a", "b", note("c", "b"))
    with pytest.raises(DatabricksError, match="cannot be repaired now"):
        world.client.jobs.repair_run(run_id, rerun_all_failed_tasks=True)
    world.fake.end("a")
    world.fake.end("b", "FAILED")
    first = world.client.jobs.repair_run(run_id, rerun_all_failed_tasks=True).response
    assert world.state(run_id) == "PENDING"
    world.fake.end("b", "FAILED")
    assert world.fake.keys() == ["a", "b", "b"]
    for latest, words in ((None, "The latest repair ID needs"), (1234, "latest_repair_id")):
        with pytest.raises(InvalidParameterValue, match=words):
            world.client.jobs.repair_run(
                run_id, rerun_all_failed_tasks=True, latest_repair_id=latest
            )
    second = world.client.jobs.repair_run(
        run_id, rerun_tasks=["b", "c"], latest_repair_id=first.repair_id
    ).response
    world.fake.end("b")
    world.fake.end("c")
    run = world.client.jobs.get_run(run_id, include_history=True)
    assert told(run) == OK
    history = run.repair_history or []
    assert [(one.type.value, one.id) for one in history if one.type] == [
        ("ORIGINAL", None),
        ("REPAIR", first.repair_id),
        ("REPAIR", second.repair_id),
    ]
    assert [told(one) for one in history] == [FAILED, FAILED, OK]
    found = [(one.task_key, one.attempt_number, told(one).split()[1]) for one in run.tasks or []]
    assert found == [
        ("a", 0, "SUCCESS"),
        ("b", 0, "FAILED"),
        ("c", 0, "UPSTREAM_FAILED"),
        ("b", 1, "FAILED"),
        ("c", 1, "UPSTREAM_FAILED"),
        ("b", 2, "SUCCESS"),
        ("c", 2, "SUCCESS"),
    ]
    assert (history[2].task_run_ids or []) == [one.run_id for one in (run.tasks or [])[5:]]


def test_a_repair_with_what_depends_on_it(world: World) -> None:
    run_id = world.begin("a", note("b", "a"), note("c", "b"), "d")
    for key in "adbc":
        world.fake.end(key)
    world.client.jobs.repair_run(run_id, rerun_tasks=["a"], rerun_dependent_tasks=True)
    for key in "abc":
        world.fake.end(key)
    assert world.fake.keys() == ["a", "d", "b", "c", "a", "b", "c"]
    assert world.state(run_id) == OK


def test_a_repair_of_nothing_is_refused(world: World) -> None:
    run_id = world.begin("a")
    world.fake.end("a")
    with pytest.raises(InvalidParameterValue, match="no tasks to run again"):
        world.client.jobs.repair_run(run_id, rerun_all_failed_tasks=True)
    with pytest.raises(InvalidParameterValue, match="Task x does not exist"):
        world.client.jobs.repair_run(run_id, rerun_tasks=["x"])


# -- a workspace that stops, goes back, fails ----------------------------------------------


def test_what_ran_when_the_workspace_stopped_is_an_internal_error(tmp_path: Path) -> None:
    world = World(tmp_path)
    tasks = [note("a", max_retries=3), note("b", "a", run_if=RunIf.ALL_DONE)]
    job_id = world.job(*tasks, queue=QueueSettings(enabled=True))
    run_id, queued = world.run_now(job_id), world.run_now(job_id)
    world.fake.begin("a")
    world.running.stop()
    world.fake.end("a")
    world.open()
    assert world.fake.keys() == []
    for each in (run_id, queued):
        run = world.run(each)
        assert told(run).startswith("INTERNAL_ERROR FAILED")
        assert run.state is not None and run.state.state_message == (
            "The workspace was stopped, or put back to an earlier state, while this ran."
        )
        assert len(run.tasks or []) == 2
        assert {told(one) for one in run.tasks or []} == {
            "INTERNAL_ERROR FAILED (INTERNAL_ERROR, INTERNAL_ERROR)"
        }
    again = world.run_now(job_id)
    assert again not in (run_id, queued)
    world.running.stop()


def test_what_had_ended_before_a_stop_stays(tmp_path: Path) -> None:
    world = World(tmp_path)
    run_id = world.begin("a", note("b", "a"))
    world.fake.end("a", value="1")
    world.running.stop()
    world.open()
    assert world.tasks(run_id) == {
        "a": OK,
        "b": "INTERNAL_ERROR FAILED (INTERNAL_ERROR, INTERNAL_ERROR)",
    }
    output = world.client.jobs.get_run_output(world.attempt(run_id, "a")).notebook_output
    assert output is not None and output.result == "1"
    world.client.jobs.repair_run(run_id, rerun_all_failed_tasks=True)
    world.fake.end("b")
    assert world.state(run_id) == OK
    world.running.stop()


def test_going_back_while_something_runs(world: World) -> None:
    job_id = world.job("a")
    before = world.running.snapshot()
    first = world.run_now(job_id)
    stale = world.fake.begin("a")
    while_it_runs = world.running.snapshot()

    world.running.restore(before)
    assert world.fake.cancelled == [stale.run_id]
    with pytest.raises(DatabricksError, match="does not exist"):
        world.run(first)
    second = world.run_now(job_id)
    assert second != first
    new = world.fake.task("a")
    assert new.run_id != stale.run_id
    # What still runs of then says so now, and nobody minds.
    world.fake.report(stale.run_id)
    assert world.state(second) == "PENDING"
    world.fake.end("a")
    assert world.state(second) == OK

    world.running.restore(while_it_runs)
    assert world.state(first).startswith("INTERNAL_ERROR FAILED")
    assert world.state(world.run_now(job_id)) == "PENDING"


RUN_NOW = {"route": "jobs/run-now"}


def test_a_lost_answer_of_run_now(world: World) -> None:
    job_id = world.job("a")
    world.running.add_faults({"match": RUN_NOW, "do": "lose-answer"})
    run_id = world.run_now(job_id, idempotency_token="x")
    assert world.fake.keys() == ["a"]
    assert [run.run_id for run in world.client.jobs.list_runs()] == [run_id]


def test_a_run_now_that_comes_late(world: World) -> None:
    job_id = world.job("a")
    world.running.add_faults({"match": RUN_NOW, "do": "late", "after": 2})
    run_id = world.run_now(job_id, idempotency_token="x")
    assert world.state(run_id) == "PENDING"
    assert world.fake.keys() == ["a"]
    assert [entry.fault for entry in world.running.log()].count("late-applied") == 1


def test_a_stale_read_of_a_run(world: World) -> None:
    """It sees what was before the last request that changed something, whatever ended since."""
    job_id = world.job("a", note("b", "a"))
    run_id = world.run_now(job_id)
    world.fake.end("a")
    world.client.jobs.cancel_run(run_id)
    world.fake.end("b", "CANCELED")
    stale = {"match": {"route": "jobs/runs/get"}, "do": "stale"}
    world.running.add_faults(stale)
    assert world.state(run_id) == "RUNNING"
    assert world.state(run_id) == CANCELED


def test_a_stale_read_of_an_object_while_something_runs(world: World) -> None:
    world.begin(note("a", timeout_seconds=60))
    world.client.workspace.mkdirs("/Shared/new")
    world.fake.end("a")
    world.running.add_faults({"match": {"route": "workspace/get-status"}, "do": "stale"})
    with pytest.raises(DatabricksError, match="doesn't exist"):
        world.client.workspace.get_status("/Shared/new")


ROUTES = {
    "run-now": lambda world, ids: world.client.jobs.run_now(ids[0], idempotency_token="y"),
    "runs/submit": lambda world, ids: world.client.jobs.submit(
        tasks=[SubmitTask("s", notebook_task=NotebookTask("/s"))], idempotency_token="z"
    ),
    "runs/get": lambda world, ids: world.client.jobs.get_run(ids[1]),
    "runs/list": lambda world, ids: list(world.client.jobs.list_runs()),
    "runs/get-output": lambda world, ids: world.client.jobs.get_run_output(
        world.attempt(ids[1], "a")
    ),
    "runs/export": lambda world, ids: world.client.jobs.export_run(world.attempt(ids[1], "a")),
    "runs/cancel": lambda world, ids: world.client.jobs.cancel_run(ids[1]),
    "runs/cancel-all": lambda world, ids: world.client.jobs.cancel_all_runs(job_id=ids[0]),
    "runs/repair": lambda world, ids: world.client.jobs.repair_run(ids[1], rerun_tasks=["a"]),
    "runs/delete": lambda world, ids: world.client.jobs.delete_run(ids[1]),
}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("status", [429, 503])
def test_the_sdk_tries_again(world: World, route: str, status: int) -> None:
    job_id = world.job("a")
    run_id = world.run_now(job_id)
    world.fake.end("a", value="1")
    rule = {"match": {"route": f"jobs/{route}"}, "do": "status", "status": status}
    world.running.add_faults(rule | {"retry_after": 1, "times": 2})
    ROUTES[route](world, (job_id, run_id))
    found = [entry.status for entry in world.running.log() if entry.route == f"jobs/{route}"]
    assert found[-3:] == [status, status, 200]


@pytest.mark.parametrize("route", ROUTES)
def test_a_cut_connection_changes_nothing(world: World, route: str) -> None:
    job_id = world.job("a")
    run_id = world.run_now(job_id)
    world.fake.end("a", value="1")
    before = world.running.snapshot()
    rule = {"match": {"route": f"jobs/{route}"}, "do": "status", "status": 500, "times": -1}
    world.running.add_faults(rule)
    with pytest.raises(DatabricksError):
        ROUTES[route](world, (job_id, run_id))
    assert world.running.snapshot() == before


def test_a_strangers_token_starts_nothing(world: World) -> None:
    job_id = world.job("a")
    reply = send(
        world.running,
        "POST",
        "/api/2.2/jobs/run-now",
        {"job_id": job_id},
        headers={"Authorization": "Bearer wrong"},
    )
    assert reply is not None and reply.status == 403
    assert world.fake.keys() == []


def test_a_workspace_that_runs_nothing(tmp_path: Path) -> None:
    from pytest_dbxgate.emulator.executing import NoExecutor

    world = World(tmp_path / "a")
    world.running.stop()
    world.data = tmp_path / "b"
    with start(world.data, executor=lambda contents: NoExecutor()) as world.running:
        config = Config(host=world.running.host, token=world.running.token, auth_type="pat")
        world.client = WorkspaceClient(config=config)
        run = wait(world, world.begin("a"))
        assert run.state is not None and run.state.state_message == (
            "This workspace was started without anything to run notebooks."
        )


class Succeeds:
    """The example of docs/emulator.md."""

    def start(self, task: TaskRun, report: Report) -> None:
        end = TaskEnd("SUCCESS", value=task.parameters.get("day"))
        threading.Thread(target=report, args=(task.run_id, end)).start()

    def cancel(self, run_id: int) -> None: ...
    def forget(self, job_run_id: int) -> None: ...
    def close(self) -> None: ...


def test_an_executor_of_ones_own(tmp_path: Path) -> None:
    with start(tmp_path, executor=lambda contents: Succeeds()) as running:
        client = WorkspaceClient(host=running.host, token=running.token, auth_type="pat")
        task = note("a", notebook_task=NotebookTask("/Shared/a", {"day": "today"}))
        job_id = client.jobs.create(name="a job", tasks=[task]).job_id or 0
        run = client.jobs.run_now(job_id).result()
        assert told(run) == OK
        output = client.jobs.get_run_output((run.tasks or [])[0].run_id or 0).notebook_output
        assert output is not None and output.result == "today"


def test_runs_are_in_the_dump(world: World) -> None:
    run_id = world.begin("a")
    reply = send(world.running, "GET", "/_emulator/dump")
    assert reply is not None
    for found in (world.running.dump().runs[run_id], reply.body["runs"][str(run_id)]):
        assert found["state"]["life_cycle_state"] == "PENDING"
        assert [one["task_key"] for one in found["attempts"]] == ["a"]


def test_the_clock_over_http(world: World) -> None:
    run_id = world.begin(note("a", timeout_seconds=60))
    world.fake.begin("a")
    send(world.running, "POST", "/_emulator/clock", {"offset": 61})
    send(world.running, "POST", "/_emulator/tick")
    assert world.state(run_id).startswith("TERMINATED TIMEDOUT")
