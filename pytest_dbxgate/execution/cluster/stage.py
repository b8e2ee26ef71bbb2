"""What the jobs of a request work with, and what is known of one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pytest_dbxgate.execution.cluster.collecting import Collector
from pytest_dbxgate.execution.cluster.plan import Chunk
from pytest_dbxgate.execution.cluster.registration import Registration
from pytest_dbxgate.execution.cluster.request import ClusterRequest, Means
from pytest_dbxgate.execution.outcome import Outcome
from pytest_dbxgate.notebook.model import Notebook, NotebookKey
from pytest_dbxgate.workspace.model import Workspace


@dataclass(frozen=True, slots=True)
class Stage:
    """What every job of a request works with."""

    workspace: Workspace
    request: ClusterRequest
    project: str
    registration: Registration
    means: Means
    collector: Collector
    places: Mapping[NotebookKey, str]
    """The path in the workspace of each notebook of the copy."""
    notebooks: Callable[[NotebookKey], Notebook | None]
    """What was uploaded, to name its cells."""
    deliver: Callable[[Outcome], None]


@dataclass(slots=True)
class JobRun:
    """A job with its one run, as far as they have come."""

    chunk: Chunk
    operation: str
    """Unique to the creation of this job; also the token that its run is started with."""
    job_id: int = 0
    run_id: int = 0
    url: str = ""
    may_be_there: bool = False
    """Whether the job was, or may have been, created."""
    is_unsettled: bool = False
    """Whether a request is unanswered that may have started something."""
    has_ended: bool = False
    """Whether its run was seen to have ended, and nothing more can come of it."""
