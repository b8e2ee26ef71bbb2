"""What a run on a cluster costs in requests, and what a cancel leaves: by the workspace's own log
and store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from faults.run_handlers import SECONDS, End, install
from faults.run_world import ROOT, RUNS, RunWorld, key, note
from faults.world import Clock
from pytest_dbxgate.emulator.server import start
from pytest_dbxgate.execution.cluster.request import (
    ClusterPlace,
    ClusterRequest,
    ClusterWork,
    Compute,
    Means,
    Ran,
)
from pytest_dbxgate.execution.cluster.run import run_on_cluster
from pytest_dbxgate.execution.outcome import Outcome, RunState

NAMES = [f"n{number:03}" for number in range(200)]
FAILING = NAMES[::50]
SCRIPT = {name: [End("FAILED", error="E: x", code="RUN_EXECUTION_ERROR")] for name in FAILING}


class Watch(Clock):
    """A clock that notes when a status is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.statuses: list[float] = []


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunWorld, Watch]]:
    clock = Watch()
    folder = tmp_path_factory.mktemp("workspace")
    with start(folder, clock=clock.wall, monotonic=clock) as running:
        runs = install(running._service, SCRIPT)
        real = runs.get

        def noted(call: Any) -> Any:
            clock.statuses.append(clock.now)
            return real(call)

        runs.get = noted  # type: ignore[method-assign]
        install_again(running, runs)
        yield RunWorld(running, clock, runs), clock


def install_again(running: Any, runs: Any) -> None:
    """Let the route lead to the noting handler."""
    service = running._service
    service._routes = tuple(
        route._replace(handler=runs.get) if route.name == "jobs/runs/get" else route
        for route in service._routes
    )


def run(world: RunWorld, id: str, **more: Any) -> Ran:
    works = [ClusterWork(key(name), f"flow/{name}.py") for name in NAMES]
    files = {f"flow/{name}.py": note(name) for name in NAMES}
    request = ClusterRequest(id, works, files, Compute({"num_workers": 1}))
    client = world.client()
    place = ClusterPlace(ROOT, "etl", client.user_name(), world.running.host)
    means = replace(Means(world.clock, world.clock.sleep), **more.pop("means", {}))
    return run_on_cluster(client, place, request, means, **more)


def test_two_hundred_notebooks_cost_one_job_and_one_call_each(
    large: tuple[RunWorld, Watch],
) -> None:
    world, clock = large
    world.reset()
    clock.statuses.clear()

    ran = run(world, "all")

    calls = Counter(entry.route for entry in world.running.log())
    assert calls["jobs/create"] == calls["jobs/run-now"] == calls["jobs/delete"] == 1
    assert calls["jobs/runs/get-output"] == 200
    assert calls["jobs/runs/export"] == len(FAILING)
    assert calls["workspace/import"] == 200 + 3
    busiest = max(
        sum(1 for each in clock.statuses if began <= each < began + 60) for began in clock.statuses
    )
    assert busiest <= 12
    failed = [outcome.key for outcome in ran.outcomes if outcome.state is RunState.FAILED]
    assert failed == [key(name) for name in FAILING]
    assert sum(outcome.state is RunState.PASSED for outcome in ran.outcomes) == 196
    assert (ran.left, [*world.left()]) == ((), [])


def test_a_cancel_leaves_nothing_running_and_nothing_behind(
    large: tuple[RunWorld, Watch],
) -> None:
    world, clock = large
    world.reset()
    done: list[Outcome] = []

    ran = run(world, "stopped", means={"cancelled": lambda: len(done) >= 40}, done=done.append)

    states = Counter(outcome.state for outcome in ran.outcomes)
    assert states[RunState.CANCELLED] > 100
    assert states[RunState.PASSED] + states[RunState.FAILED] >= 40
    assert sum(states.values()) == 200
    assert (ran.left, [*world.left()]) == ((), [])
    first = next(e.number for e in world.running.log() if e.route == "jobs/runs/cancel")
    before = [e for e in world.running.log() if e.number == first - 1]
    # It is the very next request: nothing is read or told before.
    assert [e.route for e in before] == ["jobs/runs/get-output"]
    assert not any(path.startswith(RUNS) for path in world.running.dump().objects)
    assert clock.now > SECONDS
