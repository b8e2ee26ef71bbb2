"""What runs the notebooks of jobs, as the workspace sees it: handed a task, it reports its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class TaskRun:
    """An attempt of a notebook task that is to be run."""

    run_id: int
    """Of the attempt."""
    job_run_id: int
    path: str
    """The notebook's canonical path."""
    parameters: Mapping[str, str]
    task_values: Mapping[str, Mapping[str, Any]]
    """Of the tasks that have ended: task key -> name -> value."""
    context: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RanCell:
    """A cell as it ran, for the run's page. Times are milliseconds since 1970, 0 where it did
    not run."""

    source: str
    state: str = "finished"
    """``finished``, ``error``, ``skipped`` after an error; empty where it did not run."""
    summary: str = ""
    trace: str = ""
    output: str = ""
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class TaskEnd:
    """What came of it."""

    result: str
    """``SUCCESS``, ``FAILED``, ``TIMEDOUT`` or ``CANCELED``."""
    value: str | None = None
    """What the notebook exited with."""
    error: str = ""
    trace: str = ""
    message: str = ""
    """Empty: what the API says of such a result."""
    code: str = ""
    """Of ``termination_details``, where the platform failed; then the run is an internal error."""
    cells: Sequence[RanCell] = ()
    task_values: Mapping[str, Any] = field(default_factory=dict)


Report = Callable[[int, TaskEnd | None], None]
"""Takes an attempt's run id and its end; None: it has begun. Called from any thread, never while
the executor is being called."""


class Executor(Protocol):
    """Runs notebooks. Calls return at once."""

    def start(self, task: TaskRun, report: Report) -> None: ...

    def cancel(self, run_id: int) -> None:
        """Stop an attempt; its end is reported as ever."""

    def forget(self, job_run_id: int) -> None:
        """A run of a job has ended: what was kept for it may go, once nothing of it runs."""

    def close(self) -> None:
        """Stop everything; nothing is reported any more."""


class NoExecutor:
    """A workspace that runs nothing: every task ends as the platform's failure."""

    def start(self, task: TaskRun, report: Report) -> None:
        import threading

        end = TaskEnd(
            "FAILED",
            message="This workspace was started without anything to run notebooks.",
            code="INTERNAL_ERROR",
        )
        threading.Thread(target=report, args=(task.run_id, end), daemon=True).start()

    def cancel(self, run_id: int) -> None:
        return

    def forget(self, job_run_id: int) -> None:
        return

    def close(self) -> None:
        return
