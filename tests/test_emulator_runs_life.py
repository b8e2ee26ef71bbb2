"""Runs of jobs as the unmodified SDK meets them; notebooks end as the test says."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, ResourceDoesNotExist
from databricks.sdk.service import jobs
from databricks.sdk.service.jobs import (
    JobParameterDefinition,
    NotebookTask,
    RunIf,
    RunLifeCycleState,
    RunResultState,
    SubmitTask,
    Task,
    TaskDependency,
    ViewsToExport,
)

from pytest_dbxgate.emulator.executing import Executor, RanCell, Report, TaskEnd, TaskRun
from pytest_dbxgate.emulator.server import Contents, Running, start
from pytest_dbxgate.execution.cluster import export

OF_MANY = (
    "Retrieving the output of runs with multiple tasks is not supported. Please retrieve the "
    "output of each individual task run instead."
)


class Script:
    """An executor whose notebooks wait until the test ends them; ``ends`` end at once."""

    def __init__(self) -> None:
        self.ends: dict[str, TaskEnd] = {}
        self.started: dict[str, TaskRun] = {}
        self.cancelled: list[int] = []
        self._reports: dict[str, Report] = {}

    def start(self, task: TaskRun, report: Report) -> None:
        name = task.path.rpartition("/")[2]
        self.started[name], self._reports[name] = task, report

        def go() -> None:
            report(task.run_id, None)
            if name in self.ends:
                report(task.run_id, self.ends[name])

        threading.Thread(target=go, daemon=True).start()

    def cancel(self, run_id: int) -> None:
        self.cancelled.append(run_id)

    def forget(self, job_run_id: int) -> None:
        return

    def close(self) -> None:
        return

    def end(self, name: str, result: TaskEnd = TaskEnd("SUCCESS")) -> None:  # noqa: B008
        self._reports[name](self.started[name].run_id, result)


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def running(tmp_path: Path, script: Script) -> Iterator[Running]:
    def executor(contents: Contents) -> Executor:
        return script

    with start(tmp_path, executor=executor) as running:
        yield running


@pytest.fixture
def client(running: Running) -> WorkspaceClient:
    return WorkspaceClient(host=running.host, token=running.token, auth_type="pat")


def task(key: str, *after: str, **more: object) -> Task:
    return Task(
        task_key=key,
        notebook_task=NotebookTask(notebook_path=f"/Shared/{key}"),
        depends_on=[TaskDependency(task_key=each) for each in after] or None,
        **more,  # type: ignore[arg-type]
    )


def job(client: WorkspaceClient, *tasks: Task, **more: object) -> int:
    made = client.jobs.create(name="job", tasks=list(tasks), **more)  # type: ignore[arg-type]
    assert made.job_id is not None
    return made.job_id


def until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to pass")


def run_of(client: WorkspaceClient, job_id: int, **more: object) -> int:
    return client.jobs.run_now(job_id, **more).response.run_id  # type: ignore[arg-type,return-value]


def ended(client: WorkspaceClient, run_id: int) -> jobs.Run:
    until(lambda: state_of(client, run_id)[0] in ("TERMINATED", "INTERNAL_ERROR", "SKIPPED"))
    return client.jobs.get_run(run_id)


def state_of(client: WorkspaceClient, run_id: int) -> tuple[str, str]:
    state = client.jobs.get_run(run_id).state
    assert state is not None
    assert state.life_cycle_state is not None
    return state.life_cycle_state.value, state.result_state.value if state.result_state else ""


def results(run: jobs.Run) -> dict[str | None, str]:
    return {
        each.task_key: each.state.result_state.value
        for each in run.tasks or ()
        if each.state and each.state.result_state
    }


def test_a_run_from_its_start_to_its_output(client: WorkspaceClient, script: Script) -> None:
    run_id = run_of(client, job(client, task("a"), task("b", "a")))
    until(lambda: "a" in script.started)
    until(lambda: state_of(client, run_id) == ("RUNNING", ""))
    assert "b" not in script.started
    script.end("a", TaskEnd("SUCCESS", "5 rows", task_values={"rows": 5}))
    until(lambda: "b" in script.started)
    assert script.started["b"].task_values == {"a": {"rows": 5}}
    script.end("b")
    run = ended(client, run_id)
    assert results(run) == {"a": "SUCCESS", "b": "SUCCESS"}
    assert run.status is not None
    assert run.status.termination_details is not None
    assert run.status.termination_details.code is not None
    assert run.status.termination_details.code.value == "SUCCESS"
    first = next(each for each in run.tasks or () if each.task_key == "a")
    assert first.run_id is not None
    output = client.jobs.get_run_output(first.run_id)
    assert output.notebook_output is not None
    assert output.notebook_output.result == "5 rows"
    with pytest.raises(BadRequest) as told:
        client.jobs.get_run_output(run_id)
    assert str(told.value) == OF_MANY


def test_the_same_token_starts_nothing_anew(client: WorkspaceClient, script: Script) -> None:
    script.ends["a"] = TaskEnd("SUCCESS")
    job_id = job(client, task("a"))
    first = run_of(client, job_id, idempotency_token="t")
    ended(client, first)
    assert run_of(client, job_id, idempotency_token="t") == first
    assert run_of(client, job_id, idempotency_token="u") != first
    with pytest.raises(InvalidParameterValue, match="longer than 64"):
        client.jobs.run_now(job_id, idempotency_token="x" * 65)


def test_a_jobs_parameter_beats_that_of_its_task(client: WorkspaceClient, script: Script) -> None:
    base = {"day": "task", "country": "NL", "seen": "{{job.parameters.day}} {{job.id}}"}
    one = Task(
        task_key="a",
        notebook_task=NotebookTask(notebook_path="/Shared/a", base_parameters=base),
    )
    job_id = job(client, one, parameters=[JobParameterDefinition(name="day", default="job")])
    run_of(client, job_id, job_parameters={"day": "now"})
    until(lambda: "a" in script.started)
    assert script.started["a"].parameters == {
        "day": "now",
        "country": "NL",
        "seen": f"now {job_id}",
    }
    script.end("a")


def test_a_failure_has_error_trace_and_page(client: WorkspaceClient, script: Script) -> None:
    cells = (
        RanCell("x = 1", start=1000, end=2000),
        RanCell("check()", "error", "ValueError: no <rows>", "line 1\nValueError: no <rows>"),
    )
    script.ends["a"] = TaskEnd("FAILED", None, "ValueError: no <rows>", "line 1", cells=cells)
    run = ended(client, run_of(client, job(client, task("a"), task("b", "a"))))
    assert results(run) == {"a": "FAILED", "b": "UPSTREAM_FAILED"}
    assert run.tasks is not None
    assert run.tasks[0].state is not None
    assert run.tasks[0].state.state_message == "Workload failed, see run output for details"
    task_run = run.tasks[0].run_id
    assert task_run is not None
    output = client.jobs.get_run_output(task_run)
    assert (output.error, output.error_trace) == ("ValueError: no <rows>", "line 1")
    view = client.jobs.export_run(task_run, views_to_export=ViewsToExport.CODE).views
    assert view is not None
    found = export.cells(view[0].content or "")
    assert [(cell.number, cell.source) for cell in found] == [(1, "x = 1"), (2, "check()")]
    bad = export.failed(found)
    assert bad is not None
    assert (bad.number, bad.summary) == (2, "ValueError: no <rows>")
    assert found[0].seconds == 1.0


def test_a_cancel_takes_a_moment(client: WorkspaceClient, script: Script) -> None:
    run_id = run_of(client, job(client, task("a"), task("b", "a")))
    until(lambda: state_of(client, run_id)[0] == "RUNNING")
    client.jobs.cancel_run(run_id)
    assert state_of(client, run_id) == ("TERMINATING", "")
    assert script.cancelled == [script.started["a"].run_id]
    script.end("a", TaskEnd("CANCELED"))
    run = ended(client, run_id)
    assert results(run) == {"a": "CANCELED", "b": "CANCELED"}
    client.jobs.cancel_run(run_id)
    assert state_of(client, run_id) == ("TERMINATED", "CANCELED")


def test_all_runs_of_a_job_are_cancelled(client: WorkspaceClient, script: Script) -> None:
    job_id = job(client, task("a"), max_concurrent_runs=2)
    other = job(client, task("b"))
    runs = [run_of(client, job_id), run_of(client, other)]
    until(lambda: {"a", "b"} <= script.started.keys())
    until(lambda: all(state_of(client, each)[0] == "RUNNING" for each in runs))
    client.jobs.cancel_all_runs(job_id=job_id)
    assert [state_of(client, each)[0] for each in runs] == ["TERMINATING", "RUNNING"]
    script.end("a", TaskEnd("CANCELED"))
    script.end("b")


def test_a_repair_runs_again_what_failed(client: WorkspaceClient, script: Script) -> None:
    script.ends |= {"a": TaskEnd("SUCCESS"), "b": TaskEnd("FAILED"), "c": TaskEnd("SUCCESS")}
    run_id = run_of(client, job(client, task("a"), task("b", "a"), task("c", "b")))
    assert results(ended(client, run_id)) == {
        "a": "SUCCESS",
        "b": "FAILED",
        "c": "UPSTREAM_FAILED",
    }
    script.ends["b"] = TaskEnd("SUCCESS")
    repair = client.jobs.repair_run(run_id, rerun_all_failed_tasks=True).response.repair_id
    run = ended(client, run_id)
    attempts = [(each.task_key, each.attempt_number) for each in run.tasks or ()]
    assert sorted(attempts) == [("a", 0), ("b", 0), ("b", 1), ("c", 0), ("c", 1)]
    assert state_of(client, run_id) == ("TERMINATED", "SUCCESS")
    history = client.jobs.get_run(run_id, include_history=True).repair_history or []
    assert [each.id for each in history] == [None, repair]
    with pytest.raises(InvalidParameterValue, match="The latest repair ID needs to be provided"):
        client.jobs.repair_run(run_id, rerun_tasks=["a"])
    client.jobs.repair_run(run_id, rerun_tasks=["a"], latest_repair_id=repair)
    ended(client, run_id)


def test_one_run_too_many_is_skipped(client: WorkspaceClient, script: Script) -> None:
    job_id = job(client, task("a"))
    run_of(client, job_id)
    second = run_of(client, job_id)
    assert state_of(client, second) == ("SKIPPED", "MAXIMUM_CONCURRENT_RUNS_REACHED")
    until(lambda: "a" in script.started)
    script.end("a")


def test_runs_are_listed(client: WorkspaceClient, script: Script) -> None:
    script.ends["a"] = TaskEnd("SUCCESS")
    job_id = job(client, task("a"))
    first = run_of(client, job_id)
    ended(client, first)
    waiting = job(client, task("b"))
    second = run_of(client, waiting)
    until(lambda: "b" in script.started)
    assert [each.run_id for each in client.jobs.list_runs(active_only=True)] == [second]
    assert [each.run_id for each in client.jobs.list_runs(completed_only=True)] == [first]
    assert [each.run_id for each in client.jobs.list_runs(job_id=job_id)] == [first]
    script.end("b")
    ended(client, second)
    client.jobs.delete_run(first)
    assert [each.run_id for each in client.jobs.list_runs()] == [second]


def test_many_tasks_come_in_pages(client: WorkspaceClient, script: Script) -> None:
    keys = [f"t{number}" for number in range(150)]
    script.ends = dict.fromkeys(keys, TaskEnd("SUCCESS"))
    run = ended(client, run_of(client, job(client, *map(task, keys))))
    assert len(run.tasks or ()) == 150
    assert set(results(run).values()) == {"SUCCESS"}


def test_a_run_without_a_job(client: WorkspaceClient, script: Script) -> None:
    script.ends["a"] = TaskEnd("SUCCESS", "x")
    one = SubmitTask(
        task_key="a",
        notebook_task=NotebookTask(notebook_path="/Shared/a"),
        existing_cluster_id="c",
    )
    run_id = client.jobs.submit(tasks=[one], run_name="once").response.run_id
    run = ended(client, run_id)  # type: ignore[arg-type]
    assert (run.run_name, run.run_type) == ("once", jobs.RunType.SUBMIT_RUN)
    shared = {"task_key": "a", "job_cluster_key": "x", "notebook_task": {"notebook_path": "/a"}}
    with pytest.raises(InvalidParameterValue, match="One of job_cluster_key, new_cluster, or"):
        client.api_client.do("POST", "/api/2.2/jobs/runs/submit", body={"tasks": [shared]})


def test_what_runs_no_notebook_fails_as_the_platforms(client: WorkspaceClient) -> None:
    made = client.api_client.do(
        "POST",
        "/api/2.2/jobs/create",
        body={
            "name": "wheel",
            "tasks": [{"task_key": "a", "python_wheel_task": {"package_name": "p"}}],
        },
    )
    run = ended(client, run_of(client, made["job_id"]))  # type: ignore[index,call-overload]
    assert run.state is not None
    assert run.state.life_cycle_state is RunLifeCycleState.INTERNAL_ERROR
    assert run.state.result_state is RunResultState.FAILED
    assert run.state.state_message == "The embedded workspace runs no python_wheel_task."


def test_run_if_holds_over_the_wire(client: WorkspaceClient, script: Script) -> None:
    script.ends |= {"a": TaskEnd("FAILED"), "b": TaskEnd("SUCCESS")}
    run = ended(
        client, run_of(client, job(client, task("a"), task("b", "a", run_if=RunIf.ALL_DONE)))
    )
    assert results(run) == {"a": "FAILED", "b": "SUCCESS"}
    assert run.state is not None
    assert run.state.result_state is RunResultState.SUCCESS_WITH_FAILURES


def test_a_restart_ends_what_ran(tmp_path: Path, script: Script) -> None:
    with start(tmp_path / "data", executor=lambda contents: script) as running:
        client = WorkspaceClient(host=running.host, token=running.token, auth_type="pat")
        run_id = run_of(client, job(client, task("a")))
        until(lambda: state_of(client, run_id)[0] == "RUNNING")
    with start(tmp_path / "data", executor=lambda contents: Script()) as running:
        client = WorkspaceClient(host=running.host, token=running.token, auth_type="pat")
        assert state_of(client, run_id) == ("INTERNAL_ERROR", "FAILED")


def test_going_back_forgets_what_runs(
    running: Running, client: WorkspaceClient, script: Script
) -> None:
    job_id = job(client, task("a"))
    before = running.snapshot()
    run_id = run_of(client, job_id)
    until(lambda: "a" in script.started)
    running.restore(before)
    script.end("a")
    with pytest.raises(ResourceDoesNotExist, match=f"Run {run_id} does not exist"):
        client.jobs.get_run(run_id)


def test_a_lost_answer_starts_one_run(
    running: Running, client: WorkspaceClient, script: Script
) -> None:
    script.ends["a"] = TaskEnd("SUCCESS")
    job_id = job(client, task("a"))
    running.add_faults({"match": {"route": "jobs/run-now"}, "do": "lose-answer"})
    # The SDK asks again [sdk].
    run_id = run_of(client, job_id, idempotency_token="t")
    ended(client, run_id)
    lost = [each.fault for each in running.log() if each.route == "jobs/run-now"]
    assert lost == ["lose-answer", ""]
    assert [each.run_id for each in client.jobs.list_runs(job_id=job_id)] == [run_id]


def write(client: WorkspaceClient, path: str, text: str) -> None:
    client.workspace.mkdirs(path.rpartition("/")[0])
    content = base64.b64encode(f"# Databricks notebook source\n{text}".encode()).decode()
    client.workspace.import_(f"{path}.py", content=content, format=jobs_format())


def jobs_format() -> object:
    from databricks.sdk.service.workspace import ImportFormat

    return ImportFormat.AUTO


@pytest.fixture
def real(tmp_path: Path) -> Iterator[WorkspaceClient]:
    pytest.importorskip("pysail", reason="the extra local is not installed")
    with start(tmp_path) as running:
        yield WorkspaceClient(host=running.host, token=running.token, auth_type="pat")


def test_notebooks_run_for_real(real: WorkspaceClient) -> None:
    real.secrets.create_scope("retail")
    real.secrets.put_secret("retail", "salt", string_value="pepper-and-salt")
    write(real, "/Shared/lib", "def double(x):\n    return 2 * x\n")
    write(
        real,
        "/Shared/a",
        "# MAGIC %run ./lib\n\n# COMMAND ----------\n\n"
        'spark.range(double(2)).write.saveAsTable("numbers")\n'
        'dbutils.jobs.taskValues.set("rows", 4)\n'
        'print(dbutils.secrets.get("retail", "salt"))\n'
        "dbutils.notebook.exit(dbutils.widgets.get('day'))",
    )
    write(
        real,
        "/Shared/b",
        'rows = dbutils.jobs.taskValues.get("a", "rows")\n\n# COMMAND ----------\n\n'
        'if spark.table("numbers").count() == rows:\n    raise ValueError("as many")',
    )
    one = Task(
        task_key="a",
        notebook_task=NotebookTask(notebook_path="/Shared/a", base_parameters={"day": "now"}),
    )
    run_id = run_of(real, job(real, one, task("b", "a"), task("gone")))
    for _ in range(60):
        run = real.jobs.get_run(run_id)
        if run.state and run.state.result_state:
            break
        time.sleep(0.5)
    assert results(run) == {"a": "SUCCESS", "b": "FAILED", "gone": "FAILED"}
    by_key = {each.task_key: each for each in run.tasks or ()}
    outputs = {
        key: real.jobs.get_run_output(each.run_id)  # type: ignore[arg-type]
        for key, each in by_key.items()
    }
    assert outputs["a"].notebook_output is not None
    assert outputs["a"].notebook_output.result == "now"
    assert outputs["b"].error == "ValueError: as many"
    gone = by_key["gone"].state
    assert gone is not None
    assert (gone.state_message or "").startswith('Unable to access the notebook "/Shared/gone".')
    pages = {
        key: export.cells(real.jobs.export_run(by_key[key].run_id).views[0].content)  # type: ignore
        for key in ("a", "b")
    }
    bad = export.failed(pages["b"])
    assert bad is not None
    assert (bad.number, bad.summary) == (2, "ValueError: as many")
    assert "[REDACTED]" in export.printed(pages["a"])
    assert "pepper" not in export.printed(pages["a"])
