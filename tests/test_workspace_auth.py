"""The methods of authentication, against an issuer on loopback."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_dbxgate.emulator.server import start
from pytest_dbxgate.errors import (
    AuthenticationError,
    ConfigurationError,
    GateError,
    PlatformError,
)
from pytest_dbxgate.workspace.auth import METHODS, Choice, Found, choose, resolve
from pytest_dbxgate.workspace.azure import Azure, AzureRefusal, AzureToken
from pytest_dbxgate.workspace.client import Client
from pytest_dbxgate.workspace.context import AuthSettings, Ran, Tools
from pytest_dbxgate.workspace.credentials import Secret
from pytest_dbxgate.workspace.retry import Times
from pytest_dbxgate.workspace.transport import SdkTransport
from token_issuer import Asked, Issuer, jwt, serving

HOST = "https://adb-1234.5.azuredatabricks.net"
CANARY = "canary-8f3e!s3cr3t+/="
AGENT = {
    "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI": "https://dev.azure.com/contoso/",
    "SYSTEM_TEAMPROJECTID": "p-id",
    "SYSTEM_PLANID": "plan",
    "SYSTEM_JOBID": "job",
    "SYSTEM_HOSTTYPE": "build",
    "SYSTEM_ACCESSTOKEN": "system-token",
    "DATABRICKS_CLIENT_ID": "app-id",
}


class World:
    """What the tools see; nothing of the machine that runs the tests."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.now = 0.0
        self.slept: list[float] = []
        self.secrets: list[str] = []
        self.programs: dict[str, Ran] = {}
        self.commands: list[tuple[Sequence[str], Mapping[str, str]]] = []
        self.config: str | None = None
        self.azure = FakeAzure()

    @property
    def tools(self) -> Tools:
        return Tools(
            times=Times(self.sleep, lambda: self.now, lambda: 0.5),
            wall=lambda: 1_000_000.0 + self.now,
            post=self.issuer.post,
            run=self.run,
            find=lambda name: f"/bin/{name}" if name in self.programs else None,
            read=lambda file: None if self.config is None else Secret(self.config),
            azure=self.azure,
        )

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def run(self, command: Sequence[str], environ: Mapping[str, str]) -> Ran:
        self.commands.append((command, environ))
        return self.programs[Path(command[0]).name]

    def resolve(self, method: str, environ: Mapping[str, str] | None = None, **fields: str) -> Any:
        auth = AuthSettings(method, fields)
        host = "http://127.0.0.1:1" if method == "local" else HOST
        return resolve(auth, host, environ or {}, on_secret=self.secrets.append, tools=self.tools)


class FakeAzure(Azure):
    """Answers for Microsoft's packages, which are not installed here."""

    def __init__(self) -> None:
        self.answer: AzureToken | AzureRefusal = AzureToken(Secret("entra"), 1_003_600.0)
        self.vault: Mapping[str, str] = {}
        self.asked: list[Any] = []

    def pipelines_token(self, scope: str, **named: Any) -> AzureToken | AzureRefusal:
        self.asked.append((scope, named))
        return self.answer

    def managed_identity_token(self, scope: str, *, client: str) -> AzureToken | AzureRefusal:
        self.asked.append((scope, client))
        return self.answer

    def vault_secret(self, vault: str, name: str, version: str) -> Secret | AzureRefusal:
        self.asked.append((vault, name, version))
        if name in self.vault:
            return Secret(self.vault[name])
        return AzureRefusal(Secret(f"(SecretNotFound) A secret with name {name} was not found"))


@pytest.fixture(scope="module")
def serving_issuer() -> Iterator[Issuer]:
    with serving() as issuer:
        yield issuer


@pytest.fixture
def world(serving_issuer: Issuer) -> World:
    serving_issuer.asked.clear()
    serving_issuer.headers.clear()
    serving_issuer.give = tokens()
    return World(serving_issuer)


