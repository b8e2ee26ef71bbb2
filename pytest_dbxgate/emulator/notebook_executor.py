"""Notebooks of jobs, run for real: each in a process of this machine, with an embedded Spark.

A run of a job gets a copy of the workspace's files, and one Spark session for all of its tasks:
they see each other's tables, and take turns.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, Protocol

from pytest_dbxgate.emulator import formats
from pytest_dbxgate.emulator.executing import Report, TaskEnd, TaskRun
from pytest_dbxgate.emulator.notebook_cells import as_end
from pytest_dbxgate.emulator.tree import DIRECTORY, NOTEBOOK, Object
from pytest_dbxgate.emulator.values import MEGABYTE
from pytest_dbxgate.execution.local import Local, Work
from pytest_dbxgate.execution.outcome import RunKey
from pytest_dbxgate.notebook.model import NotebookKey

_LOGGER = logging.getLogger(__name__)

MAX_COPY = 500 * MEGABYTE
LANES = 4
"""Runs of jobs that go on at once; the tasks of one take turns."""
_ENDINGS = {"PYTHON": ".py", "SQL": ".sql", "SCALA": ".scala", "R": ".r"}
_NAMESPACE = uuid.UUID("2a4f7b0c-60d8-4c32-9df0-0a3c5b1f9d11")


class Contents(Protocol):
    """What is read of the workspace; takes its lock."""

    def objects(self) -> list[Object]: ...

    def secrets(self) -> Mapping[str, str]: ...


class _Copy(NamedTuple):
    """The workspace's files on this machine."""

    folder: Path
    notebooks: Mapping[str, str]
    """Workspace path -> file below ``folder``."""


class NotebookExecutor:
    """Starts its engine, and writes to disk, with the first notebook."""

    def __init__(self, contents: Contents, *, lanes: int = LANES) -> None:
        self._contents = contents
        self._folder: Path | None = None
        self._pool = ThreadPoolExecutor(lanes, thread_name_prefix="notebooks")
        self._local: Local | None = None
        self._lock = threading.Lock()
        self._queues: dict[int, deque[Callable[[], None]]] = {}
        """By run of a job: what it waits for, the first of it going on. None is empty."""
        self._copies: dict[int, _Copy] = {}
        """By run of a job; touched by the run's own turn only."""
        self._cancelled: set[int] = set()
        self._closed = threading.Event()

    def start(self, task: TaskRun, report: Report) -> None:
        self._enqueue(task.job_run_id, lambda: self._run(task, report))

    def cancel(self, run_id: int) -> None:
        self._cancelled.add(run_id)

    def forget(self, job_run_id: int) -> None:
        if job_run_id in self._copies:
            self._enqueue(job_run_id, lambda: self._remove(job_run_id))

    def close(self) -> None:
        self._closed.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            if self._local is not None:
                self._local.__exit__(None, None, None)
                self._local = None
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)

    def _enqueue(self, job_run_id: int, work: Callable[[], None]) -> None:
        """Tasks of a run take turns, and one of them alone takes a lane: so a run of many does
        not keep others from theirs."""
        with self._lock:
            queue = self._queues.setdefault(job_run_id, deque())
            queue.append(work)
            if len(queue) == 1 and not self._closed.is_set():
                self._pool.submit(self._turns, job_run_id)

    def _turns(self, job_run_id: int) -> None:
        while True:
            with self._lock:
                work = self._queues[job_run_id][0]
            try:
                work()
            except Exception:
                # Those that wait behind it have to get their turn.
                _LOGGER.exception("a task of run %s", job_run_id)
            with self._lock:
                queue = self._queues[job_run_id]
                queue.popleft()
                if not queue:
                    del self._queues[job_run_id]
                    return

    def _run(self, task: TaskRun, report: Report) -> None:
        try:
            if not self._is_cancelled(task)():
                report(task.run_id, None)
            end = self._end(task)
        except Exception as error:
            # Whatever it is, the run of the job must come to an end.
            words = f"{type(error).__name__}: {error}"
            end = TaskEnd("FAILED", message=words, code="INTERNAL_ERROR")
        report(task.run_id, end)
        self._cancelled.discard(task.run_id)

    def _end(self, task: TaskRun) -> TaskEnd:
        if self._is_cancelled(task)():
            return TaskEnd("CANCELED")
        copy = self._copy(task.job_run_id)
        path = copy.notebooks.get(task.path)
        if path is None:
            # [live]; that a task says so by its end is [report].
            words = f'Unable to access the notebook "{task.path}". Either it does not exist, or '
            words += "the identity used to run this job lacks the required permissions."
            return TaskEnd("FAILED", message=words, code="RESOURCE_NOT_FOUND")
        began = int(time.time() * 1000)
        work = Work(
            RunKey(NotebookKey(path)),
            copy.folder,
            path,
            parameters=task.parameters,
            workspace_roots={"/": "."},
            workspace_path=task.path,
            module_roots=(),
            secrets=self._contents.secrets(),
            task_values=task.task_values,
            context=task.context,
            session=str(uuid.uuid5(_NAMESPACE, f"{id(self)} {task.job_run_id}")),
        )
        outcome = self._engine().run(work, cancelled=self._is_cancelled(task))
        return as_end(outcome, copy.folder / path, path, began)

    def _engine(self) -> Local:
        with self._lock:
            if self._local is None:
                self._local = Local(self._place() / "local")
            return self._local

    def _place(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="dbxgate-workspace-"))
        return self._folder

    def _copy(self, job_run_id: int) -> _Copy:
        """The workspace's files as they were when the run's first notebook began."""
        if job_run_id not in self._copies:
            with self._lock:
                folder = self._place() / f"run-{job_run_id}"
            notebooks = _lay(folder, self._contents.objects())
            self._copies[job_run_id] = _Copy(folder, notebooks)
        return self._copies[job_run_id]

    def _remove(self, job_run_id: int) -> None:
        copy = self._copies.pop(job_run_id, None)
        if copy is not None:
            shutil.rmtree(copy.folder, ignore_errors=True)

    def _is_cancelled(self, task: TaskRun) -> Callable[[], bool]:
        return lambda: task.run_id in self._cancelled or self._closed.is_set()


def _lay(folder: Path, objects: list[Object]) -> dict[str, str]:
    """Write the objects; the file below ``folder`` of each notebook, by its workspace path."""
    if sum(len(one.content) for one in objects) > MAX_COPY:
        raise ValueError("the workspace holds more than the embedded one copies for a run")
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, str] = {}
    # Notebooks last: one may have the name of a file, once it has an ending.
    for one in sorted(objects, key=lambda one: one.type == NOTEBOOK):
        inside = one.path.lstrip("/")
        if one.type == DIRECTORY:
            (folder / inside).mkdir(parents=True, exist_ok=True)
            continue
        data = one.content
        if one.type == NOTEBOOK:
            is_jupyter = one.format == "JUPYTER"
            inside += ".ipynb" if is_jupyter else _ENDINGS.get(one.language, ".py")
            data, _ = formats.exported(one, "JUPYTER" if is_jupyter else "SOURCE")
            found[one.path] = inside
        file = folder / inside
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return found
