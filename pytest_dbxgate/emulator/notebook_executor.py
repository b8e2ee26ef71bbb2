"""Notebooks of jobs, run for real: each in a process of this machine, with an embedded Spark.

A run of a job gets a copy of the workspace's files, and one Spark session for all of its tasks:
they see each other's tables, and take turns.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from pytest_dbxgate.emulator import formats, paths
from pytest_dbxgate.emulator.executing import RanCell, Report, TaskEnd, TaskRun
from pytest_dbxgate.emulator.tree import DIRECTORY, NOTEBOOK, Object
from pytest_dbxgate.emulator.values import MEGABYTE
from pytest_dbxgate.execution.local import Local, Work
from pytest_dbxgate.execution.outcome import CellPlace, Outcome, RunKey, RunState
from pytest_dbxgate.notebook import formats as notebooks
from pytest_dbxgate.notebook.model import NotebookKey

MAX_COPY = 500 * MEGABYTE
_LANES = 4
"""Runs of jobs that go on at once; the tasks of one take turns."""
_ENDINGS = {"PYTHON": ".py", "SQL": ".sql", "SCALA": ".scala", "R": ".r"}
_NAMESPACE = uuid.UUID("2a4f7b0c-60d8-4c32-9df0-0a3c5b1f9d11")


class Contents(Protocol):
    """What is read of the workspace; takes its lock."""

    def objects(self) -> list[Object]: ...

    def secrets(self) -> Mapping[str, str]: ...


class NotebookExecutor:
    """Starts its engine with the first notebook."""

    def __init__(self, contents: Contents, *, lanes: int = _LANES) -> None:
        self._contents = contents
        self._folder = Path(tempfile.mkdtemp(prefix="dbxgate-workspace-"))
        self._pool = ThreadPoolExecutor(lanes, thread_name_prefix="notebooks")
        self._local: Local | None = None
        self._lock = threading.Lock()
        self._turns: dict[int, threading.Lock] = {}
        self._trees: dict[int, Path] = {}
        self._cancelled: set[int] = set()
        self._closed = threading.Event()

    def start(self, task: TaskRun, report: Report) -> None:
        self._pool.submit(self._run, task, report)

    def cancel(self, run_id: int) -> None:
        self._cancelled.add(run_id)

    def close(self) -> None:
        self._closed.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            if self._local is not None:
                self._local.__exit__(None, None, None)
                self._local = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, task: TaskRun, report: Report) -> None:
        try:
            with self._turn(task.job_run_id):
                if not self._is_cancelled(task)():
                    report(task.run_id, None)
                end = self._end(task)
        except Exception as error:
            words = f"{type(error).__name__}: {error}"
            end = TaskEnd("FAILED", message=words, code="INTERNAL_ERROR")
        report(task.run_id, end)

    def _end(self, task: TaskRun) -> TaskEnd:
        if self._is_cancelled(task)():
            return TaskEnd("CANCELED")
        tree = self._tree(task.job_run_id)
        file = _file(tree, task.path)
        if file is None:
            # [live]; that a task says so by its end is [report].
            words = f'Unable to access the notebook "{task.path}". Either it does not exist, or '
            words += "the identity used to run this job lacks the required permissions."
            return TaskEnd("FAILED", message=words, code="RESOURCE_NOT_FOUND")
        path = file.relative_to(tree).as_posix()
        began = int(time.time() * 1000)
        work = Work(
            RunKey(NotebookKey(path)),
            tree,
            path,
            parameters=task.parameters,
            workspace_roots={"/": "."},
            workspace_path=paths.canonical(task.path),
            module_roots=(),
            secrets=self._contents.secrets(),
            task_values=task.task_values,
            context=task.context,
            session=str(uuid.uuid5(_NAMESPACE, f"{id(self)} {task.job_run_id}")),
        )
        outcome = self._engine().run(work, cancelled=self._is_cancelled(task))
        return _as_end(outcome, file, path, began)

    def _engine(self) -> Local:
        with self._lock:
            if self._local is None:
                self._local = Local(self._folder / "local")
            return self._local

    def _turn(self, job_run_id: int) -> threading.Lock:
        with self._lock:
            return self._turns.setdefault(job_run_id, threading.Lock())

    def _tree(self, job_run_id: int) -> Path:
        """The workspace's files as they were when the run's first notebook began."""
        if job_run_id not in self._trees:
            tree = self._folder / f"run-{job_run_id}"
            _lay(tree, self._contents.objects())
            self._trees[job_run_id] = tree
        return self._trees[job_run_id]

    def _is_cancelled(self, task: TaskRun) -> Callable[[], bool]:
        return lambda: task.run_id in self._cancelled or self._closed.is_set()


def _lay(tree: Path, objects: list[Object]) -> None:
    total = 0
    for one in objects:
        inside = one.path.lstrip("/")
        if one.type == DIRECTORY:
            (tree / inside).mkdir(parents=True, exist_ok=True)
            continue
        total += len(one.content)
        if total > MAX_COPY:
            raise ValueError("the workspace holds more than the embedded one copies for a run")
        ending = ""
        if one.type == NOTEBOOK:
            ending = ".ipynb" if one.format == "JUPYTER" else _ENDINGS.get(one.language, ".py")
        file = tree / (inside + ending)
        file.parent.mkdir(parents=True, exist_ok=True)
        data = one.content
        if one.type == NOTEBOOK:
            data, _ = formats.exported(one, "JUPYTER" if ending == ".ipynb" else "SOURCE")
        file.write_bytes(data)


def _file(tree: Path, path: str) -> Path | None:
    bare = tree / paths.canonical(path).lstrip("/")
    for ending in (*_ENDINGS.values(), ".ipynb"):
        file = bare.with_name(bare.name + ending)
        if file.is_file():
            return file
    return None


def _as_end(outcome: Outcome, file: Path, path: str, began: int) -> TaskEnd:
    cells = _cells(outcome, file, path, began)
    values = outcome.task_values
    match outcome.state:
        case RunState.PASSED:
            return TaskEnd("SUCCESS", outcome.exit_value, cells=cells, task_values=values)
        case RunState.FAILED | RunState.TIMED_OUT:
            error, trace = _words(outcome)
            return TaskEnd("FAILED", None, error, trace, cells=cells, task_values=values)
        case RunState.CANCELLED:
            return TaskEnd("CANCELED", cells=cells)
        case RunState.UNSUPPORTED:
            words = f"The embedded workspace cannot run this: {outcome.message}"
            return TaskEnd("FAILED", message=words, code="INTERNAL_ERROR", cells=cells)
        case _:
            return TaskEnd("FAILED", message=outcome.message, code="DRIVER_ERROR", cells=cells)


def _words(outcome: Outcome) -> tuple[str, str]:
    failure = outcome.failure
    if failure is None:
        return outcome.message, outcome.message
    summary = f"{failure.error}: {failure.message}" if failure.message else failure.error
    return summary, "\n".join([*failure.traceback, summary])


def _cells(outcome: Outcome, file: Path, path: str, began: int) -> list[RanCell]:
    """The notebook's cells as the run's page shows them."""
    (notebook,) = notebooks.parse(path, file.read_bytes())
    seconds = {each.place[:2]: each.seconds for each in outcome.cells}
    failure = outcome.failure
    bad: CellPlace | None = None
    if failure is not None:
        # The page is of the notebook that the task names: what it brought in failed in its cell.
        bad = failure.chain[0] if failure.chain else failure.place
    found: list[RanCell] = []
    at = began
    for cell in notebook.cells:
        took = seconds.get((path, cell.number))
        start = at
        at += int((took or 0) * 1000)
        ran = RanCell(cell.source, start=start if took is not None else 0)
        if took is not None:
            ran = RanCell(cell.source, start=start, end=at)
        if bad is not None and bad.cell == cell.number:
            summary, trace = _words(outcome)
            ran = RanCell(cell.source, "error", summary, trace, start=start, end=at)
            found.append(ran)
            break
        found.append(ran)
    if outcome.output and found:
        last = found[-1]
        found[-1] = RanCell(
            last.source, last.state, last.summary, last.trace, outcome.output, last.start, last.end
        )
    return found
