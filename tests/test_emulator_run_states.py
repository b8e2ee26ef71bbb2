"""How a run of a job goes on, decided without a clock or a process."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dbxgate.emulator import run_states
from pytest_dbxgate.emulator.run_states import advance, attempt, end, latest, met

RESULTS = ["SUCCESS", "FAILED", "TIMEDOUT", "CANCELED", "UPSTREAM_FAILED", "EXCLUDED"]


def task(key: str, *after: str, **more: object) -> dict[str, Any]:
    return {
        "task_key": key,
        "notebook_task": {"notebook_path": f"/{key}"},
        "depends_on": [{"task_key": each} for each in after],
        **more,
    }


class Run:
    """A run whose tasks end as the test says."""

    def __init__(self, *tasks: dict[str, Any], **settings: object) -> None:
        self._ids = itertools.count(100)
        self.now = 0
        self.value: dict[str, Any] = {
            "settings": {"tasks": list(tasks), **settings},
            "attempts": [attempt(each["task_key"], next(self._ids), 0, 0) for each in tasks],
            "cancelled": "",
            "was_running": False,
            "start_time": 0,
            "state": {"life_cycle_state": "PENDING"},
        }

    def advance(self, seconds: int = 0) -> tuple[list[str], list[str]]:
        """What is started, and what is stopped."""
        self.now += seconds * 1000
        started, stopped = advance(self.value, self.now, lambda: next(self._ids))
        for one in started:
            one.update(life="RUNNING", start=self.now)
        return [each["task_key"] for each in started], [each["task_key"] for each in stopped]

    def end(self, key: str, result: str = "SUCCESS") -> tuple[list[str], list[str]]:
        end(latest(self.value)[key], result, self.now)
        return self.advance()

    @property
    def results(self) -> dict[str, str]:
        return {key: one["result"] for key, one in latest(self.value).items()}

    @property
    def state(self) -> tuple[str, str]:
        state = self.value["state"]
        return state["life_cycle_state"], state.get("result_state", "")


def test_tasks_run_after_what_they_depend_on() -> None:
    run = Run(task("a"), task("b", "a"), task("c", "a", "b"))
    assert run.advance() == (["a"], [])
    assert run.end("a") == (["b"], [])
    assert run.end("b") == (["c"], [])
    run.end("c")
    assert run.state == ("TERMINATED", "SUCCESS")


@pytest.mark.parametrize(
    ("run_if", "before", "expected"),
    [
        ("ALL_SUCCESS", ["SUCCESS", "SUCCESS"], ""),
        ("ALL_SUCCESS", ["SUCCESS", "EXCLUDED"], ""),
        ("ALL_SUCCESS", ["EXCLUDED", "EXCLUDED"], "EXCLUDED"),
        ("ALL_SUCCESS", ["SUCCESS", "FAILED"], "UPSTREAM_FAILED"),
        ("ALL_SUCCESS", ["SUCCESS", "CANCELED"], "UPSTREAM_CANCELED"),
        ("ALL_SUCCESS", ["FAILED", "CANCELED"], "UPSTREAM_FAILED"),
        ("ALL_DONE", ["FAILED", "CANCELED"], ""),
        ("AT_LEAST_ONE_SUCCESS", ["FAILED", "SUCCESS"], ""),
        ("AT_LEAST_ONE_SUCCESS", ["FAILED", "FAILED"], "UPSTREAM_FAILED"),
        ("NONE_FAILED", ["SUCCESS", "EXCLUDED"], ""),
        ("NONE_FAILED", ["SUCCESS", "FAILED"], "UPSTREAM_FAILED"),
        ("ALL_FAILED", ["FAILED", "TIMEDOUT"], ""),
        ("ALL_FAILED", ["FAILED", "SUCCESS"], "EXCLUDED"),
        ("AT_LEAST_ONE_FAILED", ["SUCCESS", "UPSTREAM_FAILED"], ""),
        ("AT_LEAST_ONE_FAILED", ["SUCCESS", "SUCCESS"], "EXCLUDED"),
    ],
)
def test_run_if(run_if: str, before: list[str], expected: str) -> None:
    assert met(run_if, before) == expected
    assert met(run_if, []) == ""


def test_a_failure_passes_over_what_needs_it_and_no_more() -> None:
    run = Run(task("a"), task("b", "a"), task("c", "a", run_if="ALL_DONE"), task("d"))
    assert run.advance()[0] == ["a", "d"]
    assert run.end("a", "FAILED")[0] == ["c"]
    run.end("c")
    run.end("d")
    assert run.results["b"] == "UPSTREAM_FAILED"
    assert run.state == ("TERMINATED", "FAILED")


def test_a_failure_that_the_last_tasks_survive_is_told_apart() -> None:
    run = Run(task("a"), task("b", "a", run_if="ALL_DONE"))
    run.advance()
    run.end("a", "FAILED")
    run.end("b")
    assert run.state == ("TERMINATED", "SUCCESS_WITH_FAILURES")


def test_a_task_is_tried_again_after_its_interval() -> None:
    run = Run(task("a", max_retries=2, min_retry_interval_millis=5000))
    assert run.advance()[0] == ["a"]
    assert run.end("a", "FAILED")[0] == []
    assert run.state[0] != "TERMINATED"
    assert run.advance(4)[0] == []
    assert run.advance(1)[0] == ["a"]
    assert run.end("a") == ([], [])
    assert [one["number"] for one in run.value["attempts"]] == [0, 1]
    assert run.state == ("TERMINATED", "SUCCESS")


def test_retries_end() -> None:
    run = Run(task("a", max_retries=1))
    run.advance()
    assert run.end("a", "FAILED")[0] == ["a"]
    assert run.end("a", "FAILED")[0] == []
    assert run.state == ("TERMINATED", "FAILED")


@pytest.mark.parametrize(("again", "started"), [(True, ["a"]), (False, [])])
def test_a_time_out_is_tried_again_only_where_asked_for(again: bool, started: list[str]) -> None:
    run = Run(task("a", max_retries=1, timeout_seconds=10, retry_on_timeout=again))
    run.advance()
    assert run.advance(10) == ([], [])
    assert run.advance(1) == (started, ["a"])
    if not started:
        assert run.state == ("TERMINATED", "TIMEDOUT")


def test_a_cancel_ends_what_waits_and_stops_what_runs() -> None:
    run = Run(task("a"), task("b", "a"))
    run.advance()
    run.value["cancelled"] = "CANCELED"
    assert run.advance() == ([], ["a"])
    assert run.state == ("TERMINATING", "")
    assert run.results == {"a": "", "b": "CANCELED"}
    run.end("a", "CANCELED")
    assert run.state == ("TERMINATED", "CANCELED")


def test_the_time_of_a_job_runs_out_for_all_of_it() -> None:
    run = Run(task("a", max_retries=3), task("b", "a"), timeout_seconds=60)
    run.advance()
    assert run.advance(61) == ([], ["a"])
    run.end("a", "TIMEDOUT")
    assert run.state == ("TERMINATED", "TIMEDOUT")
    assert run.results == {"a": "TIMEDOUT", "b": "TIMEDOUT"}


@given(st.data())
def test_every_run_ends_and_no_task_runs_before_its_time(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 6))
    conditions = ["ALL_SUCCESS", "ALL_DONE", "AT_LEAST_ONE_FAILED", "NONE_FAILED"]
    tasks = [
        task(
            str(number),
            *data.draw(st.sets(st.sampled_from([str(n) for n in range(number)] or ["x"]))) - {"x"},
            run_if=data.draw(st.sampled_from(conditions)),
            max_retries=data.draw(st.integers(0, 2)),
        )
        for number in range(count)
    ]
    run = Run(*tasks)
    waiting = run.advance()[0]
    for _ in range(count * 4):
        if not waiting:
            break
        key = waiting.pop(0)
        before = [each["task_key"] for each in tasks[int(key)]["depends_on"]]
        assert all(run.results[each] for each in before)
        result = data.draw(st.sampled_from(["SUCCESS", "FAILED"]))
        waiting += run.end(key, result)[0]
    assert not run_states.is_active(run.value["state"])
    assert all(run.results.values())
