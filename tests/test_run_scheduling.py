"""Runs in lanes: needs first, groups one by one, and an end for each whatever happens."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from pytest_dbxgate.execution.outcome import Outcome, RunKey, RunState
from pytest_dbxgate.execution.scheduling import run_all
from pytest_dbxgate.notebook.model import NotebookKey


def key(name: str) -> RunKey:
    return RunKey(NotebookKey(name))


class Log:
    """Runs that end as their names say, and what was seen of them."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self.order: list[str] = []
        self.at_once = 0
        self.most = 0
        self._lock = threading.Lock()

    def run(self, one: RunKey) -> Outcome:
        name = one.notebook.path
        with self._lock:
            self.order.append(name)
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        threading.Event().wait(0.01)
        with self._lock:
            self.at_once -= 1
        if name.startswith("crash"):
            raise RuntimeError("boom")
        state = RunState.FAILED if name.startswith("bad") else RunState.PASSED
        return Outcome(one, state)

    def done(self, outcome: Outcome) -> None:
        with self._lock:
            self.outcomes[outcome.key.notebook.path] = outcome

    def all(
        self,
        needs: Mapping[str, Sequence[str]],
        *,
        lanes: int = 3,
        cancelled: bool = False,
        group: str | None = None,
    ) -> dict[str, RunState]:
        run_all(
            {key(name): [key(each) for each in others] for name, others in needs.items()},
            self.run,
            self.done,
            lanes=lanes,
            cancelled=lambda: cancelled,
            group_of=lambda one: group or str(one),
        )
        return {name: outcome.state for name, outcome in self.outcomes.items()}


def test_what_is_needed_runs_first() -> None:
    log = Log()
    states = log.all({"c": ["b"], "b": ["a"], "a": [], "d": []}, lanes=1)
    assert set(states.values()) == {RunState.PASSED}
    assert log.order.index("a") < log.order.index("b") < log.order.index("c")


def test_whoever_needs_a_red_one_is_not_started() -> None:
    log = Log()
    states = log.all({"bad": [], "b": ["bad"], "c": ["b"], "d": ["elsewhere"]})
    assert states["b"] is states["c"] is RunState.NOT_STARTED
    assert log.outcomes["b"].message == "it needs bad::run: not green"
    assert states["d"] is RunState.PASSED
    assert sorted(log.order) == ["bad", "d"]


def test_no_more_than_the_lanes_run_at_once_and_of_a_group_one() -> None:
    many = {f"n{number}": [] for number in range(12)}
    log = Log()
    log.all(many, lanes=2)
    assert (log.most, len(log.outcomes)) == (2, 12)
    log = Log()
    log.all(many, lanes=4, group="session")
    assert (log.most, len(log.outcomes)) == (1, 12)


def test_a_crash_of_ours_is_told_and_the_others_go_on() -> None:
    log = Log()
    states = log.all({"crash": [], "a": []})
    assert states == {"crash": RunState.PLATFORM, "a": RunState.PASSED}
    assert log.outcomes["crash"].message == "RuntimeError: boom"


def test_after_a_cancel_nothing_is_started() -> None:
    log = Log()
    assert set(log.all({"a": [], "b": []}, cancelled=True).values()) == {RunState.CANCELLED}
    assert log.order == []
