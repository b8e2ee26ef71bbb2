"""A service principal with a secret: of Databricks (OAuth) or of Entra."""

from __future__ import annotations

import base64
from urllib.parse import quote

from pytest_dbxgate.workspace.context import SCOPE, Context, require
from pytest_dbxgate.workspace.credentials import Credentials, Secret, Token
from pytest_dbxgate.workspace.issuers import Question

NAME = "service-principal"

_ENTRA = {
    "databricks.azure.us": "https://login.microsoftonline.us",
    "databricks.azure.cn": "https://login.chinacloudapi.cn",
}
"""Entra of a cloud, by the end of its workspaces' names [sdk: environments]."""


def credentials(context: Context) -> Credentials:
    """Entra's where the settings name a tenant or only ``ARM_*`` is set, else Databricks'."""
    if uses_entra(context):
        return _entra(context)
    client = context.plain("client_id", "DATABRICKS_CLIENT_ID")
    secret = context.value("client_secret", "DATABRICKS_CLIENT_SECRET")
    require(NAME, {"DATABRICKS_CLIENT_ID": client, "DATABRICKS_CLIENT_SECRET": secret})
    return context.credentials(NAME, lambda: _databricks_token(context, client, secret))


def uses_entra(context: Context) -> bool:
    """Whether the secret is one of Entra."""
    if "tenant_id" in context.fields:
        return True
    ours = context.value("client_secret", "DATABRICKS_CLIENT_SECRET")
    return not ours and bool(context.value("", "ARM_CLIENT_SECRET"))


def _databricks_token(context: Context, client: str, secret: Secret) -> Token:
    pair = f"{quote(client, safe='')}:{quote(secret.reveal(), safe='')}"
    basic = context.veil.add(Secret(base64.b64encode(pair.encode()).decode()))
    del pair
    return context.issuers.token(
        Question(
            "log in with the service principal's secret",
            f"{context.host}/oidc/v1/token",
            {"grant_type": "client_credentials", "scope": "all-apis"},
            {"Authorization": Secret(f"Basic {basic.reveal()}")},
            "check the client id and whether its secret has expired; the service principal must "
            "be added to the workspace",
        )
    )


def _entra(context: Context) -> Credentials:
    tenant = context.plain("tenant_id", "ARM_TENANT_ID")
    client = context.plain("client_id", "ARM_CLIENT_ID")
    secret = context.value("client_secret", "ARM_CLIENT_SECRET")
    require(NAME, {"ARM_TENANT_ID": tenant, "ARM_CLIENT_ID": client, "ARM_CLIENT_SECRET": secret})
    return context.credentials(NAME, lambda: _entra_token(context, tenant, client, secret))


def _entra_token(context: Context, tenant: str, client: str, secret: Secret) -> Token:
    return context.issuers.token(
        Question(
            "log in to Entra with the service principal's secret",
            f"{authority(context.host)}/{quote(tenant, safe='')}/oauth2/v2.0/token",
            {
                "grant_type": "client_credentials",
                "client_id": client,
                "client_secret": secret,
                "scope": SCOPE,
            },
            {},
            "check tenant, client id and secret (the secret's value, not its id), and whether it "
            "has expired",
        )
    )


def authority(host: str) -> str:
    """Entra's address for a workspace's cloud."""
    for ending, address in _ENTRA.items():
        if host.endswith(ending):
            return address
    return "https://login.microsoftonline.com"
