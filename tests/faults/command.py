"""The command line of a fault matrix: its parts, shared out to processes."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor

RunShare = Callable[[Sequence[str], int, int], tuple[int, int]]
"""Runs every n-th cell of some parts; how many cells there were, and how many failed."""


def run(what: str, names: Sequence[str], default: Sequence[str], run_share: RunShare) -> int:
    """The exit code: 1 where a cell fails."""
    parser = argparse.ArgumentParser(description=f"The fault matrix of {what}")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(names))
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()
    parts = chosen.parts or default
    began = time.monotonic()
    with ProcessPoolExecutor(chosen.jobs) as pool:
        work = [pool.submit(run_share, parts, each, chosen.jobs) for each in range(chosen.jobs)]
        results = [each.result() for each in work]
    cells = sum(count for count, _ in results)
    failed = sum(failures for _, failures in results)
    print(f"{' '.join(parts)}: {cells} cells, {failed} fail, {time.monotonic() - began:.0f} s")
    return 1 if failed else 0
