"""From settings and environment to credentials: which method, why, and its token."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from pytest_dbxgate.errors import AuthenticationError, ConfigurationError
from pytest_dbxgate.workspace import hosts, vault
from pytest_dbxgate.workspace.context import (
    SECRET_FIELDS,
    SECRET_VARIABLES,
    AuthSettings,
    Context,
    Tools,
    given,
)
from pytest_dbxgate.workspace.credentials import (
    Credentials,
    OnSecret,
    Secret,
    Shielded,
    Veil,
)
from pytest_dbxgate.workspace.methods import (
    azure_cli,
    azure_devops_oidc,
    local,
    managed_identity,
    pat,
    profile,
    service_connection,
    service_principal,
)

__all__ = ["METHODS", "AuthSettings", "Choice", "choose", "prepare", "resolve"]

METHODS: Mapping[str, Callable[[Context], Credentials]] = {
    pat.NAME: pat.credentials,
    service_principal.NAME: service_principal.credentials,
    azure_cli.NAME: azure_cli.credentials,
    azure_devops_oidc.NAME: azure_devops_oidc.credentials,
    service_connection.NAME: service_connection.credentials,
    managed_identity.NAME: managed_identity.credentials,
    profile.NAME: profile.credentials,
    local.NAME: local.credentials,
}

_AUTH_TYPES = {
    "pat": pat.NAME,
    "oauth-m2m": service_principal.NAME,
    "azure-client-secret": service_principal.NAME,
    "azure-cli": azure_cli.NAME,
    "azure-devops-oidc": azure_devops_oidc.NAME,
    "azure-msi": managed_identity.NAME,
    "databricks-cli": profile.NAME,
}
"""What ``DATABRICKS_AUTH_TYPE`` means in our words."""


class Choice(NamedTuple):
    """A method, and why it was chosen."""

    method: str
    why: str


class Found(NamedTuple):
    """What ``auto`` looks at besides settings and environment."""

    profile: str = ""
    """The profile for the host."""
    azure_cli: bool = False


def resolve(
    auth: AuthSettings,
    host: str,
    environ: Mapping[str, str],
    *,
    on_secret: OnSecret | None = None,
    allowed: Sequence[str] = (),
    tools: Tools | None = None,
) -> Credentials:
    """Credentials for the workspace at ``host``. Their token is fetched when first asked for.

    ``on_secret`` gets every secret before it is used; ``allowed`` are hosts that the command line
    names. Raises :class:`AuthenticationError` where something is missing, and
    :class:`ConfigurationError` where credentials must not go to the host.
    """
    environ = Shielded(environ)
    context = prepare(
        auth, host, environ, on_secret=on_secret, allowed=allowed, tools=tools or Tools()
    )
    return METHODS[_chosen(auth, context).method](context)


def prepare(
    auth: AuthSettings,
    host: str,
    environ: Shielded,
    *,
    on_secret: OnSecret | None,
    allowed: Sequence[str],
    tools: Tools,
) -> Context:
    """Everything a method needs; raises as :func:`resolve`."""
    veil = Veil(on_secret)
    for variable in SECRET_VARIABLES:
        veil.add(given(environ, variable) or Secret(""))
    for name in SECRET_FIELDS & set(auth.credentials):
        if not auth.credentials[name].startswith(vault.SCHEME):
            veil.add(Secret(auth.credentials[name]))
    address = hosts.approved(host, method=auth.method, allowed=allowed, environ=environ)
    choice = _choice(auth, address, environ, tools)
    fields = {
        name: _field(name, value, tools, veil) for name, value in auth.credentials.items() if value
    }
    return Context(address, fields, environ, choice.why, tools, veil)


def _chosen(auth: AuthSettings, context: Context) -> Choice:
    return _choice(auth, context.host, context.environ, context.tools)


def _choice(auth: AuthSettings, host: str, environ: Shielded, tools: Tools) -> Choice:
    known = profile.profiles(tools, environ) if auth.method == "auto" else {}
    found = Found(profile.for_host(known, host), tools.find("az") is not None)
    return choose(auth, environ, found)


def choose(auth: AuthSettings, environ: Mapping[str, str], found: Found = Found()) -> Choice:  # noqa: B008
    """The method to use. Pure. Raises :class:`AuthenticationError` where ``auto`` finds none."""
    if auth.method != "auto":
        if auth.method not in METHODS:
            raise ConfigurationError(
                f"auth is {auth.method!r}", next_step=f"write one of auto, {', '.join(METHODS)}"
            )
        return Choice(auth.method, "the target's settings say so")
    for method, why, applies in _rules(auth.credentials, Shielded(environ), found):
        if applies:
            return Choice(method, why)
    raise AuthenticationError(
        "auth 'auto' found no credential",
        next_step="set DATABRICKS_TOKEN, or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET, or "
        "log in with az login; in Azure Pipelines set DATABRICKS_CLIENT_ID and map "
        "SYSTEM_ACCESSTOKEN; pytest --dbx-doctor shows what was found",
    )


def _rules(
    fields: Mapping[str, str], environ: Shielded, found: Found
) -> Sequence[tuple[str, str, bool]]:
    def is_set(*names: str) -> bool:
        return all(given(environ, name) is not None for name in names)

    client = bool(fields.get("client_id")) or is_set("DATABRICKS_CLIENT_ID")
    wanted = environ.get("DATABRICKS_AUTH_TYPE", "")
    on_agent = is_set(*azure_devops_oidc.AGENT_VARIABLES, azure_devops_oidc.ACCESS_TOKEN)
    connected = is_set(
        "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID",
        service_connection.REQUEST_URI,
        azure_devops_oidc.ACCESS_TOKEN,
    )
    return (
        (pat.NAME, "the target's credentials hold token", bool(fields.get("token"))),
        (
            service_connection.NAME,
            "the target's credentials hold service_connection_id",
            bool(fields.get("service_connection_id")),
        ),
        (
            service_principal.NAME,
            "the target's credentials hold client_secret",
            bool(fields.get("client_secret")),
        ),
        (profile.NAME, "the target's credentials name a profile", bool(fields.get("profile"))),
        (
            _AUTH_TYPES.get(wanted, ""),
            f"DATABRICKS_AUTH_TYPE is {wanted}",
            wanted in _AUTH_TYPES,
        ),
        (pat.NAME, "DATABRICKS_TOKEN is set", is_set("DATABRICKS_TOKEN")),
        (
            service_principal.NAME,
            "DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET are set",
            client and is_set("DATABRICKS_CLIENT_SECRET"),
        ),
        (
            service_principal.NAME,
            "ARM_TENANT_ID, ARM_CLIENT_ID and ARM_CLIENT_SECRET are set",
            is_set("ARM_TENANT_ID", "ARM_CLIENT_ID", "ARM_CLIENT_SECRET"),
        ),
        (
            azure_devops_oidc.NAME,
            "an agent of Azure DevOps, SYSTEM_ACCESSTOKEN and a client id are there",
            client and on_agent,
        ),
        (
            service_connection.NAME,
            "the task runs with a service connection (AZURESUBSCRIPTION_*)",
            connected,
        ),
        (
            managed_identity.NAME,
            "ARM_USE_MSI is true",
            environ.get("ARM_USE_MSI", "").lower() in ("true", "1"),
        ),
        (profile.NAME, "DATABRICKS_CONFIG_PROFILE is set", is_set("DATABRICKS_CONFIG_PROFILE")),
        (
            profile.NAME,
            f"the profile {found.profile!r} is for this host",
            bool(found.profile),
        ),
        (azure_cli.NAME, "the Azure CLI is installed", found.azure_cli),
    )


def _field(name: str, value: str, tools: Tools, veil: Veil) -> Secret:
    reference = vault.parse(value)
    if reference is not None:
        return vault.fetch(reference, tools.azure, veil)
    return veil.add(Secret(value)) if name in SECRET_FIELDS else Secret(value)
