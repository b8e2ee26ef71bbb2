"""Runs of jobs: their states, outputs, pages, cancels and repairs.

Against a real workspace they need something to run on: DBXGATE_CONTRACT_CLUSTER, the id of a
cluster that runs, or ``serverless``.
"""

from __future__ import annotations

import importlib.util
import os
import time
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import DatabricksError, InvalidParameterValue
from databricks.sdk.service.jobs import (
    JobParameterDefinition,
    NotebookTask,
    Run,
    RunIf,
    RunLifeCycleState,
    RunResultState,
    Task,
    TaskDependency,
)

from pytest_dbxgate.execution.cluster import export

if TYPE_CHECKING:
    from conftest import Scratch

NOTEBOOKS = {
    "good": 'dbutils.notebook.exit(dbutils.widgets.get("day"))',
    "bad": 'print("so far")\n\n# COMMAND ----------\n\nx = 1\n1 / 0',
    "slow": "import time\n\ntime.sleep(600)",
}
PATIENCE = 1200.0
"""Seconds: a cluster may have to start."""


class Jobs:
    """A folder of notebooks, and the jobs made of them."""

    def __init__(self, scratch: Scratch, cluster: str) -> None:
        self.client = scratch.client
        self.folder = scratch.folder
        self._compute = {} if cluster in ("", "serverless") else {"existing_cluster_id": cluster}
        self._made: list[int] = []
        for name, text in NOTEBOOKS.items():
            scratch.put(f"{name}.py", f"# Databricks notebook source\n{text}\n")

    def task(self, key: str, after: str = "", notebook: str = "", **fields: Any) -> Task:
        path = f"{self.folder}/{notebook or key}"
        return Task(
            task_key=key,
            depends_on=[TaskDependency(each) for each in after.split()],
            notebook_task=NotebookTask(path, fields.pop("parameters", None)),
            **self._compute,
            **fields,
        )

    def make(self, *tasks: Task, **settings: Any) -> int:
        name = f"dbxgate contract {uuid.uuid4().hex}"
        job_id = self.client.jobs.create(name=name, tasks=list(tasks), **settings).job_id
        assert job_id is not None
        self._made.append(job_id)
        return job_id

    def ended(self, run_id: int) -> Run:
        end = time.monotonic() + PATIENCE
        while True:
            run = self.client.jobs.get_run(run_id)
            if run.end_time:
                return run
            assert time.monotonic() < end
            time.sleep(0.1)

    def remove(self) -> None:
        for job_id in self._made:
            self.client.jobs.cancel_all_runs(job_id=job_id)
            self.client.jobs.delete(job_id)


@pytest.fixture(scope="module")
def jobs(client: WorkspaceClient) -> Iterator[Jobs]:
    from conftest import Scratch

    cluster = os.environ.get("DBXGATE_CONTRACT_CLUSTER", "")
    if os.environ.get("DBXGATE_CONTRACT_HOST"):
        if not cluster:
            pytest.skip("DBXGATE_CONTRACT_CLUSTER does not say what to run on")
    elif importlib.util.find_spec("pysail") is None:
        pytest.skip("the extra local is not installed")
    root = os.environ.get("DBXGATE_CONTRACT_FOLDER", "/Shared/contract")
    folder = f"{root}/{uuid.uuid4().hex}"
    client.workspace.mkdirs(folder)
    made = Jobs(Scratch(client, folder), cluster)
    yield made
    made.remove()
    client.workspace.delete(folder, recursive=True)


@pytest.fixture(scope="module")
def ended(jobs: Jobs) -> Run:
    """A run of some tasks that ended in every way."""
    tasks = [
        jobs.task("good", parameters={"day": "task"}),
        jobs.task("bad"),
        jobs.task("after", "bad", "good"),
        jobs.task("excluded", "good", "good", run_if=RunIf.AT_LEAST_ONE_FAILED),
        jobs.task("missing"),
    ]
    job_id = jobs.make(*tasks, parameters=[JobParameterDefinition("day", "job")])
    return jobs.ended(jobs.client.jobs.run_now(job_id).run_id)


def one(run: Run, key: str) -> Any:
    (found,) = [task for task in run.tasks or [] if task.task_key == key]
    return found


@pytest.mark.grade("doc")
@pytest.mark.parametrize(
    ("key", "result"),
    [
        ("good", RunResultState.SUCCESS),
        ("bad", RunResultState.FAILED),
        ("after", RunResultState.UPSTREAM_FAILED),
        ("excluded", RunResultState.EXCLUDED),
        ("missing", RunResultState.FAILED),
    ],
)
def test_how_a_task_ends(ended: Run, key: str, result: RunResultState) -> None:
    assert one(ended, key).state.result_state is result


@pytest.mark.grade("doc")
def test_a_run_with_a_failed_leaf_fails(ended: Run) -> None:
    assert ended.state is not None and ended.state.result_state is RunResultState.FAILED


