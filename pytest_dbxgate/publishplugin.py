"""Publishing inside pytest: what the run proved is collected, and at its end the verdict falls.

Registered only where publishing was asked for, and never in a worker: only the controlling
process acts.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Generator
from typing import Any

import pytest

from pytest_dbxgate import collection, outside, packaging, publishing
from pytest_dbxgate.checks.result import State
from pytest_dbxgate.delivery.published import Mode, Published
from pytest_dbxgate.delivery.verdict import Expected, Outcome, Report
from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.execution.outcome import RunKey
from pytest_dbxgate.gateplugin import GatePlugin
from pytest_dbxgate.publish_options import Command, Publishing
from pytest_dbxgate.reporting import published as text
from pytest_dbxgate.reporting.text import clean

_MODES = {
    Command.DEPLOY: Mode.DEPLOY,
    Command.PLAN: Mode.PLAN,
    Command.PACKAGE: Mode.PACKAGE,
}


class PublishPlugin:
    """One run that ends with publishing, a plan or a package."""

    def __init__(self, config: pytest.Config, wanted: Publishing, gate: GatePlugin) -> None:
        self._config = config
        self._wanted = wanted
        self._gate = gate
        self._reports: dict[Expected, Report] = {}
        self._failed_tests: list[str] = []
        self._collection_errors: list[str] = []
        self._published: Published | None = None
        self._is_reporting = False
        self._order = publishing.Order(
            _MODES[wanted.command],
            wanted.target,
            dict.fromkeys(wanted.overrides, wanted.reason),
            wanted.write_package_file,
        )
        try:
            publishing.check(gate.gate, self._order)
        except ConfigurationError as error:
            raise pytest.UsageError(clean(str(error), newline="\n")) from None

    # -- evidence --------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._collection_errors.append(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        expected, outcome = self._expected_of(report.nodeid), _outcome(report)
        if expected is None:
            if report.failed:
                self._failed_tests.append(report.nodeid)
            return
        known = self._reports.get(expected)
        found = self._gate.check_of(report.nodeid)
        if outcome is Outcome.SKIPPED and found and self._gate.state(*found) is State.SKIPPED:
            outcome = Outcome.UNCHECKED
        # Passed only if nothing of it, set-up and tear-down included, said otherwise.
        if outcome is None or (known is not None and known.outcome is not Outcome.PASSED):
            return
        digest = str(dict(report.user_properties).get("dbx_sha256", ""))
        self._reports[expected] = Report(outcome, digest)

    def _expected_of(self, nodeid: str) -> Expected | None:
        """The check or the run behind an item of ours."""
        found = self._gate.check_of(nodeid)
        if found is not None:
            return Expected(found[0].path, found[0].member, found[1].value)
        run = None if self._gate.running is None else self._gate.running.run_of(nodeid)
        return None if run is None else _expected_run(run)

    @property
    def _runs(self) -> Collection[RunKey]:
        return () if self._gate.running is None else self._gate.running.planned

    # -- the end ---------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._config.option.collectonly:
            return
        evidence = publishing.Evidence(
            self._with_missing(session),
            failed_tests=self._failed_tests,
            collection_errors=self._collection_errors,
            exit_status=int(session.exitstatus),
            runs=self._runs,
        )
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        order = self._order
        with outside.world(self._config.rootpath, self._wanted, _writer(reporter)) as world:
            work = packaging.pack if order.mode is Mode.PACKAGE else publishing.publish
            done = work(self._gate.gate, evidence, order, world)
            self._published = outside.kept(done, self._config.rootpath, self._wanted)
        self._gate.published = self._published
        if done.mode is Mode.DEPLOY:
            self._report(done)
        if session.exitstatus == pytest.ExitCode.OK and done.exit_code:
            session.exitstatus = done.exit_code

    def _with_missing(self, session: pytest.Session) -> dict[Expected, Report]:
        """The reports, and those of checks that were left out on purpose."""
        reports = dict(self._reports)
        if not session.shouldstop and not session.shouldfail and session.exitstatus in (0, 1, 5):
            for item in self._gate.gate.files:
                for key in item.keys:
                    for check in item.checks:
                        expected = Expected(key.path, key.member, check.value)
                        reports.setdefault(expected, Report(Outcome.DESELECTED, ""))
            for run in self._runs:
                reports.setdefault(_expected_run(run), Report(Outcome.DESELECTED, ""))
        return reports

    def _report(self, done: Published) -> None:
        """An item of its own in every report, JUnit's included."""
        name = f"publish[{done.target}]"
        failed = bool(done.exit_code)
        report = pytest.TestReport(
            nodeid=f"{collection.TOOL_NODE}::{name}",
            location=(collection.TOOL_NODE, None, name),
            keywords={"dbx": 1},
            outcome="failed" if failed else "passed",
            longrepr="\n".join(text.lines(done)) if failed else None,
            when="call",
        )
        self._is_reporting = True
        self._config.hook.pytest_runtest_logreport(report=report)
        self._is_reporting = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(
        self, report: pytest.TestReport, config: pytest.Config
    ) -> tuple[str, str, str] | None:
        """Nothing behind the progress of the tests, which is complete by then. The summary, later,
        wants the word."""
        ours = report.nodeid.startswith(f"{collection.TOOL_NODE}::publish[")
        if not ours or config.get_verbosity() > 0:
            return None
        return report.outcome, "", "" if self._is_reporting else report.outcome.upper()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> Generator[None, Any, Any]:
        result = yield
        if self._published is not None:
            terminalreporter.write_sep("=", "Databricks workspace")
            told = self._published.mode is Mode.DEPLOY and self._published.exit_code
            shown = terminalreporter.config.option.tbstyle != "no"
            # The failure of our own item has told the rest.
            lines = [text.headline(self._published)] if told and shown else None
            for line in lines or text.lines(self._published):
                terminalreporter.write_line(line)
        return result


def _outcome(report: pytest.TestReport) -> Outcome | None:
    """What one phase says; None where it says nothing."""
    if hasattr(report, "wasxfail"):
        return Outcome.XFAILED
    if report.failed:
        return Outcome.FAILED
    if report.skipped:
        return Outcome.SKIPPED
    return Outcome.PASSED if report.when == "call" else None


def _writer(reporter: Any) -> outside.Writer:
    """Where progress goes: pytest's own terminal, or nowhere."""
    if reporter is None or reporter.config.get_verbosity() < 0:
        return outside.Writer(lambda text: None, is_terminal=False)
    fresh = False

    def write(told: str) -> None:
        nonlocal fresh
        # pytest's own progress may not have ended its line yet.
        reporter.write(told if fresh else f"\n{told}", flush=True)
        fresh = True

    is_terminal = bool(getattr(reporter, "isatty", False)) and "CI" not in os.environ
    return outside.Writer(write, is_terminal=is_terminal)


def _expected_run(run: RunKey) -> Expected:
    return Expected(run.notebook.path, run.notebook.member, run.item)
