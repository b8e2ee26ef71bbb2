"""Runs of jobs whose tasks begin and end when a test says so."""

from __future__ import annotations

from typing import Any

from pytest_dbxgate.emulator.executing import Report, TaskEnd, TaskRun


class FakeExecutor:
    """Told by the task's key. Nothing happens by itself, not even after a cancel."""

    def __init__(self) -> None:
        self.is_closed = False
        self._reports: dict[int, Report] = {}
        self.reset()

    def reset(self) -> None:
        """As if nothing had been started yet; what was may still report."""
        self.started: list[TaskRun] = []
        self.cancelled: list[int] = []
        self.forgotten: list[int] = []

    def start(self, task: TaskRun, report: Report) -> None:
        self.started.append(task)
        self._reports[task.run_id] = report

    def cancel(self, run_id: int) -> None:
        self.cancelled.append(run_id)

    def forget(self, job_run_id: int) -> None:
        self.forgotten.append(job_run_id)

    def close(self) -> None:
        self.is_closed = True

    def keys(self) -> list[str]:
        """What was started so far."""
        return [task.context["taskKey"] for task in self.started]

    def task(self, key: str) -> TaskRun:
        """The last attempt of a task that was started."""
        return next(task for task in reversed(self.started) if task.context["taskKey"] == key)

    def begin(self, key: str) -> TaskRun:
        task = self.task(key)
        self.report(task.run_id)
        return task

    def end(self, key: str, result: str = "SUCCESS", **fields: Any) -> None:
        """End a task, which begins before where it has not begun."""
        task = self.begin(key)
        self.report(task.run_id, TaskEnd(result, **fields))

    def report(self, run_id: int, ended: TaskEnd | None = None) -> None:
        """Say something of an attempt, whatever became of it."""
        self._reports[run_id](run_id, ended)
