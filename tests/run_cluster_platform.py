"""A workspace whose runs go as a test says: the client of the embedded one, with other runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pytest_dbxgate.workspace import paths
from pytest_dbxgate.workspace.client import Client
from pytest_dbxgate.workspace.run_model import RemoteRun, RemoteState, RemoteTask, TaskOutput

SUCCESS = RemoteState("TERMINATED", "SUCCESS")
FAILED = RemoteState("TERMINATED", "FAILED", "Workload failed, see run output for details")
LOST = RemoteState("TERMINATED", "FAILED", "No nodes left", "CLUSTER_ERROR", "CLOUD_FAILURE")
PENDING = RemoteState("PENDING")
ENDLESS = RemoteState("RUNNING")
UPSTREAM = RemoteState("TERMINATED", "UPSTREAM_FAILED")
CANCELED = RemoteState("TERMINATED", "CANCELED", "Run cancelled.", "USER_CANCELED")


class Told(NamedTuple):
    """What a notebook's runs end with, one attempt after the other; the last goes on for ever."""

    states: Sequence[RemoteState] = (SUCCESS,)
    result: str | None = None
    error: str = ""
    page: str = ""


@dataclass
class _Task:
    key: str
    path: str
    after: list[str]
    run_if: str
    attempt: int = 0
    run_id: int = 0
    state: RemoteState = PENDING


@dataclass
class _Run:
    run_id: int
    job_id: int
    tasks: dict[str, _Task]
    cancelled: bool = False
    repairs: list[int] = field(default_factory=list)

    @property
    def has_ended(self) -> bool:
        return all(task.state.has_ended for task in self.tasks.values())


class Platform:
    """All that is no call about runs goes to the client. A look at a run moves it on: what may
    run has ended by then."""

    def __init__(
        self,
        client: Client,
        told: Mapping[str, Told] | None = None,
        *,
        before: Callable[[str], None] = lambda call: None,
    ) -> None:
        """``told``: by the notebook's name. ``before`` is called with each call's name."""
        self._client = client
        self._told = told or {}
        self._before = before
        self._runs: dict[int, _Run] = {}
        self._tokens: dict[str, int] = {}
        self._next = 100
        self.calls: list[str] = []
        self.most_at_a_time = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def run_now(
        self, job_id: int, *, token: str, parameters: Mapping[str, str] | None = None
    ) -> int:
        self._note("run_now")
        if token not in self._tokens:
            job = self._client.job(job_id)
            assert job is not None
            run_id = self._tokens[token] = self._id()
            tasks = {each["task_key"]: self._task(each) for each in job.settings["tasks"]}
            self._runs[run_id] = _Run(run_id, job_id, tasks)
        return self._tokens[token]

    def run(self, run_id: int, *, history: bool = False) -> RemoteRun | None:
        self._note("run")
        run = self._runs[run_id]
        self._move(run)
        tasks = [
            RemoteTask(
                task.key,
                task.run_id,
                task.state,
                task.attempt,
                task.path,
                f"https://x/run/{task.run_id}",
                1.0,
                2.5,
            )
            for task in run.tasks.values()
        ]
        life = "TERMINATED" if run.has_ended else "RUNNING"
        state = RemoteState(life, "FAILED" if run.has_ended else "")
        return RemoteRun(run_id, run.job_id, state, tasks, f"https://x/run/{run_id}", run.repairs)

    def active_run_ids(self, job_id: int) -> Sequence[int]:
        self._note("active_run_ids")
        runs = [run for run in self._runs.values() if run.job_id == job_id]
        return [run.run_id for run in runs if not run.has_ended]

    def task_output(self, task_run_id: int) -> TaskOutput:
        self._note("task_output")
        told = self._of(self._by_run(task_run_id))
        return TaskOutput(told.result, False, told.error)

    def export_run(self, task_run_id: int) -> str:
        self._note("export_run")
        return self._of(self._by_run(task_run_id)).page

    def cancel_run(self, run_id: int) -> None:
        self._note("cancel_run")
        run = self._runs[run_id]
        run.cancelled = True
        self._move(run)

    def repair_run(self, run_id: int, tasks: Sequence[str]) -> int:
        self._note("repair_run")
        run = self._runs[run_id]
        for key in tasks:
            task = run.tasks[key]
            task.attempt, task.run_id = task.attempt + 1, self._id()
            task.state = PENDING
        run.repairs.append(self._id())
        return run.repairs[-1]

    def _note(self, call: str) -> None:
        self.calls.append(call)
        self._before(call)

    def _id(self) -> int:
        self._next += 1
        return self._next

    def _task(self, settings: Mapping[str, Any]) -> _Task:
        after = [each["task_key"] for each in settings.get("depends_on", ())]
        path = settings["notebook_task"]["notebook_path"]
        run_if = settings.get("run_if", "ALL_SUCCESS")
        return _Task(settings["task_key"], path, after, run_if, run_id=self._id())

    def _of(self, task: _Task) -> Told:
        return self._told.get(paths.name(task.path), Told())

    def _by_run(self, run_id: int) -> _Task:
        found = [task for run in self._runs.values() for task in run.tasks.values()]
        return next(task for task in found if task.run_id == run_id)

    def _move(self, run: _Run) -> None:
        ready = [task for task in run.tasks.values() if self._is_ready(run, task)]
        self.most_at_a_time = max(self.most_at_a_time, len(ready))
        for task in run.tasks.values():
            if run.cancelled and not task.state.has_ended:
                task.state = CANCELED
        for task in ready:
            if task.state.has_ended:
                continue
            before = [run.tasks[key].state for key in task.after]
            if task.run_if == "ALL_SUCCESS" and any(each != SUCCESS for each in before):
                task.state = UPSTREAM
                continue
            states = self._of(task).states
            task.state = states[min(task.attempt, len(states) - 1)]

    def _is_ready(self, run: _Run, task: _Task) -> bool:
        return not task.state.has_ended and all(
            run.tasks[key].state.has_ended for key in task.after
        )
