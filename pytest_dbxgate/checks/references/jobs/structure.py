"""Whether a job's fields are those of the Jobs API, and their values of the right type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from pytest_dbxgate.checks.references.claim import Claim
from pytest_dbxgate.checks.references.jobs.saying import did_you_mean, say
from pytest_dbxgate.checks.references.jobs.schedules import check as check_schedule
from pytest_dbxgate.project.jobs.fields import classes
from pytest_dbxgate.project.jobs.job import Job, is_single
from pytest_dbxgate.project.jobs.model import JobKind
from pytest_dbxgate.project.jobs.near import Words
from pytest_dbxgate.project.jobs.nodes import (
    Entry,
    Node,
    Scalar,
    Sequence,
    Table,
    Unknown,
    is_null,
)

_IN_BUNDLES = {"permissions": "any", "lifecycle": "any"}
_IN_FILES = {
    "access_control_list": "list:JobAccessControlRequest",
    **dict.fromkeys(("job_id", "run_name", "idempotency_token", "settings", "new_settings"), "any"),
    **dict.fromkeys(("created_time", "creator_user_name", "run_as_user_name"), "any"),
}
"""What files of the Jobs API hold besides: requests to other of its end points, and answers."""
_TRUTH = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n"})
_NAMES = {"list": "a list", "dict": "a mapping", "int": "a whole number", "float": "a number"}
_JUDGED_AS_ARGUMENTS = {("NotebookTask", "base_parameters"), ("JobParameterDefinition", "default")}


def check(job: Job) -> Iterator[Claim]:
    """DBX422, DBX431 and DBX435."""
    seen: set[tuple[int, str]] = set()
    waiting: list[tuple[Node, str, str]] = [(job.node, "JobSettings", "the job")]
    while waiting:
        node, kind, name = waiting.pop()
        # A node may stand in many places, by aliases of YAML and by variables.
        if (id(node), kind) in seen:
            continue
        seen.add((id(node), kind))
        if not isinstance(node, Table):
            continue
        if kind == "CronSchedule":
            yield from check_schedule(job.scope, node)
        fields = _fields(job, kind)
        for key, entry in node.entries.items():
            if key not in fields:
                yield from _unknown(key, entry, kind, name, fields)
                continue
            value = job.scope.see(entry.value)
            yield from _typed(key, value, fields[key], judged=(kind, key) in _JUDGED_AS_ARGUMENTS)
            yield from _elements(job, key, value, fields[key])
            waiting += _below(job, key, value, fields[key])


def _fields(job: Job, kind: str) -> Mapping[str, str]:
    fields = classes()[kind]
    if kind != "JobSettings":
        return fields
    if job.kind is JobKind.BUNDLE:
        return {**fields, **_IN_BUNDLES}
    single = classes()["Task"] if is_single(job) else {}
    return {**single, **fields, **_IN_FILES}


def _below(job: Job, key: str, value: Node, kind: str) -> Iterator[tuple[Node, str, str]]:
    form, _, inner = kind.rpartition(":")
    if inner not in classes():
        return
    if not form:
        yield value, inner, f"`{key}`"
    elif form == "list" and isinstance(value, Sequence):
        for each in value.items:
            yield job.scope.see(each), inner, f"`{key}`"


@cache
def _words(fields: frozenset[str]) -> Words:
    return Words(fields)


def _unknown(
    key: str, entry: Entry, kind: str, name: str, fields: Mapping[str, str]
) -> Iterator[Claim]:
    if kind == "Task" and key.endswith("_task") and _words(frozenset(fields)).closest(key):
        # The check of tasks has something to say about it.
        return
    yield say(
        entry.key,
        "DBX422",
        f"`{key}` is no field of {name if kind != 'Task' else 'a task'}",
        did_you_mean(key, _words(frozenset(fields)), "remove it: the Jobs API ignores it"),
    )


def _typed(key: str, value: Node, kind: str, *, judged: bool) -> Iterator[Claim]:
    form, _, inner = kind.rpartition(":")
    if isinstance(value, Unknown) or is_null(value) or kind == "any":
        return
    if judged and isinstance(value, Table) == (form == "dict"):
        return
    expected = _mismatch(value, form or inner)
    if expected:
        yield say(
            value.mark,
            "DBX435",
            f"`{key}` is {expected}, not {_name(value)}",
            "mend the value: the Jobs API refuses the job",
        )


def _elements(job: Job, key: str, value: Node, kind: str) -> Iterator[Claim]:
    """Those of a list of mappings that are none."""
    form, _, inner = kind.rpartition(":")
    if form != "list" or inner not in classes() or not isinstance(value, Sequence):
        return
    for each in value.items:
        found = job.scope.see(each)
        if isinstance(found, (Table, Unknown)):
            continue
        yield say(
            found.mark,
            "DBX435",
            f"an element of `{key}` is a mapping, not {_name(found)}",
            "write its fields: the Jobs API refuses the job",
        )


def _mismatch(value: Node, kind: str) -> str:
    """What is expected; empty where ``value`` is right or may well be."""
    if kind == "list":
        return "" if isinstance(value, Sequence) else _NAMES["list"]
    if kind in ("dict", *classes()):
        return "" if isinstance(value, Table) else _NAMES["dict"]
    if not isinstance(value, Scalar):
        return _NAMES.get(kind, "true or false" if kind == "bool" else "a text")
    if kind in ("int", "float"):
        return "" if _is_number(value, whole=kind == "int") else _NAMES[kind]
    if kind == "bool":
        return "" if value.text.lower() in _TRUTH else "true or false"
    return ""


def _is_number(value: Scalar, *, whole: bool) -> bool:
    if isinstance(value.value, bool):
        return False
    try:
        number = float(value.text)
    except ValueError:
        return False
    return not whole or number == number // 1


def _name(value: Node) -> str:
    if isinstance(value, Table):
        return "a mapping"
    if isinstance(value, Sequence):
        return "a list"
    if is_null(value):
        return "null"
    text = value.text if isinstance(value, Scalar) else ""
    return f"`{text[:40]}`"