def tokens(lasts: int = 3600) -> Any:
    """A new token for every question."""
    count = iter(range(1, 1000))

    def give(asked: Asked) -> tuple[int, Any]:
        number = next(count)
        if asked.path.endswith("oidctoken"):
            said = {
                "iss": "https://vstoken.dev.azure.com/1-2",
                "sub": "p://contoso/proj/pipe",
                "aud": "api://AzureADTokenExchange",
            }
            return 200, {"oidcToken": jwt(**said)}
        return 200, {"access_token": f"token-{number}", "expires_in": lasts}

    return give


def test_personal_token(world: World) -> None:
    credentials = world.resolve("pat", {"DATABRICKS_TOKEN": "dapi1 "})
    assert credentials.token().reveal() == "dapi1"
    assert (credentials.method, credentials.why) == ("pat", "the target's settings say so")
    assert repr(credentials) == "<credentials by pat>"
    assert world.secrets == ["dapi1"]
    assert not credentials.refused(credentials.token())


def test_service_principal_of_databricks(world: World) -> None:
    environ = {"DATABRICKS_CLIENT_ID": "app", "DATABRICKS_CLIENT_SECRET": "s:1"}
    credentials = world.resolve("service-principal", environ)
    assert credentials.token().reveal() == "token-1"
    assert credentials.token().reveal() == "token-1"
    (asked,) = world.issuer.asked
    assert asked.path == "adb-1234.5.azuredatabricks.net/oidc/v1/token"
    assert asked.form == {"grant_type": "client_credentials", "scope": "all-apis"}
    pair = base64.b64encode(b"app:s%3A1").decode()
    assert asked.headers["Authorization"] == f"Basic {pair}"
    assert world.secrets == ["s:1", pair, "token-1"]


def test_service_principal_of_entra(world: World) -> None:
    environ = {"ARM_TENANT_ID": "t", "ARM_CLIENT_ID": "app", "ARM_CLIENT_SECRET": "s3cret"}
    assert world.resolve("service-principal", environ).token().reveal() == "token-1"
    (asked,) = world.issuer.asked
    assert asked.path == "login.microsoftonline.com/t/oauth2/v2.0/token"
    assert asked.form == {
        "grant_type": "client_credentials",
        "client_id": "app",
        "client_secret": "s3cret",
        "scope": "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default",
    }
    assert world.secrets == ["s3cret", "token-1"]


@pytest.mark.parametrize("arm", [{}, {"ARM_CLIENT_ID": "other", "ARM_TENANT_ID": "t"}])
def test_pipeline_identity(world: World, arm: dict[str, str]) -> None:
    credentials = world.resolve("azure-devops-oidc", {**AGENT, **arm})
    assert credentials.token().reveal() == "token-2"
    asked, exchanged = world.issuer.asked
    assert f"https://{asked.path}?{asked.query}" == (
        "https://dev.azure.com/contoso/p-id/_apis/distributedtask/hubs/build/plans/plan/jobs/job/"
        "oidctoken?api-version=7.2-preview.1"
    )
    assert asked.headers["Authorization"] == "Bearer system-token"
    assert exchanged.path == "adb-1234.5.azuredatabricks.net/oidc/v1/token"
    assert exchanged.form["client_id"] == "app-id"
    assert exchanged.form["grant_type"] == "urn:ietf:params:oauth:grant-type:token-exchange"
    assert exchanged.form["subject_token"].count(".") == 2
    assert world.secrets == ["system-token", exchanged.form["subject_token"], "token-2"]


def test_one_exchange_for_a_deployment(world: World, tmp_path: Path) -> None:
    with start(tmp_path, token="token-2") as running:
        credentials = world.resolve("azure-devops-oidc", AGENT)
        times = Times(world.sleep, lambda: world.now, lambda: 0.5)
        transport = SdkTransport(running.host, "test")
        client = Client(running.host, credentials, transport, times=times)
        for number in range(200):
            client.mkdirs(f"/Shared/{number}")
        assert len(running.log()) == 200
    assert [asked.path.rpartition("/")[2] for asked in world.issuer.asked] == [
        "oidctoken",
        "token",
    ]


