"""What a job file says about notebooks. Positions are 1-based and those of the file."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.facts import Argument, Spot


class JobKind(str, Enum):
    """The forms of a job file."""

    JOB = "job"
    BUNDLE = "bundle"
    PIPELINE = "pipeline"
    """A Data Factory pipeline."""


class NotebookTask(NamedTuple):
    """A task that runs a notebook."""

    file: str
    """The job file, relative to the root, with ``/``."""
    job: str
    """What the job is called: its key in a bundle, its name elsewhere."""
    task: str
    """Its ``task_key``, or the name of the activity."""
    target: str | None
    """The notebook's path as written, variables filled in; None where it is not known offline."""
    notebook: NotebookKey | None
    """The notebook in the repository; None where it is not known or not there."""
    arguments: tuple[Argument, ...] | None
    """What the task and its job pass, both with their spots; None where it is not known."""
    spot: Spot
    """Of the notebook's path."""
    shared: frozenset[str] = frozenset()
    """The names of those arguments that the job passes to each of its tasks: one of them is of
    use if any of these reads it. Their spots are the job's."""


class JobFile(NamedTuple):
    """A job file that was read."""

    kind: JobKind
    digest: str
    """SHA-256 of its bytes in hex; empty where they could not be read."""
