"""Green items in a fifth of the time.

Around each phase of each test pytest captures output and logging and evaluates marks, and makes a
report of each phase. An item of ours that is going to pass only reads what the engine has found:
nothing to set up or to capture, and in a large repository there are thousands of them. Whatever
anybody else wants to do there is done: then nothing is shortened.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal, TypeAlias

import pytest

from pytest_dbxgate.checks.result import State
from pytest_dbxgate.collection import CheckItem

_When: TypeAlias = Literal["setup", "call", "teardown"]

_PHASES = ("pytest_runtest_setup", "pytest_runtest_call", "pytest_runtest_teardown")
_INTERRUPTS = (pytest.exit.Exception, KeyboardInterrupt)
_IN_PHASES = ("_pytest.", "_hypothesis_pytestplugin", "pytest_cov.")
"""Whose modules do nothing in the phases of an item that is no function and passes."""
_WITH_REPORTS = (
    *("_pytest.cacheprovider", "_pytest.logging", "_pytest.main", "_pytest.terminal"),
    "pytest_dbxgate.",
    "__channelexec__",
)
"""Whose modules do nothing with the report of a set-up or a tear-down that passed; the last is
what xdist's workers run as, and hands it on."""
_CALLS_ALONE = "dbx_calls_alone"
"""What the controlling process tells its workers."""


class PassingPlugin:
    """The protocol of items that pass."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput[_CALLS_ALONE] = self._nobody_reads

    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> Any:
        if not isinstance(item, CheckItem) or not self._nobody_watches or not _passes(item):
            return None
        if nextitem is None:
            return None  # with the last item the fixtures of a session end, which may print or fail
        hook = item.ihook
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for when in self._reported:
            hook.pytest_runtest_logreport(report=self._report(item, when))
        if nextitem.parent is not item.parent:
            # An item before this one may have set up the notebook's node.
            self._teardown(item=item, nextitem=nextitem)
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _report(self, item: CheckItem, when: _When) -> pytest.TestReport:
        work = item.runtest if when == "call" else _nothing
        done = pytest.CallInfo.from_call(work, when=when, reraise=_INTERRUPTS)
        if self._nobody_reports:
            return pytest.TestReport.from_item_and_call(item, done)
        report: pytest.TestReport = item.ihook.pytest_runtest_makereport(item=item, call=done)
        return report

    @cached_property
    def _nobody_watches(self) -> bool:
        """Whether nobody takes part in the phases who would be missed. Asked when the first item
        runs: every ``conftest.py`` is known then."""
        if self._config.getoption("setupshow", False) or self._config.getoption("setuponly", False):
            return False
        return all(self._only(name, *_IN_PHASES) for name in _PHASES)

    @cached_property
    def _nobody_reports(self) -> bool:
        return self._only("pytest_runtest_makereport", *_IN_PHASES, "pytest_dbxgate.")

    @cached_property
    def _reported(self) -> tuple[_When, ...]:
        controller = getattr(self._config, "workerinput", {}).get(_CALLS_ALONE, True)
        if controller and self._nobody_reads and self._nobody_reports:
            return ("call",)
        return ("setup", "call", "teardown")

    @property
    def _nobody_reads(self) -> bool:
        return self._only("pytest_runtest_logreport", *_WITH_REPORTS) and self._only(
            "pytest_report_teststatus", "_pytest.", "pytest_dbxgate."
        )

    def _only(self, hook: str, *modules: str) -> bool:
        """Whether nobody but ``modules`` takes part in a hook."""
        parts = getattr(self._config.hook, hook).get_hookimpls()
        return all((each.function.__module__ or "").startswith(modules) for each in parts)

    @cached_property
    def _teardown(self) -> Callable[..., object]:
        """That of pytest's own runner alone."""
        manager = self._config.pluginmanager
        runner = manager.get_plugin("runner")
        others = [each for each in manager.get_plugins() if each is not runner]
        return manager.subset_hook_caller("pytest_runtest_teardown", others)


def _passes(item: CheckItem) -> bool:
    """Whether the item will pass as it is; a mark of somebody else's may still decide otherwise."""
    if any(not mark.name.startswith("dbx") for mark in item.iter_markers()):
        return False
    return item.judge.state(item.key, item.check) is State.PASSED


def _nothing() -> None:
    pass
