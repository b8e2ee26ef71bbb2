"""Removing what dead runs left: only of the same target and identity, only what is registered.

A registration whose lease has not run out is not touched, by the workspace's own clock. Nothing
is guessed by name: a job is found by the tag that holds the registered run's unique id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pytest_dbxgate.execution.cluster import ending
from pytest_dbxgate.execution.cluster.job import RUN_TAG
from pytest_dbxgate.execution.cluster.registration import (
    OWNER,
    Owner,
    from_bytes,
    runs_folder,
)
from pytest_dbxgate.execution.cluster.request import ClusterPlace
from pytest_dbxgate.workspace import paths
from pytest_dbxgate.workspace.model import (
    NotFoundError,
    ObjectType,
    Workspace,
    WorkspaceError,
)


class Swept(NamedTuple):
    """What came of it, a sentence for each run."""

    removed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    """What could not be removed: that keeps no new run from going on."""


def sweep(workspace: Workspace, place: ClusterPlace, *, sleep: Callable[[float], None]) -> Swept:
    """Remove what is left of dead runs. Raises AuthenticationError alone."""
    base = runs_folder(place)
    removed: list[str] = []
    left: list[str] = []
    try:
        found = [each.path for each in workspace.list(base) if each.type is ObjectType.DIRECTORY]
    except WorkspaceError as error:
        return Swept(left=(f"what earlier runs left cannot be looked for: {error.message}",))
    for folder in found:
        try:
            words = _swept(workspace, place, folder, sleep)
        except (WorkspaceError, ending.RemainsError) as error:
            left.append(f"{paths.shown(folder)} is left of an earlier run: {error.message}")
        else:
            removed += [words] if words else []
    return Swept(tuple(removed), tuple(left))


def _swept(
    workspace: Workspace, place: ClusterPlace, folder: str, sleep: Callable[[float], None]
) -> str:
    """What was removed, in words; empty where nothing was."""
    owner = _owner(workspace, folder)
    if owner is None:
        ending.remove_hollow(workspace, folder)
        return ""
    ours = (place.project, place.root, place.user, paths.name(folder))
    if (owner.project, owner.root, owner.user, owner.id) != ours:
        return ""
    if not owner.is_expired(workspace.server_time()):
        return ""
    # By the tag and not by the ids that are registered: an id may not have been written any more,
    # and anybody who may write into the folder could name a job of others.
    jobs = ending.remove_tagged(workspace, RUN_TAG, owner.id, sleep=sleep)
    ending.remove_folder(workspace, folder)
    named = f" and job {', '.join(map(str, jobs))}" if jobs else ""
    return f"removed {paths.shown(folder)}{named}, left by a run that died"


def _owner(workspace: Workspace, folder: str) -> Owner | None:
    try:
        return from_bytes(workspace.export(f"{folder}/{OWNER}"))
    except NotFoundError:
        return None
