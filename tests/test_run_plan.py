"""Which notebooks run, with which parameters, in which order; and what is expected of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.execution.outcome import CellFailure, CellPlace, Outcome, RunKey, RunState
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.running import plan
from pytest_dbxgate.running.plan import PlannedRun
from pytest_dbxgate.session import Gate
from support import write

NOTEBOOK = "# Databricks notebook source\nx = 1\n"
TREE = {
    "bronze/orders.py": NOTEBOOK,
    "silver/orders.py": NOTEBOOK,
    "gold/revenue.py": NOTEBOOK,
    "gold/scratch.py": NOTEBOOK,
    "lib.py": "x = 1\n",
}


def planned(root: Path, settings: str, named: tuple[str, ...] = ()) -> dict[str, PlannedRun]:
    write(root, {**TREE, "dbxgate.toml": settings})
    gate = Gate(root)
    found = plan.plan(gate.files, gate.projects.of, named)
    return {str(key): run for key, run in found.items()}


def test_nothing_runs_that_nobody_chose(tmp_path: Path) -> None:
    assert planned(tmp_path, "") == {}


def test_patterns_choose_and_leave_out(tmp_path: Path) -> None:
    found = planned(tmp_path, '[run]\nnotebooks = ["gold", "bronze/*"]\nexclude = ["*scratch*"]\n')
    assert list(found) == ["bronze/orders.py::run", "gold/revenue.py::run"]


def test_a_file_that_is_named_runs(tmp_path: Path) -> None:
    assert list(planned(tmp_path, "", ("gold/scratch.py",))) == ["gold/scratch.py::run"]


def test_cases_choose_their_notebook_and_beat_what_holds_for_all(tmp_path: Path) -> None:
    found = planned(
        tmp_path,
        """
        [run]
        timeout = 9
        retries = 1
        parameters = { day = "1", country = "NL" }
        [[run.cases]]
        notebook = "gold/revenue.py"
        name = "june"
        parameters = { day = "2" }
        timeout = 5
        retries = 0
        [[run.cases]]
        notebook = "gold/revenue.py"
        name = "july"
        """,
    )
    assert list(found) == ["gold/revenue.py::run[june]", "gold/revenue.py::run[july]"]
    june, july = found.values()
    assert (june.parameters, june.timeout, june.retries) == ({"day": "2", "country": "NL"}, 5, 0)
    assert (july.parameters, july.timeout, july.retries) == ({"day": "1", "country": "NL"}, 9, 1)
    assert june.session != july.session


def test_what_is_left_out_is_so_with_its_cases(tmp_path: Path) -> None:
    settings = '[run]\nexclude = ["gold"]\n[[run.cases]]\nnotebook = "gold/revenue.py"\n'
    assert planned(tmp_path, settings) == {}
    named = planned(tmp_path, settings, ("gold/revenue.py",))
    assert list(named) == ["gold/revenue.py::run"]


def test_a_case_without_its_notebook_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no notebook gold/revenu\.py"):
        planned(tmp_path, '[[run.cases]]\nnotebook = "gold/revenu.py"\n')


NEEDS = """
[run]
notebooks = ["bronze", "silver", "gold/revenue.py"]
[run.needs]
"silver" = ["bronze"]
"gold/*" = ["silver"]
"""


def test_what_is_needed_comes_along_and_shares_its_tables(tmp_path: Path) -> None:
    found = planned(tmp_path, NEEDS)
    gold = found["gold/revenue.py::run"]
    assert [str(key) for key in gold.needs] == ["silver/orders.py::run"]
    assert len({run.session for run in found.values()}) == 1
    everything = {run.key: run for run in found.values()}
    assert [str(key) for key in plan.closure(everything, [gold.key])] == [
        "bronze/orders.py::run",
        "gold/revenue.py::run",
        "silver/orders.py::run",
    ]


def test_a_circle_of_needs_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="need one another in a circle"):
        planned(tmp_path, NEEDS + '"bronze" = ["gold/*"]\n')


KEY = RunKey(NotebookKey("a.py"))
FAILURE = CellFailure(
    CellPlace("a.py", 1), "pyspark.errors.AnalysisException", "no", condition="TABLE_NOT_FOUND"
)


def ended(state: RunState, **more: object) -> Callable[[PlannedRun], Outcome]:
    outcome = Outcome(KEY, state, **more)  # type: ignore[arg-type]
    return lambda run: plan.judged(outcome, run)


@pytest.mark.parametrize("name", ["AnalysisException", "TABLE_NOT_FOUND", FAILURE.error])
def test_an_expected_error_is_green(name: str) -> None:
    run = PlannedRun(KEY, {}, 1, expect_error=name)
    outcome = ended(RunState.FAILED, failure=FAILURE)(run)
    assert (outcome.state, outcome.failure) == (RunState.PASSED, None)
    assert outcome.notices == (f"it ended with {name}, as expected",)


def test_another_error_or_none_is_red() -> None:
    run = PlannedRun(KEY, {}, 1, expect_error="ValueError")
    other = ended(RunState.FAILED, failure=FAILURE)(run)
    assert (other.state, other.failure) == (RunState.FAILED, FAILURE)
    assert other.message == (
        "it should have ended with ValueError, and ended with pyspark.errors.AnalysisException: no"
    )
    outcome = ended(RunState.PASSED)(run)
    assert outcome.state is RunState.FAILED
    assert outcome.message == "it should have ended with ValueError, and did not fail"
    assert ended(RunState.TIMED_OUT)(run).state is RunState.TIMED_OUT


@pytest.mark.parametrize(
    ("value", "state", "message"),
    [
        ("5", RunState.PASSED, ""),
        ("4", RunState.FAILED, "it should have exited with '5', and exited with '4'"),
        (None, RunState.FAILED, "it should have exited with '5', and exited with nothing"),
    ],
)
def test_an_exit_value_is_compared(value: str | None, state: RunState, message: str) -> None:
    run = PlannedRun(KEY, {}, 1, expect_exit="5")
    outcome = ended(RunState.PASSED, exit_value=value)(run)
    assert (outcome.state, outcome.message) == (state, message)
