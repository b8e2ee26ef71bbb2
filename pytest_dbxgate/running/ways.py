"""The three ways of running, by the name that ``--dbx-run`` gives."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_dbxgate import targets
from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.running import on_this_machine
from pytest_dbxgate.running.batch import Batch, Mode, Way
from pytest_dbxgate.session import Gate
from pytest_dbxgate.settings import Settings
from pytest_dbxgate.targets import Chosen, Surroundings

_REMOTE = "SPARK_REMOTE"
"""Spark's own variable for the address of a Spark Connect server."""


@dataclass(frozen=True, slots=True)
class Where:
    """What the command line and the environment say about the place."""

    target: str | None
    around: Surroundings


def choose(mode: Mode, gate: Gate, where: Where) -> Way:
    """The way to run. Raises :class:`ConfigurationError` for a target that is not there or that
    does not let anybody run notebooks."""
    settings = gate.projects.of("")
    if mode is Mode.LOCAL:
        return on_this_machine.run
    if mode is Mode.CONNECT:
        return _connect(settings, where)
    chosen = _allowed(settings, where, mode)

    def cluster(batch: Batch) -> None:
        from pytest_dbxgate.running import on_cluster

        on_cluster.run(batch, chosen, where.around)

    return cluster


def _connect(settings: Settings, where: Where) -> Way:
    remote = settings.run.remote or where.around.environ.get(_REMOTE, "")
    if remote and where.target is None:
        return lambda batch: on_this_machine.run(batch, remote=remote)
    chosen = _allowed(settings, where, Mode.CONNECT)
    host = targets.host_of(chosen, where.around.environ)

    def connect(batch: Batch) -> None:
        credentials = targets.credentials_of(chosen, host, where.around)
        token = batch.veil.add(credentials.token())
        compute = chosen.settings.compute
        cluster = compute.get("existing_cluster_id", "")
        values = {"host": host, "token": token.reveal()}
        values |= {"cluster_id": cluster} if cluster else {"serverless": "true"}
        on_this_machine.run(batch, connect=values)

    return connect


def _allowed(settings: Settings, where: Where, mode: Mode) -> Chosen:
    chosen = targets.choose(settings.targets, where.target)
    if not chosen.settings.allow_run and not chosen.is_local:
        raise ConfigurationError(
            f"the target {chosen.name} does not allow --dbx-run {mode.value}",
            next_step=f"set allow_run = true in [tool.dbxgate.targets.{chosen.name}], or name "
            "another with --dbx-target",
        )
    if chosen.is_local and mode is Mode.CONNECT:
        raise ConfigurationError(
            "--dbx-run connect: the embedded workspace has no Spark",
            next_step='set remote = "sc://HOST:PORT" in [tool.dbxgate.run] or SPARK_REMOTE, or '
            "name a target with --dbx-target",
        )
    return chosen
