"""A profile of ``~/.databrickscfg``, as the Databricks CLI writes it."""

from __future__ import annotations

import configparser
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from pytest_dbxgate.errors import AuthenticationError
from pytest_dbxgate.workspace.context import Context, Tools
from pytest_dbxgate.workspace.credentials import Credentials, Secret, Shielded, Token
from pytest_dbxgate.workspace.methods import azure_cli, pat, service_principal

NAME = "profile"

_FIELDS = {
    "token": "token",
    "client_id": "client_id",
    "client_secret": "client_secret",
    "azure_tenant_id": "tenant_id",
    "azure_client_id": "client_id",
    "azure_client_secret": "client_secret",
}


def credentials(context: Context) -> Credentials:
    """``profile`` (or ``DATABRICKS_CONFIG_PROFILE``), else the one whose host is the target's."""
    known = profiles(context.tools, context.environ)
    name = context.plain("profile", "DATABRICKS_CONFIG_PROFILE") or for_host(known, context.host)
    if not name or name not in known:
        raise AuthenticationError(
            f"auth 'profile': {file(context.environ)} holds no profile "
            + (repr(name) if name else f"for {context.host}"),
            next_step=f"databricks auth login --host {context.host}",
        )
    values = known[name]
    its_host = _name(values.get("host", ""))
    if its_host != _name(context.host):
        raise AuthenticationError(
            f"auth 'profile': the profile {name!r} is for {its_host or 'no host'}, "
            f"not for {context.host}",
            next_step="choose the profile of this workspace; its token is sent nowhere else",
        )
    fields = {field: values.secret(key) for key, field in _FIELDS.items() if values.get(key)}
    # Only what the profile says counts: variables of the environment belong to other methods.
    inner = replace(context, fields=fields, environ=_without_credentials(context.environ))
    return _renamed(_method(values, name)(inner))


def profiles(tools: Tools, environ: Mapping[str, str]) -> dict[str, Shielded]:
    """The profiles there are, by name."""
    text = tools.read(file(environ))
    parser = configparser.ConfigParser(default_section="", interpolation=None)
    try:
        parser.read_string(text.reveal() if text else "")
    except configparser.Error:
        # Its message shows the line, which may hold a token.
        return {}
    return {
        name: Shielded(dict(parser[name])) for name in parser.sections() if name != "__settings__"
    }


def for_host(known: Mapping[str, Mapping[str, str]], host: str) -> str:
    """The only profile for a host; empty where there is none, or more than one."""
    found = [name for name, values in known.items() if _name(values.get("host", "")) == _name(host)]
    return found[0] if len(found) == 1 else ""


def file(environ: Mapping[str, str]) -> Path:
    """Where the profiles are kept."""
    return Path(environ.get("DATABRICKS_CONFIG_FILE") or "~/.databrickscfg")


def _method(values: Shielded, name: str) -> Callable[[Context], Credentials]:
    if values.get("token"):
        return pat.credentials
    if values.get("client_secret") or values.get("azure_client_secret"):
        return service_principal.credentials
    if values.get("auth_type") == "azure-cli":
        return azure_cli.credentials
    return lambda context: _databricks_cli(context, name)


def _databricks_cli(context: Context, name: str) -> Credentials:
    program = context.tools.find("databricks")
    if program is None:
        raise AuthenticationError(
            f"auth 'profile': the profile {name!r} holds no credential, and there is no databricks "
            "on the PATH that could log in",
            next_step="install the Databricks CLI and run databricks auth login",
        )
    command = [program, "auth", "token", "--profile", name, "--output", "json"]

    def fetch() -> Token:
        login = f"databricks auth login --profile {name}"
        answer = azure_cli.told_by(context, command, "access_token", login)
        return Token(context.veil.add(Secret(str(answer["access_token"]))))

    return context.credentials(NAME, fetch)


_CREDENTIALS = ("DATABRICKS_TOKEN", "DATABRICKS_CLIENT_", "ARM_CLIENT_", "ARM_TENANT_ID")


def _without_credentials(environ: Shielded) -> Shielded:
    return Shielded({name: environ[name] for name in environ if not name.startswith(_CREDENTIALS)})


def _renamed(credentials: Credentials) -> Credentials:
    credentials.method = NAME
    return credentials


def _name(host: str) -> str:
    text = host.strip().rstrip("/")
    return (urlsplit(text if "://" in text else f"https://{text}").netloc).lower()
