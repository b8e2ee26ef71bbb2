"""Where to publish, and how careful to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_dbxgate.delivery.model import OnActiveRuns, OnDrift, Prune


@dataclass(frozen=True, slots=True)
class Target:
    """One place in one workspace that a project publishes to."""

    name: str
    root: str
    """An absolute workspace path, canonical (see ``workspace.paths``)."""
    prune: Prune = Prune.ON
    on_drift: OnDrift = OnDrift.REFUSE
    on_active_runs: OnActiveRuns = OnActiveRuns.WARN
    keep: int = 5
    """How many earlier releases can be restored."""
    variables: Mapping[str, str] = field(default_factory=dict)
    shared: bool = False
    """More than one person works with what stands there."""
    lock_wait: float = 180.0
    """Seconds to wait for a lock that somebody else holds. More than a lease, so that the lock of
    a process that died is waited out."""
    runs_wait: float = 1800.0
    """Seconds to wait for running jobs with ``on_active_runs = "wait"``."""
