"""Runs of jobs as a client tells them: values, and the calls that a workspace takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

ENDED = frozenset({"TERMINATED", "SKIPPED", "INTERNAL_ERROR"})
"""Life cycle states after which nothing more comes [doc]. Any other one, a new one included,
counts as going on."""


class RemoteState(NamedTuple):
    """How far a run is, in the workspace's own words."""

    life_cycle: str = ""
    result: str = ""
    message: str = ""
    code: str = ""
    """Why it ended (``termination_details``): ``RUN_EXECUTION_ERROR``, ``CLUSTER_ERROR`` ..."""
    kind: str = ""
    """``CLIENT_ERROR``, ``INTERNAL_ERROR``, ``CLOUD_FAILURE``; empty where nothing is told."""

    @property
    def has_ended(self) -> bool:
        return self.life_cycle in ENDED

    def __str__(self) -> str:
        words = [self.life_cycle, self.result, self.code, self.message]
        return ", ".join(word for word in words if word) or "no state"


class RemoteTask(NamedTuple):
    """The last attempt of a task. Times are seconds since 1970, 0 where they are not known."""

    key: str
    run_id: int
    """Of the task itself: what an output is asked for by."""
    state: RemoteState
    attempt: int = 0
    """From 0."""
    notebook_path: str = ""
    url: str = ""
    started: float = 0.0
    ended: float = 0.0


class RemoteRun(NamedTuple):
    """A run with all its tasks."""

    run_id: int
    job_id: int
    state: RemoteState
    tasks: Sequence[RemoteTask] = ()
    url: str = ""
    repairs: Sequence[int] = ()
    """The ids of its repairs, the newest last; only where they were asked for."""


class TaskOutput(NamedTuple):
    """What a finished task left."""

    result: str | None = None
    """What ``dbutils.notebook.exit`` was given."""
    truncated: bool = False
    error: str = ""
    trace: str = ""


class RunCalls(Protocol):
    """What running asks of a workspace; errors as its other calls raise them."""

    def run_now(
        self, job_id: int, *, token: str, parameters: Mapping[str, str] | None = None
    ) -> int:
        """Start a run once: ``token``, of 64 characters at most, makes a repeated request find
        the run that an earlier one started. The run's id."""
        ...

    def run(self, run_id: int, *, history: bool = False) -> RemoteRun | None:
        """A run with all pages of its tasks; None where there is none. With ``history`` its
        repairs too."""
        ...

    def active_run_ids(self, job_id: int) -> Sequence[int]:
        """The runs of a job that have not ended."""
        ...

    def task_output(self, task_run_id: int) -> TaskOutput:
        """Of one task's run; a job's run with several tasks has none."""
        ...

    def export_run(self, task_run_id: int) -> str:
        """The page of a notebook task's run, as HTML: nobody has checked it."""
        ...

    def cancel_run(self, run_id: int) -> None:
        """Ask a run to stop; it goes on for a while. Nothing happens where it is not there, or
        has ended."""
        ...

    def repair_run(self, run_id: int, tasks: Sequence[str]) -> int:
        """Run tasks of a run that has ended again, once; the repair's id. There is no token: after
        a lost answer the run's history tells whether it was done."""
        ...
