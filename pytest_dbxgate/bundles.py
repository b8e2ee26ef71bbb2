"""Publishing by a bundle: the Databricks CLI deploys what the gate has found green."""

from __future__ import annotations

from dataclasses import replace

from pytest_dbxgate.contents import gather
from pytest_dbxgate.delivery import bundle_host, bundle_plan
from pytest_dbxgate.delivery.bundle import open_bundle
from pytest_dbxgate.delivery.bundle_cli import Access
from pytest_dbxgate.delivery.published import Mode, Published
from pytest_dbxgate.errors import ConfigurationError, RefusedError
from pytest_dbxgate.reporting.text import clean
from pytest_dbxgate.secrets.redact import redact
from pytest_dbxgate.session import Gate
from pytest_dbxgate.targets import Chosen, Surroundings, credentials_of, host_of

BUNDLE = "bundle"
"""The value of ``publisher``."""


def by_itself(chosen: Chosen) -> None:
    """Raise :class:`ConfigurationError` where a bundle publishes: it keeps no releases of ours."""
    if chosen.settings.publisher == BUNDLE:
        raise ConfigurationError(
            f"the target {chosen.name} is published by a bundle, which keeps nothing to heal, "
            "unlock or roll back, and takes no package",
            next_step="use the Databricks CLI for it, or deploy an earlier commit",
        )


def publish(
    gate: Gate, result: Published, chosen: Chosen, around: Surroundings, *, digests: object
) -> Published:
    """Plan, and deploy unless something is refused. ``digests`` are those of what was checked.

    Raises a :class:`~pytest_dbxgate.errors.GateError`.
    """
    goal = chosen.settings.bundle_target or chosen.name
    host = bundle_host.host(gate.root, goal) or host_of(chosen, around.environ)
    credentials = credentials_of(chosen, host, around)
    bundle = open_bundle(
        gate.root,
        chosen.name,
        chosen.settings,
        Access(host, lambda: credentials.token().reveal()),
        around.environ,
        _shown,
    )
    plan = bundle.plan()
    result = replace(
        result, host=host, notes=bundle_plan.lines(plan, title=f"bundle plan for {chosen.name}")
    )
    if result.mode is Mode.PLAN or result.refusals:
        return result
    if gather(gate).digests() != digests:
        raise RefusedError(
            "changed-since-check",
            "a notebook or a job file changed between check and upload",
            next_step="run again, and let nothing write to the repository meanwhile",
        )
    told = bundle.deploy(plan, overridden=result.overridden)
    done = f"the bundle was deployed to {chosen.name} ({host})"
    return replace(result, notes=(*result.notes, *told.splitlines(), done))


def _shown(text: str) -> str:
    return clean(redact(text), newline="\n")
