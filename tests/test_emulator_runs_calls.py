"""What the calls about runs say beyond how a run goes: filters, times, parts, refusals, limits."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from emulator_client import Reply, send
from pytest_dbxgate.emulator.executing import Executor, RanCell, Report, TaskEnd, TaskRun
from pytest_dbxgate.emulator.server import Contents, Running, start

API = "/api/2.2/jobs"
DONE = TaskEnd("SUCCESS")


class Clock:
    """Seconds since 1970, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Hand:
    """An executor whose tasks begin and end when the test says so."""

    def __init__(self) -> None:
        self.tasks: dict[str, TaskRun] = {}
        self.cancelled: list[int] = []
        self._reports: dict[str, Report] = {}
        self._started = threading.Condition()

    def start(self, task: TaskRun, report: Report) -> None:
        key = task.context["taskKey"]
        self.tasks[key], self._reports[key] = task, report

    def cancel(self, run_id: int) -> None:
        self.cancelled.append(run_id)

    def forget(self, job_run_id: int) -> None:
        return

    def close(self) -> None:
        return

    def begin(self, key: str) -> None:
        self._reports[key](self.tasks[key].run_id, None)

    def end(self, key: str, end: TaskEnd = DONE) -> None:
        self._reports[key](self.tasks[key].run_id, end)


class World:
    """A workspace with its hand, its clock and plain calls."""

    def __init__(self, running: Running, hand: Hand, clock: Clock) -> None:
        self.running, self.hand, self.clock = running, hand, clock

    def get(self, call: str, **query: Any) -> Any:
        return told(send(self.running, "GET", f"{API}/{call}", **strings(query)))

    def post(self, call: str, **body: Any) -> Any:
        return told(send(self.running, "POST", f"{API}/{call}", body))

    def refused(self, method: str, call: str, **fields: Any) -> str:
        """The message of a 400."""
        if method == "GET":
            reply = send(self.running, method, f"{API}/{call}", **strings(fields))
        else:
            reply = send(self.running, method, f"{API}/{call}", fields)
        assert reply is not None
        assert reply.status == 400, reply
        return str(reply.body["message"])

    def job(self, *tasks: dict[str, Any], **settings: Any) -> int:
        return int(self.post("create", name="job", tasks=list(tasks), **settings)["job_id"])

    def run(self, job_id: int, **fields: Any) -> int:
        return int(self.post("run-now", job_id=job_id, **fields)["run_id"])

    def state(self, run_id: int) -> tuple[str, str]:
        state = self.get("runs/get", run_id=run_id)["state"]
        return state["life_cycle_state"], state.get("result_state", "")

    def task(self, run_id: int, key: str) -> dict[str, Any]:
        """The last attempt of a task."""
        tasks = self.get("runs/get", run_id=run_id)["tasks"]
        found: dict[str, Any] = [each for each in tasks if each["task_key"] == key][-1]
        return found


def strings(fields: dict[str, Any]) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in fields.items()
    }


def told(reply: Reply | None) -> Any:
    assert reply is not None
    assert reply.status == 200, reply
    return reply.body


def task(key: str, *after: str, **more: Any) -> dict[str, Any]:
    return {
        "task_key": key,
        "notebook_task": {"notebook_path": f"/Shared/{key}"},
        "depends_on": [{"task_key": each} for each in after],
        **more,
    }


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    hand, clock = Hand(), Clock()

    def executor(contents: Contents) -> Executor:
        return hand

    with start(tmp_path, executor=executor, clock=clock, monotonic=clock) as running:
        yield World(running, hand, clock)


def test_calls_about_runs_can_be_named_by_rules(world: World) -> None:
    run_id = world.run(world.job(task("a")))
    rule = {"match": {"route": "jobs/runs/get", "path": f"/runs/{run_id}"}, "do": "cut-before"}
    world.running.add_faults(rule)
    world.get("runs/list")
    assert send(world.running, "GET", f"{API}/runs/get", run_id=str(run_id)) is None
    assert [(one.route, one.path) for one in world.running.log()][-2:] == [
        ("jobs/runs/list", ""),
        ("jobs/runs/get", f"/runs/{run_id}"),
    ]


