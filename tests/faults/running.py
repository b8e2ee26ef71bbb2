"""Runs the fault matrix of running: ``python tests/faults/running.py [PART ...] [--jobs N]``.

Parts: ``run`` (every call of a run of ten notebooks meets every fault), ``cancel`` (the same while
the run is stopped), ``sweep`` (the same while what a dead run left is removed). Prints the count of
cells and each that fails; exit code 1 where one does.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from faults import command
from faults.run_cells import run_cells
from faults.run_judging import Course, RunMatrix
from faults.run_world import run_stage


def run_share(parts: Sequence[str], share: int, shares: int) -> tuple[int, int]:
    """Run every ``shares``-th cell; how many there were, and how many failed."""
    count = failed = 0
    with tempfile.TemporaryDirectory() as folder, run_stage(Path(folder)) as world:
        for part in parts:
            matrix = RunMatrix(world, Course(part))
            for cell in islice(run_cells(matrix.calls), share, None, shares):
                count += 1
                failures = matrix.failures(cell)
                failed += bool(failures)
                for failure in failures:
                    print(f"{part}: {failure}", flush=True)
    return count, failed


def main() -> int:
    names = [course.value for course in Course]
    return command.run("running", names, names, run_share)


if __name__ == "__main__":
    sys.exit(main())
