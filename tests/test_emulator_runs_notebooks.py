"""Notebooks of jobs that the embedded workspace runs for real."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pysail", reason="the extra local is not installed")

from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import NotebookTask, Run

from emulator_client import put
from pytest_dbxgate.emulator.server import Running, start
from pytest_dbxgate.execution.cluster import export
from support import source
from test_emulator_runs_sdk import FAILED, OK, note, told

SECRET = "tr0ub4dor-and-3"
FAILS = source('print("so far")', "# MAGIC %run ./helper", 'check("<0>")', 'print("never")')
HELPER = source("def check(what):\n    raise ValueError(f'no rows: {what}')\n")
SLOW = source('import pathlib, time\npathlib.Path("{0}").touch()\nwhile True:\n    time.sleep(0.1)')
NOTEBOOKS = {
    "make": source(
        'spark.range(3).write.saveAsTable("numbers")',
        'dbutils.jobs.taskValues.set("rows", [1, 2])',
    ),
    "count": source(
        'rows = spark.table("numbers").count()',
        'value = dbutils.jobs.taskValues.get("make", "rows")',
        "dbutils.notebook.exit(f\"{rows} {value} {dbutils.widgets.get('day')}\")",
    ),
    "fails": FAILS,
    "helper": HELPER,
    "secret": source(
        'value = dbutils.secrets.get("team", "key")',
        'print("it is", value)\nraise ValueError(f"{len(value)} {value}")',
    ),
    "scala": source("# MAGIC %scala\n# MAGIC val x = 1"),
}


class Workspace:
    def __init__(self, running: Running) -> None:
        self.running = running
        self.client = WorkspaceClient(host=running.host, token=running.token, auth_type="pat")

    def begin(self, *tasks: Any) -> int:
        made = [note(task) if isinstance(task, str) else task for task in tasks]
        job_id = self.client.jobs.create(name="a job", tasks=made).job_id
        assert job_id is not None
        return self.client.jobs.run_now(job_id).run_id

    def ended(self, run_id: int) -> Run:
        run: list[Run] = []

        def has_ended() -> bool:
            run[:] = [self.client.jobs.get_run(run_id)]
            return bool(run[0].end_time)

        wait(has_ended)
        return run[0]

    def output(self, run: Run, key: str) -> Any:
        (found,) = [task.run_id for task in run.tasks or [] if task.task_key == key]
        assert found is not None
        return self.client.jobs.get_run_output(found)

    def cells(self, run: Run) -> tuple[export.ExportedCell, ...]:
        run_id = (run.tasks or [])[0].run_id
        assert run_id is not None
        (view,) = self.client.jobs.export_run(run_id).views or []
        return export.cells(view.content or "")


def wait(until: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not until():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with start(tmp_path_factory.mktemp("workspace")) as running:
        for name, text in NOTEBOOKS.items():
            put(running, f"/Shared/{name}.py", text)
        workspace = Workspace(running)
        workspace.client.secrets.create_scope("team")
        workspace.client.secrets.put_secret("team", "key", string_value=SECRET)
        yield workspace


def states(run: Run) -> dict[str, str]:
    return {task.task_key: told(task) for task in run.tasks or []}


def test_tasks_of_a_run_share_tables_and_values(workspace: Workspace) -> None:
    given = NotebookTask("/Shared/count", {"day": "{{tasks.make.values.rows}}"})
    run = workspace.ended(workspace.begin("make", note("count", "make", notebook_task=given)))
    assert states(run) == {"make": OK, "count": OK}
    assert workspace.output(run, "make").notebook_output.result is None
    assert workspace.output(run, "count").notebook_output.result == "3 [1, 2] [1, 2]"


def test_a_failing_cell_is_found_by_the_page(workspace: Workspace) -> None:
    run = workspace.ended(workspace.begin("fails"))
    assert told(run) == FAILED
    output = workspace.output(run, "fails")
    assert output.error == "ValueError: no rows: <0>"
    assert output.error_trace == (
        "File <command-3 of /Workspace/Shared/fails>, line 1\n"
        '  check("<0>")\n'
        "File <command-1 of /Workspace/Shared/helper>, line 2, in check\n"
        "  raise ValueError(f'no rows: {what}')\n"
        "ValueError: no rows: <0>"
    )
    cells = workspace.cells(run)
    bad = export.failed(cells)
    assert bad is not None
    assert (bad.number, bad.source, bad.summary) == (
        3,
        'check("<0>")',
        "ValueError: no rows: <0>",
    )
    assert export.printed(cells) == "so far\n"


def test_a_secret_is_not_shown(workspace: Workspace) -> None:
    run = workspace.ended(workspace.begin("secret"))
    output = workspace.output(run, "secret")
    assert output.error == f"ValueError: {len(SECRET)} [REDACTED]"
    (view,) = workspace.client.jobs.export_run((run.tasks or [])[0].run_id or 0).views or []
    assert export.printed(export.cells(view.content or "")) == "it is [REDACTED]\n"
    assert SECRET not in str(output.as_dict()) + str(workspace.cells(run)) + str(run.as_dict())


def test_what_cannot_run_is_not_the_notebooks_failure(workspace: Workspace) -> None:
    missing, scala = workspace.begin("missing"), workspace.begin("scala")
    run = workspace.ended(missing)
    assert states(run) == {"missing": "INTERNAL_ERROR FAILED (RESOURCE_NOT_FOUND, CLIENT_ERROR)"}
    assert run.state is not None and run.state.state_message == (
        'Unable to access the notebook "/Shared/missing". Either it does not exist, or the '
        "identity used to run this job lacks the required permissions."
    )
    run = workspace.ended(scala)
    assert states(run) == {"scala": "INTERNAL_ERROR FAILED (INTERNAL_ERROR, INTERNAL_ERROR)"}
    assert run.state is not None and run.state.state_message == (
        "The embedded workspace cannot run this: a cell in Scala needs a cluster"
    )


def test_a_plain_file_is_no_notebook(workspace: Workspace) -> None:
    workspace.running.edit("/Shared/plain.py", "x = 1\n")
    assert workspace.running.dump().objects["/Shared/plain.py"].type == "FILE"
    run = workspace.ended(workspace.begin("plain"))
    assert states(run)["plain"].startswith("INTERNAL_ERROR FAILED (RESOURCE_NOT_FOUND")


def children() -> set[int]:
    """The processes that run a notebook for this one: they bear a mark."""
    found, parents = set(), {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            marked = re.search(rb"\0DBXGATE_RUN=[0-9a-f]", (folder / "environ").read_bytes())
        except OSError:
            continue
        parents[int(folder.name)] = int(parent)
        if marked:
            found.add(int(folder.name))
    return {pid for pid in found if os.getpid() in (parents[pid], parents.get(parents[pid]))}


needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="it looks at /proc")


@needs_proc
def test_a_cancel_leaves_no_process(workspace: Workspace, tmp_path: Path) -> None:
    mark = tmp_path / "running"
    put(workspace.running, "/Shared/slow.py", SLOW.format(mark))
    run_id = workspace.begin("slow", "make")
    wait(mark.exists)
    assert children()
    workspace.client.jobs.cancel_run(run_id)
    run = workspace.ended(run_id)
    assert {told(task).split()[1] for task in run.tasks or []} == {"CANCELED"}
    assert children() == set()


@needs_proc
def test_a_stop_ends_what_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark, temporary = tmp_path / "running", tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    running = start(tmp_path / "workspace")
    put(running, "/Shared/slow.py", SLOW.format(mark))
    run_id = Workspace(running).begin("slow")
    wait(mark.exists)
    assert children()
    assert list(temporary.iterdir())
    running.stop()
    assert children() == set()
    assert list(temporary.iterdir()) == []
    with start(tmp_path / "workspace") as running:
        run = Workspace(running).ended(run_id)
        assert told(run).startswith("INTERNAL_ERROR FAILED")
