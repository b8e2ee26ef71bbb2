"""A run on a cluster from end to end, over the embedded workspace with scripted runs."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from pytest_dbxgate.emulator.server import Running, start
from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.execution.cluster.registration import BEAT, LEASE
from pytest_dbxgate.execution.cluster.request import (
    ClusterPlace,
    ClusterRequest,
    ClusterWork,
    Compute,
    Means,
    Progress,
    Ran,
)
from pytest_dbxgate.execution.cluster.run import run_on_cluster
from pytest_dbxgate.execution.outcome import Outcome, RunKey
from pytest_dbxgate.notebook import formats
from pytest_dbxgate.notebook.canonical import sha256
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.workspace.client import Client, connect
from pytest_dbxgate.workspace.credentials import Secret, Veil, fixed
from pytest_dbxgate.workspace.model import UnavailableError
from pytest_dbxgate.workspace.run_model import RemoteState
from run_cluster_platform import (
    CANCELED,
    ENDLESS,
    FAILED,
    LOST,
    SUCCESS,
    Platform,
    Told,
)

ROOT = "/Shared/team/etl"
RUNS = "/Shared/team/.dbxgate-runs"
EPOCH = 1_800_000_000.0


class Time:
    """Passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def clock(self) -> float:
        return self.now

    def wall(self) -> float:
        return EPOCH + self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class World:
    """A workspace, and one clock for it and us."""

    def __init__(self, running: Running, time: Time) -> None:
        self.running = running
        self.time = time
        self.told: list[Progress] = []
        self.done: list[Outcome] = []

    def client(self) -> Client:
        token = Secret(self.running.token)
        credentials = fixed("local", "a test", token, veil=Veil())
        return connect(
            self.running.host,
            credentials,
            sleep=self.time.sleep,
            clock=self.time.clock,
            random=lambda: 0.5,
        )

    def run(
        self,
        platform: Platform,
        wanted: ClusterRequest,
        *,
        cancelled: Callable[[], bool] = lambda: False,
        done: Callable[[Outcome], None] | None = None,
    ) -> Ran:
        means = Means(self.time.clock, self.time.sleep, cancelled, self.told.append, threads=1)
        place = self.place(platform)
        return run_on_cluster(platform, place, wanted, means, done or self.done.append)

    def place(self, platform: Platform) -> ClusterPlace:
        return ClusterPlace(ROOT, "etl", platform.user_name(), self.running.host)

    def left(self) -> tuple[list[str], list[int]]:
        """What of runs is in the workspace."""
        dump = self.running.dump()
        return [path for path in dump.objects if ".dbxgate-runs" in path], list(dump.jobs)


NOTHING: tuple[list[str], list[int]] = ([], [])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    time = Time()
    folder = tmp_path_factory.mktemp("workspace")
    with start(folder, clock=time.wall, monotonic=time.clock) as running:
        running.edit("/Shared/team/theirs.py", "X = 1\n")
        world = World(running, time)
        world.beginning = running.snapshot()  # type: ignore[attr-defined]
        yield world


@pytest.fixture
def world(served: World) -> World:
    served.running.restore(served.beginning)  # type: ignore[attr-defined]
    served.told.clear()
    served.done.clear()
    return served


def key(name: str) -> RunKey:
    return RunKey(NotebookKey(f"flow/{name}.py"))


def note(name: str) -> bytes:
    return f"# Databricks notebook source\nprint('{name}')\n".encode()


def request(names: Sequence[str] | str, **more: Any) -> ClusterRequest:
    after = more.pop("after", {})
    works = [
        ClusterWork(
            key(name),
            f"flow/{name}.py",
            sha256(note(name)),
            {"name": name},
            depends_on=[key(each) for each in after.get(name, ())],
        )
        for name in names
    ]
    files = {f"flow/{name}.py": note(name) for name in names} | {"lib/tools.py": b"A = 1\n"}
    more = {"compute": Compute({"num_workers": 1}), "id": "20270101-abc", **more}
    return ClusterRequest(works=works, files=files, **more)


def states(ran: Ran) -> dict[str, str]:
    return {
        outcome.key.notebook.path.removeprefix("flow/").removesuffix(".py"): outcome.state.value
        for outcome in ran.outcomes
    }


