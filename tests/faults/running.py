"""Runs the fault matrix of running: ``python tests/faults/running.py [PART ...] [--jobs N]``.

Parts: ``run`` (every call of a run of ten notebooks meets every fault), ``cancel`` (the same while
the run is stopped), ``sweep`` (the same while what a dead run left is removed). Prints the count of
cells and each that fails; exit code 1 where one does.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

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
    parser = argparse.ArgumentParser(description="The fault matrix of running")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(names))
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()
    parts = chosen.parts or names
    began = time.monotonic()
    with ProcessPoolExecutor(chosen.jobs) as pool:
        work = [pool.submit(run_share, parts, each, chosen.jobs) for each in range(chosen.jobs)]
        results = [each.result() for each in work]
    cells = sum(count for count, _ in results)
    failed = sum(failures for _, failures in results)
    print(f"{' '.join(parts)}: {cells} cells, {failed} fail, {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
