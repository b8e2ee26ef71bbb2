"""Creating a job and starting its run, each once, whatever becomes of the answers."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_dbxgate.errors import PlatformError
from pytest_dbxgate.execution.cluster import job as jobs
from pytest_dbxgate.execution.cluster.pacing import pause
from pytest_dbxgate.execution.cluster.request import Progress
from pytest_dbxgate.execution.cluster.stage import JobRun, Stage
from pytest_dbxgate.workspace import paths
from pytest_dbxgate.workspace.jobs import LATE, OPERATION_TAG
from pytest_dbxgate.workspace.model import UnavailableError

_LOOKS = 4


def create(stage: Stage, made: JobRun) -> None:
    """Create the job. It is registered by its operation before, by its id after."""
    stage.means.tell(Progress("job", f"{len(made.chunk.tasks)} notebooks"))
    places = {
        task.key: paths.shown(stage.places[task.work.key.notebook]) for task in made.chunk.tasks
    }
    settings = jobs.settings(stage.request, made.chunk, places, project=stage.project)
    stage.registration.operation(made.operation)
    pause(stage.means, 0)
    made.may_be_there = True
    made.job_id = stage.workspace.create_job(settings, operation=made.operation)
    stage.registration.job(made.operation, made.job_id)
    _check(stage, made)


def start(stage: Stage, made: JobRun) -> None:
    """Start the run."""
    pause(stage.means, 0)
    made.is_unsettled = True
    try:
        made.run_id = stage.workspace.run_now(made.job_id, token=made.operation)
    except UnavailableError as error:
        if not error.maybe_done:
            raise
        # The job is ours alone, and so is every run of it.
        stage.means.sleep(LATE)
        found = stage.workspace.active_run_ids(made.job_id)
        if len(found) != 1:
            raise
        made.run_id = found[0]
    made.is_unsettled = False


def _check(stage: Stage, made: JobRun) -> None:
    """Whether the job that the id names is ours."""
    for attempt in range(_LOOKS):
        found = stage.workspace.job(made.job_id)
        tags = found.settings.get("tags") if found else None
        if isinstance(tags, Mapping) and tags.get(OPERATION_TAG) == made.operation:
            return
        stage.means.sleep(1.0 + attempt)
    raise PlatformError(
        f"job {made.job_id}: the workspace does not tell the job that it was sent",
        next_step="run again; see whether somebody edits it or deletes it",
    )
