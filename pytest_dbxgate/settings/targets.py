"""Where a project is published: ``[tool.dbxgate.targets.NAME]`` as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

LOCAL = "local"
"""The target of the embedded workspace; there without being configured."""

METHODS = (
    "auto",
    "pat",
    "service-principal",
    "azure-cli",
    "azure-devops-oidc",
    "service-connection",
    "managed-identity",
    "profile",
)
"""What ``auth`` may name."""

CREDENTIALS = (
    "token",
    "tenant_id",
    "client_id",
    "client_secret",
    "service_connection_id",
    "profile",
)
"""What ``credentials`` may hold."""

SECRET_CREDENTIALS = frozenset({"token", "client_secret"})
"""Those that no file of a repository may hold in plain text."""


@dataclass(frozen=True, slots=True)
class TargetSettings:
    """One place to publish to."""

    host: str = ""
    """``https://adb-1.2.azuredatabricks.net``, or ``local`` for the embedded workspace; empty:
    what the environment says."""
    root: str = "/Workspace/Users/{user}/{project}"
    """The folder to publish into. ``{user}``, ``{branch}``, ``{project}`` and ``{target}`` are
    filled in."""
    auth: str = "auto"
    credentials: Mapping[str, str] = field(default_factory=dict)
    """Ids, and references to secrets (``keyvault://VAULT/SECRET``); never a secret itself."""
    branches: tuple[str, ...] = ()
    """Patterns of the branches that may be published; empty: all."""
    reasons: tuple[str, ...] = ()
    """The reasons of a build that may publish, in Azure's words; empty: all."""
    shared: bool = False
    """Others use it: no pull request's build and no uncommitted change is published there."""
    requires: str = ""
    """The target on which a package must have been published before."""
    prune: bool = True
    """What left the repository leaves the workspace, too."""
    on_drift: str = "refuse"
    on_active_runs: str = "warn"
    keep: int = 5
    """How many releases can be restored."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """For ``${var.NAME}`` in job files."""
    overrides: tuple[str, ...] = ()
    """The refusals that ``--dbx-override`` may override."""
    allow_run: bool = False
    """``--dbx-run cluster`` and ``connect`` may use its workspace."""
    requires_run: bool = False
    """Only what was run, and green, is published there."""
    compute: Mapping[str, str] = field(default_factory=dict)
    """What notebooks run on: ``serverless = "true"``, an ``existing_cluster_id``, or what a job
    cluster is made of."""
    publisher: str = "dbxgate"
    bundle_target: str = ""
    """The bundle's target, where that is not called as this one."""


def as_values(target: TargetSettings) -> dict[str, Any]:
    """The settings as plain values, for a package."""
    return {
        each.name: list(value) if isinstance(value, tuple) else value
        for each in fields(target)
        for value in (getattr(target, each.name),)
    }


def from_values(values: Mapping[str, Any]) -> TargetSettings:
    """The settings again. Raises ValueError for values that are none."""
    known = {each.name: getattr(TargetSettings(), each.name) for each in fields(TargetSettings)}
    taken: dict[str, Any] = {}
    for name, given in values.items():
        value = tuple(given) if isinstance(given, list) else given
        if name not in known:
            raise ValueError(f"unknown key {name!r}")
        if type(value) is not type(known[name]):
            raise ValueError(f"{name} is {value!r}")
        inner = value.values() if isinstance(value, dict) else value
        if isinstance(value, (tuple, dict)) and not all(isinstance(each, str) for each in inner):
            raise ValueError(f"{name} is {value!r}")
        if value not in ALLOWED.get(name, (value,)) or (isinstance(value, int) and value < 0):
            raise ValueError(f"{name} is {value!r}")
        taken[name] = value
    return TargetSettings(**taken)


ALLOWED: Mapping[str, tuple[str, ...]] = {
    "auth": METHODS,
    "on_drift": ("refuse", "backup"),
    "on_active_runs": ("warn", "wait", "refuse"),
    "publisher": ("dbxgate", "bundle"),
}
"""The values of the keys that take only some."""
