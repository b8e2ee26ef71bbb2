"""Data Factory pipelines: the activities that run notebooks, however deep they are nested."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pytest_dbxgate.project.facts import Argument
from pytest_dbxgate.project.jobs.calls import Call
from pytest_dbxgate.project.jobs.model import NotebookTask
from pytest_dbxgate.project.jobs.nodes import (
    Mark,
    Node,
    Scalar,
    Table,
    Unknown,
    items,
    string,
    table,
)
from pytest_dbxgate.project.jobs.places import Found, Places

_BRANCHES = ("activities", "ifTrueActivities", "ifFalseActivities", "defaultActivities")


class Activity(NamedTuple):
    """One activity."""

    node: Table
    name: str
    group: int
    """Activities of one list share it: only these depend on one another."""
    mark: Mark
    """Of its name."""


def activities(pipeline: Node) -> Iterator[Activity]:
    """All activities of a pipeline."""
    waiting = [pipeline.get("properties", "activities")] if isinstance(pipeline, Table) else []
    group = 0
    while waiting:
        group += 1
        for node in items(waiting.pop()):
            if not isinstance(node, Table):
                continue
            name = node.get("name")
            yield Activity(node, string(name) or "", group, (name or node).mark)
            inner = node.get("typeProperties")
            if isinstance(inner, Table):
                waiting += [each for key in _BRANCHES if (each := inner.get(key)) is not None]
                for case in items(inner.get("cases")):
                    if isinstance(case, Table) and (found := case.get("activities")) is not None:
                        waiting.append(found)


def calls(file: str, pipeline: Node, places: Places) -> Iterator[Call]:
    """The activities that run a notebook."""
    name = string(pipeline.get("name")) if isinstance(pipeline, Table) else None
    for activity in activities(pipeline):
        if string(activity.node.get("type")) == "DatabricksNotebook":
            yield _call(file, name or "", activity, places)


def _call(file: str, pipeline: str, activity: Activity, places: Places) -> Call:
    entry = activity.node.get("typeProperties", "notebookPath")
    path = None if entry is None else literal(entry)
    target = string(path)
    found = places.absolute(file, target) if target and target.startswith("/") else Found()
    passed = activity.node.get("typeProperties", "baseParameters")
    arguments = tuple(
        _argument(name, entry.key, literal(entry.value)) for name, entry in table(passed).items()
    )
    value = NotebookTask(
        file=file,
        job=pipeline,
        task=activity.name,
        target=target,
        notebook=found.notebook,
        arguments=arguments if _is_table(passed) else None,
        spot=(activity.mark if path is None else path.mark).spot,
    )
    return Call(value, found)


def _is_table(node: Node | None) -> bool:
    return node is None or (isinstance(node, Table) and node.get("type") is None)


def literal(node: Node) -> Node:
    """What a value of a pipeline means: an expression is only known where it has no ``@``."""
    if isinstance(node, Table) and string(node.get("type")) == "Expression":
        inner = node.get("value")
        return literal(inner) if isinstance(inner, Scalar) else Unknown(node.mark)
    text = string(node)
    if text is None:
        return node
    if text.startswith("@@"):
        return Scalar(node.mark, text[1:])
    return Unknown(node.mark) if text.startswith("@") or "@{" in text else node


def _argument(name: str, mark: Mark, node: Node) -> Argument:
    value = node.text if isinstance(node, Scalar) and node.value is not None else None
    return Argument(name, value, mark.spot)
