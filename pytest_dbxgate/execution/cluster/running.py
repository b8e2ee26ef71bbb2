"""Following a run to its end. Outcomes are delivered as tasks end; nothing unknown is green."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pytest_dbxgate.errors import ConfigurationError, PlatformError
from pytest_dbxgate.execution.cluster.pacing import StoppedError, intervals, pause
from pytest_dbxgate.execution.cluster.plan import PlannedTask
from pytest_dbxgate.execution.cluster.request import Progress
from pytest_dbxgate.execution.cluster.stage import JobRun, Stage
from pytest_dbxgate.execution.cluster.states import meaning
from pytest_dbxgate.execution.outcome import Outcome, RunState
from pytest_dbxgate.workspace import paths
from pytest_dbxgate.workspace.model import UnavailableError, WorkspaceError
from pytest_dbxgate.workspace.run_model import RemoteRun, RemoteTask

PATIENCE = 900.0
"""Seconds without any status after which a run is given up: an outage ends, most of the time."""
GRACE = 60.0
"""Seconds that the platform gets to end a run by its own time-out, before we cancel it."""

_LOOKS = 4
_FINAL = (RunState.PASSED, RunState.FAILED, RunState.TIMED_OUT)
"""What is told at once. The rest may be run again, or is told better once the run has ended."""


@dataclass
class Follower:
    """Follows one run."""

    stage: Stage
    made: JobRun
    _delivered: set[str] = field(default_factory=set)
    """The keys of the tasks whose outcome is told."""
    _retries: int = 0
    _replaced: dict[str, int] = field(default_factory=dict)
    """Of tasks that are run again: the run that no longer counts."""
    _entries: int = 0
    """How many tasks an answer holds, those of repairs included."""
    _silent_since: float | None = None

    def __post_init__(self) -> None:
        self._retries = self.stage.request.retries
        self._entries = len(self.made.chunk.tasks)

    def follow(self) -> None:
        """Deliver every outcome.

        Raises :class:`StoppedError`, and :class:`~pytest_dbxgate.errors.GateError` where the
        platform leaves us without a result.
        """
        run = self._to_the_end()
        self._rest(run)

    def _to_the_end(self) -> RemoteRun:
        stage, means = self.stage, self.stage.means
        began, strange = means.clock(), 0
        for seconds in intervals(lambda: self._entries):
            pause(means, seconds)
            stage.registration.renew()
            run = self._look()
            if run is not None:
                self._tell(run)
                if run.state.has_ended and not self._awaited(run):
                    if not self._repair(run):
                        self.made.has_ended = not self.made.is_unsettled
                        return run
                    began, strange = means.clock(), 0
                elif run.state.has_ended:
                    # A read of before the last change, or a task that nobody knows of.
                    strange += 1
                    if strange > _LOOKS:
                        return run
            limit = stage.request.timeout
            if limit and means.clock() > began + limit + GRACE:
                raise StoppedError(RunState.TIMED_OUT, f"the run took longer than {limit:g} s")
        raise AssertionError("intervals never end")

    def _look(self) -> RemoteRun | None:
        """The run as it is; None where the workspace does not answer for now."""
        stage = self.stage
        for attempt in range(_LOOKS):
            try:
                run = stage.workspace.run(self.made.run_id)
            except UnavailableError:
                now = stage.means.clock()
                if self._silent_since is None:
                    self._silent_since = now
                if now > self._silent_since + PATIENCE:
                    raise
                return None
            self._silent_since = None
            if run is not None:
                return self._checked(run)
            stage.means.sleep(1.0 + attempt)
        raise PlatformError(
            f"run {self.made.run_id} of job {self.made.job_id} is gone",
            next_step="run again; see who deletes runs or jobs of this workspace",
        )

    def _checked(self, run: RemoteRun) -> RemoteRun:
        """The run, with its tasks as far as they are ours and count."""
        if run.job_id != self.made.job_id or run.run_id != self.made.run_id:
            raise PlatformError(
                f"run {self.made.run_id} of job {self.made.job_id}: the workspace tells run "
                f"{run.run_id} of job {run.job_id} in its place",
                next_step="run again; tell what answers for this workspace if it stays so",
            )
        self.made.url = run.url or self.made.url
        counting = [task for task in run.tasks if self._replaced.get(task.key) != task.run_id]
        return run._replace(tasks=counting)

    def _tell(self, run: RemoteRun) -> None:
        """Deliver what has ended for good."""
        tasks = {task.key: task for task in run.tasks}
        for planned in self.made.chunk.tasks:
            task = tasks.get(planned.key)
            if task is None or not task.state.has_ended or planned.key in self._delivered:
                continue
            state = meaning(task.state)
            if state in _FINAL:
                self._deliver(planned, task)
        self.stage.means.tell(
            Progress(
                "running",
                run.state.message,
                done=len(self._delivered),
                total=len(self.made.chunk.tasks),
                url=self.made.url,
            )
        )

    def _awaited(self, run: RemoteRun) -> list[str]:
        """The tasks that a run which has ended should tell the end of, and does not."""
        ended = {task.key for task in run.tasks if task.state.has_ended}
        return [task.key for task in self.made.chunk.tasks if task.key not in ended]

    def _repair(self, run: RemoteRun) -> bool:
        """Run again what the platform failed; False where there is nothing, or no more tries."""
        tasks = {task.key: task for task in run.tasks}
        failed = [
            task.key
            for task in self.made.chunk.tasks
            if task.key not in self._delivered
            and meaning(tasks[task.key].state) is RunState.PLATFORM
        ]
        if not failed or not self._retries:
            return False
        self._retries -= 1
        again = self._with_followers(failed, tasks)
        message = f"{len(again)} notebooks that the platform failed"
        self.stage.means.tell(Progress("repair", message, url=self.made.url))
        pause(self.stage.means, 0)
        try:
            self.stage.workspace.repair_run(self.made.run_id, again)
        except WorkspaceError:
            # What came of the first attempt is told; whether there is another is found out.
            self.made.is_unsettled = True
            return False
        self._replaced |= {key: tasks[key].run_id for key in again}
        self._entries += len(again)
        return True

    def _with_followers(self, failed: list[str], tasks: Mapping[str, RemoteTask]) -> list[str]:
        """The failed tasks with those that did not start because of them."""
        again = dict.fromkeys(failed)
        for task in self.made.chunk.tasks:
            did_not_start = meaning(tasks[task.key].state) is RunState.NOT_STARTED
            if did_not_start and any(key in again for key in task.after):
                again[task.key] = None
        return list(again)

    def _rest(self, run: RemoteRun) -> None:
        """Deliver what the end of the run leaves: never as green, but for a task that says so."""
        tasks = {task.key: task for task in run.tasks}
        timed_out = run.state.result == "TIMEDOUT"
        for planned in self.made.chunk.tasks:
            if planned.key in self._delivered:
                continue
            task = tasks.get(planned.key)
            if task is not None and task.state.has_ended:
                self._deliver(planned, task, timed_out=timed_out)
                continue
            message = f"the run ended without telling of this task ({run.state})"
            self._put(
                planned,
                self.stage.collector.without_task(
                    planned, RunState.PLATFORM, message, url=self.made.url
                ),
            )

    def _deliver(self, planned: PlannedTask, task: RemoteTask, *, timed_out: bool = False) -> None:
        stage = self.stage
        notebook = planned.work.key.notebook
        if task.notebook_path and not self._is_ours(task, stage.places[notebook]):
            message = f"the task ran {task.notebook_path}, which is not what was sent"
            outcome = stage.collector.without_task(
                planned, RunState.PLATFORM, message, url=task.url
            )
        else:
            outcome = stage.collector.outcome(planned, task, stage.notebooks(notebook))
        if timed_out and outcome.state is RunState.CANCELLED:
            outcome = replace(outcome, state=RunState.TIMED_OUT)
        self._put(planned, outcome)

    def _is_ours(self, task: RemoteTask, place: str) -> bool:
        try:
            return paths.canonical(task.notebook_path) == place
        except ConfigurationError:
            return False

    def _put(self, planned: PlannedTask, outcome: Outcome) -> None:
        self._delivered.add(planned.key)
        self.stage.deliver(outcome)
