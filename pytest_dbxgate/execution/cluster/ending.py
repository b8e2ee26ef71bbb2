"""Removing what a run leaves: its run cancelled, then its job, then its folder. In this order.

The copy goes before the registration, so that whatever stops half-way is found by the next sweep.
"""

from __future__ import annotations

from collections.abc import Callable

from pytest_dbxgate.errors import PlatformError
from pytest_dbxgate.execution.cluster.registration import FILES, FOLDER
from pytest_dbxgate.workspace import paths
from pytest_dbxgate.workspace.jobs import LATE
from pytest_dbxgate.workspace.model import ObjectType, Workspace, WorkspaceError

PATIENCE = 180.0
"""Seconds that a run gets to end after it was cancelled."""

_STEPS = (1.0, 2.0, 5.0)
_READS = 2
"""Empty answers in a row after which no run is active: one may be of before the last change."""
_MOST_LOOKS = 3

Sleep = Callable[[float], None]


class RemainsError(PlatformError):
    """Something cannot be removed."""


def remove_job(
    workspace: Workspace,
    job_id: int,
    *,
    sleep: Sleep,
    run_id: int = 0,
    is_unsettled: bool = False,
) -> None:
    """Cancel what runs of a job, wait until it has ended, delete the job.

    ``run_id``: a run that is known, cancelled first of all. ``is_unsettled``: a request to start
    one may still be on its way. Raises what the workspace raises, and :class:`RemainsError`.
    """
    if run_id:
        workspace.cancel_run(run_id)
    if is_unsettled:
        sleep(LATE)
    _stop(workspace, job_id, sleep)
    workspace.delete_job(job_id)


def remove_tagged(workspace: Workspace, tag: str, value: str, *, sleep: Sleep) -> list[int]:
    """Remove all jobs that carry a tag that is unique to a run or to a creation; their ids."""
    found = [job.job_id for job in workspace.jobs_tagged(tag, value)]
    for job_id in found:
        remove_job(workspace, job_id, sleep=sleep)
    return found


def remove_folder(workspace: Workspace, folder: str) -> None:
    """Delete the folder of a run, its registration last; then the folders above it that are ours
    and empty."""
    workspace.delete(f"{folder}/{FILES}", recursive=True)
    for _ in range(_MOST_LOOKS):
        workspace.delete(folder, recursive=True)
        if workspace.status(folder) is None:
            break
    else:
        raise RemainsError(f"{paths.shown(folder)} is still there after it was deleted")
    tidy(workspace, paths.parent(folder))


def tidy(workspace: Workspace, folder: str) -> None:
    """Delete the folder of a project's runs and the one above it where they are empty."""
    for each in (folder, paths.parent(folder)):
        if paths.name(each) != FOLDER and paths.name(paths.parent(each)) != FOLDER:
            return
        try:
            workspace.delete(each)
        except WorkspaceError:
            # Not empty: another run has begun, or has left something.
            return


def remove_hollow(workspace: Workspace, folder: str) -> bool:
    """Delete a folder in which there are folders alone; whether it was one. Nothing of content
    is ever deleted: each goes only while it is empty."""
    inside = workspace.list(folder)
    if any(each.type is not ObjectType.DIRECTORY for each in inside):
        return False
    for each in inside:
        if not remove_hollow(workspace, each.path):
            return False
    try:
        workspace.delete(folder)
    except WorkspaceError:
        return False
    return True


def _stop(workspace: Workspace, job_id: int, sleep: Sleep) -> None:
    waited, empty, step = 0.0, 0, 0
    while True:
        active = workspace.active_run_ids(job_id)
        empty = 0 if active else empty + 1
        if empty >= _READS:
            return
        if active:
            if waited >= PATIENCE:
                raise RemainsError(
                    f"run {active[0]} of job {job_id} was cancelled and has not ended"
                )
            for run_id in active:
                workspace.cancel_run(run_id)
            pause = _STEPS[min(step, len(_STEPS) - 1)]
            sleep(pause)
            waited += pause
            step += 1