def test_outcomes_come_in_order_and_nothing_is_left(world: World) -> None:
    platform = Platform(world.client(), {"b": Told(result="42")})

    ran = world.run(platform, request("abc"))

    assert states(ran) == {"a": "passed", "b": "passed", "c": "passed"}
    assert [outcome.exit_value for outcome in ran.outcomes] == [None, "42", None]
    assert ran.outcomes[0].digest == sha256(note("a"))
    assert ran.outcomes[0].url == "https://x/run/102"
    assert ran.outcomes[0].engine == "cluster 127.0.0.1"
    assert world.done == list(ran.outcomes)
    assert (ran.left, world.left()) == ((), NOTHING)
    assert world.running.dump().objects["/Shared/team/theirs.py"].content == b"X = 1\n"


def test_what_runs_is_what_was_given(world: World) -> None:
    seen: list[tuple[list[str], Any]] = []

    def look(call: str) -> None:
        if call == "run_now":
            dump = world.running.dump()
            seen.append(([p for p in dump.objects if ".dbxgate-runs/" in p], dump.jobs))
            owner = json.loads(dump.objects[f"{RUNS}/etl/20270101-abc/owner.json"].content)
            (job,) = dump.jobs.values()
            assert owner["jobs"] == [{"operation": "20270101-abc-1", "job_id": job["job_id"]}]
            assert job["settings"]["tags"] == {
                "dbxgate_run": "20270101-abc",
                "dbxgate_operation": "20270101-abc-1",
            }
            files = f"{RUNS}/etl/20270101-abc/files"
            assert dump.objects[f"{files}/flow/a"].content.startswith(note("a").rstrip())
            assert dump.objects[f"{files}/lib/tools.py"].content == b"A = 1\n"

    world.run(Platform(world.client(), before=look), request("a"))

    assert len(seen) == 1


def test_a_failure_is_the_notebooks_and_the_lane_goes_on(world: World) -> None:
    told = {"a": Told([FAILED], error="ValueError: bad")}

    ran = world.run(Platform(world.client(), told), request("abc", max_parallel=1))

    assert states(ran) == {"a": "failed", "b": "passed", "c": "passed"}
    assert ran.outcomes[0].failure is not None
    assert ran.outcomes[0].failure.message == "bad"
    assert world.left() == NOTHING


def test_what_depends_on_a_failure_is_not_started(world: World) -> None:
    told = {"a": Told([FAILED])}
    wanted = request("abcd", max_parallel=2, after={"b": "a", "c": "b"})

    ran = world.run(Platform(world.client(), told), wanted)

    assert states(ran) == {"a": "failed", "b": "not started", "c": "not started", "d": "passed"}


def test_dependencies_hold_over_jobs_too(world: World) -> None:
    wanted = request("abc", max_parallel=1, after={"b": "a", "c": "a"})
    platform = Platform(world.client())

    ran = world.run(platform, wanted)

    assert states(ran) == {"a": "passed", "b": "passed", "c": "passed"}
    assert platform.calls.count("run_now") == 2
    assert world.left() == NOTHING

    ran = world.run(Platform(world.client(), {"a": Told([FAILED])}), wanted)

    assert states(ran) == {"a": "failed", "b": "not started", "c": "not started"}


def test_the_platforms_failure_is_run_again_as_often_as_asked(world: World) -> None:
    told = {"a": Told([LOST, LOST, SUCCESS]), "b": Told([FAILED])}
    wanted = request("abc", after={"c": "a"}, retries=2)
    platform = Platform(world.client(), told)

    ran = world.run(platform, wanted)

    assert states(ran) == {"a": "passed", "b": "failed", "c": "passed"}
    assert [outcome.attempts for outcome in ran.outcomes] == [3, 1, 3]
    assert platform.calls.count("repair_run") == 2
    assert len(world.done) == 3


