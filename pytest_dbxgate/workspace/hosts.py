"""Where credentials may go: over TLS to Databricks' Azure host names, and nowhere else unasked.

A file of a repository names a host, and whoever opens a pull request writes that file: other
hosts count only where the command line or a variable of the pipeline allows them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from pytest_dbxgate.errors import ConfigurationError

ALLOWED_VARIABLE = "DBXGATE_ALLOWED_HOSTS"
"""Further host names, separated by commas or spaces; to be set by the pipeline."""

LOCAL_METHOD = "local"
"""The method of the embedded workspace: its own token, on loopback."""

_DATABRICKS = re.compile(
    r"(adb-\d{1,20}\.\d{1,3}|[a-z]{2,30}\d?)"
    r"\.(azuredatabricks\.net|databricks\.azure\.us|databricks\.azure\.cn)"
)
"""Workspaces' own addresses and the old ones by region, of the public cloud, the US government's
and China's [sdk: environments]."""

_VAULT = re.compile(
    r"[a-z][a-z0-9-]{1,22}[a-z0-9]\.vault\.(azure\.net|usgovcloudapi\.net|azure\.cn)"
)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def approved(
    host: str,
    *,
    method: str,
    allowed: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> str:
    """The address ``https://NAME`` to which credentials by ``method`` may go.

    ``allowed``: host names from the command line; ``environ``: the variables of the pipeline.
    Raises :class:`ConfigurationError`.
    """
    scheme, name, port = _parts(host)
    if method == LOCAL_METHOD:
        if name not in _LOOPBACK:
            raise ConfigurationError(
                f"{host!r} is no embedded workspace: its token goes to this machine only",
                next_step="choose another target, or another auth than 'local'",
            )
        return f"{scheme}://{name if name != '::1' else '[::1]'}{port}"
    if scheme != "https":
        raise ConfigurationError(
            f"{host!r} is not reached over TLS: no credential is sent there",
            next_step=f"write https://{name}",
        )
    more = {_parts(one)[1:] for one in _more(allowed, environ)}
    if not (_DATABRICKS.fullmatch(name) and not port) and (name, port) not in more:
        raise ConfigurationError(
            f"{name + port!r} is none of Databricks' Azure host names: no credential is sent there",
            next_step="write the workspace's own address, https://adb-<number>.<number>."
            "azuredatabricks.net; if you trust this host, pass "
            f"--dbx-allow-host {name + port}, or let the pipeline set {ALLOWED_VARIABLE}",
        )
    return f"https://{name}{port}"


def vault(name: str) -> str:
    """The host name of a Key Vault from its own name or host name; raises
    :class:`ConfigurationError` for anything else."""
    low = name.lower()
    host = low if "." in low else f"{low}.vault.azure.net"
    if not _VAULT.fullmatch(host):
        raise ConfigurationError(
            f"{name!r} is no name of a Key Vault",
            next_step="write keyvault://VAULT/SECRET, with the name that stands before "
            ".vault.azure.net",
        )
    return host


def _more(allowed: Sequence[str], environ: Mapping[str, str] | None) -> list[str]:
    variable = (os.environ if environ is None else environ).get(ALLOWED_VARIABLE, "")
    return [one for one in (*allowed, *re.split(r"[,;\s]+", variable)) if one]


def _parts(host: str) -> tuple[str, str, str]:
    text = host.strip().rstrip("/")
    try:
        split = urlsplit(text if "://" in text else f"https://{text}")
        port = split.port
    except ValueError:
        split, port = urlsplit(""), None
    plain = not (split.path or split.query or split.fragment or split.username is not None)
    if split.scheme not in ("http", "https") or not split.hostname or not plain:
        raise ConfigurationError(
            f"{host.rpartition('@')[2]!r} is no host of a workspace",
            next_step="write https://adb-<number>.<number>.azuredatabricks.net, with nothing "
            "behind it",
        )
    shown = "" if port is None or (split.scheme, port) == ("https", 443) else f":{port}"
    return split.scheme, split.hostname.rstrip("."), shown
