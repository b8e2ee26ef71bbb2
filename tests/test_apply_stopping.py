"""A deployment that is told to stop, or is killed, before, while and after it publishes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faults.cells import calls_of
from faults.oracle import End, Judge, named_by_open_journals, picture
from faults.world import PROJECT, ROOT, TARGET, World, new, outcome, stage
from pytest_dbxgate.delivery.lock import Chain
from pytest_dbxgate.delivery.locks import heal_target
from pytest_dbxgate.delivery.store import Store

FOREIGN = ["flow/theirs.txt"]
OWN = f"{ROOT}/.dbxgate"


class Scene:
    """A world, what an undisturbed deployment asks of it, and what it leads to."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.reset()
        before = picture(world.running.dump(), FOREIGN)
        world.publish(new())
        self.calls = calls_of(world.running.log())
        self.judge = Judge(before, picture(world.running.dump(), FOREIGN))
        world.reset()

    def end(self) -> tuple[End, list[str]]:
        return self.judge.end(picture(self.world.running.dump(), FOREIGN))

    def number(self, path: str) -> int:
        """Of the first write to a path."""
        return next(call.number for call in self.calls if call.path == path and _writes(call))

    def is_released(self) -> bool:
        world = self.world
        chain = Chain(Store(world.client(), ROOT, world.clock.sleep))
        lock, _ = chain.read(chain.highest())
        return lock is not None and lock.released

    def open_journals(self) -> set[str]:
        return named_by_open_journals(self.world.running.dump())

    def publish_until(self, number: int) -> tuple[int, str]:
        """Publish; asked to stop once so many requests were answered."""
        log = self.world.running.log
        code, how = outcome(self.world, new(), cancelled=lambda: len(log()) >= number)
        return code, str(how)


def _writes(call: object) -> bool:
    return getattr(call, "method", "GET") != "GET"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with stage(tmp_path_factory.mktemp("workspace")) as world:
        yield Scene(world)


@pytest.fixture
def scene(built: Scene) -> Scene:
    built.world.reset()
    return built


def test_stopped_before_anything_nothing_is_changed_and_the_lock_is_free(scene: Scene) -> None:
    code, how = scene.publish_until(0)
    assert "asked to stop" in how
    assert code not in (0, 23)
    assert scene.end() == (End.OLD, [])
    assert scene.is_released()
    assert scene.open_journals() == set()


@pytest.mark.parametrize(
    "place", ["flow/changed1", "flow/changed3", "fresh/added3", "lib/tools.py", "kept/moved5"]
)
def test_stopped_while_objects_are_written_the_old_state_stands(scene: Scene, place: str) -> None:
    code, how = scene.publish_until(scene.number(f"{ROOT}/{place}"))
    assert code == 22, how
    assert "asked to stop" in how
    assert scene.end() == (End.OLD, [])
    assert scene.is_released()
    assert scene.open_journals() == set()
    assert any(path.endswith(".undone.json") for path in scene.world.running.dump().objects)


def test_stopped_between_journal_and_first_write_the_old_state_stands(scene: Scene) -> None:
    journal = next(call.number for call in scene.calls if "/journals/" in call.path)
    code, how = scene.publish_until(journal)
    assert code == 22, how
    assert scene.end() == (End.OLD, [])
    assert scene.open_journals() == set()


def test_stopped_after_the_commit_it_is_new_and_the_next_run_finishes(scene: Scene) -> None:
    code, how = scene.publish_until(scene.number(f"{OWN}/pointer.json"))
    assert code == 23, how
    assert scene.end()[0] is End.PENDING
    assert scene.is_released()
    assert outcome(scene.world, new())[0] == 0
    assert scene.end() == (End.NEW, [])


def test_stopped_at_any_time_it_is_old_or_new_and_the_next_run_is_new(scene: Scene) -> None:
    for number in range(0, len(scene.calls), 7):
        scene.world.reset()
        code, how = scene.publish_until(number)
        end, differing = scene.end()
        assert end is not End.MIXED, (number, differing, how)
        assert (code in (0, 23)) == (end in (End.NEW, End.PENDING)), (number, code, end)
        assert scene.is_released(), number
        code, how_next = outcome(scene.world, new())
        assert (code, *scene.end()) == (0, End.NEW, []), (number, how_next)


