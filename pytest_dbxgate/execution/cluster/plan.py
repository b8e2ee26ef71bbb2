"""Which notebooks run in which job, in which lane, after which others. Pure.

A lane is a chain of tasks with ``run_if: ALL_DONE``: as many tasks as there are lanes run at a
time, and one that fails does not keep the next one from running. A task that depends on others
for real waits for these alone (``ALL_SUCCESS``), for a task has only one ``run_if``; so it goes
where one of them ends a lane, or begins a lane. Where neither is possible it goes into the next
job.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.execution.cluster.request import MOST_LANES, ClusterWork
from pytest_dbxgate.execution.outcome import RunKey

MOST_TASKS = 1000
"""Of a job [doc]."""
MOST_PARAMETERS = 1_000_000
"""Bytes of a task's ``base_parameters`` as JSON [doc: 1 MB]."""
MOST_REQUEST = 8_000_000
"""Bytes of all parameters of a job: an own measure, below what a request may hold."""

ALL_DONE, ALL_SUCCESS = "ALL_DONE", "ALL_SUCCESS"

_KEY_LENGTH = 100
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


class PlannedTask(NamedTuple):
    """A task of a job."""

    key: str
    """Of the task: unique in its job, at most 100 characters."""
    work: ClusterWork
    after: tuple[str, ...] = ()
    """The keys of the tasks that it waits for."""
    run_if: str = ALL_SUCCESS


class Chunk(NamedTuple):
    """What one job runs."""

    tasks: tuple[PlannedTask, ...]


def chunks(works: Sequence[ClusterWork], *, max_parallel: int) -> tuple[Chunk, ...]:
    """All works in as few jobs as the limits allow: usually one.

    Raises :class:`~pytest_dbxgate.errors.ConfigurationError`.
    """
    if not 1 <= max_parallel <= MOST_LANES:
        raise ConfigurationError(
            f"max_parallel is {max_parallel}",
            next_step=f"write a number from 1 to {MOST_LANES}: a cluster takes no more notebooks "
            "at a time",
        )
    sizes = {work.key: _size(work) for work in works}
    if len(sizes) != len(works):
        raise ConfigurationError(
            "a notebook is to run twice with the same case", next_step="name the cases apart"
        )
    left = _ordered(works)
    found: list[Chunk] = []
    while left:
        lanes = _Lanes(max_parallel, sizes, waiting={work.key for work in left})
        left = [work for work in left if not lanes.take(work)]
        found.append(Chunk(tuple(lanes.tasks)))
    return tuple(found)


def task_key(number: int, key: RunKey) -> str:
    """A key that is unique by its number, and tells a reader of the run which notebook it is."""
    words = "-".join(part for part in (key.notebook.path, key.notebook.member, key.case) if part)
    return f"{number:04}-{_UNSAFE.sub('-', words).strip('-')}"[:_KEY_LENGTH]


@dataclass
class _Lanes:
    """The lanes of one job while they are filled."""

    most: int
    sizes: Mapping[RunKey, int]
    waiting: set[RunKey]
    """Works that are in no earlier job; those here are taken out."""
    tasks: list[PlannedTask] = field(default_factory=list)
    _ends: list[tuple[int, RunKey]] = field(default_factory=list)
    """Of each lane: how many tasks it has, and the last one."""
    _keys: dict[RunKey, str] = field(default_factory=dict)
    _bytes: int = 0

    def take(self, work: ClusterWork) -> bool:
        """Plan a work; False where it must wait for the next job."""
        size = self.sizes[work.key]
        full = len(self.tasks) >= MOST_TASKS or (self.tasks and self._bytes + size > MOST_REQUEST)
        real = [key for key in work.depends_on if key in self._keys]
        # What is in this job is no longer waiting; what waits comes in a later one.
        if full or any(key in self.waiting for key in work.depends_on):
            return False
        lane = self._lane(real)
        if lane is None:
            return False
        before = self._ends[lane] if lane < len(self._ends) else None
        if real:
            after, run_if = real, ALL_SUCCESS
        else:
            after, run_if = ([before[1]], ALL_DONE) if before else ([], ALL_SUCCESS)
        self._put(lane, work, after, run_if)
        self._bytes += size
        return True

    def _lane(self, real: Sequence[RunKey]) -> int | None:
        """The number of a lane; that of a new one where one more is allowed."""
        if real:
            for number, (_, last) in enumerate(self._ends):
                if last in real:
                    return number
        if len(self._ends) < self.most:
            return len(self._ends)
        if real:
            return None
        return min(range(len(self._ends)), key=lambda number: self._ends[number][0])

    def _put(self, lane: int, work: ClusterWork, after: Sequence[RunKey], run_if: str) -> None:
        key = task_key(len(self.tasks) + 1, work.key)
        self.tasks.append(PlannedTask(key, work, tuple(self._keys[each] for each in after), run_if))
        self._keys[work.key] = key
        self.waiting.discard(work.key)
        length = self._ends[lane][0] if lane < len(self._ends) else 0
        self._ends[lane : lane + 1] = [(length + 1, work.key)]


def _ordered(works: Sequence[ClusterWork]) -> list[ClusterWork]:
    """Those with dependencies first, each right after what it depends on where possible, so that
    it finds the end of a lane; then all others. Raises ConfigurationError for what is unknown and
    for circles."""
    known = {work.key: work for work in works}
    needed = {key for work in works for key in work.depends_on}
    dependents: dict[RunKey, list[ClusterWork]] = {}
    for work in works:
        for key in dict.fromkeys(work.depends_on):
            if key not in known:
                raise ConfigurationError(
                    f"{work.key} depends on {key}, which is not selected",
                    next_step="select it too, or take it out of depends_on",
                )
            dependents.setdefault(key, []).append(work)
    placed: dict[RunKey, ClusterWork] = {}
    for root in works:
        if not root.depends_on and root.key in needed:
            placed.update((work.key, work) for work in _following(root, dependents, placed))
    circle = [work for work in works if work.depends_on and work.key not in placed]
    if circle:
        raise ConfigurationError(
            f"{circle[0].key} depends on itself, over others or directly",
            next_step="break the circle in depends_on",
        )
    return [*placed.values(), *(work for work in works if work.key not in placed)]


def _following(
    root: ClusterWork,
    dependents: Mapping[RunKey, Sequence[ClusterWork]],
    placed: Mapping[RunKey, ClusterWork],
) -> Iterator[ClusterWork]:
    """A work, and what can be planned once it is."""
    done = {*placed, root.key}
    waiting = [root]
    while waiting:
        work = waiting.pop()
        yield work
        done.add(work.key)
        ready = [
            each
            for each in dependents.get(work.key, ())
            if each.key not in done and all(key in done for key in each.depends_on)
        ]
        # The first comes next.
        waiting += reversed(ready)


def _size(work: ClusterWork) -> int:
    size = len(json.dumps(dict(work.parameters)).encode())
    if size > MOST_PARAMETERS:
        raise ConfigurationError(
            f"{work.key}: its parameters have {size} bytes, more than the {MOST_PARAMETERS} that "
            "a task takes",
            next_step="pass the path of a file instead",
        )
    return size
