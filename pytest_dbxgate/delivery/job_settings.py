"""A job's settings on their way into the workspace: our tags, and paused until all is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pytest_dbxgate.delivery.job_digest import KEY_TAG, OPERATION_TAG, PROJECT_TAG, tag_value

_STARTERS = ("schedule", "trigger", "continuous")
"""What makes a job run by itself; each has a ``pause_status``."""
_PAUSED, _UNPAUSED = "PAUSED", "UNPAUSED"


def tagged(settings: Mapping[str, Any], *, project: str, key: str) -> dict[str, Any]:
    """The settings with the tags by which we find the job again."""
    tags = settings.get("tags")
    own = {PROJECT_TAG: project, KEY_TAG: tag_value(key)}
    return {**settings, "tags": {**(tags if isinstance(tags, Mapping) else {}), **own}}


def untagged(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings without our tags."""
    tags = settings.get("tags")
    if not isinstance(tags, Mapping):
        return dict(settings)
    own = (PROJECT_TAG, KEY_TAG, OPERATION_TAG)
    left = {name: value for name, value in tags.items() if name not in own}
    bare = {name: value for name, value in settings.items() if name != "tags"}
    return {**bare, "tags": left} if left else bare


def paused(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with which a job starts no run by itself."""
    return {
        **settings,
        **{name: {**given, "pause_status": _PAUSED} for name, given in _starters(settings)},
    }


def activated(settings: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """``settings`` with the pause status that ``wanted``, the job as the repository has it, asks
    for; where it names none the job is to run."""
    statuses = {name: given.get("pause_status") for name, given in _starters(wanted)}
    return {
        **settings,
        **{
            name: {**given, "pause_status": statuses[name] or _UNPAUSED}
            for name, given in _starters(settings)
            if name in statuses
        },
    }


def is_to_run(wanted: Mapping[str, Any]) -> bool:
    """Whether the job, once activated, starts runs by itself: a new one is created paused."""
    return any(given.get("pause_status") != _PAUSED for _, given in _starters(wanted))


def _starters(settings: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name in _STARTERS:
        given = settings.get(name)
        if isinstance(given, Mapping):
            yield name, given
