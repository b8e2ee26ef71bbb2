"""Runs the fault matrix: ``python tests/faults/run.py [PART ...] [--jobs N]``.

Parts: ``faults`` (every call meets every fault), ``edits`` (a person edits each kind of object
right before each call), ``rollback`` and ``heal`` (every call of a roll-back, of a healing run
before and after the commit, meets every fault), ``both`` (every call meets every fault while a
person edits each kind of object at each moment), ``sample`` (one cell of ``both`` for each kind of
call). Without a part: all but ``sample``. Prints the count of cells and each that fails; exit
code 1 where one does.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from faults import command
from faults.cells import (
    Call,
    Cell,
    edits_alone,
    faults_alone,
    faults_and_edits,
    one_of_each_kind,
)
from faults.judging import Beginning, Matrix
from faults.world import stage

PARTS = ("faults", "edits", "rollback", "heal", "both", "sample")
BEGINNINGS = {
    "rollback": (Beginning.ROLLING_BACK,),
    "heal": (Beginning.UNDONE_BY_HEAL, Beginning.REDONE_BY_HEAL),
}


def cells_of(part: str, calls: Sequence[Call]) -> Iterator[Cell]:
    """The cells of a part of the matrix."""
    if part == "edits":
        return edits_alone(calls)
    if part == "both":
        return faults_and_edits(calls)
    if part == "sample":
        return one_of_each_kind(faults_and_edits(calls))
    return faults_alone(calls)


def run_share(parts: Sequence[str], share: int, shares: int) -> tuple[int, int]:
    """Run every ``shares``-th cell; how many there were, and how many failed."""
    count = failed = 0
    with tempfile.TemporaryDirectory() as folder, stage(Path(folder)) as world:
        for part in parts:
            for beginning in BEGINNINGS.get(part, (Beginning.CLEAN,)):
                matrix = Matrix(world, beginning)
                cells = islice(cells_of(part, matrix.calls), share, None, shares)
                for cell in cells:
                    count += 1
                    failures = matrix.failures(cell)
                    failed += bool(failures)
                    for failure in failures:
                        print(f"{part}: {failure}", flush=True)
    return count, failed


def main() -> int:
    return command.run("publishing", PARTS, [part for part in PARTS if part != "sample"], run_share)


if __name__ == "__main__":
    sys.exit(main())
