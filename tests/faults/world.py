"""A workspace with a deployment in it, and the next one about to come: the fault matrix's stage.

Old and new differ by 5 notebooks added, 5 changed, 5 removed and 5 moved, a module changed and one
added, a job changed, one added and one removed. Beside them stand objects, a job and permissions
of somebody else.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from pytest_dbxgate.delivery import deploy as deploying
from pytest_dbxgate.delivery.canonical import sha256
from pytest_dbxgate.delivery.deploy import Deployment, Request
from pytest_dbxgate.delivery.means import Means
from pytest_dbxgate.delivery.model import Item, JobItem, Kind
from pytest_dbxgate.delivery.target import Target
from pytest_dbxgate.emulator.server import Running, start
from pytest_dbxgate.errors import GateError
from pytest_dbxgate.workspace.client import Client
from pytest_dbxgate.workspace.credentials import Secret, Veil, fixed
from pytest_dbxgate.workspace.failures import Failure
from pytest_dbxgate.workspace.model import ImportFormat
from pytest_dbxgate.workspace.retry import Times
from pytest_dbxgate.workspace.transport import Answer, SdkTransport
from pytest_dbxgate.workspace.transport import Request as Sent

ROOT = "/Shared/etl"
PROJECT = "etl"
TARGET = Target("test", ROOT)

CHANGED = "flow/changed3"
REMOVED = "flow/removed3"
ADDED = "fresh/added3"
MOVED_FROM = "flow/moved3"
MOVED = "kept/moved3"
PLACES = {"changed": CHANGED, "removed": REMOVED, "added": ADDED, "moved": MOVED}

_EPOCH = 1_800_000_000.0


class Clock:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def wall(self) -> float:
        return _EPOCH + self.now


class Sides(NamedTuple):
    """What is published."""

    items: tuple[Item, ...]
    jobs: tuple[JobItem, ...]


def notebook(place: str, text: str, rank: int = 0) -> Item:
    data = f"# Databricks notebook source\nprint({text!r})\n".encode()
    source = f"{place}.py"
    return Item(
        source, place, Kind.NOTEBOOK, ImportFormat.SOURCE, data, sha256(data), "PYTHON", rank
    )


def sql_notebook(place: str, text: str) -> Item:
    data = f"-- Databricks notebook source\nSELECT {text!r}\n".encode()
    return Item(
        f"{place}.sql", place, Kind.NOTEBOOK, ImportFormat.SOURCE, data, sha256(data), "SQL"
    )


def module(place: str, text: str) -> Item:
    data = text.encode()
    return Item(place, place, Kind.FILE, ImportFormat.AUTO, data, sha256(data))


def job(key: str, minute: int = 0, **more: Any) -> JobItem:
    permissions = more.pop("permissions", ())
    settings = {
        "name": key,
        "tasks": [
            {
                "task_key": "main",
                "notebook_task": {"notebook_path": f"{ROOT}/flow/changed1"},
                "existing_cluster_id": "0101-000000-cluster",
            }
        ],
        "schedule": {"quartz_cron_expression": f"0 {minute} * * * ?", "timezone_id": "UTC"},
        **more,
    }
    return JobItem(key, settings, permissions)


def old() -> Sides:
    numbers = range(1, 6)
    return Sides(
        (
            *(notebook(f"flow/changed{n}", f"old {n}", rank=n % 2) for n in numbers),
            *(notebook(f"flow/removed{n}", f"gone {n}") for n in numbers),
            *(notebook(f"flow/moved{n}", f"moved {n}") for n in numbers),
            module("lib/tools.py", "A = 1\n"),
        ),
        (job("changed"), job("removed")),
    )


def new() -> Sides:
    numbers = range(1, 6)
    return Sides(
        (
            # The first becomes a notebook in SQL: the only delete and import.
            sql_notebook("flow/changed1", "new 1"),
            *(notebook(f"flow/changed{n}", f"new {n}", rank=n % 2) for n in range(2, 6)),
            *(notebook(f"fresh/added{n}", f"added {n}") for n in numbers),
            *(notebook(f"kept/moved{n}", f"moved {n}") for n in numbers),
            module("lib/tools.py", "A = 2\n"),
            module("lib/more.py", "B = 1\n"),
        ),
        (job("changed", 5), job("added")),
    )


class World:
    """The workspace and one clock for it and all who talk to it."""

    def __init__(self, running: Running, clock: Clock) -> None:
        self.running = running
        self.clock = clock
        self._names = itertools.count()
        self._furnish()
        self.publish(old())
        self.old = running.snapshot()

    def client(self, before: Callable[[], None] | None = None) -> Client:
        """A client as a new process has it. ``before`` is called before each of its requests."""
        credentials = fixed("local", "test", Secret(self.running.token), veil=Veil())
        times = Times(self.clock.sleep, self.clock, lambda: 0.5)
        transport = SdkTransport(self.running.host, "test")

        def hooked(request: Sent, token: Secret) -> Answer | Failure:
            if before is not None:
                before()
            return transport(request, token)

        return Client(self.running.host, credentials, hooked, times=times)

    def means(self, **more: Any) -> Means:
        """One thread: the order of requests is the same in each run."""
        return replace(
            Means(
                clock=self.clock,
                sleep=self.clock.sleep,
                wall=self.clock.wall,
                token=lambda: f"{next(self._names):08x}",
                threads=1,
            ),
            **more,
        )

    def publish(
        self,
        sides: Sides,
        *,
        target: Target = TARGET,
        before: Callable[[], None] | None = None,
        **more: Any,
    ) -> Deployment:
        """Publish as a process of its own would."""
        request = Request(sides.items, sides.jobs, owner="me@example.com")
        return deploying.deploy(
            self.client(before), target, request, project=PROJECT, means=self.means(**more)
        )

    def reset(self, state: Any = None) -> None:
        """The old state or the given one, no faults, requests counted from 1."""
        self.running.clear_faults()
        self.running.flush_late()
        self.running.restore(self.old if state is None else state)
        self.running.clear_log()

    def _furnish(self) -> None:
        self.running.edit("/Shared/other/theirs.py", "X = 1\n")
        self.running.edit("/Shared/other/note.py", "# Databricks notebook source\n1\n")
        self.running.edit(f"{ROOT}/flow/theirs.txt", "a note of somebody else\n")
        client = self.client()
        client.create_job({"name": "changed", "tasks": []}, operation="of-somebody-else")


def outcome(world: World, sides: Sides, **more: Any) -> tuple[int, Deployment | GateError]:
    """The exit code, with what was returned or raised."""
    try:
        deployment = world.publish(sides, **more)
    except GateError as error:
        return error.exit_code, error
    return (23 if deployment.pending else 0), deployment


@contextmanager
def stage(folder: Path) -> Iterator[World]:
    """A world of its own in ``folder``."""
    clock = Clock()
    with start(folder, clock=clock.wall, monotonic=clock) as running:
        yield World(running, clock)


def requests_of(world: World, sides: Sides) -> Sequence[Any]:
    """The requests of an undisturbed deployment, as the log tells them."""
    world.reset()
    world.publish(sides)
    return world.running.log()
