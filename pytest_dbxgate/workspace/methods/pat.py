"""A personal access token."""

from __future__ import annotations

from pytest_dbxgate.workspace.context import Context, require
from pytest_dbxgate.workspace.credentials import Credentials, fixed

NAME = "pat"


def credentials(context: Context) -> Credentials:
    """``token``, or ``DATABRICKS_TOKEN``."""
    token = context.value("token", "DATABRICKS_TOKEN")
    require(NAME, {"DATABRICKS_TOKEN": token})
    return fixed(NAME, context.why, token, veil=context.veil)
