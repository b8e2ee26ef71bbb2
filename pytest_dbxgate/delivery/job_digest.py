"""When two settings of a job are the same, though the workspace adds to what it was sent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_dbxgate.delivery import untrusted
from pytest_dbxgate.delivery.canonical import sha256
from pytest_dbxgate.delivery.model import JobItem

PROJECT_TAG = "dbxgate_project"
KEY_TAG = "dbxgate_key"
OPERATION_TAG = "dbxgate_operation"
"""Of the call that created the job: it says nothing about what the job is."""

_OWN_TAGS = (PROJECT_TAG, KEY_TAG, OPERATION_TAG)

_NEVER_A_DEFAULT = (
    *("schedule", "trigger", "continuous", "parameters", "tasks", "job_clusters"),
    *("environments", "git_source", "health", "description"),
)
"""Settings that the workspace never fills in by itself: a person did."""

_KEYS = ("task_key", "job_cluster_key", "environment_key", "name")
"""Fields that name an element of a list; the workspace may tell such lists in another order."""


def item_digest(item: JobItem) -> str:
    """Of what is to be published: settings without our tags, and permissions."""
    return sha256(
        untrusted.dump({"settings": item.settings, "permissions": list(item.permissions)})
    )


def told_digest(settings: Mapping[str, Any]) -> str:
    """Of settings as the workspace tells them, our tags included.

    For a manifest give them with the pause status that the job ends with (see
    ``job_settings.activated``), so that activating a new job is no edit.
    """
    told = {**settings}
    tags = told.get("tags")
    if isinstance(tags, Mapping):
        told["tags"] = {name: value for name, value in tags.items() if name != OPERATION_TAG}
    return sha256(untrusted.dump(_sorted(told)))


def tag_value(key: str) -> str:
    """A job's key as its tag holds it: tags take few characters, and few of those."""
    slug = re.sub(r"[^A-Za-z0-9]+", "-", key).strip("-")[-40:].strip("-")
    return f"{slug}-{sha256(key.encode('utf-8', 'surrogatepass'))[:12]}"


def is_as_sent(sent: Mapping[str, Any], told: Mapping[str, Any]) -> bool:
    """Whether a job is as it was published, but for what the workspace fills in by itself.

    A person's addition to a task is not told from a default.
    """
    if not matches(sent, told):
        return False
    if any(told.get(name) and not sent.get(name) for name in _NEVER_A_DEFAULT):
        return False
    tags = told.get("tags")
    own = sent.get("tags")
    added = {*(tags if isinstance(tags, Mapping) else ())}
    return added <= {*_OWN_TAGS, *(own if isinstance(own, Mapping) else ())}


def matches(sent: Any, told: Any) -> bool:
    """Whether ``told`` holds all that was sent. What it holds besides are the server's defaults.

    An empty value that was sent may be missing: the workspace leaves such fields out.
    """
    if isinstance(sent, Mapping):
        if not isinstance(told, Mapping):
            return _is_empty(sent) and told is None
        return all(matches(value, told.get(name)) for name, value in sent.items())
    if isinstance(sent, Sequence) and not isinstance(sent, str):
        if not isinstance(told, Sequence) or isinstance(told, str):
            return _is_empty(sent) and told is None
        return len(sent) == len(told) and all(
            matches(mine, theirs)
            for mine, theirs in zip(_ordered(sent), _ordered(told), strict=True)
        )
    if isinstance(sent, bool) or isinstance(told, bool):
        return sent is told or (sent is False and told is None)
    return bool(sent == told) or (_is_empty(sent) and told is None)


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", 0) or value in ([], {}, ())


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _sorted(inner) for name, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_sorted(inner) for inner in _ordered(value)]
    return value


def _ordered(values: Sequence[Any]) -> list[Any]:
    """The elements by the field that names them, where each has one of its own."""
    for key in _KEYS:
        names = [value.get(key) if isinstance(value, Mapping) else None for value in values]
        if names and all(isinstance(name, str) for name in names) and len({*names}) == len(names):
            return [value for _, value in sorted(zip(names, values, strict=True), key=_first)]
    return list(values)


def _first(pair: tuple[Any, Any]) -> str:
    return str(pair[0])