def test_a_token_is_exchanged_before_it_dies(world: World) -> None:
    credentials = world.resolve("azure-devops-oidc", AGENT)
    first = credentials.token()
    world.now = 3400
    assert credentials.token() == first
    world.now = 3500
    assert credentials.token() != first
    assert len(world.issuer.asked) == 4


def test_a_refused_token_is_exchanged_once(world: World) -> None:
    credentials = world.resolve("azure-devops-oidc", AGENT)
    first = credentials.token()
    assert credentials.refused(first)
    assert credentials.refused(first)
    assert len(world.issuer.asked) == 4


def test_no_federation_policy(world: World) -> None:
    give = tokens()

    def refuse(asked: Asked) -> tuple[int, Any]:
        if asked.path.endswith("oidctoken"):
            return give(asked)
        words = f"no policy matches {asked.form['subject_token']}"
        return 400, {"error": "invalid_request", "error_description": words}

    world.issuer.give = refuse
    with pytest.raises(AuthenticationError) as caught:
        world.resolve("azure-devops-oidc", AGENT).token()
    assert str(caught.value) == (
        "https://adb-1234.5.azuredatabricks.net: exchange the pipeline's token: "
        "no policy matches ***\n"
        "  next: the service principal needs a federation policy with issuer "
        "https://vstoken.dev.azure.com/1-2, subject p://contoso/proj/pipe, "
        "audience api://AzureADTokenExchange"
    )


def test_an_unmapped_access_token(world: World) -> None:
    environ = {**AGENT, "SYSTEM_ACCESSTOKEN": "$(System.AccessToken)"}
    with pytest.raises(AuthenticationError, match="needs SYSTEM_ACCESSTOKEN") as caught:
        world.resolve("azure-devops-oidc", environ)
    assert caught.value.next_step == (
        "give the step env: SYSTEM_ACCESSTOKEN: $(System.AccessToken)"
    )


def test_azure_devops_shows_its_sign_in_page(world: World) -> None:
    world.issuer.give = lambda asked: (203, b"<html><title>Azure DevOps | Sign In</title>")
    with pytest.raises(GateError, match=r"'Azure DevOps \| Sign In'"):
        world.resolve("azure-devops-oidc", AGENT).token()


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_an_issuer_that_stumbles(world: World, status: int) -> None:
    give = tokens()
    replies = iter([(status, {}), (status, b"<html>")])
    world.issuer.give = lambda asked: next(replies, None) or give(asked)
    environ = {"DATABRICKS_CLIENT_ID": "app", "DATABRICKS_CLIENT_SECRET": "secret"}
    assert world.resolve("service-principal", environ).token()
    assert len(world.slept) == 2


def test_an_issuer_that_is_down(world: World) -> None:
    world.issuer.give = lambda asked: (503, {"message": "down"})
    environ = {"DATABRICKS_CLIENT_ID": "app", "DATABRICKS_CLIENT_SECRET": "secret"}
    with pytest.raises(PlatformError, match="failed in each of 5 attempts: down"):
        world.resolve("service-principal", environ).token()


def test_an_issuer_that_points_elsewhere(world: World) -> None:
    world.issuer.give = lambda asked: (307, {})
    world.issuer.headers["Location"] = "https://elsewhere.example"
    environ = {"DATABRICKS_CLIENT_ID": "app", "DATABRICKS_CLIENT_SECRET": "secret"}
    with pytest.raises(PlatformError, match="redirect, which is not followed"):
        world.resolve("service-principal", environ).token()
    assert len(world.issuer.asked) == 1


