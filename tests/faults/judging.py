"""Running one cell and holding it against what is promised."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

from faults.cells import KILLED, Call, Cell, Moment, calls_of, edit_of
from faults.oracle import (
    MARKER,
    End,
    Judge,
    Picture,
    duplicates,
    marker_survives,
    named_by_open_journals,
    picture,
)
from faults.world import PLACES, ROOT, TARGET, World, new, outcome
from pytest_dbxgate.delivery.locks import unlock

FOREIGN = ["flow/theirs.txt"]
NOTHING_BEGUN = (20, 21, 24, 25)


class Beginning(Enum):
    """What the disturbed deployment finds."""

    CLEAN = "the old state"
    ROLLING_BACK = "an object that is refused, so that it rolls back"
    UNDONE_BY_HEAL = "a deployment that died before its commit"
    REDONE_BY_HEAL = "a deployment that died after its commit"


class Matrix:
    """A world with its judge. Cells are run one after the other."""

    def __init__(self, world: World, beginning: Beginning = Beginning.CLEAN) -> None:
        self.world = world
        self.beginning = beginning
        world.reset()
        before = self._now()
        world.publish(new())
        clean = calls_of(world.running.log())
        self.judge = Judge(before, self._now())
        self._prelude: list[Mapping[str, Any]] = []
        self._start = world.old
        self._healed_first = beginning is Beginning.REDONE_BY_HEAL
        if beginning is Beginning.ROLLING_BACK:
            refused = f"{ROOT}/flow/changed5"
            self._prelude = [{"do": "status", "status": 400, "method": "POST", "path": refused}]
        elif beginning is not Beginning.CLEAN:
            dies_at = f"{ROOT}/flow/changed5" if beginning is Beginning.UNDONE_BY_HEAL else ""
            self._start = self._died_at(clean, dies_at or f"{ROOT}/flow/removed3")
        self._reset()
        outcome(world, new())
        self.calls: Sequence[Call] = calls_of(world.running.log())
        if beginning is Beginning.ROLLING_BACK:
            refusal = next(
                call.number for call in self.calls if call.path == refused and call.method == "POST"
            )
            self.calls = [call for call in self.calls if call.number > refusal]

    def failures(self, cell: Cell) -> list[str]:
        """What does not hold; empty where all does."""
        world = self.world
        self._reset()
        world.running.add_faults(*cell.rules())
        code, how = outcome(world, new())
        found = [*self._after_the_fault(_Ended(cell, code, str(how), self._now()))]
        if cell.moment is Moment.BEFORE_HEAL:
            world.running.edit(edit_of(cell)["path"], edit_of(cell)["content"])
        found += self._after_the_next_runs(cell)
        return [f"{cell.name} [exit {code}]: {each}" for each in found]

    def end(self) -> tuple[End, list[str]]:
        """The state that stands now."""
        return self.judge.end(self._now())

    def _reset(self) -> None:
        self.world.reset(self._start)
        self.world.running.add_faults(*self._prelude)

    def _died_at(self, calls: Sequence[Call], path: str) -> Any:
        """The state after a deployment was killed before its write to ``path``. Its lock is
        taken away, so that the matrix need not wait for it."""
        number = next(call.number for call in calls if call.path == path and call.method == "POST")
        self.world.reset()
        self.world.running.add_faults({"number": number, "do": "outage"})
        outcome(self.world, new())
        self.world.running.clear_faults()
        unlock(self.world.client(), TARGET, means=self.world.means())
        return self.world.running.snapshot()

    def _after_the_fault(self, ended: _Ended) -> Iterator[str]:
        cell, code, now = ended.cell, ended.code, ended.now
        end, differing = self.judge.end(now)
        idle = code in NOTHING_BEGUN and self._wrote_nothing()
        if end is End.MIXED:
            if code != 23 and cell.fault not in KILLED and not idle:
                yield f"mixed: {differing}: {ended.how}"
            if not set(differing) <= named_by_open_journals(self.world.running.dump()):
                yield f"mixed, and no open journal names {differing}"
        if code == 0 and end is not End.NEW:
            yield f"exit 0, but {end.value}: {differing}"
        # What was healed stays so, though the deployment itself was not begun.
        untouched = (End.OLD, End.NEW) if self._healed_first else (End.OLD,)
        if code in (22, *NOTHING_BEGUN) and end not in untouched and not idle:
            yield f"{end.value}: {differing}: {ended.how}"
        early = cell._replace(edited="") if cell.moment is Moment.BEFORE_HEAL else cell
        yield from self._always(early, now)

    def _wrote_nothing(self) -> bool:
        """Whether no request that changes what is published took effect."""
        own = f"{ROOT}/.dbxgate/locks"
        return not any(
            entry.method != "GET" and not entry.path.startswith(own) and entry.status == 200
            for entry in self.world.running.log()
        )

    def _always(self, cell: Cell, now: Picture) -> Iterator[str]:
        if now.foreign != self.judge.old.foreign:
            yield "what belongs to others has changed"
        if self._was_edited(cell) and not marker_survives(self.world.running.dump(), cell.marker):
            yield "the edit is lost"

    def _was_edited(self, cell: Cell) -> bool:
        """Whether the person came to it, outside the documented gap: between our last read of an
        object and our write."""
        if not cell.edited or cell.moment is Moment.IN_GAP:
            return False
        in_gap = cell.call.path == f"{ROOT}/{PLACES[cell.edited]}" and cell.call.method == "POST"
        if cell.moment is Moment.BEFORE_CALL and in_gap and cell.edited in ("changed", "removed"):
            return False
        if cell.moment is Moment.BEFORE_HEAL:
            return True
        rule = cell.rules()[0]
        return any(_concerns(rule, entry) for entry in self.world.running.log())

    def _after_the_next_runs(self, cell: Cell) -> Iterator[str]:
        world = self.world
        world.running.clear_faults()
        # By the time a lock expires everything that was on its way has arrived.
        world.running.flush_late()
        standing = [
            place for place, found in self._now().objects.items() if MARKER.encode() in found[2]
        ]
        code, how = outcome(world, new())
        now = self._now()
        if not cell.edited or marker_survives(world.running.dump(), cell.marker):
            yield from (f"next run: {each}" for each in self._always(cell, now))
        elif standing:
            yield "next run: the edit is lost"
        if duplicates(now):
            yield f"next run: jobs there twice: {duplicates(now)}"
        end, differing = self.judge.end(now)
        if standing and code:
            if code not in (20, 21) or not all(place in str(how) for place in standing):
                yield f"next run: exit {code} does not refuse by name: {how}"
            return
        if (code, end) != (0, End.NEW):
            yield f"next run: exit {code}, {end.value}: {differing}: {how}"
            return
        world.running.clear_log()
        code, how = outcome(world, new())
        writes = [entry.path for entry in world.running.log() if entry.method != "GET"]
        if code or writes:
            yield f"the run after it: exit {code}, writes {writes}: {how}"

    def _now(self) -> Picture:
        return picture(self.world.running.dump(), FOREIGN)


class _Ended(NamedTuple):
    cell: Cell
    code: int
    how: str
    now: Picture


def _concerns(rule: Mapping[str, Any], entry: Any) -> bool:
    """Whether a rule of an edit applies to a request of the log."""
    return bool(
        entry.number >= rule.get("number", 0)
        and rule.get("method", entry.method) == entry.method
        and rule.get("route", entry.route) == entry.route
        and rule.get("path", entry.path) == entry.path
    )
