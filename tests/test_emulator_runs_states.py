"""How a run of a job goes on, as a table: what starts, what never will, how the whole ends."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_dbxgate.emulator import run_states
from pytest_dbxgate.emulator.run_states import (
    ACTIVE,
    BLOCKED,
    INTERNAL_ERROR,
    PENDING,
    RUNNING,
    TERMINATED,
    TERMINATING,
)

S, F, T, C, X = "SUCCESS", "FAILED", "TIMEDOUT", "CANCELED", "EXCLUDED"
UF, UC, WF = "UPSTREAM_FAILED", "UPSTREAM_CANCELED", "SUCCESS_WITH_FAILURES"
SECOND = 1000
BEGIN = 1_000_000


class Game:
    """A run with a clock in milliseconds, moved by hand."""

    def __init__(self, tasks: dict[str, dict[str, Any]], **more: Any) -> None:
        """``tasks``: by key; ``after`` is short for the keys it depends on."""
        self.ids = itertools.count(100)
        self.now = BEGIN
        self.started: list[str] = []
        self.stopped: list[str] = []
        told = []
        for key, task in tasks.items():
            after = [{"task_key": each} for each in task.get("after", "")]
            told.append({"task_key": key, "depends_on": after, **task})
        self.run: dict[str, Any] = {
            "settings": {"tasks": told, **more},
            "attempts": [run_states.attempt(key, next(self.ids), 0, self.now) for key in tasks],
            "cancelled": "",
            "was_running": False,
            "start_time": self.now,
            "end_time": 0,
            "state": {"life_cycle_state": PENDING},
            "repairs": [],
        }
        self.go_on()

    def go_on(self, seconds: float = 0) -> list[str]:
        """The keys of what started; it runs at once."""
        self.now += int(seconds * SECOND)
        started, stopped = run_states.advance(self.run, self.now, lambda: next(self.ids))
        for one in started:
            assert one["life"] == PENDING
            one |= {"life": RUNNING, "start": self.now}
        run_states.advance(self.run, self.now, lambda: next(self.ids))
        self.started += [one["task_key"] for one in started]
        self.stopped += [one["task_key"] for one in stopped]
        return [one["task_key"] for one in started]

    def end(self, key: str, result: str = S, seconds: float = 0) -> list[str]:
        run_states.end(run_states.latest(self.run)[key], result, self.now + int(seconds * SECOND))
        return self.go_on(seconds)

    def cancel(self) -> None:
        self.run["cancelled"] = C
        self.go_on()

    @property
    def life(self) -> str:
        return str(self.run["state"]["life_cycle_state"])

    @property
    def result(self) -> str:
        return str(self.run["state"].get("result_state", ""))

    def results(self) -> str:
        counting = run_states.latest(self.run)
        return " ".join(one["result"] or one["life"] for one in counting.values())


def test_a_chain_goes_one_by_one() -> None:
    game = Game({"a": {}, "b": {"after": "a"}, "c": {"after": "b"}})
    assert (game.started, game.life) == (["a"], RUNNING)
    assert game.end("a") == ["b"]
    assert game.end("b") == ["c"]
    assert (game.life, game.result) == (RUNNING, "")
    assert game.end("c", seconds=5) == []
    assert (game.life, game.result, game.run["end_time"]) == (TERMINATED, S, BEGIN + 5 * SECOND)


def test_a_diamond_waits_for_both_sides() -> None:
    game = Game({"d": {"after": "bc"}, "b": {"after": "a"}, "c": {"after": "a"}, "a": {}})
    assert game.started == ["a"]
    assert game.end("a") == ["b", "c"]
    assert game.end("c") == []
    assert game.end("b") == ["d"]


def test_a_run_is_pending_until_something_runs() -> None:
    game = Game({"a": {}, "b": {"after": "a"}})
    game.run |= {"was_running": False}
    run_states.latest(game.run)["a"]["life"] = PENDING
    game.go_on()
    assert game.life == PENDING


RUN_IF = [
    # A task is upstream failed where the condition asks for success, else excluded [doc].
    ("ALL_SUCCESS", [S, S], ""),
    ("ALL_SUCCESS", [S, X], ""),
    ("ALL_SUCCESS", [S, F], UF),
    ("ALL_SUCCESS", [S, T], UF),
    ("ALL_SUCCESS", [S, UF], UF),
    ("ALL_SUCCESS", [S, C], UC),
    ("ALL_SUCCESS", [F, C], UF),
    ("ALL_SUCCESS", [UC], UC),
    ("ALL_DONE", [F, C], ""),
    ("ALL_DONE", [UF, UC], ""),
    ("ALL_DONE", [S, X], ""),
    ("AT_LEAST_ONE_SUCCESS", [S, F], ""),
    ("AT_LEAST_ONE_SUCCESS", [X, F], ""),
    ("AT_LEAST_ONE_SUCCESS", [F, F], UF),
    ("AT_LEAST_ONE_SUCCESS", [C, C], UC),
    ("NONE_FAILED", [S, C], ""),
    ("NONE_FAILED", [S, X], ""),
    ("NONE_FAILED", [S, F], UF),
    ("NONE_FAILED", [S, UF], UF),
    ("NONE_FAILED", [C, UC], UC),
    ("AT_LEAST_ONE_FAILED", [S, F], ""),
    ("AT_LEAST_ONE_FAILED", [S, T], ""),
    ("AT_LEAST_ONE_FAILED", [S, UF], ""),
    ("AT_LEAST_ONE_FAILED", [S, S], X),
    ("AT_LEAST_ONE_FAILED", [S, C], X),
    ("ALL_FAILED", [F, T, UF], ""),
    ("ALL_FAILED", [F, S], X),
    # Whatever the condition: nothing is left to follow [doc].
    *((each, [X, X], X) for each in run_states.RUN_IF),
    *((each, [], "") for each in run_states.RUN_IF),
]


@pytest.mark.parametrize(("run_if", "before", "expected"), RUN_IF)
def test_every_run_if(run_if: str, before: list[str], expected: str) -> None:
    assert run_states.met(run_if, before) == expected
    assert run_states.met(run_if, reversed(before)) == expected


WHOLES = [
    # tasks, ends in order, results of the tasks, the result of the whole
    ({"a": {}, "b": {}}, {"a": S, "b": S}, "SUCCESS SUCCESS", S),
    ({"a": {}, "b": {}}, {"a": S, "b": F}, "SUCCESS FAILED", F),
    ({"a": {}, "b": {"after": "a"}}, {"a": F}, "FAILED UPSTREAM_FAILED", F),
    ({"a": {}, "b": {"after": "a"}}, {"a": C}, "CANCELED UPSTREAM_CANCELED", F),
    ({"a": {}}, {"a": T}, "TIMEDOUT", T),
    (
        {"a": {}, "b": {"after": "a", "run_if": "ALL_DONE"}},
        {"a": F, "b": S},
        "FAILED SUCCESS",
        WF,
    ),
    (
        {"a": {}, "b": {"after": "a", "run_if": "AT_LEAST_ONE_FAILED"}},
        {"a": S},
        "SUCCESS EXCLUDED",
        S,
    ),
    (
        {
            "a": {},
            "b": {"after": "a", "run_if": "ALL_FAILED"},
            "c": {"after": "b", "run_if": "ALL_DONE"},
            "d": {"after": "ab"},
        },
        {"a": S, "d": S},
        "SUCCESS EXCLUDED EXCLUDED SUCCESS",
        S,
    ),
]


@pytest.mark.parametrize(("tasks", "ends", "results", "whole"), WHOLES)
def test_how_the_whole_ends(
    tasks: dict[str, Any], ends: dict[str, str], results: str, whole: str
) -> None:
    game = Game(tasks)
    for key, result in ends.items():
        assert game.life == RUNNING
        game.end(key, result)
    assert (game.results(), game.life, game.result) == (results, TERMINATED, whole)


def test_a_failed_task_is_tried_again_before_others_give_up() -> None:
    game = Game({"a": {"max_retries": 2}, "b": {"after": "a"}})
    assert game.end("a", F) == ["a"]
    assert game.end("a", F) == ["a"]
    assert game.results() == f"{RUNNING} {BLOCKED}"
    assert game.end("a", S) == ["b"]
    assert [one["number"] for one in game.run["attempts"]] == [0, 0, 1, 2]
    game.end("b")
    assert game.result == S


def test_retries_end() -> None:
    game = Game({"a": {"max_retries": 1}, "b": {"after": "a"}})
    game.end("a", F)
    game.end("a", F)
    assert (game.results(), game.result) == ("FAILED UPSTREAM_FAILED", F)


def test_retries_without_an_end() -> None:
    game = Game({"a": {"max_retries": -1}})
    for _ in range(20):
        assert game.end("a", F) == ["a"]


def test_a_retry_waits_its_interval() -> None:
    game = Game({"a": {"max_retries": 1, "min_retry_interval_millis": 5000}})
    assert game.end("a", F) == []
    assert game.life == RUNNING
    assert game.go_on(4.9) == []
    assert game.go_on(0.1) == ["a"]


@pytest.mark.parametrize(("retry", "again"), [(True, ["a"]), (False, [])])
def test_a_timeout_is_tried_again_where_asked_for(retry: bool, again: list[str]) -> None:
    game = Game({"a": {"timeout_seconds": 10, "max_retries": 1, "retry_on_timeout": retry}})
    assert game.go_on(10) == []
    assert game.go_on(0.1) == again
    assert game.stopped == ["a"]
    game.go_on(10.1)
    assert (game.result, game.results()) == (T, T)
    assert game.stopped == ["a", *again]


def test_success_and_cancel_are_not_tried_again() -> None:
    assert Game({"a": {"max_retries": 3}}).end("a", S) == []
    assert Game({"a": {"max_retries": 3}}).end("a", C) == []


def test_what_waits_is_not_timed() -> None:
    game = Game({"a": {}, "b": {"after": "a", "timeout_seconds": 10}})
    game.go_on(100)
    assert game.end("a") == ["b"]
    game.go_on(9)
    assert game.life == RUNNING


def test_a_job_that_takes_too_long_stops_everything() -> None:
    game = Game({"a": {"max_retries": 5}, "b": {"after": "a"}}, timeout_seconds=60)
    game.go_on(60)
    assert game.stopped == []
    game.go_on(0.1)
    assert (game.stopped, game.life) == (["a"], TERMINATING)
    game.end("a", T)
    assert (game.results(), game.life, game.result) == ("TIMEDOUT TIMEDOUT", TERMINATED, T)


def test_a_repair_gets_the_jobs_time_anew() -> None:
    game = Game({"a": {}}, timeout_seconds=60)
    game.end("a", F, seconds=50)
    game.now += 3600 * SECOND
    game.run["attempts"].append(run_states.attempt("a", 900, 1, game.now))
    game.run["repairs"].append({"start_time": game.now})
    game.run["state"] = {"life_cycle_state": PENDING}
    assert game.go_on() == ["a"]
    game.go_on(59)
    assert game.life == RUNNING
    game.go_on(2)
    assert game.life == TERMINATING


def test_a_cancel_is_asynchronous() -> None:
    game = Game({"a": {}, "b": {"after": "a", "run_if": "ALL_DONE"}, "c": {}})
    game.end("c")
    game.cancel()
    assert (game.stopped, game.life, game.result) == (["a"], TERMINATING, "")
    assert game.results() == f"{TERMINATING} CANCELED SUCCESS"
    game.go_on(5)
    assert game.stopped == ["a"], "it is stopped once"
    game.end("a", C)
    assert (game.results(), game.life, game.result) == ("CANCELED CANCELED SUCCESS", TERMINATED, C)


def test_a_cancel_while_a_retry_waits() -> None:
    game = Game({"a": {"max_retries": 1, "min_retry_interval_millis": 5000}})
    game.end("a", F)
    game.cancel()
    assert (game.results(), game.result) == (C, C)


def test_what_has_ended_stays() -> None:
    game = Game({"a": {}})
    game.end("a", S)
    before = repr(game.run)
    game.cancel()
    game.run["cancelled"] = ""
    game.end("a", F, seconds=100)
    assert repr(game.run) == before


def test_the_platforms_failure_is_an_internal_error_of_a_single_task() -> None:
    game = Game({"a": {}})
    one = run_states.latest(game.run)["a"]
    run_states.end(one, F, game.now, life=INTERNAL_ERROR, message="No nodes left")
    one["code"] = "CLUSTER_ERROR"
    game.go_on()
    assert game.run["state"] == {
        "life_cycle_state": INTERNAL_ERROR,
        "result_state": F,
        "state_message": "No nodes left",
    }
    assert run_states.told_state(one)["status"] == {
        "state": "TERMINATED",
        "termination_details": {
            "code": "CLUSTER_ERROR",
            "type": "CLOUD_FAILURE",
            "message": "No nodes left",
        },
    }


def test_every_result_has_words_and_a_code() -> None:
    for result in (S, F, T, C, X, UF, UC, WF, "MAXIMUM_CONCURRENT_RUNS_REACHED"):
        assert result in run_states.MESSAGES
        told = run_states.status({"life_cycle_state": TERMINATED, "result_state": result})
        assert told["state"] == TERMINATED
        assert told["termination_details"]["code"]
    assert run_states.status({"life_cycle_state": RUNNING}) == {"state": RUNNING}


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    keys = "abcdefg"[: draw(st.integers(1, 7))]
    return {
        key: {
            "after": "".join(other for other in keys[:number] if draw(st.booleans())),
            "run_if": draw(st.sampled_from(run_states.RUN_IF)),
            "max_retries": draw(st.integers(0, 2)),
        }
        for number, key in enumerate(keys)
    }


@settings(max_examples=150, deadline=None)
@given(tasks=graphs(), data=st.data())
def test_every_run_ends_and_nothing_starts_too_early(
    tasks: dict[str, dict[str, Any]], data: st.DataObject
) -> None:
    game = Game(tasks)
    for _ in range(100):
        counting = run_states.latest(game.run)
        running = [key for key, one in counting.items() if one["life"] in (RUNNING, TERMINATING)]
        for key in running:
            for other in tasks[key]["after"]:
                assert counting[other]["life"] not in ACTIVE
        if not running:
            break
        if not game.run["cancelled"] and data.draw(st.integers(0, 15)) == 0:
            game.cancel()
            continue
        key = data.draw(st.sampled_from(running))
        game.end(key, C if game.run["cancelled"] else data.draw(st.sampled_from([S, F])))
    counting = run_states.latest(game.run)
    assert not run_states.is_active(game.run["state"])
    assert all(one["life"] == TERMINATED and one["result"] for one in counting.values())
    assert (game.result == C) == bool(game.run["cancelled"])
    for key in tasks:
        attempts = [one for one in game.run["attempts"] if one["task_key"] == key]
        assert len(attempts) <= tasks[key]["max_retries"] + 1
        assert [one["number"] for one in attempts] == list(range(len(attempts)))
        assert all(one["result"] == F for one in attempts[:-1])
    if game.result == S:
        assert {one["result"] for one in counting.values()} <= {S, X}
