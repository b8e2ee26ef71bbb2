"""A service connection of Azure DevOps with workload identity federation."""

from __future__ import annotations

from pytest_dbxgate.workspace.context import SCOPE, Context, given, require
from pytest_dbxgate.workspace.credentials import Credentials, Secret
from pytest_dbxgate.workspace.methods import entra
from pytest_dbxgate.workspace.methods.azure_devops_oidc import ACCESS_TOKEN, MAP_IT

NAME = "service-connection"
REQUEST_URI = "SYSTEM_OIDCREQUESTURI"


def credentials(context: Context) -> Credentials:
    """``tenant_id``, ``client_id`` and ``service_connection_id``, or what the tasks of Azure set:
    ``AZURESUBSCRIPTION_*``."""
    tenant = context.plain("tenant_id", "AZURESUBSCRIPTION_TENANT_ID", "ARM_TENANT_ID")
    client = context.plain("client_id", "AZURESUBSCRIPTION_CLIENT_ID", "ARM_CLIENT_ID")
    connection = context.plain("service_connection_id", "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID")
    token = given(context.environ, ACCESS_TOKEN) or Secret("")
    require(NAME, {ACCESS_TOKEN: token}, MAP_IT)
    require(
        NAME,
        {
            "tenant_id": tenant,
            "client_id": client,
            "service_connection_id": connection,
            REQUEST_URI: given(context.environ, REQUEST_URI),
        },
        "run inside a task that takes the service connection (azureSubscription), such as "
        "AzureCLI@2, or write the three ids into the target's credentials",
    )

    return entra.credentials(
        context,
        NAME,
        lambda: context.tools.azure.pipelines_token(
            SCOPE, tenant=tenant, client=client, connection=connection, access_token=token
        ),
        "check that the pipeline may use the service connection, and that its identity is a "
        "service principal of the workspace",
    )
