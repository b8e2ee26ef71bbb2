"""The fault matrix of running, two faults for each kind of call.

All of it: ``python tests/faults/running.py``.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from faults.cells import Fault
from faults.run_cells import RunCell, kind_of, run_cells
from faults.run_judging import Course, RunMatrix
from faults.run_world import run_stage

FAULTS = [fault for fault in Fault if fault is not Fault.NONE]


@pytest.fixture(scope="module", params=list(Course), ids=lambda each: each.name.lower())
def matrix(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunMatrix]:
    with run_stage(tmp_path_factory.mktemp("workspace")) as world:
        yield RunMatrix(world, request.param)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.lower())
def test_a_fault_is_never_a_wrong_green_and_leaves_nothing_for_long(
    matrix: RunMatrix, fault: Fault
) -> None:
    assert [failure for cell in sample(matrix, fault) for failure in matrix.failures(cell)] == []


def sample(matrix: RunMatrix, fault: Fault) -> list[RunCell]:
    """One cell of each kind of call that is this fault's turn."""
    kinds = sorted({kind_of(call) for call in matrix.calls})
    shift = FAULTS.index(fault)
    found: dict[str, RunCell] = {}
    for cell in run_cells(matrix.calls):
        turn = (kinds.index(cell.kind) + shift) % len(FAULTS) < 2
        if cell.fault is fault and turn:
            found.setdefault(cell.kind, cell)
    return list(found.values())
