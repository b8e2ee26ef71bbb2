"""Permissions of jobs: given, taken back, and left alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from faults.world import Sides, World, job, old, outcome, stage

OWNER = {"user_name": "developer@example.com", "permission_level": "IS_OWNER"}
VIEW = {"group_name": "analysts", "permission_level": "CAN_VIEW"}
MANAGE = {"group_name": "engineers", "permission_level": "CAN_MANAGE"}
SOMEBODY = {"user_name": "other@example.com", "permission_level": "IS_OWNER"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with stage(tmp_path_factory.mktemp("workspace")) as world:
        yield world


@pytest.fixture
def world(built: World) -> World:
    built.reset()
    return built


def ours(world: World, name: str) -> int:
    """The id of our job of this name."""
    (found,) = (
        number
        for number, each in world.running.dump().jobs.items()
        if each["settings"]["name"] == name and "dbxgate_key" in each["settings"]["tags"]
    )
    return found


def entries(world: World, name: str) -> list[dict[str, Any]]:
    return _sorted(world.running.dump().permissions[f"/jobs/{ours(world, name)}"])


def _sorted(given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return sorted((dict(each) for each in given), key=repr)


def with_jobs(name: str, *permissions: Mapping[str, str], minute: int = 0) -> Sides:
    others = [each for each in old().jobs if each.key != name]
    return Sides(old().items, (*others, job(name, minute, permissions=permissions)))


@pytest.mark.parametrize("name", ["changed", "fresh"], ids=["known", "new"])
def test_a_job_gets_its_owner_and_the_others(world: World, name: str) -> None:
    sides = with_jobs(name, SOMEBODY, VIEW)
    world.publish(sides)
    assert entries(world, name) == _sorted([SOMEBODY, VIEW])
    world.running.clear_log()
    assert not world.publish(sides).changed
    assert not [entry.path for entry in world.running.log() if entry.method != "GET"]


@pytest.mark.parametrize("name", ["changed", "fresh"], ids=["known", "new"])
def test_where_no_owner_is_named_the_present_one_stays(world: World, name: str) -> None:
    sides = with_jobs(name, VIEW, MANAGE)
    code, how = outcome(world, sides)
    assert code == 0, how
    assert entries(world, name) == _sorted([OWNER, VIEW, MANAGE])
    assert not world.publish(sides).changed


def test_the_present_owner_is_the_one_the_workspace_tells(world: World) -> None:
    world.client().set_job_permissions(ours(world, "changed"), [SOMEBODY])
    code, how = outcome(world, with_jobs("changed", VIEW))
    assert code == 0, how
    assert entries(world, "changed") == _sorted([SOMEBODY, VIEW])


def test_an_owner_who_is_named_besides_keeps_one_entry(world: World) -> None:
    manager = {"user_name": OWNER["user_name"], "permission_level": "CAN_MANAGE"}
    code, how = outcome(world, with_jobs("changed", manager, VIEW))
    assert code == 0, how
    assert entries(world, "changed") == _sorted([OWNER, VIEW])


def test_where_none_are_given_they_are_left_alone(world: World) -> None:
    world.client().set_job_permissions(ours(world, "changed"), [SOMEBODY, VIEW])
    world.publish(with_jobs("changed", minute=7))
    assert entries(world, "changed") == _sorted([SOMEBODY, VIEW])


@pytest.mark.parametrize("given", [(SOMEBODY, VIEW), (VIEW,)], ids=["owner", "no-owner"])
def test_a_roll_back_brings_them_back(world: World, given: Sequence[Mapping[str, str]]) -> None:
    """The second job is refused, so the first one's permissions are given back."""
    earlier = entries(world, "changed")
    sides = Sides(
        old().items,
        (job("changed", 9, permissions=given), job("removed", 9)),
    )
    refused = {"do": "status", "status": 400, "route": "jobs/reset", "nth": 2}
    world.running.add_faults(refused)
    code, how = outcome(world, sides)
    assert code == 22, how
    assert entries(world, "changed") == earlier
    world.running.clear_faults()
    assert outcome(world, sides)[0] == 0