def test_azure_cli(world: World) -> None:
    told = {"accessToken": "az-token", "expires_on": 1_003_600, "tokenType": "Bearer"}
    world.programs["az"] = Ran(0, Secret(json.dumps(told)), Secret(""))
    environ = {"PATH": "/bin", "ARM_CLIENT_SECRET": "s3cret", "AZURE_CONFIG_DIR": "/c"}
    credentials = world.resolve("azure-cli", environ, tenant_id="t")
    assert credentials.token().reveal() == "az-token"
    ((command, seen),) = world.commands
    assert command == [
        *("/bin/az", "account", "get-access-token", "--resource"),
        *("2ff814a6-3304-4ab8-85cb-cd0e6f879c1d", "--output", "json", "--tenant", "t"),
    ]
    assert seen == {"PATH": "/bin", "AZURE_CONFIG_DIR": "/c"}
    world.now = 3500
    credentials.token()
    assert len(world.commands) == 2


@pytest.mark.parametrize(
    ("ran", "words"),
    [
        (
            Ran(1, Secret(""), Secret("ERROR: Please run 'az login'\n")),
            "az: ERROR: Please run 'az login'",
        ),
        (Ran(0, Secret("hello"), Secret("")), "az: it printed no accessToken"),
    ],
)
def test_azure_cli_fails(world: World, ran: Ran, words: str) -> None:
    world.programs["az"] = ran
    with pytest.raises(AuthenticationError) as caught:
        world.resolve("azure-cli").token()
    assert str(caught.value) == f"{words}\n  next: run az login, or run inside the task AzureCLI@2"


def test_service_connection(world: World) -> None:
    environ = {
        **AGENT,
        "AZURESUBSCRIPTION_TENANT_ID": "t",
        "AZURESUBSCRIPTION_CLIENT_ID": "c",
        "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": "s",
        "SYSTEM_OIDCREQUESTURI": "https://dev.azure.com/x",
    }
    credentials = world.resolve("service-connection", environ)
    assert credentials.token().reveal() == "entra"
    named = {
        "tenant": "t",
        "client": "c",
        "connection": "s",
        "access_token": Secret("system-token"),
    }
    assert world.azure.asked == [("2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default", named)]
    del environ["SYSTEM_OIDCREQUESTURI"]
    with pytest.raises(AuthenticationError, match="needs SYSTEM_OIDCREQUESTURI"):
        world.resolve("service-connection", environ)


def test_managed_identity(world: World) -> None:
    assert world.resolve("managed-identity", {"ARM_CLIENT_ID": "c"}).token().reveal() == "entra"
    world.azure.answer = AzureRefusal(Secret("ManagedIdentity authentication unavailable"))
    with pytest.raises(AuthenticationError, match="authentication unavailable"):
        world.resolve("managed-identity").token()


def test_profile(world: World) -> None:
    world.config = (
        f"[other]\nhost = https://adb-9.9.azuredatabricks.net\ntoken = dapi9\n"
        f"[mine]\nhost = {HOST}/\nclient_id = app\nclient_secret = s3cret\n"
    )
    credentials = world.resolve("profile", {"DATABRICKS_TOKEN": "another"})
    assert credentials.method == "profile"
    assert credentials.token().reveal() == "token-1"
    with pytest.raises(
        AuthenticationError, match=r"is for adb-9\.9\.azuredatabricks\.net, not for"
    ):
        world.resolve("profile", profile="other")
    with pytest.raises(AuthenticationError, match="holds no profile 'none'"):
        world.resolve("profile", profile="none")


def test_profile_of_the_databricks_cli(world: World) -> None:
    world.config = f"[mine]\nhost = {HOST}\nauth_type = databricks-cli\n"
    with pytest.raises(AuthenticationError, match="there is no databricks on the PATH"):
        world.resolve("profile")
    world.programs["databricks"] = Ran(0, Secret('{"access_token": "u2m"}'), Secret(""))
    assert world.resolve("profile").token().reveal() == "u2m"
    assert world.commands[0][0][1:5] == ["auth", "token", "--profile", "mine"]


