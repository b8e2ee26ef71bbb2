"""Bringing back an earlier release: contents, kinds, jobs, and which releases there are."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from faults.oracle import Picture, duplicates, picture
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
    sql_notebook,
    stage,
)
from pytest_dbxgate.delivery.deploy import Deployment
from pytest_dbxgate.delivery.model import OnDrift
from pytest_dbxgate.delivery.rollback import history, rollback
from pytest_dbxgate.delivery.target import Target
from pytest_dbxgate.errors import DriftError, RefusedError

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


def back(world: World, release: str | None = None, *, target: Target = TARGET) -> Deployment:
    return rollback(
        world.client(), target, project=PROJECT, means=world.means(), release=release, owner="me"
    )


def writes(world: World) -> list[str]:
    return [entry.path for entry in world.running.log() if entry.method != "GET"]


def small(*items: Any) -> Sides:
    """``items`` beside the jobs of the old state."""
    return Sides(tuple(items), old().jobs)


def test_the_release_before_stands_again_with_contents_and_jobs(world: World) -> None:
    before = now(world)
    world.publish(new())
    assert now(world) != before
    assert back(world).changed
    after = now(world)
    assert after.objects == before.objects
    assert after.foreign == before.foreign
    assert {name: len(jobs) for name, jobs in after.jobs.items()} == {"changed": 1, "removed": 1}
    assert after.jobs == before.jobs


def test_a_roll_back_can_be_rolled_back(world: World) -> None:
    world.publish(new())
    wanted = now(world)
    back(world)
    back(world)
    assert now(world).objects == wanted.objects
    assert now(world).jobs == wanted.jobs
    assert not duplicates(now(world))


def test_what_was_rolled_back_to_needs_no_object_written_again(world: World) -> None:
    world.publish(new())
    back(world)
    world.running.clear_log()
    world.publish(old())
    own = f"{ROOT}/.dbxgate/"
    assert [
        path for path in writes(world) if path.startswith(f"{ROOT}/") and not path.startswith(own)
    ] == []
    world.running.clear_log()
    assert not world.publish(old()).changed
    assert writes(world) == []


def test_a_named_release_stands_again_whatever_came_between(world: World) -> None:
    before = now(world)
    first = history(world.client(), TARGET, project=PROJECT, means=world.means())[0]
    world.publish(new())
    third = Sides((*new().items[1:], module("lib/third.py", "C = 1\n")), new().jobs[:1])
    world.publish(third)
    back(world, first.release)
    assert now(world).objects == before.objects
    assert now(world).jobs == before.jobs


def test_a_release_is_named_by_its_beginning_where_that_names_one(world: World) -> None:
    world.publish(new())
    first = history(world.client(), TARGET, project=PROJECT, means=world.means())[1]
    before = now(world)
    with pytest.raises(RefusedError, match="is not kept") as caught:
        back(world, "no-such-release")
    assert caught.value.name == "unknown-release"
    assert first.release in caught.value.next_step
    assert now(world) == before
    back(world, first.release[:8])
    assert now(world) != before


def test_the_first_release_has_none_before_it(world: World) -> None:
    with pytest.raises(RefusedError, match="no earlier release is kept"):
        back(world)


def test_history_tells_the_published_release_first(world: World) -> None:
    first = history(world.client(), TARGET, project=PROJECT, means=world.means())
    world.publish(new())
    both = history(world.client(), TARGET, project=PROJECT, means=world.means())
    assert [each.release for each in both[1:]] == [each.release for each in first]
    assert both[0].release > both[1].release
    assert both[1].created_at == first[0].created_at


def test_a_notebook_that_was_removed_and_added_again(world: World) -> None:
    stays = module("lib/tools.py", "A = 1\n")
    world.publish(small(stays, notebook("flow/again", "first")))
    wanted = now(world)
    named = history(world.client(), TARGET, project=PROJECT, means=world.means())[0].release
    world.publish(small(stays))
    world.publish(small(stays, notebook("flow/again", "second")))
    back(world, named)
    assert now(world).objects == wanted.objects


def test_a_release_without_a_notebook_that_came_back_later(world: World) -> None:
    stays = module("lib/tools.py", "A = 1\n")
    world.publish(small(stays, notebook("flow/again", "first")))
    world.publish(small(stays))
    wanted = now(world)
    world.publish(small(stays, notebook("flow/again", "second")))
    back(world)
    assert now(world).objects == wanted.objects


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (notebook("flow/it", "as python"), sql_notebook("flow/it", "as sql")),
        (sql_notebook("flow/it", "as sql"), notebook("flow/it", "as python")),
        (module("flow/it", "a plain file\n"), notebook("flow/it", "a notebook")),
        (notebook("flow/it", "a notebook"), module("flow/it", "a plain file\n")),
    ],
    ids=["to-sql", "to-python", "file-to-notebook", "notebook-to-file"],
)
def test_a_change_of_kind_is_rolled_back(world: World, earlier: Any, later: Any) -> None:
    stays = module("lib/tools.py", "A = 1\n")
    world.publish(small(stays, earlier))
    wanted = now(world)
    world.publish(small(stays, later))
    changed = now(world)
    assert changed.objects["flow/it"] != wanted.objects["flow/it"]
    back(world)
    assert now(world).objects == wanted.objects
    back(world)
    assert now(world).objects == changed.objects


def test_an_edit_made_since_refuses_the_roll_back(world: World) -> None:
    world.publish(new())
    world.running.edit(f"{ROOT}/flow/changed3", "# Databricks notebook source\n'mine'\n")
    before = now(world)
    with pytest.raises(DriftError, match="flow/changed3"):
        back(world)
    assert now(world) == before


@pytest.mark.parametrize("ending", [".backup", ".json"], ids=["backup", "journal"])
def test_without_a_backup_or_its_journal_the_roll_back_is_refused(
    world: World, ending: str
) -> None:
    world.publish(new())
    release = history(world.client(), TARGET, project=PROJECT, means=world.means())[0].release
    folder = f"{ROOT}/.dbxgate/{'backups' if ending == '.backup' else 'journals'}"
    for path in list(world.running.dump().objects):
        if path.startswith(f"{folder}/{release}") and path.endswith(ending) and "done" not in path:
            world.running.edit(path, delete=True)
    before = now(world)
    with pytest.raises(RefusedError, match=release) as caught:
        back(world)
    assert caught.value.name == "unknown-release"
    assert now(world) == before


def test_only_as_many_releases_are_kept_as_the_target_asks_for(world: World) -> None:
    few = replace(TARGET, keep=2)
    for number in range(6):
        text = module("lib/tools.py", f"A = {number}\n")
        world.publish(Sides((text, *old().items[:3]), old().jobs), target=few)
    releases = history(world.client(), few, project=PROJECT, means=world.means())
    assert len(releases) == 3
    kept = [path for path in world.running.dump().objects if "/.dbxgate/" in path]
    # The oldest release is rolled back to with the backups of those after it.
    after_it = {each.release for each in releases[:2]}
    assert {_operation(path, "backups") for path in kept} - {""} == after_it
    assert {_operation(path, "journals") for path in kept} - {""} == after_it
    manifests = {_operation(path, "manifests") for path in kept} - {""}
    assert manifests == {each.manifest for each in releases}
    back(world, releases[-1].release, target=few)
    found = now(world).objects["lib/tools.py"]
    assert b"A = 3" in found[2]


def _operation(path: str, folder: str) -> str:
    own = path.partition(f"/.dbxgate/{folder}/")[2]
    return own.partition("/")[0].partition(".")[0]


def test_an_edit_is_not_taken_for_what_a_release_held(world: World) -> None:
    """``flow/moved1`` is the same in both releases, so no backup holds it."""
    changed = [each for each in old().items if each.place != "lib/tools.py"]
    world.publish(small(*changed, module("lib/tools.py", "A = 7\n")))
    world.running.edit(f"{ROOT}/flow/moved1", "# Databricks notebook source\n'mine'\n")
    before = now(world)
    with pytest.raises(RefusedError, match="flow/moved1") as caught:
        back(world)
    assert caught.value.name == "unknown-release"
    assert now(world) == before


def test_an_edit_that_was_overwritten_is_not_taken_for_it_either(world: World) -> None:
    world.running.edit(f"{ROOT}/flow/changed3", "# Databricks notebook source\n'mine'\n")
    world.publish(new(), target=replace(TARGET, on_drift=OnDrift.BACKUP))
    before = now(world)
    with pytest.raises(RefusedError, match="flow/changed3"):
        back(world)
    assert now(world) == before
    kept = world.running.dump().objects
    archives = [found.content for path, found in kept.items() if path.endswith(".backup")]
    assert any(b"mine" in text for archive in archives for text in _members(archive))


@pytest.mark.parametrize("keep", [0, 1])
def test_a_target_may_keep_none_or_one(world: World, keep: int) -> None:
    few = replace(TARGET, keep=keep)
    for number in range(3):
        text = module("lib/tools.py", f"A = {10 + number}\n")
        world.publish(small(*old().items[:3], text), target=few)
    assert len(history(world.client(), few, project=PROJECT, means=world.means())) == keep + 1
    if keep:
        back(world, target=few)
        assert b"A = 11" in now(world).objects["lib/tools.py"][2]
    else:
        with pytest.raises(RefusedError, match="no earlier release is kept"):
            back(world, target=few)


def _members(archive: bytes) -> Iterator[bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        for name in opened.namelist():
            yield opened.read(name)


@pytest.mark.parametrize("is_committed", [False, True])
def test_what_a_dead_deployment_left_is_healed_before(world: World, is_committed: bool) -> None:
    first = now(world)
    world.publish(new())
    second = now(world)
    third = Sides((*old().items[1:], module("lib/third.py", "C = 1\n")), old().jobs)
    path = "fresh/added3" if is_committed else "flow/changed3"
    write = {"method": "POST", "path": f"{ROOT}/{path}"}
    world.running.add_faults({**write, "do": "lose-answer"}, {**write, "do": "outage", "nth": 2})
    assert outcome(world, third)[0] == 23
    world.running.clear_faults()
    assert now(world).objects not in (first.objects, second.objects)
    done = back(world)
    assert [each.outcome for each in done.healed] == ["done" if is_committed else "undone"]
    wanted = second if is_committed else first
    assert now(world).objects == wanted.objects
    assert now(world).jobs == wanted.jobs
