"""What each method of authentication needs, and what of it is there. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pytest_dbxgate.workspace.context import AuthSettings, given
from pytest_dbxgate.workspace.methods.azure_devops_oidc import ACCESS_TOKEN, AGENT_VARIABLES
from pytest_dbxgate.workspace.methods.service_connection import REQUEST_URI


class Need(NamedTuple):
    """A value that a method needs: from a field of the settings, or from any of the variables."""

    field: str
    variables: tuple[str, ...]

    def is_met(self, auth: AuthSettings, environ: Mapping[str, str]) -> bool:
        """Whether there is a value."""
        by_variable = any(given(environ, name) is not None for name in self.variables)
        return bool(auth.credentials.get(self.field)) or by_variable

    def __str__(self) -> str:
        return " or ".join((*self.variables, *((f"credentials.{self.field}",) * bool(self.field))))


_DATABRICKS = (
    Need("client_id", ("DATABRICKS_CLIENT_ID",)),
    Need("client_secret", ("DATABRICKS_CLIENT_SECRET",)),
)
_ENTRA = (
    Need("tenant_id", ("ARM_TENANT_ID",)),
    Need("client_id", ("ARM_CLIENT_ID",)),
    Need("client_secret", ("ARM_CLIENT_SECRET",)),
)
_NEEDS: Mapping[str, Sequence[Need]] = {
    "pat": (Need("token", ("DATABRICKS_TOKEN",)),),
    "local": (Need("token", ()),),
    "azure-devops-oidc": (
        Need("client_id", ("DATABRICKS_CLIENT_ID",)),
        *(Need("", (name,)) for name in (ACCESS_TOKEN, *AGENT_VARIABLES)),
    ),
    "service-connection": (
        Need("tenant_id", ("AZURESUBSCRIPTION_TENANT_ID", "ARM_TENANT_ID")),
        Need("client_id", ("AZURESUBSCRIPTION_CLIENT_ID", "ARM_CLIENT_ID")),
        Need("service_connection_id", ("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID",)),
        *(Need("", (name,)) for name in (ACCESS_TOKEN, REQUEST_URI)),
    ),
}


def missing(method: str, auth: AuthSettings, environ: Mapping[str, str]) -> list[Need]:
    """What ``method`` needs and does not find."""
    needs = _NEEDS.get(method, ())
    if method == "service-principal":
        ours = _DATABRICKS[1].is_met(auth, environ)
        arm = given(environ, "ARM_CLIENT_SECRET") is not None
        needs = _ENTRA if "tenant_id" in auth.credentials or (arm and not ours) else _DATABRICKS
    return [need for need in needs if not need.is_met(auth, environ)]


def unfilled(environ: Mapping[str, str]) -> list[str]:
    """Variables of credentials that the pipeline left as ``$(NAME)``: there is no such variable,
    or it is a secret one that the step does not map."""
    prefixes = ("DATABRICKS_", "ARM_", "AZURESUBSCRIPTION_", "SYSTEM_ACCESSTOKEN")
    return sorted(
        name
        for name, value in environ.items()
        if name.startswith(prefixes) and value.strip().startswith("$(")
    )