def test_the_platforms_failure_is_told_from_the_notebooks(world: World) -> None:
    ran = world.run(Platform(world.client(), {"a": Told([LOST])}), request("ab", retries=1))

    assert states(ran) == {"a": "platform", "b": "passed"}
    assert ran.outcomes[0].message == "No nodes left (CLUSTER_ERROR)"
    assert world.left() == NOTHING


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (RemoteState("TERMINATED", "TIMEDOUT", "Run timed out"), "timed out"),
        (CANCELED, "cancelled"),
        (RemoteState("SKIPPED"), "platform"),
        (RemoteState("INTERNAL_ERROR"), "platform"),
        (RemoteState("TERMINATED", "NEW"), "platform"),
    ],
)
def test_every_other_end(world: World, end: RemoteState, expected: str) -> None:
    ran = world.run(Platform(world.client(), {"a": Told([end])}), request("ab"))

    assert states(ran) == {"a": expected, "b": "passed"}


def test_a_signal_cancels_first_and_leaves_nothing(world: World) -> None:
    platform = Platform(world.client(), {"b": Told([ENDLESS])})

    def cancelled() -> bool:
        return platform.calls.count("run") >= 2

    ran = world.run(platform, request("abc", max_parallel=1), cancelled=cancelled)

    assert states(ran) == {"a": "passed", "b": "cancelled", "c": "cancelled"}
    assert ran.outcomes[1].message == "stopped before it ended"
    last_look = len(platform.calls) - platform.calls[::-1].index("run")
    assert platform.calls[last_look:] == ["cancel_run", "active_run_ids", "active_run_ids"]
    assert (ran.left, world.left()) == ((), NOTHING)


def test_a_signal_before_anything_was_sent(world: World) -> None:
    ran = world.run(Platform(world.client()), request("a"), cancelled=lambda: True)

    assert states(ran) == {"a": "cancelled"}
    assert [entry for entry in world.running.log() if entry.method != "GET"] == []


def test_an_interrupt_by_hand_cleans_up_too(world: World) -> None:
    def interrupt(call: str) -> None:
        if call == "run":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.run(Platform(world.client(), before=interrupt), request("a"))

    assert world.left() == NOTHING


def test_our_own_time_out_cancels(world: World) -> None:
    platform = Platform(world.client(), {"a": Told([ENDLESS])})

    ran = world.run(platform, request("ab", timeout=300.0))

    assert states(ran) == {"a": "timed out", "b": "passed"}
    assert ran.outcomes[0].message == "the run took longer than 300 s"
    assert "cancel_run" in platform.calls
    assert world.left() == NOTHING


def test_an_outage_of_some_minutes_is_waited_for(world: World) -> None:
    begin = world.time.now

    def away(call: str) -> None:
        if call == "run" and begin + 30 < world.time.now < begin + 600:
            world.time.sleep(60)
            raise UnavailableError("temporarily unavailable")

    told = {"a": Told([ENDLESS])}
    platform = Platform(world.client(), told, before=away)

    def done_by_then() -> bool:
        if world.time.now > begin + 700:
            told["a"] = Told()
        return False

    ran = world.run(platform, request("a"), cancelled=done_by_then)

    assert states(ran) == {"a": "passed"}


def test_an_outage_without_end_is_a_platform_error(world: World) -> None:
    def away(call: str) -> None:
        if call != "run_now":
            world.time.sleep(60)
            raise UnavailableError("no answer")

    ran = world.run(Platform(world.client(), before=away), request("a"))

    assert states(ran) == {"a": "platform"}
    (job_id,) = world.running.dump().jobs
    assert ran.left == (
        f"job {job_id} and /Workspace{RUNS}/etl/20270101-abc may remain: no answer; the next run "
        "for this target as developer@example.com removes them once 10 minutes have passed",
    )


def test_a_run_that_somebody_swept_away_is_a_platform_error(world: World) -> None:
    platform = Platform(world.client(), {"a": Told([ENDLESS])})

    def cancelled() -> bool:
        if platform.calls.count("run") == 5 and f"{RUNS}/etl/20270101-abc" in world.left()[0]:
            world.running.edit(f"{RUNS}/etl/20270101-abc", delete=True)
        return False

    ran = world.run(platform, request("a"), cancelled=cancelled)

    assert states(ran) == {"a": "platform"}
    assert ran.outcomes[0].message == (
        f"/Workspace{RUNS}/etl/20270101-abc: the run's registration is gone\n"
        "  next: run again; see who else runs for this target as the same user, or deletes folders"
    )
    assert world.left() == NOTHING


