"""The plan of a run on a cluster: lanes, dependencies, limits, and the job's settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.execution.cluster import job
from pytest_dbxgate.execution.cluster.pacing import intervals, pages
from pytest_dbxgate.execution.cluster.plan import (
    ALL_DONE,
    ALL_SUCCESS,
    MOST_TASKS,
    Chunk,
    chunks,
    task_key,
)
from pytest_dbxgate.execution.cluster.request import ClusterRequest, ClusterWork, Compute
from pytest_dbxgate.execution.outcome import RunKey
from pytest_dbxgate.notebook.model import NotebookKey


def key(name: str, case: str = "") -> RunKey:
    return RunKey(NotebookKey(f"{name}.py"), case)


def work(name: str, *after: str, **more: Any) -> ClusterWork:
    return ClusterWork(key(name), f"{name}.py", depends_on=[key(each) for each in after], **more)


def shown(chunk: Chunk) -> list[str]:
    """``a <- b c`` for a task that needs others, ``a << b`` for one that is only after another."""
    names = {task.key: task.work.path.removesuffix(".py") for task in chunk.tasks}
    arrows = {ALL_SUCCESS: "<-", ALL_DONE: "<<"}
    return [
        " ".join([names[task.key], arrows[task.run_if], *(names[each] for each in task.after)])
        if task.after
        else names[task.key]
        for task in chunk.tasks
    ]


def test_a_lane_goes_on_after_a_failure() -> None:
    (chunk,) = chunks([work(name) for name in "abcde"], max_parallel=2)

    assert shown(chunk) == ["a", "b", "c << a", "d << b", "e << c"]


def test_two_hundred_notebooks_are_one_job_of_twenty_lanes() -> None:
    (chunk,) = chunks([work(f"n{number}") for number in range(200)], max_parallel=20)

    assert len(chunk.tasks) == 200
    assert sum(not task.after for task in chunk.tasks) == 20
    assert {task.run_if for task in chunk.tasks if task.after} == {ALL_DONE}


def test_a_job_has_a_thousand_tasks_at_most() -> None:
    found = chunks([work(f"n{number}") for number in range(2500)], max_parallel=20)

    assert [len(chunk.tasks) for chunk in found] == [MOST_TASKS, MOST_TASKS, 500]


def test_a_real_dependency_waits_for_success_and_keeps_its_lane() -> None:
    works = [work("a"), work("b", "a"), work("c", "b"), work("x"), work("y")]

    (chunk,) = chunks(works, max_parallel=2)

    assert shown(chunk) == ["a", "b <- a", "c <- b", "x", "y << x"]


def test_what_needs_several_begins_once_all_of_them_passed() -> None:
    works = [work("a"), work("b"), work("c", "a", "b"), work("d", "a")]

    (chunk,) = chunks(works, max_parallel=3)

    assert shown(chunk) == ["a", "d <- a", "b", "c <- a b"]


def test_no_more_lanes_than_allowed_though_another_job_is_needed() -> None:
    works = [work("a"), work("b", "a"), work("c", "a")]

    found = chunks(works, max_parallel=1)

    assert [shown(chunk) for chunk in found] == [["a", "b <- a"], ["c"]]


@st.composite
def _works(draw: st.DrawFn) -> list[ClusterWork]:
    count = draw(st.integers(1, 14))
    found = []
    for number in range(count):
        before = draw(st.lists(st.integers(0, count - 1), max_size=3, unique=True))
        found.append(work(f"n{number}", *(f"n{each}" for each in before if each < number)))
    return draw(st.permutations(found))


@given(_works(), st.integers(1, 4))
@settings(max_examples=200, deadline=None)
def test_each_runs_once_after_what_it_needs_and_never_too_many_at_a_time(
    works: Sequence[ClusterWork], most: int
) -> None:
    found = chunks(works, max_parallel=most)

    ran: list[RunKey] = []
    for chunk in found:
        waiting, done = list(chunk.tasks), set[str]()
        while waiting:
            ready = [task for task in waiting if set(task.after) <= done]
            assert 0 < len(ready) <= most
            for task in ready:
                assert set(task.work.depends_on) <= set(ran)
            # The last of them ends first: what follows it may begin while the others go on.
            waiting.remove(ready[-1])
            done.add(ready[-1].key)
            ran.append(ready[-1].work.key)
    assert sorted(ran) == sorted(each.key for each in works)


def test_keys_are_safe_unique_and_short() -> None:
    long = RunKey(NotebookKey("flöw/läng er/" + "x" * 300 + ".py", "a/b"), "case 1")

    assert task_key(7, key("flow/load", "small one")) == "0007-flow-load-py-small-one"
    assert len(task_key(1, long)) == 100
    assert task_key(12, RunKey(NotebookKey("ä.py"))) == "0012-py"


@pytest.mark.parametrize(
    ("works", "most", "words"),
    [
        ([work("a")], 0, "max_parallel is 0"),
        ([work("a")], 146, "max_parallel is 146"),
        ([work("a"), work("a")], 1, "a notebook is to run twice with the same case"),
        ([work("a", "b")], 1, "a.py::run depends on b.py::run, which is not selected"),
        ([work("a", "a")], 1, "a.py::run depends on itself, over others or directly"),
        ([work("x"), work("a", "b"), work("b", "a")], 1, "a.py::run depends on itself, over"),
        ([work("a", parameters={"p": "x" * 1_000_000})], 1, "its parameters have 1000009 bytes"),
    ],
)
def test_what_cannot_be_planned_is_said(works: list[ClusterWork], most: int, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        chunks(works, max_parallel=most)

    assert words in str(caught.value)
    assert caught.value.next_step


def test_large_parameters_are_spread_over_jobs() -> None:
    works = [work(f"n{number}", parameters={"p": "x" * 990_000}) for number in range(10)]

    assert [len(chunk.tasks) for chunk in chunks(works, max_parallel=2)] == [8, 2]


def request(compute: Compute, **more: Any) -> ClusterRequest:
    works = [work("a", parameters={"day": "1"}, timeout=59.5), work("b", "a")]
    return ClusterRequest("20270101-abc", works, {}, compute, **more)


def made(compute: Compute, **more: Any) -> dict[str, Any]:
    wanted = request(compute, **more)
    job.check(wanted)
    (chunk,) = chunks(wanted.works, max_parallel=2)
    places = {task.key: f"/Workspace/c/{task.key[-4]}" for task in chunk.tasks}
    return job.settings(wanted, chunk, places, project="etl")


def test_the_settings_of_a_job_with_a_shared_cluster() -> None:
    cluster = {"spark_version": "15.4.x-scala2.12", "num_workers": 1}

    settings = made(Compute(cluster, instance_pool_id="pool", policy_id="rule"), timeout=600.0)

    assert settings == {
        "name": "dbxgate run etl 20270101-abc",
        "tags": {"dbxgate_run": "20270101-abc"},
        "max_concurrent_runs": 1,
        "timeout_seconds": 600,
        "job_clusters": [
            {
                "job_cluster_key": "shared",
                "new_cluster": {**cluster, "instance_pool_id": "pool", "policy_id": "rule"},
            }
        ],
        "tasks": [
            {
                "task_key": "0001-a-py",
                "notebook_task": {
                    "notebook_path": "/Workspace/c/a",
                    "base_parameters": {"day": "1"},
                    "source": "WORKSPACE",
                },
                "max_retries": 0,
                "timeout_seconds": 60,
                "job_cluster_key": "shared",
            },
            {
                "task_key": "0002-b-py",
                "notebook_task": {
                    "notebook_path": "/Workspace/c/b",
                    "base_parameters": {},
                    "source": "WORKSPACE",
                },
                "max_retries": 0,
                "depends_on": [{"task_key": "0001-a-py"}],
                "run_if": "ALL_SUCCESS",
                "job_cluster_key": "shared",
            },
        ],
    }


def test_serverless_has_no_compute_and_no_retries_of_its_own() -> None:
    settings = made(Compute(serverless=True))

    assert "job_clusters" not in settings
    assert settings["tasks"][0]["disable_auto_optimization"] is True
    assert not {"job_cluster_key", "existing_cluster_id"} & set(settings["tasks"][0])


def test_an_existing_cluster_is_named_in_each_task() -> None:
    settings = made(Compute(existing_cluster_id="0101-1"))

    assert [task["existing_cluster_id"] for task in settings["tasks"]] == ["0101-1", "0101-1"]
    assert "job_clusters" not in settings


@pytest.mark.parametrize(
    ("compute", "words"),
    [
        (Compute(), "it is not said what to run on"),
        (Compute({}, serverless=True), "what to run on is given 2 times"),
        (Compute(serverless=True, policy_id="x"), "policy_id without new_cluster"),
    ],
)
def test_compute_is_given_once(compute: Compute, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        job.check(request(compute))

    assert words in str(caught.value)


def test_an_id_fits_a_tag_a_folder_and_a_token() -> None:
    wanted = ClusterRequest("a/b", [], {}, Compute(serverless=True))

    with pytest.raises(ConfigurationError, match="'a/b' is no id of a run"):
        job.check(wanted)


@pytest.mark.parametrize("tasks", [1, 100, 101, 200, 1000])
def test_twelve_calls_for_a_status_a_minute_at_most(tasks: int) -> None:
    now, calls = 0.0, list[float]()
    for seconds in intervals(lambda: tasks):
        now += seconds
        if now > 600:
            break
        calls += [now] * pages(tasks)

    busiest = max(sum(1 for each in calls if start <= each < start + 60) for start in calls)
    assert busiest <= 12