@pytest.mark.parametrize(
    ("method", "call", "most"),
    [("POST", "run-now", 20), ("POST", "runs/submit", 35), ("GET", "runs/get", 100)],
)
def test_the_documented_rates(world: World, method: str, call: str, most: int) -> None:
    world.running.limit()
    replies = [send(world.running, method, f"{API}/{call}", {}) for _ in range(most + 1)]
    assert [reply.status == 429 for reply in replies if reply] == [False] * most + [True]


def test_the_times_of_a_task(world: World) -> None:
    run_id = world.run(world.job(task("a"), task("b", "a"), task("c", "b")))
    began = 1_000_000_000
    assert world.task(run_id, "b")["start_time"] == 0
    world.clock.now += 60
    world.hand.begin("a")
    world.clock.now += 5
    world.hand.end("a")
    found = world.task(run_id, "a")
    names = ("start_time", "end_time", "setup_duration", "execution_duration", "cleanup_duration")
    assert [found[name] for name in names] == [began, began + 65_000, 60_000, 5_000, 0]
    assert found["cluster_instance"] == {"cluster_id": f"embedded-{run_id}"}
    world.hand.begin("b")
    world.hand.end("b", TaskEnd("FAILED"))
    skipped = world.task(run_id, "c")
    assert [skipped[name] for name in names] == [began + 65_000, began + 65_000, 0, 0, 0]
    run = world.get("runs/get", run_id=run_id)
    assert [run[name] for name in ("run_duration", "end_time")] == [65_000, began + 65_000]
    assert [run[name] for name in names[2:]] == [0, 0, 0]


def test_a_repair_long_after_does_not_count_the_wait(world: World) -> None:
    run_id = world.run(world.job(task("a")))
    world.hand.begin("a")
    world.clock.now += 5
    world.hand.end("a", TaskEnd("FAILED"))
    world.clock.now += 3600
    repair = world.post("runs/repair", run_id=run_id, rerun_tasks=["a"])["repair_id"]
    world.hand.begin("a")
    world.clock.now += 7
    world.hand.end("a")
    run = world.get("runs/get", run_id=run_id, include_history=True)
    assert run["run_duration"] == 12_000
    first, second = run["repair_history"]
    ids = [each["run_id"] for each in run["tasks"]]
    assert (first["type"], first["task_run_ids"]) == ("ORIGINAL", ids[:1])
    assert first["state"]["result_state"] == "FAILED"
    assert (second["id"], second["task_run_ids"]) == (repair, ids[1:])
    assert second["status"]["termination_details"]["code"] == "SUCCESS"
    assert "repair_history" not in world.get("runs/get", run_id=run_id)


def test_what_a_run_was_given_is_told(world: World) -> None:
    notebook = {"notebook_path": "/Shared/a", "base_parameters": {"x": "{{job.parameters.day}}"}}
    job_id = world.job(
        {"task_key": "a", "notebook_task": notebook, "existing_cluster_id": "0101-x"},
        parameters=[{"name": "day", "default": "1"}],
    )
    given = {"job_parameters": {"day": "2"}, "notebook_params": {"y": "3"}}
    run_id = world.run(job_id, **given)
    run = world.get("runs/get", run_id=run_id, include_resolved_values=True)
    assert run["job_parameters"] == [{"name": "day", "value": "2", "default": "1"}]
    assert run["overriding_parameters"] == {"notebook_params": {"y": "3"}}
    (one,) = run["tasks"]
    resolved = one["resolved_values"]["notebook_task"]["base_parameters"]
    assert resolved == {"x": "2", "y": "3", "day": "2"}
    assert "cluster_instance" not in one
    world.hand.begin("a")
    assert world.task(run_id, "a")["cluster_instance"] == {"cluster_id": "0101-x"}
    assert "resolved_values" not in world.task(run_id, "a")


def test_every_array_comes_in_pages(world: World) -> None:
    tasks = [task(f"t{number}") for number in range(230)]
    parameters = [{"name": f"p{number}", "default": ""} for number in range(120)]
    run_id = world.run(world.job(*tasks, parameters=parameters))
    pages = [world.get("runs/get", run_id=run_id)]
    while "next_page_token" in pages[-1]:
        token = pages[-1]["next_page_token"]
        pages.append(world.get("runs/get", run_id=run_id, page_token=token))
    assert [len(each["tasks"]) for each in pages] == [100, 100, 30]
    assert [len(each["job_parameters"]) for each in pages] == [100, 20, 0]
    assert [each.get("has_more") for each in pages] == [True, True, None]
    keys = [one["task_key"] for each in pages for one in each["tasks"]]
    assert keys == [each["task_key"] for each in tasks]
    assert "Invalid page token" in world.refused("GET", "runs/get", run_id=run_id, page_token="x")


