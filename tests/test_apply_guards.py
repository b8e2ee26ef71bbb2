"""What refuses a deployment before it changes anything: runs, other targets, damaged records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from faults.oracle import Picture, picture
from faults.world import (
    PROJECT,
    ROOT,
    TARGET,
    Sides,
    World,
    module,
    new,
    notebook,
    old,
    outcome,
    stage,
)
from pytest_dbxgate.delivery.deploy import Request, deploy
from pytest_dbxgate.delivery.log import Event
from pytest_dbxgate.delivery.model import OnActiveRuns, Prune
from pytest_dbxgate.delivery.target import Target
from pytest_dbxgate.errors import RefusedError

FOREIGN = ["flow/theirs.txt"]
OWN = f"{ROOT}/.dbxgate"
POINTER = f"{OWN}/pointer.json"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with stage(tmp_path_factory.mktemp("workspace")) as world:
        yield world


@pytest.fixture
def world(built: World) -> World:
    built.reset()
    return built


def now(world: World) -> Picture:
    return picture(world.running.dump(), FOREIGN)


def job_id(world: World, name: str) -> int:
    """Of our own job; somebody else has one of the same name."""
    return next(
        number
        for number, job in world.running.dump().jobs.items()
        if job["settings"]["name"] == name and "dbxgate_key" in job["settings"].get("tags", {})
    )


def refused(world: World, target: Target, sides: Sides, project: str = PROJECT) -> RefusedError:
    before = now(world)
    with pytest.raises(RefusedError) as caught:
        deploy(
            world.client(),
            target,
            Request(sides.items, sides.jobs, owner="me"),
            project=project,
            means=world.means(),
        )
    assert now(world) == before
    return caught.value


# --- runs that are under way


def test_a_running_job_is_warned_of_and_published(world: World) -> None:
    world.running.add_run(job_id(world, "changed"))
    said: list[Event] = []
    assert world.publish(new(), tell=said.append).changed
    assert [event.message for event in said if event.step == "runs"] == [
        "these jobs run while their notebooks are published: changed"
    ]


def test_a_running_job_refuses_where_the_target_says_so(world: World) -> None:
    world.running.add_run(job_id(world, "changed"))
    careful = replace(TARGET, on_active_runs=OnActiveRuns.REFUSE)
    error = refused(world, careful, new())
    assert error.name == "active-runs"
    assert "changed" in error.message
    # The lock was given back.
    assert world.publish(new()).changed


def test_a_running_job_is_waited_for(world: World) -> None:
    run = world.running.add_run(job_id(world, "removed"))
    patient = replace(TARGET, on_active_runs=OnActiveRuns.WAIT)
    ends = world.clock.now + 300.0
    before = now(world).objects

    def pass_by() -> None:
        if world.clock.now < ends:
            assert now(world).objects == before
        else:
            world.running.end_run(run)

    assert world.publish(new(), target=patient, before=pass_by).changed
    assert world.clock.now >= ends


def test_a_job_that_runs_too_long_refuses(world: World) -> None:
    world.running.add_run(job_id(world, "removed"))
    patient = replace(TARGET, on_active_runs=OnActiveRuns.WAIT, runs_wait=120.0)
    began = world.clock.now
    assert refused(world, patient, new()).name == "active-runs"
    assert 120.0 <= world.clock.now - began < 200.0


def test_one_who_waits_for_a_run_stops_when_asked_to(world: World) -> None:
    world.running.add_run(job_id(world, "changed"))
    patient = replace(TARGET, on_active_runs=OnActiveRuns.WAIT)
    before = now(world)
    ends = world.clock.now + 60.0
    code, how = outcome(world, new(), target=patient, cancelled=lambda: world.clock.now >= ends)
    assert code not in (0, 22, 23)
    assert "asked to stop" in str(how)
    assert world.clock.now < ends + 60.0
    assert now(world) == before
    assert world.publish(new()).changed


def test_a_run_that_has_ended_and_a_run_of_others_refuse_nothing(world: World) -> None:
    world.running.end_run(world.running.add_run(job_id(world, "changed")))
    for number, job in world.running.dump().jobs.items():
        if "dbxgate_key" not in job["settings"].get("tags", {}):
            world.running.add_run(number)
    careful = replace(TARGET, on_active_runs=OnActiveRuns.REFUSE)
    assert world.publish(new(), target=careful).changed


# --- roots


@pytest.mark.parametrize("inner", ["inner", "flow", "flow/deep/inner"])
def test_a_root_inside_another_is_refused(world: World, inner: str) -> None:
    error = refused(world, Target("inner", f"{ROOT}/{inner}"), new())
    assert error.name == "nested-target"
    assert ROOT in error.message


def test_a_root_around_another_is_refused(world: World) -> None:
    error = refused(world, Target("outer", "/Shared"), new())
    assert error.name == "nested-target"
    assert ROOT in error.message
    assert "/Shared/.dbxgate" not in world.running.dump().objects


def test_a_target_that_grew_into_an_older_one_is_refused(world: World) -> None:
    inner = Target("inner", f"{ROOT}/flow/inner")
    world.running.edit(f"{inner.root}/.dbxgate/pointer.json", "{}")
    assert refused(world, TARGET, new()).name == "nested-target"


def test_the_root_of_another_project_is_refused(world: World) -> None:
    error = refused(world, TARGET, new(), project="another")
    assert error.name == "foreign-project"
    assert PROJECT in error.message


def test_a_root_beside_another_is_not(world: World) -> None:
    beside = Target("beside", f"{ROOT}-beside")
    before = now(world)
    assert world.publish(new(), target=beside).changed
    after = now(world)
    assert after.objects == before.objects


# --- records that are damaged


def damage_manifest(world: World) -> None:
    world.running.edit(current(world), b'{"version": 1, "pro')


def lose_manifest(world: World) -> None:
    world.running.edit(current(world), delete=True)


def damage_pointer(world: World) -> None:
    world.running.edit(POINTER, b"\x00\x01 no JSON")


def lose_pointer(world: World) -> None:
    world.running.edit(POINTER, delete=True)


def current(world: World) -> str:
    pointer = json.loads(world.running.dump().objects[POINTER].content)
    return f"{OWN}/manifests/{pointer['manifest']}.json"


DAMAGES = pytest.mark.parametrize(
    "damage", [damage_manifest, lose_manifest, damage_pointer, lose_pointer]
)


def started(world: World) -> None:
    """Two releases, so that there is an earlier manifest."""
    world.publish(Sides((*old().items, module("lib/more.py", "B = 0\n")), old().jobs))


@DAMAGES
def test_with_a_damaged_record_equal_content_is_adopted(world: World, damage: object) -> None:
    assert callable(damage)
    started(world)
    sides = Sides((*old().items, module("lib/more.py", "B = 0\n")), old().jobs)
    before = now(world)
    damage(world)
    assert outcome(world, sides)[0] == 0
    assert now(world).objects == before.objects
    assert now(world).jobs == before.jobs
    world.running.clear_log()
    assert outcome(world, sides)[0] == 0
    assert not [entry.path for entry in world.running.log() if entry.method != "GET"]


@DAMAGES
def test_with_a_damaged_record_nothing_is_pruned(world: World, damage: object) -> None:
    assert callable(damage)
    started(world)
    damage(world)
    before = now(world)
    assert outcome(world, Sides(old().items[:10], old().jobs[:1]))[0] == 0
    after = now(world)
    assert after.objects == before.objects
    assert after.jobs == before.jobs


@pytest.mark.parametrize("damage", [damage_manifest, lose_manifest])
def test_what_only_a_lost_manifest_told_of_is_refused(world: World, damage: object) -> None:
    assert callable(damage)
    started(world)
    damage(world)
    before = now(world)
    code, how = outcome(world, Sides((*old().items, module("lib/more.py", "B = 1\n")), old().jobs))
    assert code == 20
    assert "lib/more.py" in str(how)
    assert now(world) == before


@pytest.mark.parametrize("damage", [damage_pointer, lose_pointer])
def test_with_a_damaged_pointer_the_newest_manifest_counts(world: World, damage: object) -> None:
    """What stands as it tells is changed, what a person edited is not."""
    assert callable(damage)
    started(world)
    damage(world)
    place = f"{ROOT}/lib/more.py"
    sides = Sides((*old().items, module("lib/more.py", "B = 1\n")), old().jobs)
    damaged = world.running.snapshot()
    assert outcome(world, sides)[0] == 0
    assert world.running.dump().objects[place].content == b"B = 1\n"
    world.reset(damaged)
    world.running.edit(place, "B = 'mine'\n")
    before = now(world)
    code, how = outcome(world, sides)
    assert code == 21
    assert "lib/more.py" in str(how)
    assert now(world) == before


@pytest.mark.parametrize("record", [POINTER, "manifest"])
def test_with_no_record_left_different_content_is_refused(world: World, record: str) -> None:
    for path in list(world.running.dump().objects):
        if "/.dbxgate/manifests/" in path:
            world.running.edit(path, b"{}")
    if record == POINTER:
        damage_pointer(world)
    before = now(world)
    code, how = outcome(world, new())
    assert code == 20
    assert "flow/changed3" in str(how)
    assert now(world) == before
    assert outcome(world, old())[0] == 0
    assert now(world).objects == before.objects
    assert now(world).jobs == before.jobs


def test_a_manifest_of_a_later_release_of_the_tool_is_refused(world: World) -> None:
    document = json.loads(world.running.dump().objects[POINTER].content)
    world.running.edit(POINTER, json.dumps({**document, "version": 2}).encode())
    before = now(world)
    code, how = outcome(world, new())
    assert code == 20
    assert "later" in str(how) or "newer" in str(how)
    assert now(world) == before


# --- prune


def test_without_pruning_what_left_the_repository_stays_and_stays_ours(world: World) -> None:
    gentle = replace(TARGET, prune=Prune.OFF)
    before = now(world)
    world.publish(new(), target=gentle)
    after = now(world)
    for number in range(1, 6):
        for name in ("removed", "moved"):
            place = f"flow/{name}{number}"
            assert after.objects[place] == before.objects[place]
        assert f"kept/moved{number}" in after.objects
    assert after.jobs["removed"] == before.jobs["removed"]
    world.running.clear_log()
    assert not world.publish(new(), target=gentle).changed
    # Switched on again it goes.
    world.publish(new())
    gone = now(world)
    assert not [place for place in gone.objects if place.startswith(("flow/removed", "flow/moved"))]
    assert set(gone.jobs) == {"changed", "added"}


def test_pruning_leaves_what_others_put_there(world: World) -> None:
    world.running.edit(f"{ROOT}/flow/mine.py", "# Databricks notebook source\n'mine'\n")
    world.publish(Sides((module("lib/tools.py", "A = 1\n"),), ()))
    after = now(world)
    assert set(after.objects) == {"lib/tools.py", "flow/mine"}
    assert after.jobs == {}
    assert f"{ROOT}/flow/theirs.txt" in world.running.dump().objects


def test_what_left_the_repository_and_was_edited_is_refused(world: World) -> None:
    world.running.edit(f"{ROOT}/flow/removed3", "# Databricks notebook source\n'mine'\n")
    before = now(world)
    code, how = outcome(world, new())
    assert code == 21
    assert "flow/removed3" in str(how)
    assert now(world) == before


def test_an_object_that_takes_the_place_of_its_removed_folder_is_refused(world: World) -> None:
    code, how = outcome(world, Sides((notebook("flow", "one"),), ()))
    assert code == 20
    assert "flow" in str(how)
