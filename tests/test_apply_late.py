"""Writes that take effect after their sender lost the lock: the next run repairs them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from faults.oracle import Picture, duplicates, picture
from faults.world import (
    PROJECT,
    ROOT,
    TARGET,
    Sides,
    World,
    job,
    module,
    new,
    notebook,
    old,
    outcome,
    sql_notebook,
    stage,
)
from pytest_dbxgate.delivery.locks import heal_target
from pytest_dbxgate.delivery.model import Item
from pytest_dbxgate.emulator.service import Entry
from pytest_dbxgate.workspace.model import ImportFormat

FOREIGN = ["flow/theirs.txt"]


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


def with_object(item: Item) -> Sides:
    """The old state with one object in another's place, or besides."""
    others = [each for each in old().items if each.place != item.place]
    return Sides((*others, item), old().jobs)


def dies_writing(world: World, sides: Sides, path: str) -> None:
    """Publish; the write to ``path`` gets no answer, and its sender sends nothing more."""
    log = world.running.log
    world.running.add_faults({"do": "late", "after": 10_000, "method": "POST", "path": path})

    def check() -> None:
        if any(entry.method == "POST" and entry.path == path for entry in log()):
            world.running.add_faults({"do": "outage"})

    assert outcome(world, sides, before=check)[0] == 23
    world.running.clear_faults()


def send(world: World, item: Item) -> None:
    """What was sent takes effect now, with nobody who holds a lock for it."""
    client = world.client()
    path = f"{ROOT}/{item.place}"
    found = client.status(path)
    if found is not None and found.language not in (None, item.language):
        client.delete(path)
    client.import_object(
        path, item.data, format=item.format, language=item.language, overwrite=True
    )


LOST = notebook("flow/changed3", "of the process that lost its lease")
LOST_NEW = notebook("fresh/late", "of the process that lost its lease")
NEXT = notebook("flow/changed3", "of the one after it")


def died(world: World, item: Item) -> None:
    """A deployment of ``item`` died in its apply step, before it wrote it."""
    world.reset()
    dies_writing(world, with_object(item), f"{ROOT}/{item.place}")


def test_a_late_write_after_a_heal_is_repaired(world: World) -> None:
    before = now(world)
    died(world, LOST)
    heal_target(world.client(), TARGET, project=PROJECT, means=world.means())
    assert now(world).objects == before.objects
    send(world, LOST)
    assert now(world).objects != before.objects
    code, how = outcome(world, old())
    assert code == 0, how
    assert now(world).objects == before.objects


def test_a_late_write_is_repaired_by_a_run_that_publishes_something_else(world: World) -> None:
    died(world, LOST)
    heal_target(world.client(), TARGET, project=PROJECT, means=world.means())
    send(world, LOST)
    code, how = outcome(world, with_object(NEXT))
    assert code == 0, how
    assert b"of the one after it" in now(world).objects["flow/changed3"][2]


@pytest.mark.parametrize("next_is", ["the same", "something else"])
def test_a_late_write_after_the_next_release_is_repaired(world: World, next_is: str) -> None:
    """The holder of the next lock has published, then the write of the one before takes effect."""
    died(world, LOST)
    assert outcome(world, with_object(NEXT))[0] == 0
    wanted = now(world)
    send(world, LOST)
    assert now(world).objects != wanted.objects
    text = NEXT if next_is == "the same" else notebook("flow/changed3", "of the third")
    code, how = outcome(world, with_object(text))
    assert code == 0, how
    assert now(world).objects["flow/changed3"][2] == text.data.rstrip()
    world.running.clear_log()
    assert outcome(world, with_object(text))[0] == 0
    assert not [entry.path for entry in world.running.log() if entry.method != "GET"]


@pytest.mark.parametrize("is_added", [False, True])
def test_a_late_addition_is_removed_or_overwritten(world: World, is_added: bool) -> None:
    before = now(world)
    died(world, LOST_NEW)
    heal_target(world.client(), TARGET, project=PROJECT, means=world.means())
    world.client().mkdirs(f"{ROOT}/fresh")
    send(world, LOST_NEW)
    sides = with_object(notebook("fresh/late", "another")) if is_added else with_object(NEXT)
    code, how = outcome(world, sides)
    assert code == 0, how
    expected = {*before.objects, *(["fresh/late"] if is_added else [])}
    assert set(now(world).objects) == expected


def test_a_late_write_of_another_kind_is_repaired(world: World) -> None:
    sql = sql_notebook("flow/changed3", "of the process that lost its lease")
    died(world, sql)
    assert outcome(world, with_object(NEXT))[0] == 0
    wanted = now(world)
    send(world, sql)
    code, how = outcome(world, with_object(NEXT))
    assert code == 0, how
    assert now(world).objects == wanted.objects


