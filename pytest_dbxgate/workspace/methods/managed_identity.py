"""The managed identity of the machine: an agent on an Azure VM."""

from __future__ import annotations

from pytest_dbxgate.workspace.context import SCOPE, Context
from pytest_dbxgate.workspace.credentials import Credentials
from pytest_dbxgate.workspace.methods import entra

NAME = "managed-identity"


def credentials(context: Context) -> Credentials:
    """``client_id`` (or ``ARM_CLIENT_ID``) chooses one that was assigned by a user."""
    client = context.plain("client_id", "ARM_CLIENT_ID")
    return entra.credentials(
        context,
        NAME,
        lambda: context.tools.azure.managed_identity_token(SCOPE, client=client),
        "assign an identity to the machine that this runs on, and add it to the workspace as a "
        "service principal",
    )
