"""The activities of a Data Factory pipeline: their names, and what they wait for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from pytest_dbxgate.checks.references.claim import Claim
from pytest_dbxgate.checks.references.jobs.dependencies import Wait, Waits, judge
from pytest_dbxgate.checks.references.jobs.saying import say
from pytest_dbxgate.project.jobs.factory import activities
from pytest_dbxgate.project.jobs.nodes import Mark, Node, Table, items, string


def check(pipeline: Node) -> Iterator[Claim]:
    """DBX425, DBX426 and DBX427."""
    first: dict[str, Mark] = {}
    groups: dict[int, Waits] = defaultdict(Waits)
    for activity in activities(pipeline):
        if activity.name in first:
            yield say(
                activity.mark,
                "DBX425",
                f"two activities are called `{activity.name}`; line "
                f"{first[activity.name].line} has the other",
                "give each activity a name of its own",
            )
        elif activity.name:
            first[activity.name] = activity.mark
        own = groups[activity.group].of(activity.name)
        for each in items(activity.node.get("dependsOn")):
            on = each.get("activity") if isinstance(each, Table) else None
            name = string(on)
            if on is not None and name is not None:
                own.append(Wait(name, on.mark))
    for waits in groups.values():
        yield from judge(waits, "activity", missing=True)
