"""What a run on a cluster is asked for, and what it works with. Values alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pytest_dbxgate.execution.outcome import Outcome, RunKey

MOST_LANES = 145
"""Notebooks that can be attached to one cluster at a time [doc]."""


@dataclass(frozen=True, slots=True)
class ClusterPlace:
    """Whose place of a workspace is used. The copy goes beside the root, never into it."""

    root: str
    """The target's root, canonical (see :mod:`pytest_dbxgate.workspace.paths`)."""
    project: str
    user: str
    """Who the token belongs to: only what the same identity left behind is swept."""
    host: str
    base: str = "."
    """The folder of the repository that is published to ``root``."""
    build_url: str = ""
    """Told in the registration, so that a person finds out whose a run is."""


@dataclass(frozen=True, slots=True)
class ClusterWork:
    """One notebook with one set of parameters: a task of the job."""

    key: RunKey
    path: str
    """Its file, one of :attr:`ClusterRequest.files`."""
    digest: str = ""
    """What the file's bytes must be (SHA-256, hex); empty: not compared."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 0.0
    """Seconds for the task; 0: only the run's own."""
    depends_on: Sequence[RunKey] = ()
    """What must have passed before it starts."""


@dataclass(frozen=True, slots=True)
class Compute:
    """What the tasks run on: exactly one of ``new_cluster``, ``existing_cluster_id`` and
    ``serverless``."""

    new_cluster: Mapping[str, Any] | None = None
    """As the Jobs API takes it; all tasks share the one cluster."""
    existing_cluster_id: str = ""
    serverless: bool = False
    instance_pool_id: str = ""
    """Goes into ``new_cluster``, as does ``policy_id``."""
    policy_id: str = ""


@dataclass(frozen=True, slots=True)
class ClusterRequest:
    """One run."""

    id: str
    """Unique, of letters, digits, ``-`` and ``_``, at most 50 characters: it is part of the job's
    name and tag, of the folder's name and of the idempotency token."""
    works: Sequence[ClusterWork]
    files: Mapping[str, bytes]
    """Every file that the notebooks need, by its path in the repository: the notebooks, those
    that they ``%run``, the modules that they import."""
    compute: Compute
    max_parallel: int = 20
    timeout: float = 0.0
    """Seconds from the start of a job to its end, the cluster's start-up included; 0: none."""
    retries: int = 0
    """How often tasks that the platform failed are run again."""


class Progress(NamedTuple):
    """Where a run is."""

    step: str
    """``sweep``, ``upload``, ``job``, ``running``, ``repair``, ``cancel``, ``clean-up``."""
    message: str = ""
    done: int = 0
    total: int = 0
    """How many runs have ended, of how many; 0: there is no count."""
    url: str = ""
    """The page of the job's run."""


def _silent(progress: Progress) -> None:
    """Tell nobody."""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Means:
    """Everything that is not decided by the request alone, so that tests decide it."""

    clock: Callable[[], float] = time.monotonic
    """Seconds that only grow."""
    sleep: Callable[[float], None] = time.sleep
    cancelled: Callable[[], bool] = _never
    """True once the process was asked to stop."""
    tell: Callable[[Progress], None] = _silent
    threads: int = 8
    """For uploads."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a request."""

    outcomes: tuple[Outcome, ...]
    """One for each work, in their order."""
    left: tuple[str, ...] = ()
    """What could not be cleaned up, of this run or of dead ones, each with the job's id and the
    folder; the next run of the same target and identity does."""
    swept: tuple[str, ...] = ()
    """What earlier runs had left, and is gone now."""
