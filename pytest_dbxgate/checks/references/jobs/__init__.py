"""Checks of job files: bundles, jobs of the Jobs API, Data Factory pipelines."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from pytest_dbxgate.checks.references.claim import Claim
from pytest_dbxgate.checks.references.jobs import (
    dependencies,
    limits,
    paths,
    pipelines,
    structure,
    tasks,
)
from pytest_dbxgate.checks.references.jobs.saying import say
from pytest_dbxgate.project.jobs.loading import Jobs
from pytest_dbxgate.project.project import Project


def check(jobs: Jobs, project: Project, files: Collection[str]) -> list[Claim]:
    """What is wrong with the job files ``files``; each thing once, however many targets have it."""
    wanted = frozenset(files)
    found = dict.fromkeys(claim for claim in _all(jobs) if claim.key.path in wanted)
    return sorted(found, key=lambda claim: (claim.key.path, claim.spot, claim.code, claim.message))


def _all(jobs: Jobs) -> Iterator[Claim]:
    for trouble in jobs.troubles:
        yield say(trouble.mark, trouble.code, trouble.message, trouble.hint)
    yield from paths.check(jobs.calls)
    for job in jobs.jobs:
        yield from structure.check(job)
        yield from tasks.check(job)
        yield from dependencies.check(job)
        yield from limits.check(job)
    for pipeline in (jobs.pipelines or {}).values():
        yield from pipelines.check(pipeline)
