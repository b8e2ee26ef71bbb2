"""The fault matrix: each kind of call of a deployment in two faults, of one that rolls back or
heals in one more, another one each; and each edit.

All of it: ``python tests/faults/run.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.cells import Cell, Fault, edits_alone, faults_alone, one_of_each_kind
from faults.judging import Beginning, Matrix
from faults.world import PLACES, stage

FAULTS = [fault for fault in Fault if fault is not Fault.NONE]
SHARE = {
    Beginning.CLEAN: (0, 1),
    Beginning.ROLLING_BACK: (2,),
    Beginning.UNDONE_BY_HEAL: (3,),
    Beginning.REDONE_BY_HEAL: (4,),
}
"""Which of a kind's faults, so that a kind of call meets five of them in all."""


@pytest.fixture(scope="module", params=list(Beginning), ids=lambda each: each.name.lower())
def matrix(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Matrix]:
    with stage(tmp_path_factory.mktemp("workspace")) as world:
        yield Matrix(world, request.param)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.lower())
def test_a_fault_leaves_old_or_new_or_a_journal(matrix: Matrix, fault: Fault) -> None:
    chosen = SHARE[matrix.beginning]
    cells = [
        cell
        for cell in one_of_each_kind(faults_alone(matrix.calls))
        if cell.fault is fault
        and (_rank(matrix, cell) + FAULTS.index(fault)) % len(FAULTS) in chosen
    ]
    assert [failure for cell in cells for failure in matrix.failures(cell)] == []


@pytest.mark.parametrize("edited", sorted(PLACES))
def test_an_edit_is_never_lost_outside_the_gap(edited: str, tmp_path: Path) -> None:
    with stage(tmp_path) as world:
        matrix = Matrix(world)
        cells = [cell for cell in edits_alone(matrix.calls) if cell.edited == edited][::9]
        assert [failure for cell in cells for failure in matrix.failures(cell)] == []


def _rank(matrix: Matrix, cell: Cell) -> int:
    kinds = sorted({call.kind for call in matrix.calls})
    return kinds.index(cell.call.kind)
