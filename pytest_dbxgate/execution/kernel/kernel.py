"""One run, put together."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from pytest_dbxgate.execution.kernel import builders, file_api, magics, names, own_modules
from pytest_dbxgate.execution.kernel import shell as shells
from pytest_dbxgate.execution.kernel.children import Children
from pytest_dbxgate.execution.kernel.context import Context
from pytest_dbxgate.execution.kernel.dbutils import (
    DBUtils,
    Jobs,
    NotebookUtils,
    Secrets,
    TaskValues,
)
from pytest_dbxgate.execution.kernel.dbutils_fs import FileUtils
from pytest_dbxgate.execution.kernel.display import display
from pytest_dbxgate.execution.kernel.failures import Failures
from pytest_dbxgate.execution.kernel.filesystem import FileSystem
from pytest_dbxgate.execution.kernel.pip import Pip
from pytest_dbxgate.execution.kernel.places import Places
from pytest_dbxgate.execution.kernel.redaction import Plumbing, Redactor
from pytest_dbxgate.execution.kernel.running import Parts, Runner
from pytest_dbxgate.execution.kernel.signals import CellError, NotebookExit, RunCancelled
from pytest_dbxgate.execution.kernel.spark import Spark
from pytest_dbxgate.execution.kernel.spark_paths import SparkPaths
from pytest_dbxgate.execution.kernel.sqlcells import SqlCells
from pytest_dbxgate.execution.kernel.statements import Statements
from pytest_dbxgate.execution.kernel.targets import TargetError, Targets
from pytest_dbxgate.execution.kernel.telling import Teller
from pytest_dbxgate.execution.kernel.widgets import Widgets, WidgetValues
from pytest_dbxgate.execution.outcome import CellFailure, RunState
from pytest_dbxgate.execution.spec import Spec
from pytest_dbxgate.execution.starting import Start
from pytest_dbxgate.notebook.model import NotebookKey


@dataclass(frozen=True, slots=True)
class _End:
    state: RunState
    message: str = ""
    failure: CellFailure | None = None
    exit_value: str | None = None


class Kernel:
    """Runs what a spec asks for, in this process."""

    def __init__(self, spec: Spec, start: Start) -> None:
        self._spec = spec
        self._start = start
        self._redactor = Redactor(spec.secrets.values())
        self._teller = Teller(spec.events_file, self._redactor)
        self._targets = Targets(spec.tree, spec.workspace_roots)
        self._folder = Path(spec.tree, spec.path).parent
        self._names: dict[str, Any] = {}
        self._leave: Callable[[], None] = lambda: None

    def run(self) -> None:
        """Run it to its end and tell what came of it."""
        plumbing = Plumbing(self._redactor) if self._spec.secrets else None
        try:
            end = self._ended()
            self._leave()
        except Exception as error:
            # A notebook can break this process in ways nobody thought of.
            end = _End(RunState.PLATFORM, f"the run broke: {type(error).__name__}: {error}")
        if plumbing is not None:
            plumbing.close()
        value = end.exit_value
        if value is not None and self._spec.depth == 0:
            # Only a notebook that ran this one gets the value itself.
            value = self._redactor(value)
        self._teller.end(end.state, message=end.message, failure=end.failure, exit_value=value)

    def _ended(self) -> _End:
        try:
            notebook = self._targets.read(NotebookKey(self._spec.path, self._spec.member))
        except TargetError as error:
            return _End(RunState.PLATFORM, str(error))
        self._teller.start(notebook.digest)
        if self._spec.digest and notebook.digest != self._spec.digest:
            return _End(
                RunState.PLATFORM,
                f"{notebook.key} is not the notebook that was checked: it changed",
            )
        signal.signal(signal.SIGTERM, _cancel)
        if sys.platform != "win32":
            # The workers of a pool that is closed are ended by this signal.
            os.register_at_fork(
                after_in_child=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL)
            )
        try:
            self._runner().run(notebook)
        except NotebookExit as end:
            return _End(RunState.PASSED, exit_value=end.value)
        except CellError as error:
            return _End(error.state, failure=self._redacted(error.failure))
        except RunCancelled:
            return _End(RunState.CANCELLED, "it was cancelled")
        return _End(RunState.PASSED)

    def _runner(self) -> Runner:
        spec, places = self._spec, Places()
        values = WidgetValues(spec.parameters)
        widgets = Widgets(values)
        files = FileSystem(spec.files)
        fs = FileUtils(files)
        shell = shells.make(places.name)

        def ready(session: Any) -> None:
            mapped: Callable[[str], str] = str
            if spec.engine != "connect":
                paths = SparkPaths(files, checks=spec.engine == "sail")
                paths.install()
                mapped = paths.in_sql
                builders.give(session, self._teller.notice)
                own_modules.carry(spec.tree)
            Statements(spec.engine, self._teller.notice, mapped).install(session)
            # What the notebook has given such a name to is its own.
            for name, value in names.of_spark(session).items():
                shell.user_ns.setdefault(name, value)

        spark = Spark(spec, ready)
        self._leave = spark.leave
        children = Children(spec, spark.session_id, self._targets, self._teller.notice, self._start)
        context = Context(spec.context, spec.workspace_path or "/" + spec.path.rpartition(".")[0])
        dbutils = DBUtils(
            widgets=widgets,
            fs=fs,
            secrets=Secrets(spec.secrets, self._redactor),
            jobs=Jobs(TaskValues(spec, self._teller)),
            notebook=NotebookUtils(
                lambda path, timeout, given: children.run(runner.current, path, timeout, given),
                context,
            ),
        )
        self._names = names.without_spark(dbutils, widgets)
        names.provide_modules(self._names, spark.session, connect=spec.engine == "connect")
        pip = Pip(spec, self._teller.notice, self._local(files))
        magics.register(shell, pip)

        def keep(result: Any) -> None:
            shell.user_ns["_sqldf"] = result

        def restart() -> None:
            shell.forget()
            self._forget_modules()
            self._set_out(shell)
            if spark.is_started:
                shell.user_ns.update(names.of_spark(spark.session()))

        runner = Runner(
            Parts(
                shell=shell,
                spark=spark,
                teller=self._teller,
                places=places,
                failures=Failures(places, spec.tree, pip.skipped),
                targets=self._targets,
                widgets=values,
                sql=SqlCells(values, spark.session, display, keep),
                fs=fs,
                restart=restart,
            )
        )
        file_api.install(files)
        # IPython has an ``open`` of its own, which knows the original alone.
        self._names["open"] = open
        own_modules.leave_out_this_folder()
        sys.path[:0] = own_modules.roots(spec)
        sys.argv[:] = [spec.path]
        self._set_out(shell)
        spark.watch_imports()
        return runner

    def _set_out(self, shell: Any) -> None:
        os.chdir(self._folder)
        shell.user_ns.update(self._names)

    def _forget_modules(self) -> None:
        """A new Python imports the repository's modules anew, and what was just installed."""
        own = tuple(each for each in (self._spec.tree, self._spec.packages) if each)
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None) or "").startswith(own):
                del sys.modules[name]

    def _local(self, files: FileSystem) -> Any:
        def local(path: str) -> Path:
            if path.startswith(("/Workspace/", "/Repos/", "/Users/", "/Shared/")):
                return Path(self._spec.tree, self._targets.path_of(path))
            known = path.startswith(("/Volumes/", "/dbfs/", "dbfs:/"))
            return files.local(path) if known else Path(path)

        return local

    def _redacted(self, failure: CellFailure) -> CellFailure:
        redact = self._redactor
        return CellFailure(
            failure.place,
            failure.error,
            redact(failure.message),
            failure.condition,
            failure.chain,
            tuple(map(redact, failure.traceback)),
            redact(failure.source),
        )


def _cancel(number: int, frame: Any) -> NoReturn:
    # Whoever asks twice is not asked to wait for the notebook's own clean-up.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise RunCancelled
