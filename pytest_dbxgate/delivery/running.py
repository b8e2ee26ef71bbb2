"""Jobs that run while something is published may mix old and new: warn, wait or refuse."""

from __future__ import annotations

from pytest_dbxgate.delivery.model import Manifest, OnActiveRuns
from pytest_dbxgate.delivery.places import listed
from pytest_dbxgate.delivery.run import CancelledError, Run
from pytest_dbxgate.errors import RefusedError

ACTIVE = "active-runs"
_POLL = 10.0


def wait_for_runs(run: Run, manifest: Manifest | None) -> None:
    """Do what the target asks for where jobs of ours run. Nothing was changed yet.

    Raises RefusedError ``active-runs``, with ``wait`` after ``runs_wait`` seconds.
    """
    policy = run.target.on_active_runs
    began = run.means.clock()
    names = _running(run, manifest)
    while (
        names and policy is OnActiveRuns.WAIT and run.means.clock() - began < run.target.runs_wait
    ):
        run.tell("runs", f"waiting for runs of {listed(names)}")
        if run.means.cancelled():
            raise CancelledError("the run was asked to stop while it waited for jobs")
        run.pause(_POLL)
        names = _running(run, manifest)
    if names and policy is OnActiveRuns.WARN:
        run.tell("runs", f"these jobs run while their notebooks are published: {listed(names)}")
    elif names:
        raise RefusedError(
            ACTIVE,
            f"these jobs are running: {listed(names)}",
            next_step='wait until they have ended, or set on_active_runs = "warn"',
        )


def _running(run: Run, manifest: Manifest | None) -> list[str]:
    entries = () if manifest is None else manifest.jobs.values()
    return [entry.name for entry in entries if run.workspace.active_runs(entry.job_id)]