def killed(world: World, at: str) -> None:
    """A run whose process died at a call."""

    def die(call: str) -> None:
        if call == at:
            world.running.add_faults({"do": "outage"})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.run(Platform(world.client(), before=die), request("a", id="dead"))
    world.running.clear_faults()
    assert world.left() != NOTHING


@pytest.mark.parametrize("at", ["run_now", "run", "task_output"])
def test_what_a_dead_run_left_is_swept_once_its_lease_is_over(world: World, at: str) -> None:
    killed(world, at)
    (job_id,) = world.running.dump().jobs

    ran = world.run(Platform(world.client()), request("a", id="second"))
    assert ran.swept == ()
    assert list(world.running.dump().jobs) == [job_id]

    world.time.sleep(LEASE + 1)
    ran = world.run(Platform(world.client()), request("a", id="third"))
    assert ran.swept == (
        f"removed /Workspace{RUNS}/etl/dead and job {job_id}, left by a run that died",
    )
    assert states(ran) == {"a": "passed"}
    assert world.left() == NOTHING


def test_a_job_whose_id_was_never_registered_is_swept(world: World) -> None:
    killed(world, "run_now")
    path = f"{RUNS}/etl/dead/owner.json"
    owner = json.loads(world.running.dump().objects[path].content)
    world.running.edit(path, json.dumps({**owner, "jobs": []}))
    world.time.sleep(LEASE + 1)

    world.run(Platform(world.client()), request("a"))

    assert world.left() == NOTHING


@pytest.mark.parametrize(
    "changes", [{"user": "other@example.com"}, {"root": "/Shared/team/prod"}, {"id": "x"}]
)
def test_what_belongs_to_others_is_never_swept(world: World, changes: dict[str, str]) -> None:
    killed(world, "run")
    path = f"{RUNS}/etl/dead/owner.json"
    owner = json.loads(world.running.dump().objects[path].content)
    world.running.edit(path, json.dumps({**owner, **changes}))
    world.time.sleep(10 * LEASE)
    before = world.left()

    ran = world.run(Platform(world.client()), request("a"))

    assert (ran.swept, world.left()) == ((), before)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"id": 5}', '{"jobs": [3]}', "x" * 200_000])
def test_a_registration_that_is_none_is_left_alone(world: World, text: str) -> None:
    world.running.edit(f"{RUNS}/etl/dead/owner.json", text)

    ran = world.run(Platform(world.client()), request("a"))

    assert states(ran) == {"a": "passed"}
    assert f"{RUNS}/etl/dead/owner.json" in world.left()[0]


def test_folders_that_hold_nothing_are_tidied_away(world: World) -> None:
    world.client().mkdirs(f"{RUNS}/etl/dead/files/flow")

    world.run(Platform(world.client()), request("a"))

    assert world.left() == NOTHING


def test_the_registration_lives_as_long_as_the_run(world: World) -> None:
    platform = Platform(world.client(), {"a": Told([ENDLESS])})
    ages: list[float] = []

    def look(call: str) -> None:
        path = f"{RUNS}/etl/20270101-abc/owner.json"
        found = world.running.dump().objects.get(path)
        if call == "run" and found:
            ages.append(world.time.wall() - json.loads(found.content)["renewed_at"])

    platform._before = look
    world.run(platform, request("a", timeout=1800.0))

    assert len(ages) > 100
    # The scripted runs tell no time, so the renewal before is the last answer that did.
    assert max(ages) < 2 * BEAT


def test_two_hundred_notebooks_are_one_job_with_few_calls(world: World) -> None:
    names = [f"n{number:03}" for number in range(200)]
    platform = Platform(world.client())

    ran = world.run(platform, request(names))

    assert set(states(ran).values()) == {"passed"}
    assert platform.calls.count("run_now") == 1
    assert platform.most_at_a_time == 20
    assert platform.calls.count("task_output") == 200
    assert platform.calls.count("run") == 10


def test_a_file_that_is_not_what_was_checked_is_refused_before_any_call(world: World) -> None:
    wanted = request("a")
    files = {**wanted.files, "flow/a.py": note("b")}
    changed = ClusterRequest("x", wanted.works, files, wanted.compute)

    with pytest.raises(ConfigurationError) as caught:
        world.run(Platform(world.client()), changed)

    assert str(caught.value) == (
        "flow/a.py::run: flow/a.py is not what was checked\n  next: run again"
    )


