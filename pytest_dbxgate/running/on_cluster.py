"""Running a batch as one job on one cluster of a target's workspace."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from typing import Any

from pytest_dbxgate import contents, targets
from pytest_dbxgate.delivery import origin as origins
from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.execution.cluster.request import (
    ClusterPlace,
    ClusterRequest,
    ClusterWork,
    Compute,
    Means,
    Progress,
)
from pytest_dbxgate.execution.cluster.run import run_on_cluster
from pytest_dbxgate.execution.outcome import Outcome
from pytest_dbxgate.running.batch import Batch, closure_of
from pytest_dbxgate.running.plan import judged
from pytest_dbxgate.running.secrets import by_project
from pytest_dbxgate.targets import Chosen, Surroundings
from pytest_dbxgate.workspace.credentials import Secret

_NEW = ("spark_version", "node_type_id", "num_workers")
_INTO = ("instance_pool_id", "policy_id")


def run(batch: Batch, chosen: Chosen, around: Surroundings) -> None:
    """Run a batch in the workspace of a target.

    Raises a :class:`~pytest_dbxgate.errors.GateError` where the workspace cannot be reached, and
    where something cannot be put into a job.
    """
    gate = batch.gate
    settings = gate.projects.of("")
    origin = origins.origin(around.environ, origins.asking(gate.root))
    project = targets.project_of(settings.project, origin, gate.root)
    request = ClusterRequest(
        id=time.strftime("%Y%m%dT%H%M%SZ-", time.gmtime()) + secrets.token_hex(4),
        works=list(_works(batch)),
        files=_files(batch),
        compute=compute_of(chosen),
        max_parallel=settings.run.max_parallel,
        timeout=float(settings.run.cluster_timeout),
        retries=max(planned.retries for planned in batch.planned.values()),
    )

    def tell(progress: Progress) -> None:
        batch.tell(" ".join(filter(None, (progress.step, progress.message, progress.url))))

    def done(outcome: Outcome) -> None:
        batch.done(judged(outcome, batch.planned[outcome.key]))

    given: dict[str, Secret] = {}
    if chosen.is_local:
        # A workspace of this machine knows what notebooks of this machine do.
        for found in by_project(batch).values():
            given |= found
    with targets.opened(chosen, around, project=project, origin=origin, secrets=given) as opened:
        place = ClusterPlace(
            opened.target.root,
            project,
            opened.user,
            opened.workspace.host,
            build_url=origin.build_url,
        )
        means = Means(cancelled=batch.cancelled, tell=tell)
        ran = run_on_cluster(opened.workspace, place, request, means, done)
    for words in ran.swept:
        batch.tell(f"swept away: {words}")
    for words in ran.left:
        batch.tell(f"left behind: {words}")


def compute_of(chosen: Chosen) -> Compute:
    """What the target's notebooks run on. Raises :class:`ConfigurationError`."""
    given = dict(chosen.settings.compute)
    where = f"targets.{chosen.name}.compute"
    serverless = given.pop("serverless", "" if given else "true")
    if serverless not in ("", "true", "false"):
        raise ConfigurationError(
            f"{where}.serverless is {serverless!r}", next_step='write "true", or leave it out'
        )
    existing = given.pop("existing_cluster_id", "")
    into = {name: given.pop(name, "") for name in _INTO}
    cluster: dict[str, Any] = {name: given[name] for name in _NEW if name in given}
    if "num_workers" in cluster:
        if not str(cluster["num_workers"]).isdigit():
            raise ConfigurationError(
                f"{where}.num_workers is {cluster['num_workers']!r}",
                next_step='write a whole number, such as "2"',
            )
        cluster["num_workers"] = int(cluster["num_workers"])
    is_new = bool(cluster or any(into.values()))
    return Compute(
        cluster if is_new else None,
        existing_cluster_id=existing,
        serverless=serverless == "true",
        **into,
    )


def _works(batch: Batch) -> Iterator[ClusterWork]:
    for key, planned in batch.planned.items():
        yield ClusterWork(
            key,
            key.notebook.path,
            digest=batch.digests.get(key.notebook, ""),
            parameters=planned.parameters,
            timeout=float(planned.timeout),
            depends_on=planned.needs,
        )


def _files(batch: Batch) -> dict[str, bytes]:
    """The notebooks, those that they run, and the modules that all of them import."""
    gate = batch.gate
    keys = {each for run in batch.planned for each in closure_of(gate, run.notebook)}
    modules = contents.imported(gate.survey().subject.graph, keys)
    return contents.read(gate.root, sorted({key.path for key in keys} | modules))
