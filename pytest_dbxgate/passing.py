"""Green items in a third of the time.

Around each phase of each test pytest captures output and logging and evaluates marks. An item of
ours that is going to pass only reads what the engine has found: nothing to capture, and in a large
repository there are thousands of them. They are set up, called and torn down by pytest's own
runner alone. Whatever anybody else wants to do there is done: then nothing is shortened.
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


class PassingPlugin:
    """The protocol of items that pass."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> Any:
        if not isinstance(item, CheckItem) or not self._nobody_watches or not _passes(item):
            return None
        if nextitem is None:
            return None  # with the last item the fixtures of a session end, which may print or fail
        setup, call, teardown = self._runner
        hook = item.ihook
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        _report(hook, item, "setup", lambda: setup(item=item))
        _report(hook, item, "call", lambda: call(item=item))
        _report(hook, item, "teardown", lambda: teardown(item=item, nextitem=nextitem))
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    @cached_property
    def _nobody_watches(self) -> bool:
        """Whether pytest's own plugins alone take part in the phases. Asked when the first item
        runs: every ``conftest.py`` is known then."""
        if self._config.getoption("setupshow", False) or self._config.getoption("setuponly", False):
            return False
        return all(
            each.function.__module__.startswith("_pytest.")
            for name in _PHASES
            for each in getattr(self._config.hook, name).get_hookimpls()
        )

    @cached_property
    def _runner(self) -> tuple[Callable[..., object], ...]:
        """The hooks of the phases as pytest's runner alone implements them."""
        manager = self._config.pluginmanager
        runner = manager.get_plugin("runner")
        others = [each for each in manager.get_plugins() if each is not runner]
        return tuple(manager.subset_hook_caller(name, others) for name in _PHASES)


def _passes(item: CheckItem) -> bool:
    """Whether the item will pass as it is; a mark of somebody else's may still decide otherwise."""
    if any(not mark.name.startswith("dbx") for mark in item.iter_markers()):
        return False
    return item.judge.state(item.key, item.check) is State.PASSED


def _report(hook: Any, item: CheckItem, when: _When, work: Callable[[], object]) -> None:
    done = pytest.CallInfo.from_call(work, when=when, reraise=_INTERRUPTS)
    report = hook.pytest_runtest_makereport(item=item, call=done)
    hook.pytest_runtest_logreport(report=report)
