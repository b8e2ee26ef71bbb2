"""Measure publishing against the embedded workspace under the documented rates.

python benchmarks/publishing.py [--changed 400] [--unchanged 2000] [--runs 3]

The floor of N changed notebooks is N / 30 seconds: 30 imports a second are all that a workspace
takes. The clocks are real ones. The embedded workspace runs in the same process, so its own time
counts against us.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from pytest_dbxgate.delivery.canonical import sha256
from pytest_dbxgate.delivery.deploy import Request, deploy
from pytest_dbxgate.delivery.means import Means
from pytest_dbxgate.delivery.model import Item, JobItem, Kind
from pytest_dbxgate.delivery.target import Target
from pytest_dbxgate.emulator.server import Running, start
from pytest_dbxgate.workspace.client import connect
from pytest_dbxgate.workspace.credentials import Secret, Veil, fixed
from pytest_dbxgate.workspace.model import ImportFormat

IMPORTS_A_SECOND = 30
TARGET = Target("benchmark", "/Shared/benchmark")
JOBS = 3


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure publishing")
    parser.add_argument("--changed", type=int, default=400)
    parser.add_argument("--unchanged", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=3)
    chosen = parser.parse_args()
    seconds = [_changed(chosen.changed) for _ in range(chosen.runs)]
    floor = chosen.changed / IMPORTS_A_SECOND
    middle = statistics.median(seconds)
    print(f"{chosen.changed} changed: {middle:.1f} s, {middle / floor:.2f} times the floor")
    calls = _unchanged(chosen.unchanged)
    imports = sum(count for route, count in calls.items() if route == "workspace/import")
    others = sum(calls.values()) - calls["jobs/get"]
    print(
        f"{chosen.unchanged} unchanged: {imports} imports, {others} calls "
        f"and {calls['jobs/get']} for {JOBS} jobs"
    )
    return 0


def _changed(count: int) -> float:
    with tempfile.TemporaryDirectory() as folder, start(Path(folder)) as running:
        _publish(running, count, "first")
        running.limit()
        began = time.perf_counter()
        _publish(running, count, "second")
        return time.perf_counter() - began


def _unchanged(count: int) -> Counter[str]:
    with tempfile.TemporaryDirectory() as folder, start(Path(folder)) as running:
        _publish(running, count, "first")
        running.clear_log()
        _publish(running, count, "first")
        return Counter(entry.route for entry in running.log())


def _publish(running: Running, count: int, text: str) -> None:
    credentials = fixed("local", "benchmark", Secret(running.token), veil=Veil())
    items = [_notebook(number, text) for number in range(count)]
    jobs = [JobItem(f"job {number}", {"name": f"job {number}"}) for number in range(JOBS)]
    sleep = time.sleep if text == "second" else _never
    client = connect(running.host, credentials, sleep=sleep)
    deploy(client, TARGET, Request(items, jobs), project="benchmark", means=Means())


def _never(seconds: float) -> None:
    """The first deployment is not measured: it need not keep to the rates."""


def _notebook(number: int, text: str) -> Item:
    lines = "\n".join(f"value_{line} = {line} * {number}" for line in range(40))
    data = f"# Databricks notebook source\nprint({text!r})\n{lines}\n".encode()
    place = f"area{number % 3}/folder{number % 20}/notebook{number}"
    return Item(
        f"{place}.py",
        place,
        Kind.NOTEBOOK,
        ImportFormat.SOURCE,
        data,
        sha256(data),
        "PYTHON",
        rank=number % 4,
    )


if __name__ == "__main__":
    sys.exit(main())
