"""``keyvault://VAULT/SECRET`` as the value of a credential."""

from __future__ import annotations

import re
from typing import NamedTuple

from pytest_dbxgate.errors import AuthenticationError, ConfigurationError
from pytest_dbxgate.workspace import hosts
from pytest_dbxgate.workspace.azure import Azure, AzureRefusal
from pytest_dbxgate.workspace.credentials import Secret, Veil
from pytest_dbxgate.workspace.failures import told

SCHEME = "keyvault://"


class Reference(NamedTuple):
    """Where a secret is kept."""

    host: str
    """``NAME.vault.azure.net``."""
    name: str
    version: str = ""

    def __str__(self) -> str:
        return f"{SCHEME}{self.host.partition('.')[0]}/{self.name}"


_NAME = re.compile("[0-9A-Za-z-]{1,127}")
_VERSION = re.compile("[0-9a-f]{32}")


def parse(value: str) -> Reference | None:
    """The reference that ``value`` is; None where it is none. Raises
    :class:`ConfigurationError` where it is a wrong one."""
    if not value.startswith(SCHEME):
        return None
    vault, _, rest = value.removeprefix(SCHEME).partition("/")
    name, _, version = rest.partition("/")
    if not _NAME.fullmatch(name) or (version and not _VERSION.fullmatch(version)):
        raise ConfigurationError(
            f"{value!r} names no secret of a Key Vault",
            next_step="write keyvault://VAULT/SECRET, or keyvault://VAULT/SECRET/VERSION",
        )
    return Reference(hosts.vault(vault), name, version)


def fetch(reference: Reference, azure: Azure, veil: Veil) -> Secret:
    """The secret. Raises :class:`AuthenticationError` where the vault does not give it."""
    found = azure.vault_secret(reference.host, reference.name, reference.version)
    words = told(veil(found.words)) if isinstance(found, AzureRefusal) else "it is empty"
    if isinstance(found, Secret) and found:
        return veil.add(found)
    raise AuthenticationError(
        f"{reference}: {words}",
        next_step="give the identity the right to get this secret (Key Vault Secrets User), "
        "and check the names of vault and secret",
    )