def test_a_vault_holds_the_secret(world: World) -> None:
    world.azure.vault = {"sp-secret": "from the vault"}
    environ = {"DATABRICKS_CLIENT_ID": "app"}
    credentials = world.resolve(
        "service-principal", environ, client_secret="keyvault://kv-team/sp-secret"
    )
    assert world.azure.asked == [("kv-team.vault.azure.net", "sp-secret", "")]
    assert world.secrets == ["from the vault"]
    assert credentials.token()
    assert len(world.azure.asked) == 1


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("keyvault://kv-team/none", "keyvault://kv-team/none: (SecretNotFound) A secret with"),
        ("keyvault://evil.example/a", "'evil.example' is no name of a Key Vault"),
        ("keyvault://kv.vault.azure.net.evil.example/a", "is no name of a Key Vault"),
        ("keyvault://kv-team/a/../b", "names no secret of a Key Vault"),
        ("keyvault://kv-team", "names no secret of a Key Vault"),
    ],
)
def test_a_vault_that_does_not_give_it(world: World, value: str, words: str) -> None:
    with pytest.raises(GateError) as caught:
        world.resolve("pat", token=value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("method", "fields", "package"),
    [
        ("managed-identity", {}, "a managed identity needs the package azure-identity"),
        ("pat", {"token": "keyvault://kv-team/a"}, "keyvault:// needs the package azure-identity"),
    ],
)
def test_without_the_azure_packages(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    fields: dict[str, str],
    package: str,
) -> None:
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    tools = replace(world.tools, azure=Azure())
    with pytest.raises(AuthenticationError) as caught:
        resolve(AuthSettings(method, fields), HOST, {}, tools=tools).token()
    assert str(caught.value) == (
        f'{package}, which is not installed\n  next: pip install "pytest-dbxgate[azure]"'
    )


@pytest.mark.parametrize(
    ("fields", "environ", "found", "choice"),
    [
        ({"token": "x"}, AGENT, Found(), Choice("pat", "the target's credentials hold token")),
        ({}, {"DATABRICKS_TOKEN": "x"}, Found(), Choice("pat", "DATABRICKS_TOKEN is set")),
        (
            {},
            {**AGENT, "ARM_CLIENT_ID": "c"},
            Found(azure_cli=True),
            Choice(
                "azure-devops-oidc",
                "an agent of Azure DevOps, SYSTEM_ACCESSTOKEN and a client id are there",
            ),
        ),
        (
            {},
            {**AGENT, "DATABRICKS_AUTH_TYPE": "azure-cli"},
            Found(),
            Choice("azure-cli", "DATABRICKS_AUTH_TYPE is azure-cli"),
        ),
        (
            {},
            {"ARM_TENANT_ID": "t", "ARM_CLIENT_ID": "c", "ARM_CLIENT_SECRET": "s"},
            Found(),
            Choice(
                "service-principal",
                "ARM_TENANT_ID, ARM_CLIENT_ID and ARM_CLIENT_SECRET are set",
            ),
        ),
        ({}, {}, Found("mine", True), Choice("profile", "the profile 'mine' is for this host")),
        ({}, {}, Found("", True), Choice("azure-cli", "the Azure CLI is installed")),
    ],
)
def test_auto(
    fields: dict[str, str], environ: dict[str, str], found: Found, choice: Choice
) -> None:
    assert choose(AuthSettings("auto", fields), environ, found) == choice


def test_auto_finds_nothing() -> None:
    with pytest.raises(AuthenticationError, match="'auto' found no credential") as caught:
        choose(AuthSettings(), {"DATABRICKS_TOKEN": "$(TOKEN)"})
    assert caught.value.exit_code == 24


def test_an_unknown_method() -> None:
    with pytest.raises(ConfigurationError, match="auth is 'magic'"):
        choose(AuthSettings("magic"), {})


