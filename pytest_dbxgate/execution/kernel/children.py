"""``dbutils.notebook.run``: a notebook in a process of its own."""

from __future__ import annotations

import itertools
import posixpath
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from pytest_dbxgate.execution.kernel.signals import EngineError, NeedsClusterError
from pytest_dbxgate.execution.kernel.targets import Targets
from pytest_dbxgate.execution.outcome import RunState
from pytest_dbxgate.execution.process import ChildEnd, run_child
from pytest_dbxgate.execution.spec import Spec
from pytest_dbxgate.execution.starting import Start
from pytest_dbxgate.notebook.model import NotebookKey

DEEPEST = 10
"""How deep runs may be nested: deeper, they run each other in a circle."""


class WorkflowException(Exception):  # noqa: N818 - Databricks' name
    """A notebook that was run failed."""


class Children:
    """Runs notebooks for one that runs. May be called from several threads."""

    def __init__(
        self,
        spec: Spec,
        session_id: str,
        targets: Targets,
        notice: Callable[[str], None],
        start: Start,
    ) -> None:
        self._spec = spec
        self._session_id = session_id
        self._targets = targets
        self._notice = notice
        self._start = start
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def run(
        self, source: NotebookKey, path: str, timeout: float, arguments: Mapping[str, str]
    ) -> str:
        """Run the notebook that ``path`` means in ``source``; what it exited with. ``timeout``
        in seconds; 0: none."""
        if self._spec.depth >= DEEPEST:
            raise WorkflowException(
                f"dbutils.notebook.run is nested more than {DEEPEST} deep at {path}"
            )
        key = self._targets.find(source, path)
        end = run_child(
            self._child(key, path, arguments),
            self._folder(),
            timeout=timeout or None,
            start=self._start,
        )
        for notice in end.notices:
            self._notice(notice)
        if end.state is RunState.PASSED:
            return end.exit_value or ""
        why = f"{path}: {_why(end)}"
        if end.state is RunState.UNSUPPORTED:
            raise NeedsClusterError(why)
        if end.state is RunState.PLATFORM:
            raise EngineError(why)
        print(end.output[-4_000:], end="")
        state = "TIMEDOUT" if end.state is RunState.TIMED_OUT else "FAILED"
        raise WorkflowException(f"com.databricks.NotebookExecutionException: {state}: {why}")

    def _child(self, key: NotebookKey, path: str, arguments: Mapping[str, str]) -> Spec:
        workspace_path = path
        if self._spec.workspace_path and not path.startswith("/"):
            folder = posixpath.dirname(self._spec.workspace_path)
            workspace_path = posixpath.normpath(posixpath.join(folder, path))
        return replace(
            self._spec,
            path=key.path,
            member=key.member,
            digest="",
            parameters=dict(arguments),
            session=self._session_id,
            workspace_path=workspace_path,
            depth=self._spec.depth + 1,
        )

    def _folder(self) -> Path:
        with self._lock:
            number = next(self._numbers)
        return Path(self._spec.events_file).parent / f"run-{number}"


def _why(end: ChildEnd) -> str:
    failure = end.failure
    if failure is None:
        return end.message or end.state.value
    place = failure.place
    where = f"{place.path} cell {place.cell}, line {place.line}"
    return f"{where}: {failure.error}: {failure.message}" if failure.message else where