def test_one_who_waits_for_the_lock_stops_waiting(scene: Scene) -> None:
    world = scene.world
    world.running.add_faults({"number": scene.number(f"{ROOT}/flow/changed3"), "do": "outage"})
    assert outcome(world, new())[0] == 23
    world.running.clear_faults()
    began = world.clock.now
    code, _ = outcome(world, new(), cancelled=lambda: True)
    assert code == 20
    assert world.clock.now - began < 60


def test_interrupted_while_objects_are_written_it_rolls_back(scene: Scene) -> None:
    at = scene.number(f"{ROOT}/flow/changed3")
    code, how = outcome(scene.world, new(), before=_interrupting(scene.world, {at}))
    assert code == 22, how
    assert scene.end() == (End.OLD, [])
    assert scene.is_released()


def test_interrupted_again_while_it_rolls_back_a_journal_tells_what_differs(scene: Scene) -> None:
    world = scene.world
    at = scene.number(f"{ROOT}/flow/changed3")
    with pytest.raises(KeyboardInterrupt):
        outcome(world, new(), before=_interrupting(world, {at, at + 12}))
    end, differing = scene.end()
    assert end is End.MIXED
    assert set(differing) <= scene.open_journals()
    code, how = outcome(world, new())
    assert code == 0, how
    assert scene.end() == (End.NEW, [])


def _interrupting(world: World, numbers: set[int]) -> Callable[[], None]:
    """Interrupts before each of these requests, once."""

    def interrupt() -> None:
        number = len(world.running.log()) + 1
        if number in numbers:
            numbers.remove(number)
            raise KeyboardInterrupt

    return interrupt


CHILD = """
import os, sys
from pathlib import Path
from faults.world import World, new
from faults.world import TARGET, PROJECT
from pytest_dbxgate.delivery.deploy import Request, deploy
from pytest_dbxgate.delivery.means import Means
from pytest_dbxgate.workspace.client import connect
from pytest_dbxgate.workspace.credentials import Secret, Veil, fixed

host, token = sys.stdin.read().split()
client = connect(host, fixed("local", "test", Secret(token), veil=Veil()))
sides = new()
request = Request(sides.items, sides.jobs, owner="dead@example.com")
deploy(client, TARGET, request, project=PROJECT, means=Means(threads=1))
"""


def _published_by_a_process(
    world: World, rules: Callable[[int], list[dict[str, object]]]
) -> subprocess.Popen[bytes]:
    """Publish in a process of its own, told how it ends by ``rules`` of its process id."""
    here = Path(__file__).parent
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(here), str(here.parent)])},
    )
    try:
        world.running.add_faults(*rules(child.pid))
        child.communicate(f"{world.running.host} {world.running.token}".encode(), timeout=60)
    finally:
        child.kill()
        child.wait()
    return child


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("path", "is_committed"),
    [
        (f"{ROOT}/flow/changed3", False),
        (f"{ROOT}/flow/changed1", False),
        (f"{ROOT}/flow/removed3", True),
    ],
    ids=["change", "kind", "prune"],
)
def test_a_killed_process_is_healed_by_the_next_run(
    scene: Scene, when: str, path: str, is_committed: bool
) -> None:
    world = scene.world
    child = _published_by_a_process(
        world,
        lambda pid: [{"do": f"kill-client-{when}", "pid": pid, "method": "POST", "path": path}],
    )
    assert child.returncode == -signal.SIGKILL
    end, differing = scene.end()
    assert end is (End.PENDING if is_committed else End.MIXED)
    assert set(differing) <= scene.open_journals()
    assert not scene.is_released()
    world.running.clear_faults()
    code, how = outcome(world, new())
    assert code == 0, how
    assert scene.end() == (End.NEW, [])
    assert scene.open_journals() == set()
    world.running.clear_log()
    assert outcome(world, new())[0] == 0
    assert not [entry.path for entry in world.running.log() if entry.method != "GET"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_a_killed_process_is_healed_without_a_deployment(scene: Scene) -> None:
    world = scene.world
    rule = {"do": "kill-client-after", "method": "POST", "path": f"{ROOT}/flow/changed3"}
    _published_by_a_process(world, lambda pid: [{**rule, "pid": pid}])
    assert scene.end()[0] is End.MIXED
    world.running.clear_faults()
    (healed,) = heal_target(world.client(), TARGET, project=PROJECT, means=world.means())
    assert healed.outcome == "undone"
    assert "dead@example.com" in healed.whose
    assert scene.end() == (End.OLD, [])
