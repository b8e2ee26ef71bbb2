"""The Azure packages of the extra ``azure``, imported only when a method needs them."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from pytest_dbxgate.errors import AuthenticationError
from pytest_dbxgate.workspace.credentials import Secret

INSTALL = 'pip install "pytest-dbxgate[azure]"'


class AzureToken(NamedTuple):
    """A token of Entra."""

    secret: Secret
    expires_on: float
    """Seconds since 1970."""


class AzureRefusal(NamedTuple):
    """What a package of Azure raised."""

    words: Secret
    """As text, and not looked through for secrets yet."""


class Azure:
    """Entra and Key Vault, through Microsoft's own packages."""

    def pipelines_token(
        self, scope: str, *, tenant: str, client: str, connection: str, access_token: Secret
    ) -> AzureToken | AzureRefusal:
        """By a service connection of Azure DevOps; needs ``SYSTEM_OIDCREQUESTURI``."""
        identity = _module("azure.identity", "a service connection")
        return _token(
            lambda: identity.AzurePipelinesCredential(
                tenant_id=tenant,
                client_id=client,
                service_connection_id=connection,
                system_access_token=access_token.reveal(),
            ),
            scope,
        )

    def managed_identity_token(self, scope: str, *, client: str) -> AzureToken | AzureRefusal:
        """By the identity of the machine; ``client`` empty: the one it has by itself."""
        identity = _module("azure.identity", "a managed identity")
        chosen = {"client_id": client} if client else {}
        return _token(lambda: identity.ManagedIdentityCredential(**chosen), scope)

    def vault_secret(self, vault: str, name: str, version: str) -> Secret | AzureRefusal:
        """A secret of the Key Vault at the host name ``vault``."""
        identity = _module("azure.identity", "keyvault://")
        secrets = _module("azure.keyvault.secrets", "keyvault://")
        try:
            with (
                _silence(),
                identity.DefaultAzureCredential() as credential,
                secrets.SecretClient(f"https://{vault}", credential) as client,
            ):
                return Secret(client.get_secret(name, version or None).value or "")
        except Exception as error:
            return AzureRefusal(Secret(str(error)))


@contextmanager
def _silence() -> Iterator[None]:
    """What these packages log goes to stderr past everything that redacts; they raise it, too."""
    loggers = [logging.getLogger(name) for name in ("azure", "msal")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _token(make: Any, scope: str) -> AzureToken | AzureRefusal:
    try:
        with _silence(), make() as credential:
            found = credential.get_token(scope)
            return AzureToken(Secret(found.token), float(found.expires_on))
    except Exception as error:
        # Its classes are not to be named here: the package may be any version.
        return AzureRefusal(Secret(str(error)))


def _module(name: str, what: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        pass
    raise AuthenticationError(
        f"{what} needs the package {name.replace('.', '-')}, which is not installed",
        next_step=INSTALL,
    )