def test_a_run_in_the_queue_says_why(world: World) -> None:
    job_id = world.job(task("a"), queue={"enabled": True})
    world.run(job_id)
    run = world.get("runs/get", run_id=world.run(job_id))
    assert run["state"]["life_cycle_state"] == "QUEUED"
    assert "maximum of concurrent runs" in run["state"]["queue_reason"]
    assert run["status"]["state"] == "QUEUED"
    assert run["status"]["queue_details"]["code"] == "MAX_CONCURRENT_RUNS_REACHED"


def test_a_task_by_its_own_id(world: World) -> None:
    run_id = world.run(world.job(task("a", max_retries=1), task("b")))
    first = world.task(run_id, "a")["run_id"]
    world.hand.end("a", TaskEnd("FAILED"))
    second = world.task(run_id, "a")["run_id"]
    found = world.get("runs/get", run_id=second)
    names = ("run_id", "job_run_id", "original_attempt_run_id", "attempt_number", "task_key")
    assert [found[name] for name in names] == [second, run_id, first, 1, "a"]
    assert [each["run_id"] for each in found["tasks"]] == [second]


def model(page: str) -> list[dict[str, Any]]:
    """The commands of a run's page."""
    coded = page.partition("__DATABRICKS_NOTEBOOK_MODEL = '")[2].partition("'")[0]
    value = json.loads(unquote(base64.b64decode(coded).decode()))
    return list(value["commands"])


def test_the_page_of_a_run(world: World) -> None:
    cells = [
        RanCell("print('<b>')", output="<b>\n", start=1000, end=2500),
        RanCell(
            "%run ./x", "error", "ValueError: no <x>", "line 1\n<line 2>", start=2500, end=2600
        ),
        RanCell("never()", "skipped"),
    ]
    run_id = world.run(world.job(task("a")))
    one = world.task(run_id, "a")["run_id"]
    world.hand.end("a", TaskEnd("FAILED", cells=cells))
    (view,) = world.get("runs/export", run_id=one)["views"]
    assert (view["name"], view["type"]) == ("a", "NOTEBOOK")
    first, second, third = model(view["content"])
    assert [each["position"] for each in (first, second, third)] == [1.0, 2.0, 3.0]
    assert [each["state"] for each in (first, second, third)] == ["finished", "error", "error"]
    assert (first["startTime"], first["finishTime"]) == (1000, 2500)
    printed = first["results"]["data"]
    assert [(each["type"], each["data"]) for each in printed] == [("ansi", "<b>\n")]
    assert second["errorSummary"] == "<span class='ansi-red-fg'>ValueError</span>: no &lt;x&gt;"
    assert second["error"] == '<div class="ansiout">line 1\n&lt;line 2&gt;</div>'
    assert (third["errorSummary"], third["error"]) == ("Command skipped", None)


def test_which_views_are_exported(world: World) -> None:
    run_id = world.run(world.job(task("a")))
    one = world.task(run_id, "a")["run_id"]
    world.hand.end("a")
    counts = {
        views: len(world.get("runs/export", run_id=one, views_to_export=views)["views"])
        for views in ("CODE", "ALL", "DASHBOARDS")
    }
    assert counts == {"CODE": 1, "ALL": 1, "DASHBOARDS": 0}
    assert "views_to_export" in world.refused("GET", "runs/export", run_id=one, views_to_export="x")