@pytest.mark.grade("report")
def test_what_a_failed_task_says(ended: Run) -> None:
    bad = one(ended, "bad")
    assert bad.state.state_message == "Workload failed, see run output for details"
    assert bad.status.termination_details.code.value == "RUN_EXECUTION_ERROR"


@pytest.mark.grade("report")
def test_a_missing_notebook_fails_when_it_runs(ended: Run) -> None:
    missing = one(ended, "missing")
    assert "Unable to access the notebook" in missing.state.state_message
    assert missing.status.termination_details.code.value != "RUN_EXECUTION_ERROR"


@pytest.mark.grade("doc")
def test_a_jobs_parameter_beats_the_tasks(jobs: Jobs, ended: Run) -> None:
    output = jobs.client.jobs.get_run_output(one(ended, "good").run_id).notebook_output
    assert output is not None
    assert (output.result, bool(output.truncated)) == ("job", False)


@pytest.mark.grade("doc")
def test_error_and_trace_are_apart(jobs: Jobs, ended: Run) -> None:
    output = jobs.client.jobs.get_run_output(one(ended, "bad").run_id)
    assert "ZeroDivisionError" in (output.error or "")
    assert "ZeroDivisionError" in (output.error_trace or "")
    assert output.logs is None


@pytest.mark.grade("report")
def test_the_page_of_a_run_tells_the_failing_cell(jobs: Jobs, ended: Run) -> None:
    (view,) = jobs.client.jobs.export_run(one(ended, "bad").run_id).views or []
    bad = export.failed(export.cells(view.content or ""))
    assert bad is not None
    assert (bad.number, bad.source.strip()) == (2, "x = 1\n1 / 0")
    assert "ZeroDivisionError" in bad.summary


@pytest.mark.grade("report")
def test_a_run_of_several_tasks_has_no_output_of_its_own(jobs: Jobs, ended: Run) -> None:
    with pytest.raises(InvalidParameterValue) as caught:
        jobs.client.jobs.get_run_output(ended.run_id or 0)
    assert str(caught.value) == (
        "Retrieving the output of runs with multiple tasks is not supported. Please retrieve the "
        "output of each individual task run instead."
    )


@pytest.mark.grade("doc")
def test_a_repair_names_the_one_before(jobs: Jobs, ended: Run) -> None:
    run_id = ended.run_id or 0
    repair = jobs.client.jobs.repair_run
    first = repair(run_id, rerun_tasks=["after"]).response.repair_id
    jobs.ended(run_id)
    with pytest.raises(DatabricksError, match="The latest repair ID needs to be provided"):
        repair(run_id, rerun_tasks=["after"])
    repair(run_id, rerun_tasks=["after"], latest_repair_id=first)
    run = jobs.ended(run_id)
    assert [task.task_key for task in run.tasks or []].count("after") == 3
    told = jobs.client.jobs.get_run(run_id, include_history=True).repair_history or []
    assert [entry.type.value for entry in told if entry.type] == ["ORIGINAL", "REPAIR", "REPAIR"]


@pytest.mark.grade("doc")
def test_the_same_token_starts_nothing_anew(jobs: Jobs) -> None:
    job_id = jobs.make(jobs.task("good"), parameters=[JobParameterDefinition("day", "")])
    token = uuid.uuid4().hex * 2
    first = jobs.client.jobs.run_now(job_id, idempotency_token=token).run_id
    assert jobs.client.jobs.run_now(job_id, idempotency_token=token).run_id == first
    assert [run.run_id for run in jobs.client.jobs.list_runs(job_id=job_id)] == [first]
    with pytest.raises(InvalidParameterValue):
        jobs.client.jobs.run_now(job_id, idempotency_token=token + "x")


@pytest.mark.grade("doc")
def test_one_too_many_is_skipped_and_a_cancel_takes_its_time(jobs: Jobs) -> None:
    job_id = jobs.make(jobs.task("slow"))
    run_id = jobs.client.jobs.run_now(job_id).run_id
    skipped = jobs.client.jobs.run_now(job_id).run_id
    state = jobs.ended(skipped).state
    assert state is not None and state.life_cycle_state is RunLifeCycleState.SKIPPED
    jobs.client.jobs.cancel_run(run_id)
    jobs.client.jobs.cancel_run(run_id)
    state = jobs.ended(run_id).state
    assert state is not None and state.result_state is RunResultState.CANCELED
    jobs.client.jobs.cancel_run(run_id)


REFUSED: dict[str, Callable[[WorkspaceClient], object]] = {
    "get": lambda client: client.jobs.get_run(1234),
    "cancel": lambda client: client.jobs.cancel_run(1234),
    "run": lambda client: client.jobs.run_now(1234),
}


@pytest.mark.grade("report")
@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_there_is_told(client: WorkspaceClient, case: str) -> None:
    with pytest.raises(DatabricksError, match="1234 does not exist"):
        REFUSED[case](client)
