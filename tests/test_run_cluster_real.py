"""A run on a cluster where the embedded workspace executes the notebooks for real."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_dbxgate.emulator.server import Running, start
from pytest_dbxgate.execution.cluster.request import (
    ClusterPlace,
    ClusterRequest,
    ClusterWork,
    Compute,
    Means,
    Ran,
)
from pytest_dbxgate.execution.cluster.run import run_on_cluster
from pytest_dbxgate.execution.outcome import CellPlace, RunKey
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.workspace.client import connect
from pytest_dbxgate.workspace.credentials import Secret, Veil, fixed

HEADER = "# Databricks notebook source\n"
CELL = "\n# COMMAND ----------\n\n"
FILES = {
    "flow/good.py": (
        f"{HEADER}# MAGIC %run /Shared/etl/lib/setup\n{CELL}"
        "from tools import double\ndbutils.widgets.text('day', '0')\n"
        "dbutils.notebook.exit(str(double(BASE) + int(dbutils.widgets.get('day'))))\n"
    ),
    "flow/tools.py": "def double(value):\n    return 2 * value\n",
    "flow/bad.py": f"{HEADER}print('before')\n{CELL}x = 1\nraise ValueError('no <rows>')\n",
    "flow/after.py": f"{HEADER}print('never')\n",
    "lib/setup.py": f"{HEADER}BASE = 20\n",
}


def key(name: str, case: str = "") -> RunKey:
    return RunKey(NotebookKey(f"flow/{name}.py"), case)


def run(running: Running, request: ClusterRequest, means: Means) -> Ran:
    credentials = fixed("local", "a test", Secret(running.token), veil=Veil())
    client = connect(running.host, credentials)
    place = ClusterPlace("/Shared/etl", "etl", client.user_name(), running.host)
    return run_on_cluster(client, place, request, means)


def test_notebooks_run_with_what_they_run_and_import(tmp_path: Path) -> None:
    works = [
        ClusterWork(key("good", "two"), "flow/good.py", parameters={"day": "2"}),
        ClusterWork(key("good", "three"), "flow/good.py", parameters={"day": "3"}),
        ClusterWork(key("bad"), "flow/bad.py"),
        ClusterWork(key("after"), "flow/after.py", depends_on=[key("bad")]),
    ]
    files = {path: text.encode() for path, text in FILES.items()}
    request = ClusterRequest("real", works, files, Compute({"num_workers": 1}), max_parallel=2)
    with start(tmp_path) as running:
        # What was deployed last is not what is tested.
        running.edit("/Shared/etl/lib/setup.py", f"{HEADER}BASE = 0\n")
        ran = run(running, request, Means())
        dump = running.dump()

    found = {str(outcome.key): outcome for outcome in ran.outcomes}
    assert {name: outcome.state.value for name, outcome in found.items()} == {
        "flow/good.py::run[two]": "passed",
        "flow/good.py::run[three]": "passed",
        "flow/bad.py::run": "failed",
        "flow/after.py::run": "not started",
    }
    assert found["flow/good.py::run[two]"].exit_value == "42"
    assert found["flow/good.py::run[three]"].exit_value == "43"
    bad = found["flow/bad.py::run"]
    assert bad.failure is not None
    assert bad.failure.place == CellPlace("flow/bad.py", 2, 2)
    assert (bad.failure.error, bad.failure.message) == ("ValueError", "no <rows>")
    assert bad.output == "before\n"
    assert (ran.left, ran.swept, dump.jobs) == ((), (), {})
    assert not [path for path in dump.objects if ".dbxgate-runs" in path]


def test_a_cancel_ends_the_process_of_a_notebook(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    note = (
        f"{HEADER}import os, pathlib, time\n"
        f"pathlib.Path({str(mark)!r}).write_text(str(os.getpid()))\ntime.sleep(600)\n"
    )
    works = [ClusterWork(key("endless"), "flow/endless.py")]
    files = {"flow/endless.py": note.encode()}
    request = ClusterRequest("stopped", works, files, Compute(serverless=True))
    with start(tmp_path / "workspace") as running:
        ran = run(running, request, Means(cancelled=lambda: has_text(mark)))
        active = running._service.jobs._store.all("run")
        dump = running.dump()

    assert [outcome.state.value for outcome in ran.outcomes] == ["cancelled"]
    assert [row.value["state"]["life_cycle_state"] for row in active] == ["TERMINATED"]
    assert not lives(int(mark.read_text(encoding="utf-8")))
    assert (ran.left, dump.jobs) == ((), {})
    assert not [path for path in dump.objects if ".dbxgate-runs" in path]


def has_text(file: Path) -> bool:
    return file.exists() and bool(file.read_text(encoding="utf-8"))


def lives(process: int) -> bool:
    """Whether a process is there, and no zombie."""
    psutil = pytest.importorskip("psutil", reason="psutil tells whether the process lives")
    try:
        return bool(psutil.Process(process).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
