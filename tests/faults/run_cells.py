"""The cells of the fault matrix of running: a call of a run of ten notebooks and its fault."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from faults.cells import Call, Cell, Fault, faults_alone
from faults.run_world import RUNS

ONCE = frozenset(
    {
        Fault.S429,
        Fault.S500,
        Fault.S502,
        Fault.S503,
        Fault.S504,
        Fault.CUT,
        Fault.LOST,
        Fault.LATE,
        Fault.STALE,
    }
)
"""Faults that a run gets over: the result is right, and nothing is left."""


class RunCell(NamedTuple):
    """One run to be disturbed."""

    call: Call
    fault: Fault

    @property
    def kind(self) -> str:
        """The class of the call that CI takes one cell of."""
        return kind_of(self.call)

    @property
    def name(self) -> str:
        return f"#{self.call.number} {self.kind}: {self.fault.value}"

    @property
    def rules(self) -> list[object]:
        """For the embedded workspace."""
        return [*Cell(self.call, self.fault).rules()]


def kind_of(call: Call) -> str:
    """The route, and which of a run's objects it is about."""
    area = ""
    if call.path.startswith(RUNS):
        name = call.path.rpartition("/")[2]
        area = name if name in ("owner.json", "files") else ""
        area = area or ("copy" if "/files/" in call.path else "folder")
    return f"{call.method} {call.route} {area}".strip()


def run_cells(calls: Sequence[Call]) -> Iterator[RunCell]:
    """Every call meets every fault."""
    for cell in faults_alone(calls):
        yield RunCell(cell.call, cell.fault)


def first_and_last_of_each_kind(cells: Sequence[RunCell]) -> Iterator[RunCell]:
    """Two cells at most of each kind of call and fault."""
    seen: dict[tuple[str, Fault], list[RunCell]] = {}
    for cell in cells:
        seen.setdefault((cell.kind, cell.fault), []).append(cell)
    for found in seen.values():
        yield found[0]
        if len(found) > 1:
            yield found[-1]
