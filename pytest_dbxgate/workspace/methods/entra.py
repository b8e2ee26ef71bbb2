"""Tokens of Entra that Microsoft's own package gets."""

from __future__ import annotations

from collections.abc import Callable

from pytest_dbxgate.errors import AuthenticationError
from pytest_dbxgate.workspace.azure import AzureRefusal, AzureToken
from pytest_dbxgate.workspace.context import Context
from pytest_dbxgate.workspace.credentials import Credentials, Token
from pytest_dbxgate.workspace.failures import told


def credentials(
    context: Context, method: str, ask: Callable[[], AzureToken | AzureRefusal], next_step: str
) -> Credentials:
    """Credentials by ``ask``; ``next_step`` is for the case that Entra refuses."""

    def fetch() -> Token:
        found = ask()
        if isinstance(found, AzureRefusal):
            words = told(context.veil(found.words))
            raise AuthenticationError(f"auth {method!r}: {words}", next_step=next_step)
        return Token(context.veil.add(found.secret), context.expires(found.expires_on))

    return context.credentials(method, fetch)
