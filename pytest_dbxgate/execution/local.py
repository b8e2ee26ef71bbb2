"""Running notebooks on this machine: one engine for all, a process for each."""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from pytest_dbxgate.errors import GateError
from pytest_dbxgate.execution.forks import Forks
from pytest_dbxgate.execution.outcome import Outcome, RunKey, RunState
from pytest_dbxgate.execution.process import ChildEnd, child_environment, run_child
from pytest_dbxgate.execution.spec import Spec
from pytest_dbxgate.execution.starting import Start, start_python

if TYPE_CHECKING:
    from pytest_dbxgate.execution.engines import Running

SAIL = "sail"
CONNECT = "connect"
"""Spark is elsewhere, and Databricks' own as far as anybody knows: its SQL is left as it is."""


@dataclass(frozen=True, slots=True)
class Work:
    """One notebook to run, with all that it gets. Folders of this machine are absolute."""

    key: RunKey
    tree: Path
    """A folder of files that belongs to the run."""
    path: str
    """The notebook's file below ``tree``, with ``/``."""
    member: str | None = None
    digest: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    """Seconds."""
    workspace_roots: Mapping[str, str] = field(default_factory=dict)
    workspace_path: str = ""
    module_roots: tuple[str, ...] = (".",)
    secrets: Mapping[str, str] = field(default_factory=dict)
    task_values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    context: Mapping[str, str] = field(default_factory=dict)
    session: str = ""
    """Works of one session see each other's tables, as notebooks of one workspace do; empty: a
    session of its own."""
    reads_session: bool = False
    """It relies on what works of its session did before: not run where an engine that died has
    taken that along."""


class Local:
    """A pool's engine. :meth:`run` may be called from several threads; leaving the block ends
    the engine and takes away what the runs left on disk."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        engine: str = SAIL,
        catalogs: tuple[str, ...] = (),
        pip: str = "skip",
        remote: str = "",
        connect: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = folder or Path(tempfile.mkdtemp(prefix="dbxgate-run-"))
        self._is_own = folder is None
        self._engine = engine
        self._catalogs = catalogs
        self._pip = pip
        self._remote = remote
        self._connect = dict(connect or {})
        self._environment = dict(environment or {})
        self._running: Running | None = None
        self._forks: Forks | None = None
        self._starts = 0
        self._sessions: dict[str, int] = {}
        """Which start of the engine holds the first tables of a session."""
        self._lock = threading.Lock()

    def __enter__(self) -> Local:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            if self._running is not None:
                self._running.stop()
                self._running = None
            if self._forks is not None:
                self._forks.stop()
                self._forks = None
        if self._is_own:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def starts(self) -> int:
        """How often an engine was started."""
        return self._starts

    def run(self, work: Work, *, cancelled: Callable[[], bool] = lambda: False) -> Outcome:
        """Run one notebook and wait for its end. Never raises for what the notebook does; an
        engine that is missing or does not start is told in the outcome."""
        if cancelled():
            return Outcome(work.key, RunState.CANCELLED, message="it was cancelled")
        fork = self._start()
        try:
            remote, version, start = self._started()
        except GateError as error:
            return Outcome(work.key, RunState.PLATFORM, message=str(error))
        if work.reads_session and self._sessions.get(work.session, start) != start:
            message = f"the engine ({version}) died, and with it the tables that this needs"
            return Outcome(work.key, RunState.PLATFORM, message=message, engine=version)
        folder = self._folder / "runs" / uuid.uuid4().hex
        end = run_child(
            self._spec(work, folder, remote),
            folder,
            timeout=work.timeout,
            cancelled=cancelled,
            start=fork,
        )
        if self._is_dead() and end.state is not RunState.PASSED:
            message = f"the engine ({version}) died while the notebook ran"
            end = _blamed(end, message)
        if end.state is not RunState.PLATFORM:
            self._sessions.setdefault(work.session, start)
        shutil.rmtree(folder, ignore_errors=True)
        return _outcome(work, end, version)

    def _spec(self, work: Work, folder: Path, remote: str) -> Spec:
        warehouse = self._folder / "warehouses" / (work.session or folder.name)
        files = self._folder / "files" / (work.session or folder.name)
        for each in (warehouse, files):
            each.mkdir(parents=True, exist_ok=True)
        return Spec(
            tree=str(work.tree),
            path=work.path,
            member=work.member,
            digest=work.digest,
            parameters=work.parameters,
            remote=remote,
            engine=self._engine,
            connect=self._connect,
            warehouse=str(warehouse) if self._engine == SAIL else "",
            catalogs=self._catalogs,
            files=str(files),
            module_roots=work.module_roots,
            workspace_roots=work.workspace_roots,
            workspace_path=work.workspace_path,
            pip=self._pip,
            packages=str(folder / "packages"),
            secrets=work.secrets,
            task_values=work.task_values,
            context=work.context,
            environment=self._environment,
            session=work.session or str(uuid.uuid4()),
        )

    def _start(self) -> Start:
        """How processes come about. Called before the engine starts, so that both do so at once."""
        if sys.platform != "linux" or self._pip == "install":
            # What a notebook installs must not meet an older one that is imported already.
            return start_python
        with self._lock:
            if self._forks is None:
                folder = self._folder / "forks"
                try:
                    self._forks = Forks(folder, child_environment(folder, self._environment))
                except OSError:
                    return start_python
            return self._forks.start

    def _started(self) -> tuple[str, str, int]:
        """The address of the engine, what it is and which start of it; one that died is started
        anew."""
        if self._remote or self._connect:
            return self._remote, CONNECT, 0
        with self._lock:
            if self._running is not None and not self._running.is_alive():
                self._running.stop()
                self._running = None
            if self._running is None:
                from pytest_dbxgate.execution.engines import ENGINES

                self._running = ENGINES[self._engine].start(self._folder / "engine", self._catalogs)
                self._starts += 1
            return self._running.remote, self._running.version, self._starts

    def _is_dead(self) -> bool:
        with self._lock:
            return self._running is not None and not self._running.is_alive()


def _blamed(end: ChildEnd, message: str) -> ChildEnd:
    return replace(end, state=RunState.PLATFORM, message=message)


def _outcome(work: Work, end: ChildEnd, engine: str) -> Outcome:
    return Outcome(
        work.key,
        end.state,
        digest=end.digest,
        message=end.message,
        failure=end.failure,
        exit_value=end.exit_value,
        output=end.output,
        notices=end.notices,
        seconds=end.seconds,
        cells=end.cells,
        engine=engine,
        task_values=end.task_values,
    )
