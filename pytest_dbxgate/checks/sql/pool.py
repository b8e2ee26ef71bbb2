"""Worker processes for SQL: each job to one that is free, a time-out for each, restarts.

Plain subprocesses: they can be killed one by one, on every system, and leave nothing behind.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest_dbxgate
from pytest_dbxgate import programs
from pytest_dbxgate.errors import ToolError

START_TIMEOUT = 120.0
"""Seconds a worker may take to load sqlfluff."""

MOST_CRASHES = 20
"""Crashes after which sqlfluff itself is taken to be at fault."""

CELLS_PER_WORKER = 20
"""Cells for which one more worker is started: loading sqlfluff costs as much as dozens."""

_START = (
    "import sys; sys.path.extend(sys.argv[1:]); "
    "from pytest_dbxgate.checks.sql.worker import main; main()"
)


class Job(NamedTuple):
    """What a worker is asked, and how many seconds it may take."""

    request: Mapping[str, Any]
    timeout: float


class Failure(NamedTuple):
    """A job without an answer; ``reason`` completes "it could not be checked: "."""

    reason: str


class Pool:
    """Workers that load sqlfluff from the moment the pool is entered, while jobs are collected.

    ``root`` is their working directory.
    """

    def __init__(self, *, root: Path, workers: int) -> None:
        self._state = _State()
        self._servers = [_Server(self._state, root) for _ in range(workers)]

    def __enter__(self) -> Pool:
        for server in self._servers:
            server.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._state.queue.clear()
        self._state.filled.set()
        for server in self._servers:
            server.stop()

    def run(self, jobs: Sequence[Job]) -> list[Any]:
        """Answer every job, in order, with the worker's object or a :class:`Failure`. Once only.

        Raises :class:`ToolError` where no worker can be started or workers keep dying.
        """
        state = self._state
        state.jobs = jobs
        state.answers = [None] * len(jobs)
        # The longest first, so that no worker is left alone with one at the end.
        state.queue.extend(
            sorted(range(len(jobs)), key=lambda index: -len(jobs[index].request["text"]))
        )
        state.filled.set()
        _watch(self._servers)
        if state.error is not None and jobs:
            raise state.error
        return state.answers


def size(cells: int, workers: int | None = None) -> int:
    """How many workers are worth their start for ``cells``; 0 for none."""
    return min(workers or _processors(), -(-cells // CELLS_PER_WORKER))


def _processors() -> int:
    if sys.platform != "win32" and hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _watch(servers: Sequence[_Server]) -> None:
    """Wait for all servers, killing the worker of one whose job takes too long."""
    for server in servers:
        while server.thread.is_alive():
            server.thread.join(0.05)
            for each in servers:
                each.kill_if_late()


@dataclass
class _State:
    """What the servers share."""

    jobs: Sequence[Job] = ()
    queue: deque[int] = field(default_factory=deque)
    answers: list[Any] = field(default_factory=list)
    filled: threading.Event = field(default_factory=threading.Event)
    crashes: int = 0
    error: ToolError | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self) -> int | None:
        """The next job's index; None where none is left or an error ended the work."""
        with self.lock:
            return self.queue.popleft() if self.queue and self.error is None else None

    def give_up(self, error: ToolError) -> None:
        with self.lock:
            self.error = self.error or error
            self.queue.clear()

    def crashed(self) -> None:
        with self.lock:
            self.crashes += 1
            too_many = self.crashes >= MOST_CRASHES
        if too_many:
            self.give_up(
                ToolError(
                    "sqlfluff",
                    f"its process died {MOST_CRASHES} times",
                    next_step="reinstall sqlfluff and sqlfluffrs, or give the machine more memory",
                )
            )


class _Server:
    """A thread that feeds one worker process."""

    def __init__(self, state: _State, root: Path) -> None:
        self.thread = threading.Thread(target=self._serve, name="dbxgate-sql", daemon=True)
        self._state = state
        self._root = root
        self._process: subprocess.Popen[bytes] | None = None
        self._deadline: float | None = None
        self._late = False
        self._lock = threading.Lock()

    def kill_if_late(self) -> None:
        with self._lock:
            process = self._process
            if self._deadline is None or process is None or time.monotonic() < self._deadline:
                return
            self._late = True
            process.kill()

    def stop(self) -> None:
        """Kill what still runs; called when all is done or something went wrong."""
        process = self._process
        if process is not None and self.thread.is_alive():
            process.kill()
        if self.thread.ident is not None:
            self.thread.join()

    def _serve(self) -> None:
        try:
            started = self._start()
            self._state.filled.wait()
            while started and (index := self._state.next()) is not None:
                if self._process is None and not self._start():
                    return
                self._state.answers[index] = self._ask(self._state.jobs[index])
        except OSError as error:
            self._state.give_up(ToolError("sqlfluff", f"its process cannot be started: {error}"))
        finally:
            self._end()

    def _start(self) -> bool:
        self._process = _spawn(self._root)
        answer = self._exchange(b"", START_TIMEOUT) or {}
        if answer.get("ready"):
            return True
        reason = answer.get("fatal", "its process does not start")
        self._state.give_up(
            ToolError(
                "sqlfluff",
                f"cannot be loaded: {reason}",
                next_step=f"{Path(sys.executable).name} -m pip install sqlfluff sqlfluffrs sqlglot",
            )
        )
        return False

    def _ask(self, job: Job) -> Any:
        line = json.dumps(job.request).encode("ascii") + b"\n"
        answer = self._exchange(line, job.timeout)
        late = self._late
        if answer is None or late:
            self._end()
        if answer is not None:
            failed = answer.get("failed")
            return answer if failed is None else Failure(f"sqlfluff failed on it: {failed}")
        if late:
            return Failure(f"sqlfluff took longer than {job.timeout:g} s (setting sql_timeout)")
        self._state.crashed()
        return Failure("sqlfluff's process died of it")

    def _exchange(self, line: bytes, timeout: float) -> dict[str, Any] | None:
        """Send a line and read one; None where the process ended meanwhile."""
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        with self._lock:
            self._late = False
            self._deadline = time.monotonic() + timeout
        try:
            process.stdin.write(line)
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
        except (OSError, ValueError):
            return None
        finally:
            with self._lock:
                self._deadline = None
        return answer if isinstance(answer, dict) else None

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()
        try:
            process.wait(timeout=0 if self._late else 5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _spawn(root: Path) -> subprocess.Popen[bytes]:
    # -I: neither the working directory nor PYTHONPATH, both of which a repository may fill.
    return subprocess.Popen(
        [sys.executable, "-I", "-X", "utf8", "-c", _START, *_search_path()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=root,
        env=programs.environment(os.environ),
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


def _search_path() -> list[str]:
    """Where this package and the tools are, behind everything the interpreter knows itself."""
    found = [str(Path(pytest_dbxgate.__file__).resolve().parent.parent)]
    for name in ("sqlfluff", "sqlglot"):
        spec = find_spec(name)
        if spec is not None and spec.origin:
            found.append(str(Path(spec.origin).resolve().parent.parent))
    return list(dict.fromkeys(found))
