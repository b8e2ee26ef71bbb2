"""What the doctor says, to the letter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_dbxgate.emulator.server import Running, start
from pytest_dbxgate.workspace.client import Client
from pytest_dbxgate.workspace.context import AuthSettings, Tools
from pytest_dbxgate.workspace.credentials import Credentials
from pytest_dbxgate.workspace.doctor import (
    Check,
    Probe,
    State,
    Step,
    diagnose,
    organisation,
    render,
)
from pytest_dbxgate.workspace.methods.azure_devops_oidc import Claims
from pytest_dbxgate.workspace.model import Workspace
from pytest_dbxgate.workspace.needs import missing
from pytest_dbxgate.workspace.probing import examine
from pytest_dbxgate.workspace.retry import Times
from pytest_dbxgate.workspace.transport import SdkTransport
from token_issuer import Asked, jwt, serving

HOST = "https://adb-1.2.azuredatabricks.net"
CANARY = "canary-1234567890"
PIPELINE = {
    "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI": "https://dev.azure.com/contoso/",
    "SYSTEM_COLLECTIONURI": "https://dev.azure.com/contoso/",
    "SYSTEM_COLLECTIONID": "0f0f-1",
    "SYSTEM_TEAMPROJECTID": "p-id",
    "SYSTEM_TEAMPROJECT": "data",
    "BUILD_DEFINITIONNAME": "nightly",
    "SYSTEM_PLANID": "plan",
    "SYSTEM_JOBID": "job",
    "SYSTEM_HOSTTYPE": "build",
    "SYSTEM_ACCESSTOKEN": CANARY,
    "DATABRICKS_CLIENT_ID": "app-id",
}
TIMES = Times(lambda seconds: None, lambda: 0.0, lambda: 0.5)
NOBODY = Tools(times=TIMES, find=lambda name: None, read=lambda file: None)


def test_a_token_and_a_good_workspace() -> None:
    probe = Probe(
        Step("there is one"),
        Step("me@example.com"),
        Step("/Workspace/Users/me holds 3 objects"),
        Step("a scratch file in /Workspace/Users/me was written, read back and deleted"),
    )
    checks = diagnose(AuthSettings(), HOST, {"DATABRICKS_TOKEN": CANARY}, probe=probe)
    assert render(checks, "target dev") == (
        "target dev\n"
        "  ok  host        https://adb-1.2.azuredatabricks.net\n"
        "  ok  method      pat: DATABRICKS_TOKEN is set\n"
        "  ok  token       there is one\n"
        "  ok  identity    me@example.com\n"
        "  ok  list root   /Workspace/Users/me holds 3 objects\n"
        "  ok  write root  a scratch file in /Workspace/Users/me was written, read back and "
        "deleted\n"
        "nothing failed\n"
    )


def test_a_pipeline_with_everything_wrong() -> None:
    environ = {
        **PIPELINE,
        "SYSTEM_ACCESSTOKEN": "$(System.AccessToken)",
        "ARM_CLIENT_ID": "other",
        "DATABRICKS_TOKEN": CANARY,
    }
    auth = AuthSettings("azure-devops-oidc")
    refused = Step(error="needs SYSTEM_ACCESSTOKEN", next_step="map it")
    checks = diagnose(auth, "https://evil.example", environ, probe=Probe(token=refused))
    assert render(checks, "target prod") == (
        "target prod\n"
        "  failed       host        'evil.example' is none of Databricks' Azure host names: no "
        "credential is sent there\n"
        "                           next: write the workspace's own address, "
        "https://adb-<number>.<number>.azuredatabricks.net; if you trust this host, pass "
        "--dbx-allow-host evil.example, or let the pipeline set DBXGATE_ALLOWED_HOSTS\n"
        "  ok           method      azure-devops-oidc: the target's settings say so\n"
        "  warning      unfilled    SYSTEM_ACCESSTOKEN is still a $(...) of the pipeline, and "
        "counts as missing\n"
        "                           next: define that variable, or map the secret one in the "
        "step's env\n"
        "  failed       missing     SYSTEM_ACCESSTOKEN\n"
        "                           next: give the step env: SYSTEM_ACCESSTOKEN: "
        "$(System.AccessToken)\n"
        "  warning      unused      also there and not used: DATABRICKS_TOKEN (pat)\n"
        "                           next: take out what is not needed, or name the method: "
        'auth = "azure-devops-oidc" in the target\'s settings\n'
        "  warning      conflict    ARM_CLIENT_ID is set beside azure-devops-oidc: ignored here, "
        "but the Databricks SDK and what uses it fail with it (databricks-sdk-py#1125)\n"
        "                           next: unset ARM_CLIENT_ID in steps that also call the SDK\n"
        "  note         federation  the service principal needs this policy (as far as the "
        "variables tell; the pipeline's own token decides):\n"
        "                           databricks account service-principal-federation-policy "
        "create <id of the service principal> --json "
        '\'{"oidc_policy": {"issuer": "https://vstoken.dev.azure.com/0f0f-1", "audiences": '
        '["api://AzureADTokenExchange"], "subject": "p://contoso/data/nightly"}}\'\n'
        "                           the subject names the pipeline, not a branch: whoever can "
        "run it, a pull request included, gets this identity\n"
        "  failed       token       needs SYSTEM_ACCESSTOKEN\n"
        "                           next: map it\n"
        "  not checked  identity\n"
        "  not checked  list root\n"
        "  not checked  write root\n"
        "3 of 11 failed\n"
    )


def test_the_pipelines_own_token_decides_the_policy() -> None:
    said = Claims("https://vstoken.dev.azure.com/9", "p://a/b/c", "api://X")
    checks = diagnose(AuthSettings("azure-devops-oidc"), HOST, PIPELINE, probe=Probe(claims=said))
    (policy,) = [check.text for check in checks if check.name == "federation"]
    assert "(as the pipeline's own token says)" in policy
    assert '"issuer": "https://vstoken.dev.azure.com/9"' in policy
    assert '"audiences": ["api://X"], "subject": "p://a/b/c"' in policy


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("https://dev.azure.com/contoso/", "contoso"),
        ("https://contoso.visualstudio.com/", "contoso"),
        ("", ""),
        ("https://[", ""),
    ],
)
def test_the_organisation(uri: str, name: str) -> None:
    assert organisation(uri) == name


@pytest.mark.parametrize(
    ("method", "environ", "texts"),
    [
        ("pat", {}, ["DATABRICKS_TOKEN or credentials.token"]),
        (
            "service-principal",
            {"ARM_CLIENT_SECRET": "x"},
            [
                "ARM_TENANT_ID or credentials.tenant_id",
                "ARM_CLIENT_ID or credentials.client_id",
            ],
        ),
        (
            "service-principal",
            {"DATABRICKS_CLIENT_SECRET": "x"},
            ["DATABRICKS_CLIENT_ID or credentials.client_id"],
        ),
        (
            "azure-devops-oidc",
            {name: value for name, value in PIPELINE.items() if name != "SYSTEM_PLANID"},
            ["SYSTEM_PLANID"],
        ),
        ("azure-cli", {}, []),
    ],
)
def test_what_is_missing(method: str, environ: dict[str, str], texts: list[str]) -> None:
    assert [str(need) for need in missing(method, AuthSettings(method), environ)] == texts


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with start(tmp_path) as running:
        yield running


def connect(host: str, credentials: Credentials) -> Workspace:
    return Client(host, credentials, SdkTransport(host, "test"), times=TIMES)


def examined(running: Running, **token: str) -> dict[str, Check]:
    auth = AuthSettings("local", {"token": running.token, **token})
    checks = examine(
        auth,
        running.host,
        {},
        root=lambda user: f"/Users/{user}/a/b",
        connect=connect,
        unique="1",
        tools=NOBODY,
    )
    return {check.name: check for check in checks}


def test_a_workspace_is_tried_out(running: Running) -> None:
    before = running.dump()
    checks = examined(running)
    user = "developer@example.com"
    assert {name: check.state for name, check in checks.items()} == dict.fromkeys(
        ("host", "method", "token", "identity", "list root", "write root"), State.OK
    )
    assert checks["identity"].text == user
    assert checks["list root"].text == (
        f"/Workspace/Users/{user}/a/b is not there yet; the first deployment makes it"
    )
    assert checks["write root"].text == (
        f"a scratch file in /Workspace/Users/{user} was written, read back and deleted"
    )
    assert running.dump() == before


def test_a_token_that_is_wrong(running: Running) -> None:
    checks = examined(running, token=CANARY)
    assert checks["identity"].state is State.FAILED
    assert "Invalid access token." in checks["identity"].text
    assert checks["write root"].state is State.NOT_CHECKED
    assert CANARY not in str(checks)


def test_an_identity_that_may_only_read(running: Running) -> None:
    running.add_faults({"do": "status", "status": 403, "route": "workspace/import", "times": -1})
    checks = examined(running)
    assert checks["list root"].state is State.OK
    assert checks["write root"].state is State.FAILED
    assert "CAN_MANAGE" in checks["write root"].next_step


def test_a_root_that_is_a_file(running: Running) -> None:
    running.edit("/Users/developer@example.com/a", b"x")
    checks = examined(running)
    assert checks["list root"].state is State.FAILED
    assert checks["list root"].text == "/Workspace/Users/developer@example.com/a is no folder"


def test_a_pipeline_without_a_policy(running: Running) -> None:
    said = {"iss": "https://vstoken.dev.azure.com/9", "sub": "p://a/b/c", "aud": "api://X"}

    def give(asked: Asked) -> tuple[int, Any]:
        if asked.path.endswith("oidctoken"):
            return 200, {"oidcToken": jwt(**said)}
        return 401, {"error": "invalid_client", "error_description": f"no {CANARY}"}

    secrets: list[str] = []
    with serving() as issuer:
        issuer.give = give
        checks = examine(
            AuthSettings("azure-devops-oidc"),
            HOST,
            PIPELINE,
            root=lambda user: "/Shared",
            connect=connect,
            unique="1",
            on_secret=secrets.append,
            tools=replace(NOBODY, post=issuer.post),
        )
    text = render(checks, "target prod")
    assert "exchange the pipeline's token: no ***" in text
    assert '"subject": "p://a/b/c"' in text
    assert CANARY not in text
    assert set(secrets) == {CANARY, jwt(**said)}