def test_a_host_of_somebody_else(world: World) -> None:
    for host in ("https://evil.example", "http://127.0.0.1:1", f"{HOST}.evil.example"):
        with pytest.raises(ConfigurationError, match="no credential is sent there"):
            resolve(AuthSettings("pat"), host, {"DATABRICKS_TOKEN": "x"}, tools=world.tools)
    assert not world.issuer.asked


def test_a_token_with_a_line_end(world: World) -> None:
    with pytest.raises(AuthenticationError, match="holds a character that no token holds"):
        world.resolve("pat", {"DATABRICKS_TOKEN": "dapi\n1"})


def holders() -> dict[str, tuple[dict[str, str], dict[str, str]]]:
    """Environment and fields with a canary in each credential."""
    return {
        "pat": ({"DATABRICKS_TOKEN": CANARY}, {}),
        "local": ({}, {"token": CANARY}),
        "service-principal": (
            {
                "DATABRICKS_CLIENT_ID": "a",
                "DATABRICKS_CLIENT_SECRET": CANARY,
                "ARM_CLIENT_SECRET": CANARY,
            },
            {},
        ),
        "azure-devops-oidc": ({**AGENT, "SYSTEM_ACCESSTOKEN": CANARY}, {}),
        "service-connection": (
            {
                **AGENT,
                "SYSTEM_ACCESSTOKEN": CANARY,
                "SYSTEM_OIDCREQUESTURI": "https://dev.azure.com/x",
            },
            {"tenant_id": "t", "client_id": "c", "service_connection_id": "s"},
        ),
        "managed-identity": ({"ARM_CLIENT_SECRET": CANARY}, {}),
        "azure-cli": ({"ARM_CLIENT_SECRET": CANARY}, {}),
        "profile": ({}, {}),
    }


def test_every_method_has_its_canary() -> None:
    assert set(holders()) == set(METHODS)


@pytest.mark.parametrize("method", METHODS)
def test_a_canary_is_shown_nowhere(
    world: World, method: str, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(0)
    world.issuer.give = lambda asked: (
        400,
        {"error_description": f"{asked.form} {asked.headers} {CANARY}"},
    )
    world.programs["az"] = Ran(1, Secret(CANARY), Secret(f"failed with {CANARY}"))
    world.azure.answer = AzureRefusal(Secret(f"refused {CANARY}"))
    world.config = f"[p]\nhost = {HOST}\nclient_id = a\nclient_secret = {CANARY}\n"
    environ, fields = holders()[method]
    shown: list[str] = []
    with start(tmp_path) as running:
        running.add_faults({"do": "status", "status": 400, "message": f"x {CANARY}"})
        transport = SdkTransport(running.host, "test")
        times = Times(world.sleep, lambda: world.now, lambda: 0.5)
        try:
            credentials = world.resolve(method, environ, **fields)
            shown += [repr(credentials), str(credentials), f"{credentials}"]
            client = Client(running.host, credentials, transport, times=times)
            shown += [repr(client), repr(client.__dict__), repr(credentials.__dict__)]
            client.user_name()
        except GateError as error:
            shown += dumped(error)
        else:
            pytest.fail("nothing was provoked")
    text = "\n".join([*shown, caplog.text])
    pair = base64.b64encode(b"a:canary-8f3e%21s3cr3t%2B%2F%3D").decode()
    for form in (CANARY, "8f3e", pair):
        assert form not in text


def dumped(error: BaseException) -> list[str]:
    """What a traceback with all local variables of this package's frames, and below, shows."""
    shown = [str(error), repr(error), repr(error.__dict__)]
    chain = [error.__cause__, error.__context__]
    assert chain == [None, None]
    trace = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if "/tests/" not in frame.f_code.co_filename:
            shown += [f"{name} = {value!r}" for name, value in frame.f_locals.items()]
        trace = trace.tb_next
    return shown