def test_which_runs_are_listed(world: World) -> None:
    job_id = world.job(task("a"), max_concurrent_runs=9)
    first = world.run(job_id)
    world.hand.end("a")
    world.clock.now += 10
    other = world.post("runs/submit", tasks=[task("b", existing_cluster_id="x")])["run_id"]
    world.clock.now += 10
    last = world.run(job_id)

    def listed(**query: Any) -> list[int]:
        return [run["run_id"] for run in world.get("runs/list", **query).get("runs", [])]

    assert listed() == [last, other, first]
    assert listed(job_id=job_id) == [last, first]
    assert listed(active_only=True) == [last, other]
    assert listed(completed_only=True) == [first]
    assert listed(run_type="SUBMIT_RUN") == [other]
    assert listed(start_time_from=1_000_010_000) == [last, other]
    assert listed(start_time_to=1_000_010_000) == [other, first]
    assert listed(limit=1, page_token=1) == [other]
    both = {"active_only": True, "completed_only": True}
    assert "Only one of" in world.refused("GET", "runs/list", **both)
    assert "limit" in world.refused("GET", "runs/list", limit=26)
    assert "start_time_to" in world.refused("GET", "runs/list", start_time_to="x")


def test_a_list_has_no_tasks_unless_they_are_asked_for(world: World) -> None:
    run_id = world.run(world.job(*(task(f"t{number}") for number in range(120))))
    (run,) = world.get("runs/list")["runs"]
    assert {"tasks", "job_clusters", "job_parameters"} & run.keys() == set()
    assert (run["run_id"], run["status"]["state"]) == (run_id, "PENDING")
    (run,) = world.get("runs/list", expand_tasks=True)["runs"]
    assert len(run["tasks"]) == 100
    assert run["has_more"] is True
    assert "next_page_token" not in run


def test_one_task_is_cancelled_alone(world: World) -> None:
    run_id = world.run(world.job(task("a"), task("b", "a"), task("c"), task("d", "c")))
    world.hand.begin("a")
    world.hand.begin("c")
    one = world.task(run_id, "a")["run_id"]
    world.post("runs/cancel", run_id=one)
    assert world.hand.cancelled == [one]
    assert world.task(run_id, "a")["state"]["life_cycle_state"] == "TERMINATING"
    assert world.state(run_id) == ("RUNNING", "")
    world.post("runs/cancel", run_id=world.task(run_id, "d")["run_id"])
    world.hand.end("a", TaskEnd("CANCELED"))
    world.hand.end("c")
    found = {key: world.task(run_id, key)["state"]["result_state"] for key in "abcd"}
    assert found == {"a": "CANCELED", "b": "UPSTREAM_CANCELED", "c": "SUCCESS", "d": "CANCELED"}
    assert world.state(run_id) == ("TERMINATED", "FAILED")
    world.post("runs/cancel", run_id=one)


@pytest.mark.parametrize("all_of_them", [False, True])
def test_a_run_put_in_by_hand_is_cancelled_at_once(world: World, all_of_them: bool) -> None:
    job_id = world.job(task("a"))
    run_id = world.running.add_run(job_id)
    call, fields = ("cancel-all", {"job_id": job_id}) if all_of_them else ("cancel", {})
    world.post(f"runs/{call}", **(fields or {"run_id": run_id}))
    assert world.state(run_id) == ("TERMINATED", "CANCELED")
    assert world.state(world.run(job_id)) == ("PENDING", "")


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        (["b"], {"b": []}),
        (["+c"], {"a": [], "b": ["a"], "c": ["b"]}),
        (["b+"], {"b": [], "c": ["b"]}),
        (["+b+"], {"a": [], "b": ["a"], "c": ["b"]}),
        (["a", "c"], {"a": [], "c": []}),
        ([], {"a": [], "b": ["a"], "c": ["b"], "d": []}),
    ],
    ids=str,
)
def test_some_tasks_only(world: World, only: list[str], expected: dict[str, list[str]]) -> None:
    job_id = world.job(task("a"), task("b", "a"), task("c", "b"), task("d"))
    run = world.get("runs/get", run_id=world.run(job_id, only=only))
    found = {
        each["task_key"]: [other["task_key"] for other in each["depends_on"]]
        for each in run["tasks"]
    }
    assert found == expected


def test_a_task_that_is_not_there_cannot_run_alone(world: World) -> None:
    job_id = world.job(task("a"))
    assert world.refused("POST", "run-now", job_id=job_id, only=["+x"]) == "Task x does not exist."
    words = world.refused("POST", "run-now", job_id=job_id, only="a")
    assert words == "Invalid only: a list is expected."


