"""The identity of an Azure DevOps pipeline, exchanged for a token: no secret is stored anywhere.

Done here and not by the SDK, which breaks as soon as ``ARM_CLIENT_ID`` is set
(databricks-sdk-py#1125) and asks anew for every request.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote

from pytest_dbxgate.errors import AuthenticationError
from pytest_dbxgate.workspace.context import Context, given, require
from pytest_dbxgate.workspace.credentials import Credentials, Secret, Token, checked
from pytest_dbxgate.workspace.issuers import Question

NAME = "azure-devops-oidc"

AGENT_VARIABLES = (
    "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI",
    "SYSTEM_TEAMPROJECTID",
    "SYSTEM_PLANID",
    "SYSTEM_JOBID",
    "SYSTEM_HOSTTYPE",
)
"""What every agent sets by itself."""

ACCESS_TOKEN = "SYSTEM_ACCESSTOKEN"
"""What a step has to map by hand."""

AUDIENCE = "api://AzureADTokenExchange"
MAP_IT = "give the step env: SYSTEM_ACCESSTOKEN: $(System.AccessToken)"


class Claims(NamedTuple):
    """What the pipeline's token says of itself; no secret."""

    issuer: str
    subject: str
    audience: str


def credentials(context: Context) -> Credentials:
    """``client_id`` (or ``DATABRICKS_CLIENT_ID``), ``SYSTEM_ACCESSTOKEN`` and the agent's own
    variables."""
    client = context.plain("client_id", "DATABRICKS_CLIENT_ID")
    token = given(context.environ, ACCESS_TOKEN) or Secret("")
    require(NAME, {name: given(context.environ, name) for name in AGENT_VARIABLES}, _NO_AGENT)
    require(NAME, {ACCESS_TOKEN: token}, MAP_IT)
    checked(token, NAME)
    require(NAME, {"DATABRICKS_CLIENT_ID": client}, _WHICH_CLIENT)
    return context.credentials(NAME, lambda: _exchanged(context, client))


_NO_AGENT = "these variables are set by an agent of Azure DevOps: run there, or choose another auth"
_WHICH_CLIENT = (
    "set it to the application id of the service principal that has the federation policy"
)


def pipeline_token(context: Context) -> Secret:
    """The token that Azure DevOps gives this job; it lives 10 minutes [doc]."""
    token = given(context.environ, ACCESS_TOKEN) or Secret("")
    question = Question(
        "ask Azure DevOps for the pipeline's token",
        request_address(context.environ),
        {},
        {"Authorization": Secret(f"Bearer {token.reveal()}"), "Content-Type": "application/json"},
        MAP_IT,
    )
    return context.issuers.secret(context.issuers.ask(question, "oidcToken"), "oidcToken")


def request_address(environ: Mapping[str, str]) -> str:
    """Where the job's token is asked for. Raises :class:`AuthenticationError` where it is not
    reached over TLS."""
    uri, project, plan, job, kind = (environ.get(name, "") for name in AGENT_VARIABLES)
    if not uri.startswith("https://"):
        raise AuthenticationError(
            f"SYSTEM_TEAMFOUNDATIONCOLLECTIONURI is {uri!r}: no token is sent without TLS",
            next_step="leave the agent's own variables as they are",
        )
    parts = [quote(part, safe="") for part in (project, kind, plan, job)]
    return (
        "{uri}/{}/_apis/distributedtask/hubs/{}/plans/{}/jobs/{}/oidctoken"
        "?api-version=7.2-preview.1"
    ).format(*parts, uri=uri.rstrip("/"))


def claims(token: Secret) -> Claims | None:
    """What a pipeline's token says; None where it cannot be read."""
    try:
        middle = token.reveal().split(".")[1]
        said = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
        return Claims(str(said["iss"]), str(said["sub"]), str(said["aud"]))
    except (ValueError, IndexError, KeyError, TypeError):
        return None


def _exchanged(context: Context, client: str) -> Token:
    assertion = pipeline_token(context)
    return context.issuers.token(
        Question(
            "exchange the pipeline's token",
            f"{context.host}/oidc/v1/token",
            {
                "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                "subject_token": assertion,
                "client_id": client,
                "scope": "all-apis",
            },
            {},
            _policy(claims(assertion)),
        )
    )


def _policy(said: Claims | None) -> str:
    if said is None:
        return "run pytest --dbx-doctor in the pipeline: it prints the federation policy to create"
    return (
        "the service principal needs a federation policy with "
        f"issuer {said.issuer}, subject {said.subject}, audience {said.audience}"
    )