def test_a_persons_edit_beside_a_late_write_is_still_refused(world: World) -> None:
    died(world, LOST)
    assert outcome(world, with_object(NEXT))[0] == 0
    send(world, LOST)
    world.running.edit(f"{ROOT}/flow/changed4", "# Databricks notebook source\n'mine'\n")
    code, how = outcome(world, with_object(NEXT))
    assert code == 21
    assert "flow/changed4" in str(how)
    assert "flow/changed3" not in str(how)
    assert b"mine" in now(world).objects["flow/changed4"][2]


def test_what_a_late_write_changed_and_a_person_then_edited_is_refused(world: World) -> None:
    died(world, LOST)
    assert outcome(world, with_object(NEXT))[0] == 0
    send(world, LOST)
    world.running.edit(f"{ROOT}/flow/changed3", "# Databricks notebook source\n'mine'\n")
    code, how = outcome(world, with_object(NEXT))
    assert code == 21
    assert "flow/changed3" in str(how)


def test_a_late_plain_file_is_repaired(world: World) -> None:
    late = module("lib/tools.py", "A = 'late'\n")
    assert late.format is ImportFormat.AUTO
    died(world, late)
    assert outcome(world, with_object(module("lib/tools.py", "A = 3\n")))[0] == 0
    send(world, late)
    assert outcome(world, with_object(module("lib/tools.py", "A = 3\n")))[0] == 0
    assert now(world).objects["lib/tools.py"][2] == b"A = 3\n"


def test_a_late_change_of_a_job_is_repaired(world: World) -> None:
    sides = Sides(old().items, (job("changed", 30), job("removed")))
    number = next(
        number
        for number, each in world.running.dump().jobs.items()
        if each["settings"]["name"] == "changed" and "dbxgate_key" in each["settings"]["tags"]
    )
    world.publish(sides)
    late = dict(world.running.dump().jobs[number]["settings"])
    world.reset()
    reset = next(entry for entry in _log_of(world, sides) if entry.route == "jobs/reset")
    world.reset()
    world.running.add_faults({"do": "outage", "number": reset.number})
    assert outcome(world, sides)[0] == 23
    world.running.clear_faults()
    third = Sides(old().items, (job("changed", 45), job("removed")))
    assert outcome(world, third)[0] == 0
    wanted = now(world)
    world.client().reset_job(number, late)
    assert now(world).jobs != wanted.jobs
    code, how = outcome(world, third)
    assert code == 0, how
    assert now(world).jobs == wanted.jobs


def test_a_job_that_was_created_late_is_deleted(world: World) -> None:
    sides = Sides(old().items, (*old().jobs, job("fresh")))
    create = next(entry for entry in _log_of(world, sides) if entry.route == "jobs/create")
    sent = next(
        dict(each["settings"])
        for each in world.running.dump().jobs.values()
        if each["settings"]["name"] == "fresh"
    )
    world.reset()
    world.running.add_faults({"do": "outage", "number": create.number})
    assert outcome(world, sides)[0] == 23
    world.running.clear_faults()
    heal_target(world.client(), TARGET, project=PROJECT, means=world.means())
    operation = next(
        name
        for name in (path.rpartition("/")[2] for path in world.running.dump().objects)
        if name.endswith(".undone.json")
    ).removesuffix(".undone.json")
    mark = str(sent["tags"]["dbxgate_operation"]).rpartition("-")[2]
    world.client().create_job(sent, operation=f"{operation}-{mark}")
    other = Sides(old().items, (*old().jobs, job("fresh", 20)))
    code, how = outcome(world, other)
    assert code == 0, how
    assert not duplicates(now(world))


@pytest.mark.parametrize(
    "place", ["flow/changed1", "flow/changed3", "fresh/added3", "lib/tools.py"]
)
@pytest.mark.parametrize("second", ["another", "the same"])
def test_a_process_that_slept_past_its_lease(world: World, place: str, second: str) -> None:
    """It has looked at its lock, then sleeps; another one heals and publishes; it wakes up, and
    the write that was on its way takes effect."""
    sides = with_object(NEXT) if second == "another" else new()
    path = f"{ROOT}/{place}"
    number = next(
        entry.number for entry in _log_of(world, new()) if (entry.method, entry.path) == _post(path)
    )
    world.reset()
    wanted: list[Picture] = []

    def sleeps() -> None:
        if not wanted and len(world.running.log()) == number - 1:
            wanted.append(now(world))
            world.clock.sleep(1000.0)
            assert outcome(world, sides)[0] == 0
            wanted.append(now(world))

    code, how = outcome(world, new(), before=sleeps)
    assert code == 23, how
    assert "lock" in str(how)
    writes = [entry for entry in world.running.log() if entry.method != "GET"]
    assert writes[-1].path == path
    code, how = outcome(world, sides)
    assert code == 0, how
    assert now(world).objects == wanted[1].objects
    assert now(world).jobs == wanted[1].jobs
    world.running.clear_log()
    assert outcome(world, sides)[0] == 0
    assert not [entry.path for entry in world.running.log() if entry.method != "GET"]


def _post(path: str) -> tuple[str, str]:
    return "POST", path


def _log_of(world: World, sides: Sides) -> list[Entry]:
    world.reset()
    world.publish(sides)
    return list(world.running.log())
