"""Running one cell of the matrix of running, and holding it against what is promised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum

from faults.cells import Call, calls_of
from faults.run_cells import ONCE, RunCell
from faults.run_world import EXPECTED, RUNS, RunWorld
from pytest_dbxgate.emulator.store import Rows
from pytest_dbxgate.errors import GateError
from pytest_dbxgate.execution.cluster.registration import LEASE
from pytest_dbxgate.execution.cluster.request import Ran
from pytest_dbxgate.execution.outcome import Outcome, RunState

SHARED = (RUNS, f"{RUNS}/etl")


class Course(Enum):
    """What is disturbed."""

    RUN = "run"
    CANCEL = "cancel"
    """A run that is stopped once some of its notebooks have ended."""
    SWEEP = "sweep"
    """A run that removes what a dead one left."""


class RunMatrix:
    """A world with the calls of its undisturbed run. Cells are run one after the other."""

    def __init__(self, world: RunWorld, course: Course = Course.RUN) -> None:
        self.world = world
        self._course = course
        world.reset()
        self._start: Rows | None = None
        if course is Course.SWEEP:
            self._start = self._after_a_death()
        self._reset()
        ran = self._go()
        self.calls: Sequence[Call] = _of_the_course(course, calls_of(world.running.log()))
        wrong = [*self._wrong(ran), *world.left()]
        assert not wrong, wrong

    def _after_a_death(self) -> Rows:
        """The state once a run was killed while it ran, and its lease is over."""
        self.world.running.add_faults({"do": "outage", "route": "jobs/runs/get", "nth": 2})
        assert self.world.run("dead").left
        self.world.running.clear_faults()
        return self.world.running.snapshot()

    def _reset(self) -> None:
        self.world.reset(self._start)
        # Longer than a lease: nothing that an earlier cell left counts as alive.
        self.world.clock.sleep(LEASE + 60)

    def _go(self) -> Ran:
        if self._course is not Course.CANCEL:
            return self.world.run("first")
        done: list[Outcome] = []
        return self.world.run("first", cancelled=lambda: len(done) >= 4, done=done.append)

    def _wrong(self, ran: Ran) -> Iterator[str]:
        """What an undisturbed run would have ended otherwise."""
        for outcome in ran.outcomes:
            stopped = self._course is Course.CANCEL and outcome.state is RunState.CANCELLED
            if not _is_right(outcome) and not stopped:
                yield f"{outcome.key} is {outcome.state.value}: {outcome.message}"
        yield from ran.left

    def failures(self, cell: RunCell) -> list[str]:
        """What does not hold; empty where all does."""
        world = self.world
        self._reset()
        world.running.add_faults(*cell.rules)  # type: ignore[arg-type]
        found = [f"{cell.name}: {each}" for each in self._disturbed(cell)]
        world.running.clear_faults()
        # By the time a lease is over everything that was on its way has arrived.
        world.running.flush_late()
        world.clock.sleep(LEASE + 60)
        try:
            ran = world.run("second")
            after = [*_all_right(ran), *world.left()]
        except GateError as error:
            after = [str(error)]
        return [*found, *(f"{cell.name}: next run: {each}" for each in after)]

    def _disturbed(self, cell: RunCell) -> Iterator[str]:
        try:
            ran = self._go()
        except GateError as error:
            # Nothing was begun: only what comes before the registration may raise.
            if cell.fault in ONCE:
                yield f"raised {error}"
            return
        if cell.fault in ONCE:
            yield from self._wrong(ran)
            self.world.running.flush_late()
            yield from self.world.left()
            return
        for outcome in ran.outcomes:
            stopped = self._course is Course.CANCEL and outcome.state is RunState.CANCELLED
            if not (_is_right(outcome) or _is_of_the_platform(outcome) or stopped):
                yield f"{outcome.key} is {outcome.state.value}: {outcome.message}"
        if not ran.left:
            # The folders above that of the run are empty then; the next run tidies them away.
            yield from (each for each in self.world.left() if not each.endswith(SHARED))


def _of_the_course(course: Course, calls: Sequence[Call]) -> Sequence[Call]:
    """The calls that a run has on this course alone; the others are those of every run."""
    if course is Course.CANCEL:
        first = next(call.number for call in calls if call.route == "jobs/runs/cancel")
        return [call for call in calls if call.number >= first]
    if course is Course.SWEEP:
        first = next(call.number for call in calls if call.route == "workspace/mkdirs")
        return [call for call in calls if call.number < first]
    return calls


def _all_right(ran: Ran) -> Iterator[str]:
    for outcome in ran.outcomes:
        if not _is_right(outcome):
            yield f"{outcome.key} is {outcome.state.value}: {outcome.message}"
    yield from ran.left


def _is_right(outcome: Outcome) -> bool:
    return (outcome.state, outcome.exit_value) == EXPECTED[outcome.key]


def _is_of_the_platform(outcome: Outcome) -> bool:
    """Whether it says clearly that the platform failed."""
    state, _ = EXPECTED[outcome.key]
    if outcome.state is RunState.NOT_STARTED:
        return bool(outcome.message)
    # That a notebook failed is right also where its page could not be read.
    if outcome.state is RunState.FAILED and state is RunState.FAILED:
        return True
    return outcome.state is RunState.PLATFORM and bool(outcome.message)
