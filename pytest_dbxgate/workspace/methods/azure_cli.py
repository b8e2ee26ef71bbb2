"""Whoever is logged in with ``az login``, or inside the task ``AzureCLI@2``."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any

from pytest_dbxgate import programs
from pytest_dbxgate.errors import AuthenticationError
from pytest_dbxgate.workspace.context import RESOURCE, Context
from pytest_dbxgate.workspace.credentials import Credentials, Secret, Token
from pytest_dbxgate.workspace.failures import told

NAME = "azure-cli"

PASSED_ON = (
    "AZURE_CONFIG_DIR",
    "AZURE_EXTENSION_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
)
"""What a program that logs in needs besides what every program gets."""


def credentials(context: Context) -> Credentials:
    """``tenant_id`` (or ``ARM_TENANT_ID``) chooses among several tenants."""
    program = context.tools.find("az")
    if program is None:
        raise AuthenticationError(
            "auth 'azure-cli' needs the Azure CLI, and there is no az on the PATH",
            next_step="install it, or choose another auth",
        )
    tenant = context.plain("tenant_id", "ARM_TENANT_ID")
    return context.credentials(NAME, lambda: _token(context, program, tenant))


def _token(context: Context, program: str, tenant: str) -> Token:
    command = [program, "account", "get-access-token", "--resource", RESOURCE, "--output", "json"]
    if tenant:
        command += ["--tenant", tenant]
    next_step = "run az login, or run inside the task AzureCLI@2"
    answer = told_by(context, command, "accessToken", next_step)
    expires = answer.get("expires_on")
    secret = context.veil.add(Secret(str(answer["accessToken"])))
    return Token(secret, context.expires(float(expires) if expires else None))


class _Shy(dict[str, Any]):
    """Holds a token, and shows nothing."""

    def __repr__(self) -> str:
        return f"<an answer with {len(self)} fields>"


def told_by(context: Context, command: list[str], field: str, next_step: str) -> dict[str, Any]:
    """The JSON that a program prints, with ``field`` in it; raises
    :class:`AuthenticationError`."""
    environ = programs.environment(context.environ)
    environ |= {key: context.environ[key] for key in PASSED_ON if key in context.environ}
    ran = context.tools.run(command, environ)
    words = ran.err
    if ran.code == 0:
        try:
            answer = _Shy(json.loads(ran.out.reveal()))
        except (ValueError, TypeError):
            answer = _Shy()
        if answer.get(field):
            return answer
        words = Secret(f"it printed no {field}")
    name = PurePath(command[0]).stem
    raise AuthenticationError(f"{name}: {told(context.veil(words))}", next_step=next_step)
