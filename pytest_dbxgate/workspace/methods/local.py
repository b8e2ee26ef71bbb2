"""The token of the embedded workspace."""

from __future__ import annotations

from pytest_dbxgate.workspace.context import Context, require
from pytest_dbxgate.workspace.credentials import Credentials, fixed

NAME = "local"


def credentials(context: Context) -> Credentials:
    """``token``, as the embedded workspace was started with; never one of the environment."""
    token = context.value("token")
    require(NAME, {"the embedded workspace's token": token}, "start the embedded workspace")
    return fixed(NAME, context.why, token, veil=context.veil)