def test_a_repair_takes_the_jobs_settings_as_they_are(world: World) -> None:
    job_id = world.job(task("a"), task("b", "a"))
    run_id = world.run(job_id)
    world.hand.end("a", TaskEnd("FAILED"))
    moved = {**task("a"), "notebook_task": {"notebook_path": "/Shared/moved"}}
    world.post("update", job_id=job_id, new_settings={"tasks": [moved, task("c", "b")]})
    world.post("runs/repair", run_id=run_id, rerun_all_failed_tasks=True)
    assert world.hand.tasks["a"].path == "/Shared/moved"
    world.hand.end("a")
    world.hand.end("b")
    assert world.state(run_id) == ("TERMINATED", "SUCCESS")
    assert "c" not in world.hand.tasks


@pytest.mark.parametrize("lost", ["job", "task"])
def test_a_repair_of_what_the_job_lacks_by_now(world: World, lost: str) -> None:
    job_id = world.job(task("a"))
    run_id = world.run(job_id)
    world.hand.end("a", TaskEnd("FAILED"))
    if lost == "job":
        world.post("delete", job_id=job_id)
    else:
        world.post("reset", job_id=job_id, new_settings={"tasks": [task("b")]})
    world.post("runs/repair", run_id=run_id, rerun_all_failed_tasks=True)
    world.hand.end("a")
    assert world.state(run_id) == ("TERMINATED", "SUCCESS")


def test_a_repair_looks_anew_at_what_was_excluded_behind_a_failure(world: World) -> None:
    both = {"run_if": "AT_LEAST_ONE_FAILED"}
    run_id = world.run(world.job(task("a"), task("b", "a"), task("c", "b", **both), task("d")))
    world.hand.end("d")
    world.hand.end("a")
    world.hand.end("b")
    assert world.task(run_id, "c")["state"]["result_state"] == "EXCLUDED"
    words = world.refused("POST", "runs/repair", run_id=run_id, rerun_all_failed_tasks=True)
    assert words == "There are no tasks to run again."
    more = {"rerun_tasks": ["b"], "rerun_dependent_tasks": True}
    world.post("runs/repair", run_id=run_id, **more)
    world.hand.end("b", TaskEnd("FAILED"))
    world.hand.end("c")
    assert world.state(run_id) == ("TERMINATED", "SUCCESS_WITH_FAILURES")
    assert world.task(run_id, "d")["attempt_number"] == 0


def test_what_a_repair_says_no_to(world: World) -> None:
    run_id = world.run(world.job(task("a")))
    world.hand.end("a", TaskEnd("FAILED"))
    both = {"rerun_tasks": ["a"], "rerun_all_failed_tasks": True}
    words = world.refused("POST", "runs/repair", run_id=run_id, **both)
    assert words == "Only one of rerun_tasks or rerun_all_failed_tasks can be used."
    words = world.refused("POST", "runs/repair", run_id=run_id, rerun_tasks=["x"])
    assert words == "Task x does not exist."
    repair = world.post("runs/repair", run_id=run_id, rerun_tasks=["a"])["repair_id"]
    world.hand.end("a", TaskEnd("FAILED"))
    words = world.refused("POST", "runs/repair", run_id=run_id, rerun_tasks=["a"])
    assert words == "The latest repair ID needs to be provided in order to create a new repair"
    fields = {"rerun_tasks": ["a"], "latest_repair_id": repair + 1}
    words = world.refused("POST", "runs/repair", run_id=run_id, **fields)
    assert words == "latest_repair_id is not that of the latest repair."


@pytest.mark.parametrize("name", ["job_parameters", "notebook_params"])
def test_parameters_that_are_too_long(world: World, name: str) -> None:
    job_id = world.job(task("a"))
    words = world.refused("POST", "run-now", job_id=job_id, **{name: {"x": "y" * 10_000}})
    assert words == f"{name} is longer than 10000 bytes."


def test_a_result_is_cut_at_bytes(world: World) -> None:
    run_id = world.run(world.job(task("a")))
    world.hand.end("a", TaskEnd("SUCCESS", "xü" + "ü" * (5 * 1024 * 1024 // 2)))
    one = world.task(run_id, "a")["run_id"]
    output = world.get("runs/get-output", run_id=one)["notebook_output"]
    assert (len(output["result"].encode()), output["truncated"]) == (5 * 1024 * 1024 - 1, True)
