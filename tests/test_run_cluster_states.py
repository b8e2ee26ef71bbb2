"""What a state means, and what is read out of a run's page: untrusted, and never wrongly green."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dbxgate.execution.cluster import export
from pytest_dbxgate.execution.cluster.collecting import Collector
from pytest_dbxgate.execution.cluster.plan import PlannedTask
from pytest_dbxgate.execution.cluster.request import ClusterWork
from pytest_dbxgate.execution.cluster.states import meaning
from pytest_dbxgate.execution.outcome import CellPlace, Outcome, RunKey, RunState
from pytest_dbxgate.notebook import formats
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.workspace.model import NotFoundError, RejectedError
from pytest_dbxgate.workspace.run_model import RemoteState, RemoteTask, TaskOutput

FAILED_WORDS = "Workload failed, see run output for details"


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (RemoteState("TERMINATED", "SUCCESS"), RunState.PASSED),
        (RemoteState("TERMINATED", "FAILED", FAILED_WORDS), RunState.FAILED),
        (
            RemoteState("TERMINATED", "FAILED", "x", "RUN_EXECUTION_ERROR", "CLIENT_ERROR"),
            RunState.FAILED,
        ),
        # Serverless.
        (
            RemoteState("INTERNAL_ERROR", "FAILED", "x", "RUN_EXECUTION_ERROR", "CLIENT_ERROR"),
            RunState.FAILED,
        ),
        (RemoteState("INTERNAL_ERROR", "FAILED", FAILED_WORDS), RunState.FAILED),
        (RemoteState("INTERNAL_ERROR", "", "An internal error occurred"), RunState.PLATFORM),
        (
            RemoteState("TERMINATED", "FAILED", "x", "CLUSTER_ERROR", "CLOUD_FAILURE"),
            RunState.PLATFORM,
        ),
        (RemoteState("TERMINATED", "FAILED", "x", "DRIVER_ERROR"), RunState.PLATFORM),
        (RemoteState("TERMINATED", "FAILED", "x", "", "CLOUD_FAILURE"), RunState.PLATFORM),
        (
            RemoteState("TERMINATED", "FAILED", 'Unable to access the notebook "/a".'),
            RunState.PLATFORM,
        ),
        (RemoteState("TERMINATED", "FAILED", "x", "A_CODE_OF_TOMORROW"), RunState.PLATFORM),
        (RemoteState("TERMINATED", "TIMEDOUT"), RunState.TIMED_OUT),
        (RemoteState("TERMINATED", "CANCELED"), RunState.CANCELLED),
        (RemoteState("TERMINATED", "UPSTREAM_FAILED"), RunState.NOT_STARTED),
        (RemoteState("SKIPPED", "UPSTREAM_CANCELED"), RunState.NOT_STARTED),
        (RemoteState("TERMINATED", "EXCLUDED"), RunState.NOT_STARTED),
        (RemoteState("TERMINATED", "SUCCESS_WITH_FAILURES"), RunState.PLATFORM),
        (RemoteState("TERMINATED", "MAXIMUM_CONCURRENT_RUNS_REACHED"), RunState.PLATFORM),
        (RemoteState("TERMINATED", "A_RESULT_OF_TOMORROW"), RunState.PLATFORM),
        (RemoteState("TERMINATED", ""), RunState.PLATFORM),
        (RemoteState("SKIPPED", ""), RunState.PLATFORM),
        (RemoteState("A_STATE_OF_TOMORROW", "SUCCESS"), RunState.PLATFORM),
        (RemoteState("INTERNAL_ERROR", "SUCCESS"), RunState.PLATFORM),
        (RemoteState(), RunState.PLATFORM),
    ],
)
def test_only_success_is_green(state: RemoteState, expected: RunState) -> None:
    assert meaning(state) is expected


@given(st.text(), st.text(), st.text(), st.text())
def test_nothing_unknown_is_green(life: str, result: str, code: str, kind: str) -> None:
    assert meaning(RemoteState(life, result, "", code, kind)) is not RunState.PASSED


def page(model: Any) -> str:
    data = base64.b64encode(quote(json.dumps(model)).encode()).decode()
    return f"<html><script>var __DATABRICKS_NOTEBOOK_MODEL = '{data}';</script></html>"


def command(text: str, position: float, **more: Any) -> dict[str, Any]:
    return {"command": text, "position": position, "state": "finished", **more}


BAD = command(
    "y = 2\nraise ValueError('no <rows>')",
    2.0,
    state="error",
    errorSummary='<span class="ansi-red-fg">ValueError</span>: no &lt;rows&gt;',
    error=(
        '<div class="ansiout"><span class="ansi-red-fg">---</span>\n'
        "ValueError  Traceback (most recent call last)\n"
        "File &lt;command-12&gt;, line 2\n      1 y = 2\n----&gt; 2 raise ValueError('no rows')\n"
        "ValueError: no &lt;rows&gt;</div>"
    ),
    results={
        "type": "listResults",
        "data": [{"type": "ansi", "data": "\x1b[31mlast <words>\x1b[0m"}],
    },
    startTime=2000,
    finishTime=3500,
)
PAGE = page(
    {
        "commands": [
            BAD,
            command(
                "print(1)", 1.0, results={"type": "html", "data": '<div class="ansiout">1</div>'}
            ),
            command("print(3)", 3.0, state="skipped"),
        ]
    }
)


def test_the_cells_of_a_page_come_in_order() -> None:
    found = export.cells(PAGE)

    assert [(cell.number, cell.source, cell.has_failed) for cell in found] == [
        (1, "print(1)", False),
        (2, "y = 2\nraise ValueError('no <rows>')", True),
        (3, "print(3)", False),
    ]
    assert export.printed(found) == "1\nlast <words>\n"
    bad = export.failed(found)
    assert bad is not None
    assert (bad.summary, bad.seconds) == ("ValueError: no <rows>", 1.5)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>",
        "__DATABRICKS_NOTEBOOK_MODEL = 'AAA'",
        "__DATABRICKS_NOTEBOOK_MODEL = '%%%'",
        page([]),
        page({"commands": None}),
        page({"commands": [1, None, {"command": 5, "position": "x", "results": [1]}]}),
        page({"commands": [{"results": {"data": [{"data": 4}, 3]}, "errorSummary": {}}]}),
        "__DATABRICKS_NOTEBOOK_MODEL = '" + base64.b64encode(b"[" * 100_000).decode() + "'",
    ],
)
def test_a_page_that_is_none_never_raises(text: str) -> None:
    assert export.failed(export.cells(text)) is None


class Told:
    """A workspace that tells of one task."""

    def __init__(self, output: TaskOutput | None = None, page: str | None = None) -> None:
        self.output, self.page = output, page
        self.calls: list[str] = []

    def task_output(self, task_run_id: int) -> TaskOutput:
        self.calls.append("output")
        if self.output is None:
            raise RejectedError("no output")
        return self.output

    def export_run(self, task_run_id: int) -> str:
        self.calls.append("export")
        if self.page is None:
            raise RejectedError("no page")
        return self.page


NOTE = (
    b"# Databricks notebook source\nprint(1)\n\n# COMMAND ----------\n\n"
    b"y = 2\nraise ValueError('no <rows>')\n\n# COMMAND ----------\n\nprint(3)\n"
)
KEY = RunKey(NotebookKey("flow/a.py"))


def outcome(told: Told, state: RemoteState, **more: Any) -> Outcome:
    planned = PlannedTask("0001", ClusterWork(KEY, "flow/a.py", "d" * 64))
    task = RemoteTask("0001", 7, state, started=10.0, ended=12.5, url="https://x/7", **more)
    host = "https://adb-1.2.azuredatabricks.net"
    collector = Collector.of(told, host, lambda seconds: None, "/copy")  # type: ignore[arg-type]
    return collector.outcome(planned, task, formats.parse("flow/a.py", NOTE)[0])


FAILED = RemoteState("TERMINATED", "FAILED", FAILED_WORDS)


def test_success_costs_one_call_and_tells_the_exit_value() -> None:
    told = Told(TaskOutput("42"))

    made = outcome(told, RemoteState("TERMINATED", "SUCCESS"))

    assert made == Outcome(
        KEY,
        RunState.PASSED,
        "d" * 64,
        exit_value="42",
        seconds=2.5,
        url="https://x/7",
        engine="cluster adb-1.2",
    )
    assert told.calls == ["output"]


def test_a_failure_names_the_cell_of_the_file() -> None:
    told = Told(TaskOutput(), PAGE)

    made = outcome(told, FAILED, attempt=1)

    assert made.state is RunState.FAILED
    assert made.failure is not None
    assert made.failure.place == CellPlace("flow/a.py", 2, 2)
    assert (made.failure.error, made.failure.message) == ("ValueError", "no <rows>")
    assert made.failure.source == "y = 2\nraise ValueError('no <rows>')"
    assert made.failure.traceback[-1] == "ValueError: no <rows>"
    assert (made.output, made.attempts) == ("1\nlast <words>\n", 2)
    assert [(time.place.cell, time.seconds) for time in made.cells] == [(2, 1.5)]
    assert told.calls == ["output", "export"]


@pytest.mark.parametrize("text", [None, "<html>", PAGE.replace("MODEL", "OTHER")])
def test_without_a_page_the_output_tells_the_error(text: str | None) -> None:
    told = Told(TaskOutput(error="pkg.AnalysisException: [TABLE_NOT_FOUND] x", trace="a\nb"), text)

    made = outcome(told, FAILED)

    assert made.failure is not None
    assert made.failure.place == CellPlace("flow/a.py", 0)
    assert (made.failure.error, made.failure.condition) == ("AnalysisException", "TABLE_NOT_FOUND")
    assert made.failure.traceback == ("a", "b")


def test_a_failure_of_which_nothing_is_told_is_still_one() -> None:
    made = outcome(Told(), FAILED)

    assert (made.state, made.failure, made.message) == (RunState.FAILED, None, FAILED_WORDS)


def test_success_without_its_output_is_no_success() -> None:
    made = outcome(Told(), RemoteState("TERMINATED", "SUCCESS"))

    assert made.state is RunState.PLATFORM
    assert made.message == "it succeeded, but its output cannot be read: no output"


def test_an_output_that_is_not_there_yet_is_asked_for_again() -> None:
    told = Told(TaskOutput("42"))
    missing = [NotFoundError("not yet"), NotFoundError("not yet")]
    real = told.task_output

    def late(task_run_id: int) -> TaskOutput:
        if missing:
            raise missing.pop()
        return real(task_run_id)

    told.task_output = late  # type: ignore[method-assign]

    assert outcome(told, RemoteState("TERMINATED", "SUCCESS")).exit_value == "42"


def test_what_did_not_start_costs_no_call() -> None:
    told = Told()

    made = outcome(told, RemoteState("TERMINATED", "UPSTREAM_FAILED"))

    assert (made.state, told.calls) == (RunState.NOT_STARTED, [])
    assert made.message == "a notebook that it depends on did not pass"


def test_the_platforms_words_are_told() -> None:
    state = RemoteState("TERMINATED", "FAILED", "No nodes left", "CLUSTER_ERROR", "CLOUD_FAILURE")

    made = outcome(Told(TaskOutput()), state)

    assert (made.state, made.message) == (RunState.PLATFORM, "No nodes left (CLUSTER_ERROR)")


def test_brackets_of_a_traceback_are_no_tags() -> None:
    told = "<div class='ansi'><span>File &lt;command-12&gt;, line 3</span></div>"
    assert export.plain(told) == "File <command-12>, line 3"
    assert export.plain("File <command-12>, line 3, in <module>") == (
        "File <command-12>, line 3, in <module>"
    )
