"""Running inside pytest: which process runs notebooks, and how an item learns of its run.

The controlling process runs them, in the background, and once. Workers read each run's end from a
folder of the session.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_dbxgate import collection
from pytest_dbxgate.arguments import Wanted
from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.errors import AuthenticationError, ConfigurationError, PlatformError
from pytest_dbxgate.execution.outcome import Outcome, RunKey, RunState
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.options import Options
from pytest_dbxgate.reporting import runs as text
from pytest_dbxgate.reporting.text import clean
from pytest_dbxgate.running import plan, ways
from pytest_dbxgate.running.batch import Ended
from pytest_dbxgate.running.runs import Runs
from pytest_dbxgate.session import Gate
from pytest_dbxgate.session import Outcome as Checked
from pytest_dbxgate.targets import Surroundings

if TYPE_CHECKING:
    from types import FrameType

_TICK = 1.0
_TOLD_EVERY = 30.0
"""Seconds between two lines in a log that nobody watches."""


class RunSession:
    """What a run of pytest with ``--dbx-run`` does besides checking."""

    def __init__(
        self, config: pytest.Config, options: Options, gate: Gate, wanted: Sequence[Wanted]
    ) -> None:
        assert options.run is not None
        self._config = config
        self._gate = gate
        self._folder: Path | None = None
        self._runs: Runs | None = None
        self._is_worker = hasattr(config, "workerinput")
        self._platform_failures = 0
        self._told = 0.0
        self._remarks: list[str] = []
        self._shown = 0
        self._before: dict[int, Any] = {}
        named = {each.file.path for each in wanted if each.named}
        self.planned = plan.plan(gate.files, gate.projects.of, named)
        self._numbers = {key: number for number, key in enumerate(self.planned)}
        self._by_notebook: dict[NotebookKey, list[RunKey]] = {}
        for each in wanted:
            for key in self.planned:
                if key.notebook.path == each.file.path and each.wants_run(key.item):
                    self._by_notebook.setdefault(key.notebook, []).append(key)
        self._items = {
            f"{collection.node_id(key.notebook)}::{key.item}": key
            for keys in self._by_notebook.values()
            for key in keys
        }
        if not self._items:
            raise ConfigurationError(
                f"--dbx-run {options.run.value}: no notebook is to be run",
                next_step="name notebooks on the command line, or choose them with "
                'notebooks = ["PATTERN"] in [tool.dbxgate.run]',
            )
        around = Surroundings(os.environ, config.rootpath, options.allowed_hosts)
        self._way = ways.choose(options.run, gate, ways.Where(options.target, around))

    def of(self, key: NotebookKey) -> Collection[RunKey]:
        """The runs of a notebook, each of which is an item."""
        return self._by_notebook.get(key, ())

    def run_of(self, nodeid: str) -> RunKey | None:
        """The run behind an item; None for any other item."""
        return self._items.get(nodeid) or self._items.get(nodeid.rpartition("@")[0])

    def needed(self, nodeids: Iterable[str]) -> set[NotebookKey]:
        """The notebooks whose cells have to parse before anything runs."""
        keys = plan.closure(self.planned, filter(None, map(self.run_of, nodeids)))
        return {key.notebook for key in keys}

    # -- the controlling process -----------------------------------------------------------

    def start(self, nodeids: Iterable[str], checked: Checked, folder: Path | None) -> None:
        """Run what was selected, in the background. ``folder`` is where workers look."""
        self._folder = folder
        selected = [key for key in map(self.run_of, nodeids) if key is not None]
        if not selected:
            return
        self._runs = Runs(
            self._gate, self.planned, self._way, done=self._keep, tell=self._remarks.append
        )
        self._catch_signals()
        self._runs.start(selected, checked)
        if folder is not None and not self._is_terminal:
            threading.Thread(target=self._tell_now_and_then, daemon=True).start()

    def finish(self, session: pytest.Session) -> None:
        """End what still runs. A run of pytest that failed for the platform alone says so."""
        if self._runs is not None:
            self._runs.stop()
        for number, handler in self._before.items():
            signal.signal(number, handler)
        only_platform = 0 < self._platform_failures == session.testsfailed
        if session.exitstatus == pytest.ExitCode.TESTS_FAILED and only_platform:
            error = None if self._runs is None else self._runs.error
            is_login = isinstance(error, AuthenticationError)
            session.exitstatus = (AuthenticationError if is_login else PlatformError).exit_code

    def note(self, report: pytest.TestReport) -> None:
        """Count the failures that no notebook is to blame for."""
        state = dict(report.user_properties).get("dbx_run_state")
        if report.failed and state == RunState.PLATFORM.value:
            self._platform_failures += 1

    @property
    def outcomes(self) -> list[Outcome]:
        """What has ended, in the order of the plan."""
        return [ended.outcome for ended in self._all_ended]

    @property
    def findings(self) -> list[Finding]:
        return [finding for ended in self._all_ended for finding in ended.findings]

    @property
    def _all_ended(self) -> list[Ended]:
        known: Mapping[RunKey, Ended] = {} if self._runs is None else self._runs.ended
        return [known[key] for key in self.planned if key in known]

    def summary(self) -> list[str]:
        if self._runs is None or not self.outcomes:
            return []
        told = ("left behind: ", "swept away: ")
        left = [clean(each) for each in self._remarks if each.startswith(told)]
        return [*text.summary(self.outcomes, self._runs.took), *left]

    def _keep(self, ended: Ended) -> None:
        """Write a run's end for the workers, whole or not at all."""
        if self._folder is not None:
            file = self._file(ended.outcome.key)
            part = file.with_suffix(".part")
            part.write_bytes(pickle.dumps(ended))
            part.replace(file)

    def _file(self, key: RunKey) -> Path:
        assert self._folder is not None
        return self._folder / f"run-{self._numbers[key]}.pickle"

    def _catch_signals(self) -> None:
        """An end by SIGTERM, or with the terminal, is an interrupt: whatever was started must not
        go on alone."""
        if threading.current_thread() is not threading.main_thread():
            return

        def interrupt(number: int, frame: FrameType | None) -> None:
            raise KeyboardInterrupt

        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            # What nohup ignores stays ignored.
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, interrupt)

    # -- waiting ---------------------------------------------------------------------------

    def ended(self, key: RunKey, folder: Path | None) -> Ended:
        """Wait for a run's end, in whatever process."""
        if self._is_worker:
            self._folder = folder
            file = self._file(key)
            while not file.exists():
                time.sleep(0.05)
            found: Ended = pickle.loads(file.read_bytes())
            return found
        assert self._runs is not None, "an item ran before its run was started"
        while (ended := self._runs.wait(key, _TICK)) is None:
            self._tell()
        self._wipe()
        return ended

    @property
    def _is_terminal(self) -> bool:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        watched = reporter is not None and getattr(reporter, "isatty", False)
        return bool(watched) and "CI" not in os.environ

    def _tell(self) -> None:
        """Say how far it is: on the same line where somebody watches, else now and then."""
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None or self._runs is None or self._config.get_verbosity() < 0:
            return
        line = text.waiting(len(self._runs.ended), self._runs.total, self._runs.seconds)
        if self._remarks and not self._is_terminal:
            line += f" ({clean(self._remarks[-1])})"
        if self._is_terminal:
            self._wipe()
            with self._not_captured():
                reporter.write(f" {line}", flush=True)
            self._shown = len(line) + 1
        elif self._runs.seconds - self._told >= _TOLD_EVERY:
            self._told = self._runs.seconds
            with self._not_captured():
                reporter.ensure_newline()
                reporter.write_line(line)

    def _wipe(self) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if self._shown and reporter is not None:
            with self._not_captured():
                back = "\b" * self._shown
                reporter.write(back + " " * self._shown + back, flush=True)
            self._shown = 0

    def _not_captured(self) -> AbstractContextManager[None]:
        """While an item runs, pytest takes even the reporter's lines for output of the item."""
        capture = self._config.pluginmanager.get_plugin("capturemanager")
        return nullcontext() if capture is None else capture.global_and_fixture_disabled()

    def _tell_now_and_then(self) -> None:
        """Where only workers wait."""
        while self._runs is not None and len(self._runs.ended) < self._runs.total:
            time.sleep(_TICK)
            self._tell()
