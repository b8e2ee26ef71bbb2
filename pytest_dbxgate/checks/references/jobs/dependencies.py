"""What tasks wait for: it exists, and nobody waits in a circle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pytest_dbxgate.checks.references.claim import Claim
from pytest_dbxgate.checks.references.jobs.saying import did_you_mean, say
from pytest_dbxgate.project.jobs.job import Job, elements, listed, look
from pytest_dbxgate.project.jobs.near import Words
from pytest_dbxgate.project.jobs.nodes import Mark, Unknown, string

_MOST_CYCLES = 20
_MOST_SHOWN = 8


class Wait(NamedTuple):
    """A dependency."""

    on: str
    mark: Mark


class Waits:
    """What each of a list waits for, by its name.

    Of two of one name the first is who others mean: the second is in no circle, it only has
    dependencies.
    """

    def __init__(self) -> None:
        self.first: dict[str, list[Wait]] = {}
        self.again: list[Wait] = []

    def of(self, name: str) -> list[Wait]:
        """Where the dependencies of the next one called ``name`` go."""
        if name in self.first:
            return self.again
        return self.first.setdefault(name, [])

    def all(self) -> Iterator[Wait]:
        for own in self.first.values():
            yield from own
        yield from self.again


def check(job: Job) -> Iterator[Claim]:
    """DBX426 and DBX427."""
    waits = Waits()
    tasks = listed(job)
    known = not job.mutable and all(task.key is not None for task in tasks)
    known = known and not any(
        isinstance(each, Unknown) for each in elements(job.scope, job.get("tasks"))
    )
    for task in tasks:
        own = waits.of(task.key or "")
        for each in elements(job.scope, look(job.scope, task.node, "depends_on")):
            node = look(job.scope, each, "task_key")
            on = string(node)
            if node is not None and on is not None:
                own.append(Wait(on, node.mark))
    yield from judge(waits, "task", missing=known)


def judge(waits: Waits, what: str, *, missing: bool) -> Iterator[Claim]:
    """Judge dependencies by the name of who waits. ``missing``: whether all names are known."""
    if missing:
        names = Words(waits.first)
        for on, mark in waits.all():
            if on not in waits.first:
                hint = did_you_mean(on, names, "name one of the same list")
                yield say(mark, "DBX426", f"there is no {what} `{on}`", hint)
    for path, mark in _cycles(waits.first):
        shown = path if len(path) <= _MOST_SHOWN else [*path[: _MOST_SHOWN - 1], "...", path[-1]]
        yield say(
            mark,
            "DBX427",
            f"waits for itself: {' -> '.join(shown)}",
            "remove one of these dependencies",
        )


def _cycles(waits: Mapping[str, list[Wait]]) -> Iterator[tuple[list[str], Mark]]:
    """Cycles, each with the place of the dependency that closes it."""
    done: set[str] = set()
    found = 0
    for start in waits:
        if start in done:
            continue
        path = [start]
        places = {start: 0}
        branches = [iter(waits[start])]
        while branches:
            wait = next(branches[-1], None)
            if wait is None:
                branches.pop()
                name = path.pop()
                del places[name]
                done.add(name)
            elif wait.on in places:
                found += 1
                if found > _MOST_CYCLES:
                    return
                yield [*path[places[wait.on] :], wait.on], wait.mark
            elif wait.on in waits and wait.on not in done:
                places[wait.on] = len(path)
                path.append(wait.on)
                branches.append(iter(waits[wait.on]))
