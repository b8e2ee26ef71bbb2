"""Two deployments at once, and clocks that are wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from faults.cells import calls_of
from faults.judging import Matrix
from faults.oracle import End
from faults.two import run_both
from faults.world import ROOT, TARGET, World, new, old, outcome, stage

IMPATIENT = replace(TARGET, lock_wait=0.0)


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    with stage(tmp_path_factory.mktemp("workspace")) as world:
        yield Matrix(world)


@pytest.mark.parametrize("first", [*range(8, 17), 40, 60, 75, 90])
def test_of_two_at_once_one_publishes_and_one_refuses(matrix: Matrix, first: int) -> None:
    # Once the first holds the lock, how far the second comes with it makes no difference.
    for second in _thinned((0, 9, 10, 11, 12, 13, 14, 30, 500), first) if first < 20 else (0, 500):
        matrix.world.reset()
        both = run_both(
            matrix.world,
            (new(), new()),
            first_sends=first,
            second_sends=second,
            target=IMPATIENT,
        )
        codes = {both.first[0], both.second[0]}
        assert codes in ({0}, {0, 20}), (second, both)
        assert matrix.end() == (End.NEW, [])
        for code, said in both:
            assert not code or "the target is locked by me@example.com" in said


@pytest.mark.parametrize("first", range(9, 16))
def test_of_two_on_an_expired_lock_one_holds_it(matrix: Matrix, first: int) -> None:
    world = matrix.world
    for second in _thinned((10, 12, 14, 16, 500), first):
        _dead_holder(world)
        both = run_both(world, (new(), new()), first_sends=first, second_sends=second)
        assert 0 in (both.first[0], both.second[0]), both
        assert outcome(world, new())[0] == 0
        assert matrix.end() == (End.NEW, [])


@pytest.mark.parametrize("offset", [3600.0, -3600.0], ids=["fast", "slow"])
@pytest.mark.parametrize("at", [0, 9, 13, 40, 73, 100])
def test_a_clock_an_hour_off_changes_nothing(matrix: Matrix, offset: float, at: int) -> None:
    world = matrix.world
    world.reset()

    def jump() -> None:
        if len(world.running.log()) == at:
            world.running.set_clock_offset(offset)

    try:
        assert world.publish(new(), before=jump).pending == ()
        assert matrix.end() == (End.NEW, [])
        world.running.set_clock_offset(0.0)
        assert world.publish(old()).changed
        assert not world.publish(old()).changed
    finally:
        world.running.set_clock_offset(0.0)


@pytest.mark.parametrize("offset", [3600.0, -3600.0], ids=["fast", "slow"])
def test_a_live_lock_is_not_taken_because_a_clock_jumped(matrix: Matrix, offset: float) -> None:
    world = matrix.world
    world.reset()
    held = next(call.number for call in matrix.calls if call.path == f"{ROOT}/flow/changed3")

    def intrude() -> None:
        if len(world.running.log()) == held:
            world.running.set_clock_offset(offset)
            code, how = outcome(world, new(), target=IMPATIENT)
            assert code == 20, how

    try:
        assert world.publish(new(), before=intrude).pending == ()
    finally:
        world.running.set_clock_offset(0.0)
    assert matrix.end() == (End.NEW, [])


def _thinned(numbers: Sequence[int], first: int) -> Sequence[int]:
    """Every other one; the test before begins with the one in between."""
    return numbers[first % 2 :: 2]


def _dead_holder(world: World) -> None:
    """A lock whose holder died before it changed anything, and whose lease is over."""
    world.reset()
    world.publish(new())
    number = next(
        call.number
        for call in calls_of(world.running.log())
        if call.method == "POST" and "/backups/" in call.path
    )
    world.reset()
    world.running.add_faults({"number": number, "do": "outage"})
    assert outcome(world, new())[0] == 25
    world.running.clear_faults()
    world.clock.sleep(1000.0)