def test_a_file_that_is_no_notebook_is_refused_before_any_call(world: World) -> None:
    work = ClusterWork(RunKey(NotebookKey("lib/tools.py")), "lib/tools.py")
    wanted = ClusterRequest("x", [work], request("a").files, Compute(serverless=True))

    with pytest.raises(ConfigurationError, match=r"lib/tools\.py is no notebook"):
        world.run(Platform(world.client()), wanted)


def test_a_member_of_an_archive_runs_as_the_source_notebook_it_becomes(world: World) -> None:
    model = {"version": "NotebookV1", "name": "a", "language": "python", "commands": []}
    model["commands"] = [{"version": "CommandV1", "command": "print(1)", "position": 1.0}]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("team/a.python", json.dumps(model))
    (member,) = formats.parse("old.dbc", buffer.getvalue())
    work = ClusterWork(RunKey(member.key), "old.dbc", member.digest)
    files = {"old.dbc": buffer.getvalue()}
    seen: list[bytes] = []

    def look(call: str) -> None:
        if call == "run_now":
            path = f"{RUNS}/etl/x/files/old/a"
            seen.append(world.running.dump().objects[path].content)

    wanted = ClusterRequest("x", [work], files, Compute(serverless=True))
    ran = world.run(Platform(world.client(), before=look), wanted)

    assert [(each.state.value, each.digest) for each in ran.outcomes] == [("passed", member.digest)]
    assert seen == [b"# Databricks notebook source\nprint(1)"]


def test_an_upload_that_is_not_what_was_sent_runs_nothing(world: World) -> None:
    rule = {
        "do": "edit",
        "when": "after",
        "method": "POST",
        "path": f"{RUNS}/etl/20270101-abc/files/lib/tools.py",
        "edits": [{"path": f"{RUNS}/etl/20270101-abc/files/flow/a", "content": "# else\n"}],
    }
    world.running.add_faults(rule)
    platform = Platform(world.client())

    ran = world.run(platform, request("a"))

    assert states(ran) == {"a": "platform"}
    assert ran.outcomes[0].message == (
        f"/Workspace{RUNS}/etl/20270101-abc/files: flow/a.py does not stand there as it was sent\n"
        "  next: run again; if it stays so, look at the folder in the workspace"
    )
    assert (platform.calls, world.left()) == ([], NOTHING)


def test_a_task_of_another_notebook_is_never_green(world: World) -> None:
    platform = Platform(world.client())
    real = platform._task
    platform._task = lambda settings: _moved(real(settings))  # type: ignore[method-assign]

    ran = world.run(platform, request("a"))

    assert states(ran) == {"a": "platform"}
    assert ran.outcomes[0].message == "the task ran /Shared/other, which is not what was sent"


def _moved(task: Any) -> Any:
    task.path = "/Shared/other"
    return task


def test_a_task_that_is_never_told_of_is_not_green(world: World) -> None:
    platform = Platform(world.client())
    real = platform.run

    def without_the_last(run_id: int, *, history: bool = False) -> Any:
        run = real(run_id, history=history)
        assert run is not None
        return run._replace(tasks=run.tasks[:-1])

    platform.run = without_the_last  # type: ignore[method-assign]

    ran = world.run(platform, request("ab"))

    assert states(ran) == {"a": "passed", "b": "platform"}
    assert ran.outcomes[1].message == (
        "the run ended without telling of this task (TERMINATED, FAILED)"
    )
    assert world.left() == NOTHING


def test_a_run_of_another_job_is_never_green(world: World) -> None:
    platform = Platform(world.client())
    real = platform.run

    def of_another(run_id: int, *, history: bool = False) -> Any:
        run = real(run_id, history=history)
        assert run is not None
        return run._replace(job_id=1)

    platform.run = of_another  # type: ignore[method-assign]

    ran = world.run(platform, request("a"))

    assert states(ran) == {"a": "platform"}


def test_progress_tells_the_steps(world: World) -> None:
    world.run(Platform(world.client()), request("a"))

    assert [progress.step for progress in world.told if progress.step != "running"] == [
        "upload",
        "job",
        "clean-up",
    ]
