"""The stage of the fault matrix of running: a workspace, and ten notebooks that are run in it.

One fails by itself, one tells an exit value, one is failed by the platform at its first attempt,
one depends on another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from faults.run_handlers import End, Runs, install
from faults.world import Clock
from pytest_dbxgate.emulator.server import Running, start
from pytest_dbxgate.emulator.store import Rows
from pytest_dbxgate.execution.cluster.request import (
    ClusterPlace,
    ClusterRequest,
    ClusterWork,
    Compute,
    Means,
    Ran,
)
from pytest_dbxgate.execution.cluster.run import run_on_cluster
from pytest_dbxgate.execution.outcome import Outcome, RunKey, RunState
from pytest_dbxgate.notebook.canonical import sha256
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.workspace.client import Client
from pytest_dbxgate.workspace.credentials import Secret, Veil, fixed
from pytest_dbxgate.workspace.retry import Times
from pytest_dbxgate.workspace.transport import SdkTransport

ROOT = "/Shared/team/etl"
RUNS = "/Shared/team/.dbxgate-runs"
NAMES = "abcdefghij"
AFTER = {"j": "i"}
SCRIPT = {
    "b": [End(exit_value="42")],
    "f": [End("FAILED", error="ValueError: bad", code="RUN_EXECUTION_ERROR")],
    "g": [End("FAILED", code="CLUSTER_ERROR"), End()],
}


def key(name: str) -> RunKey:
    return RunKey(NotebookKey(f"flow/{name}.py"))


EXPECTED: dict[RunKey, tuple[RunState, str | None]] = {
    key(name): (
        RunState.FAILED if name == "f" else RunState.PASSED,
        "42" if name == "b" else None,
    )
    for name in NAMES
}


def note(name: str) -> bytes:
    return f"# Databricks notebook source\nprint('{name}')\n".encode()


def wanted(id: str, **more: object) -> ClusterRequest:
    works = [
        ClusterWork(
            key(name),
            f"flow/{name}.py",
            sha256(note(name)),
            depends_on=[key(each) for each in AFTER.get(name, "")],
        )
        for name in NAMES
    ]
    files = {f"flow/{name}.py": note(name) for name in NAMES} | {"lib/tools.py": b"A = 1\n"}
    return ClusterRequest(
        id, works, files, Compute({"num_workers": 1}), max_parallel=4, retries=1, timeout=3600
    )


class RunWorld:
    """The workspace and one clock for it and all who talk to it."""

    def __init__(self, running: Running, clock: Clock, runs: Runs) -> None:
        self.running = running
        self.clock = clock
        self._runs = runs
        running.edit("/Shared/team/theirs.py", "X = 1\n")
        self.client().create_job({"name": "theirs", "tasks": []}, operation="of-somebody-else")
        self._start = running.snapshot()
        self._others = self._seen()

    def client(self) -> Client:
        """A client as a new process has it."""
        credentials = fixed("local", "test", Secret(self.running.token), veil=Veil())
        times = Times(self.clock.sleep, self.clock, lambda: 0.5)
        transport = SdkTransport(self.running.host, "test")
        return Client(self.running.host, credentials, transport, times=times)

    def run(
        self,
        id: str,
        *,
        cancelled: Callable[[], bool] = lambda: False,
        done: Callable[[Outcome], None] = lambda outcome: None,
    ) -> Ran:
        """Run the notebooks as a process of its own would."""
        client = self.client()
        place = ClusterPlace(ROOT, "etl", client.user_name(), self.running.host)
        # One thread: the order of requests is the same in each run.
        means = Means(self.clock, self.clock.sleep, cancelled, threads=1)
        return run_on_cluster(client, place, wanted(id), means, done)

    def reset(self, state: Rows | None = None) -> None:
        """The state of the beginning or the given one, no faults, requests counted from 1."""
        self.running.clear_faults()
        self.running.flush_late()
        self.running.restore(self._start if state is None else state)
        self.running.clear_log()

    def left(self) -> Iterator[str]:
        """What is there that was not at the beginning, by the store alone."""
        for name in self._seen() ^ self._others:
            yield f"left: {name}"
        with self.running._lock:
            active = self._runs.active()
        for run_id in active:
            yield f"left: run {run_id} is active"

    def _seen(self) -> set[str]:
        dump = self.running.dump()
        return {*dump.objects, *(f"job {job_id}" for job_id in dump.jobs)}


@contextmanager
def run_stage(folder: Path) -> Iterator[RunWorld]:
    """A world of its own in ``folder``."""
    clock = Clock()
    with start(folder, clock=clock.wall, monotonic=clock) as running:
        yield RunWorld(running, clock, install(running._service, SCRIPT))
