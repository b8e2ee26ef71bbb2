"""How runs of jobs go on: tasks are handed to the executor, its reports and the clock move them.

Every method is called with the store's lock held, but for those that say so.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict

from pytest_dbxgate.emulator import paths, run_states
from pytest_dbxgate.emulator.executing import Executor, TaskEnd, TaskRun
from pytest_dbxgate.emulator.run_book import RunBook
from pytest_dbxgate.emulator.run_parameters import parameters
from pytest_dbxgate.emulator.run_states import RUNNING, is_active, latest
from pytest_dbxgate.emulator.values import ApiError, Json

_TICK = 0.05
_LOST = "The workspace was stopped, or put back to an earlier state, while this ran."


class RunDriver:
    """``clock`` gives seconds since 1970."""

    def __init__(self, book: RunBook, clock: Callable[[], float], executor: Executor) -> None:
        self._book = book
        self._clock = clock
        self._executor = executor
        self._due: dict[int, int | None] = {}
        """Of what goes on: when the clock alone moves it on."""
        self._timer: threading.Thread | None = None
        self._closed = threading.Event()

    def now(self) -> int:
        """Milliseconds since 1970."""
        return int(self._clock() * 1000)

    def active(self) -> Iterator[Json]:
        """The runs that go on, each as it is when its turn comes."""
        return self._book.active(self._due)

    def is_full(self, job_id: int, most: int) -> bool:
        """Whether ``most`` runs of a job go on; those that wait in the queue do not count."""
        found = [run for run in self._book.all() if run["job_id"] == job_id]
        return sum(is_active(run["state"]) and not run.get("queued") for run in found) >= most

    def go_on(self, run: Json) -> None:
        """Advance and save; start and stop what has to be."""
        now = self.now()
        if run["queued"]:
            run["queued"] = self.is_full(run["job_id"], most_at_once(run["settings"]))
        started, stopped = run_states.advance(run, now, lambda: self._book.next_id(run))
        if run["cancelled"]:
            run["queued"] = False
        self._book.save(run)
        for one in stopped:
            self._executor.cancel(one["run_id"])
        for one in started:
            self._start(run, one)
        if is_active(run["state"]):
            self._due[run["run_id"]] = run_states.due(run, now)
            self._watch()
        else:
            self._end(run)

    def cancel(self, run: Json) -> None:
        """Asynchronous [doc]: nothing happens to a run that has ended."""
        if not is_active(run["state"]):
            return
        if "attempts" in run:
            run["cancelled"] = run_states.CANCELED
            self.go_on(run)
            return
        # Nobody runs what was put in by hand.
        state = {"life_cycle_state": run_states.TERMINATED, "result_state": run_states.CANCELED}
        words = run_states.MESSAGES[run_states.CANCELED]
        run |= {"state": {**state, "state_message": words}, "end_time": self.now()}
        self._book.save(run)

    def cancel_task(self, run: Json, one: Json) -> None:
        """One attempt alone: what depends on it is told so, the rest goes on [doc]."""
        if one["life"] == run_states.BLOCKED:
            run_states.end(one, run_states.CANCELED, self.now())
        elif one["life"] in (run_states.PENDING, RUNNING):
            one["life"] = run_states.TERMINATING
            self._executor.cancel(one["run_id"])
        self.go_on(run)

    def wake(self) -> None:
        """After a stop of the workspace: nobody runs any more what ran then."""
        now = self.now()
        self._due.clear()
        for run in self._book.active():
            for one in latest(run).values():
                if one["life"] in run_states.ACTIVE:
                    life = run_states.INTERNAL_ERROR
                    run_states.end(one, "FAILED", now, life=life, message=_LOST)
                    one["code"] = "INTERNAL_ERROR"
            state = {"life_cycle_state": "INTERNAL_ERROR", "result_state": "FAILED"}
            run |= {"state": {**state, "state_message": _LOST}, "end_time": now, "queued": False}
            self._book.save(run)

    def drop(self) -> None:
        """Stop what runs, without a word: the stored state is about to be another."""
        for run in self.active():
            for one in latest(run).values():
                if one["life"] in run_states.ACTIVE and one["life"] != run_states.BLOCKED:
                    self._executor.cancel(one["run_id"])
            self._executor.forget(run["run_id"])
        self._due.clear()

    def close(self) -> None:
        """Stop what runs. Called without the lock."""
        self._closed.set()
        self._executor.close()
        timer = self._timer
        if timer is not None:
            timer.join(5)

    def tick(self) -> bool:
        """Move on what waits for the clock; whether anything waits still. Takes the lock."""
        with self._book.store.lock:
            if self._closed.is_set():
                return False
            now = self.now()
            due = [run_id for run_id, when in self._due.items() if when is not None and now >= when]
            if due:
                with self._book.store.writing(aside=True):
                    for run in self._book.active(due):
                        self.go_on(run)
            waits = any(when is not None for when in self._due.values())
            if not waits:
                # Under the lock: who makes something wait from now on starts another thread.
                self._timer = None
        return waits

    def report(self, attempt_id: int, ended: TaskEnd | None) -> None:
        """What an executor says of an attempt. Takes the lock."""
        with self._book.store.lock:
            if self._closed.is_set():
                return
            try:
                run = self._book.run(attempt_id)
            except ApiError:
                # Deleted, or put back to an earlier state.
                return
            one = next(each for each in run["attempts"] if each["run_id"] == attempt_id)
            if one["life"] not in run_states.ACTIVE:
                return
            with self._book.store.writing(aside=True):
                self._reported(run, one, ended)
                self.go_on(run)

    def _reported(self, run: Json, one: Json, ended: TaskEnd | None) -> None:
        now = self.now()
        if ended is None:
            if one["life"] == run_states.PENDING:
                one |= {"life": RUNNING, "start": now}
            return
        result, code, message = ended.result, ended.code, ended.message
        if one["life"] == run_states.TERMINATING:
            result, code, message = str(run["cancelled"] or "CANCELED"), "", ""
        life = run_states.INTERNAL_ERROR if code else run_states.TERMINATED
        run_states.end(one, result, now, life=life, message=message)
        one["code"] = code
        given = {"value": ended.value, "error": ended.error, "trace": ended.trace}
        cells = [asdict(cell) for cell in ended.cells]
        self._book.give(run, one["run_id"], {**given, "cells": cells})
        run["task_values"][one["task_key"]] = dict(ended.task_values)

    def _start(self, run: Json, one: Json) -> None:
        plan = _planned(run, one)
        if isinstance(plan, TaskRun):
            self._executor.start(plan, self.report)
        else:
            threading.Thread(target=self.report, args=(one["run_id"], plan), daemon=True).start()

    def _end(self, run: Json) -> None:
        """What to do once a run has ended: those in the queue get their turn."""
        if run["run_id"] in self._due:
            del self._due[run["run_id"]]
            self._executor.forget(run["run_id"])
        for other in self.active():
            if other["queued"] and other["job_id"] == run["job_id"]:
                self.go_on(other)

    def _watch(self) -> None:
        if self._timer is None and any(when is not None for when in self._due.values()):
            self._timer = threading.Thread(target=self._turn, name="runs of jobs", daemon=True)
            self._timer.start()

    def _turn(self) -> None:
        while not self._closed.wait(_TICK) and self.tick():
            pass


def most_at_once(settings: Json) -> int:
    """``max_concurrent_runs``; 0 skips every run [doc]."""
    most = settings.get("max_concurrent_runs")
    return 1 if most is None else int(most)


def _planned(run: Json, one: Json) -> TaskRun | TaskEnd:
    """What the executor is to run; or how a task ends that it cannot run."""
    task = run_states.tasks_of(run)[one["task_key"]]
    notebook = task.get("notebook_task")
    if not isinstance(notebook, dict):
        kind = next((name for name in task if name.endswith("_task")), "task of this kind")
        return _cannot(f"The embedded workspace runs no {kind}.")
    path = str(notebook.get("notebook_path", ""))
    if not path.startswith("/"):
        return _cannot("The embedded workspace runs no notebooks of Git.")
    try:
        canonical = paths.canonical(path)
    except ApiError as error:
        return _cannot(error.message)
    context = {
        "jobId": str(run["job_id"]),
        "jobRunId": str(run["run_id"]),
        "runId": str(one["run_id"]),
        "currentRunId": str(one["run_id"]),
        "taskKey": one["task_key"],
        "user": run["creator_user_name"],
    }
    values = {key: dict(each) for key, each in run["task_values"].items()}
    given = parameters(run, one)
    return TaskRun(one["run_id"], run["run_id"], canonical, given, values, context)


def _cannot(message: str) -> TaskEnd:
    return TaskEnd("FAILED", message=message, code="INVALID_RUN_CONFIGURATION")
