"""Publishing by the Databricks CLI, with a program of ours in its place.

The real CLI is not at hand: the command lines and the JSON are those of its source (0.277 to
1.13), pinned here, and unverified against a running one.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from fake_databricks import DEPLOYED, FakeCli
from pytest_dbxgate.delivery import bundle, bundle_cli, bundle_host
from pytest_dbxgate.delivery.bundle import Bundle
from pytest_dbxgate.delivery.bundle_cli import Access, Cli
from pytest_dbxgate.delivery.bundle_plan import BundlePlan
from pytest_dbxgate.errors import (
    ConfigurationError,
    GateError,
    IncompleteError,
    PlatformError,
    RefusedError,
)
from pytest_dbxgate.reporting.text import clean
from pytest_dbxgate.secrets.redact import redact
from pytest_dbxgate.settings.targets import TargetSettings
from support import write

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the program here begins with #!")

HOST = "https://adb-1234567890123456.7.azuredatabricks.net"
TOKEN = "canary-0f9d6c1e4b7a4f0e9a55"
BUNDLE = f"""\
bundle:
  name: shop
targets:
  prod:
    workspace:
      host: {HOST}
"""


def shown(text: str) -> str:
    return clean(redact(text), newline="\n")


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCli:
    folder = tmp_path / "bin"
    folder.mkdir()
    program = FakeCli(folder)
    program.save()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    write(tmp_path / "shop", {"databricks.yml": BUNDLE})
    return program


def opened(tmp_path: Path, target: TargetSettings | None = None, **environ: str) -> Bundle:
    settings = target or TargetSettings(publisher="bundle")
    full = {**os.environ, **environ}
    return bundle.open_bundle(
        tmp_path / "shop", "prod", settings, Access(HOST, lambda: TOKEN), full, shown
    )


def test_a_plan_is_shown_and_then_deployed(fake: FakeCli, tmp_path: Path) -> None:
    opening = opened(tmp_path)
    plan = opening.plan()
    said = opening.deploy(plan)
    assert (plan.added, plan.changed, plan.removed, plan.unchanged) == (1, 1, 1, 1)
    assert "Resources: 1 created" in said
    assert fake.commands == [
        ["--version"],
        ["bundle", "plan", "-t", "prod", "-o", "json"],
        ["bundle", "deploy", "-t", "prod"],
    ]
    assert {call["cwd"] for call in fake.calls} == {str(tmp_path / "shop")}


def test_the_bundles_own_name_of_the_target_is_used(fake: FakeCli, tmp_path: Path) -> None:
    opening = opened(tmp_path, TargetSettings(publisher="bundle", bundle_target="live"))
    opening.plan()
    assert fake.commands[-1] == ["bundle", "plan", "-t", "live", "-o", "json"]


def test_active_runs_are_refused_by_the_cli(fake: FakeCli, tmp_path: Path) -> None:
    opening = opened(tmp_path, TargetSettings(publisher="bundle", on_active_runs="refuse"))
    opening.deploy(opening.plan())
    assert fake.commands[-1] == ["bundle", "deploy", "-t", "prod", "--fail-on-active-runs"]


def test_the_program_sees_one_credential_and_no_home(fake: FakeCli, tmp_path: Path) -> None:
    opened(
        tmp_path,
        ARM_CLIENT_SECRET="canary",
        SYSTEM_ACCESSTOKEN="canary",
        AZURE_CLIENT_SECRET="canary",
        DATABRICKS_CLIENT_SECRET="canary",
        DATABRICKS_CONFIG_PROFILE="canary",
        DATABRICKS_CONFIG_FILE="canary",
        PIP_INDEX_URL="https://user:canary@example.invalid",
        BUNDLE_VAR_catalog="gold",
        HTTPS_PROXY="http://proxy.invalid:3128",
    )
    seen = fake.calls[-1]["environment"]
    assert isinstance(seen, dict)
    assert "canary" not in {*seen.values()}
    assert not [name for name in seen if name.startswith(("ARM_", "AZURE_", "SYSTEM_", "PIP_"))]
    assert {name: text for name, text in seen.items() if name.startswith("DATABRICKS_")} == {
        "DATABRICKS_HOST": HOST,
        "DATABRICKS_TOKEN": TOKEN,
        "DATABRICKS_AUTH_TYPE": "pat",
    }
    assert seen["BUNDLE_VAR_catalog"] == "gold"
    assert seen["HTTPS_PROXY"] == "http://proxy.invalid:3128"
    assert seen["HOME"] != os.environ.get("HOME")
    assert not Path(seen["HOME"]).exists()


def test_the_token_is_shown_nowhere(fake: FakeCli, tmp_path: Path) -> None:
    opening = opened(tmp_path)
    assert TOKEN not in repr(opening)
    fake.answer("deploy", stderr=f"using {TOKEN}\n{DEPLOYED}")
    assert TOKEN not in opening.deploy(opening.plan())
    fake.answer("deploy", status=1, stderr=f"Error: 403 for {TOKEN}")
    with pytest.raises(IncompleteError) as caught:
        opening.deploy(opening.plan())
    assert TOKEN not in str(caught.value)
    assert "403 for ***" in str(caught.value)
    fake.answer("plan", status=1, stderr=f"Error: 403 for {TOKEN}")
    with pytest.raises(PlatformError) as failed:
        opening.plan()
    assert TOKEN not in str(failed.value)


def test_commands_to_the_agent_are_made_inert(fake: FakeCli, tmp_path: Path) -> None:
    command = "##vso[task.setvariable variable=x]y"
    fake.answer("deploy", stdout=f"{command}\n", stderr=DEPLOYED)
    opening = opened(tmp_path)
    said = opening.deploy(opening.plan())
    assert "##vso[" not in said
    fake.answer("deploy", status=1, stderr=f"Error: {command}")
    with pytest.raises(IncompleteError) as caught:
        opening.deploy(opening.plan())
    assert "##vso[" not in str(caught.value)


def test_no_cli_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RefusedError) as caught:
        bundle_cli.find()
    assert caught.value.exit_code == 20
    assert str(caught.value) == (
        "the bundle is to publish, but the Databricks CLI is not installed: no `databricks` on "
        "the PATH\n  next: install 0.277.0 or newer: "
        "https://learn.microsoft.com/azure/databricks/dev-tools/cli/install"
    )


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"stdout": "Databricks CLI v0.276.0\n"}, "is 0.276.0; a bundle's plan can be read from"),
        ({"stdout": "Version 0.18.0\n"}, "is 0.18.0; a bundle's plan can be read from 0.277.0"),
        ({"stdout": "hello\n"}, "does not say which version it is: hello"),
        ({"status": 1}, "does not say which version it is: it printed nothing"),
    ],
    ids=["old", "legacy", "other", "broken"],
)
def test_an_old_cli_is_a_refusal(
    fake: FakeCli, tmp_path: Path, answer: dict[str, object], message: str
) -> None:
    fake.answers["version"] = answer
    fake.save()
    with pytest.raises(RefusedError, match=message) as caught:
        opened(tmp_path)
    assert caught.value.name == "bundle-cli"
    assert "install" in caught.value.next_step


@pytest.mark.parametrize("version", ["0.277.0", "0.299.2", "1.0.0", "2.3.4-beta.1"])
def test_newer_versions_will_do(fake: FakeCli, tmp_path: Path, version: str) -> None:
    fake.answer("version", stdout=f"Databricks CLI v{version}\n")
    assert opened(tmp_path).target == "prod"


def test_a_plan_that_fails_publishes_nothing(fake: FakeCli, tmp_path: Path) -> None:
    fake.answer("plan", status=1, stderr="Error: cannot resolve variable\n\n  at x\n")
    with pytest.raises(PlatformError) as caught:
        opened(tmp_path).plan()
    assert str(caught.value) == (
        "`databricks bundle plan -t prod` ended with 1:\n"
        "    Error: cannot resolve variable\n    \n      at x\n"
        "  next: mend what it says; nothing was published"
    )
    assert fake.commands[-1][1] == "plan"


@pytest.mark.parametrize(
    "said",
    ["Deployment complete!\n", "Resources: 0 created, 0 changed, 0 deleted, 3 unchanged\n"],
    ids=["until 1.12", "from 1.13"],
)
def test_both_ways_to_say_deployed_are_known(fake: FakeCli, tmp_path: Path, said: str) -> None:
    fake.answer("deploy", stderr=f"Uploading bundle files to /Workspace/x...\n{said}")
    opening = opened(tmp_path)
    assert said.strip() in opening.deploy(opening.plan())


def test_status_0_alone_is_no_success(fake: FakeCli, tmp_path: Path) -> None:
    fake.answer("deploy", stderr="Deployment cancelled!\n")
    opening = opened(tmp_path)
    with pytest.raises(IncompleteError, match="did not say that it deployed") as caught:
        opening.deploy(opening.plan())
    assert caught.value.exit_code == 23


def test_a_failed_deployment_names_what_may_have_changed(fake: FakeCli, tmp_path: Path) -> None:
    fake.answer("deploy", status=1, stderr="Error: 429 Too Many Requests\n")
    opening = opened(tmp_path)
    with pytest.raises(IncompleteError) as caught:
        opening.deploy(opening.plan())
    assert str(caught.value) == (
        "`databricks bundle deploy -t prod` ended with 1; what it had done by then stands "
        "(planned: jobs.new, jobs.nightly, jobs.old):\n    Error: 429 Too Many Requests\n"
        "  next: mend what it says and run the same command again: a bundle has no roll-back"
    )


def test_somebodys_lock_is_a_refusal(fake: FakeCli, tmp_path: Path) -> None:
    fake.answer(
        "deploy",
        status=1,
        stderr="Error: deploy lock acquired by eve@example.org at 2026-01-01. Another deployment "
        "may be in progress. Use --force-lock to override\n",
    )
    opening = opened(tmp_path)
    with pytest.raises(RefusedError, match=r"eve@example\.org") as caught:
        opening.deploy(opening.plan())
    assert caught.value.name == "locked"


def test_data_is_deleted_only_where_that_was_overridden(fake: FakeCli, tmp_path: Path) -> None:
    plan = {"cli_version": "1.13.0", "plan": {"resources.schemas.gold": {"action": "delete"}}}
    fake.answer("plan", stdout=json.dumps(plan))
    opening = opened(tmp_path)
    with pytest.raises(RefusedError, match=r"delete schemas\.gold") as caught:
        opening.deploy(opening.plan())
    assert caught.value.name == "bundle-destructive"
    assert fake.commands[-1][1] == "plan"
    opening.deploy(opening.plan(), overridden=["bundle-destructive"])
    assert fake.commands[-1] == ["bundle", "deploy", "-t", "prod", "--auto-approve"]


def test_a_program_that_hangs_is_stopped(fake: FakeCli, tmp_path: Path) -> None:
    write(fake.folder, {"databricks": f"#!{sys.executable}\nimport time\ntime.sleep(60)\n"})
    cli = Cli(bundle_cli.find(), tmp_path, Access(HOST, lambda: TOKEN), os.environ, shown)
    with pytest.raises(PlatformError, match="has not ended after 0 s and was stopped"):
        cli.run("bundle", "plan", timeout=0.2)


def test_a_cancelled_deployment_is_asked_to_end(fake: FakeCli, tmp_path: Path) -> None:
    """The CLI gets the chance to give its lock back, and what it said then is told."""
    text = (
        f"#!{sys.executable}\nimport signal, sys, time\n"
        "def end(*_):\n    print('lock given back')\n    sys.exit(1)\n"
        "signal.signal(signal.SIGINT, end)\n"
        f"open({str(tmp_path / 'ready')!r}, 'w').close()\n"
        "time.sleep(60)\n"
    )
    write(fake.folder, {"databricks": text})
    access = Access(HOST, lambda: TOKEN)
    ready = (tmp_path / "ready").exists
    cli = Cli(bundle_cli.find(), tmp_path, access, os.environ, shown, ready)
    with pytest.raises(IncompleteError, match="lock given back"):
        Bundle(cli, "prod").deploy(BundlePlan())


def test_a_program_that_cannot_start_is_told(fake: FakeCli, tmp_path: Path) -> None:
    write(fake.folder, {"databricks": "#!/nowhere/python\n"})
    with pytest.raises(PlatformError, match="`databricks --version` cannot be started"):
        opened(tmp_path)


def test_a_token_for_another_host_is_not_given(fake: FakeCli, tmp_path: Path) -> None:
    write(tmp_path / "shop", {"databricks.yml": BUNDLE.replace("adb-1", "adb-9")})
    with pytest.raises(ConfigurationError, match="the token is for"):
        opened(tmp_path)
    assert not (fake.folder / "calls.jsonl").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"host": HOST}, "`host` is the bundle's"),
        ({"root": "/Workspace/x", "prune": False}, "`root`, `prune` are the bundle's"),
        ({"variables": {"a": "b"}}, "`variables` is the bundle's"),
        ({"on_active_runs": "wait"}, "a bundle cannot wait for active runs"),
    ],
)
def test_what_the_bundle_decides_is_not_repeated(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        bundle.check("prod", TargetSettings(publisher="bundle", **settings))  # type: ignore[arg-type]


def test_keys_of_the_guards_stay_ours() -> None:
    guarded = TargetSettings(publisher="bundle", branches=("main",), shared=True, auth="pat")
    bundle.check("prod", guarded)


def bundle_in(folder: Path, **files: str) -> Path:
    write(folder, {name.replace("__", "/").replace("_yml", ".yml"): t for name, t in files.items()})
    return folder


def test_the_targets_host_beats_the_bundles(tmp_path: Path) -> None:
    text = f"workspace: {{host: 'https://a.invalid'}}\n{BUNDLE}"
    assert bundle_host.host(bundle_in(tmp_path, databricks_yml=text), "prod") == HOST


def test_the_bundles_host_counts_where_the_target_has_none(tmp_path: Path) -> None:
    folder = bundle_in(tmp_path, databricks_yml="workspace: {host: HTTPS://A.invalid/?o=1}\n")
    assert bundle_host.host(folder, "prod") == "https://a.invalid"


def test_an_included_file_can_name_the_host(tmp_path: Path) -> None:
    folder = bundle_in(
        tmp_path, databricks_yml="include: [conf/*.yml, ../x/*]\n", conf__prod_yml=BUNDLE
    )
    assert bundle_host.host(folder, "prod") == HOST


def test_a_bundle_without_a_host_leaves_it_to_the_environment(tmp_path: Path) -> None:
    assert bundle_host.host(bundle_in(tmp_path, databricks_yml="bundle: {name: x}\n"), "prod") == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("workspace: {host: '${var.host}'}", "`workspace.host` of the bundle holds a variable"),
        ("workspace: {profile: me}", "a profile of somebody's machine"),
        ("include: [b.yml]\nworkspace: {host: a.invalid}", "the bundle names 2 hosts"),
        ("- a", "is no mapping"),
        ("a: [", "is no mapping"),
    ],
)
def test_a_host_that_is_not_certain_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    folder = bundle_in(tmp_path, databricks_yml=text, b_yml="workspace: {host: b.invalid}")
    with pytest.raises(ConfigurationError, match=message) as caught:
        bundle_host.host(folder, "prod")
    assert caught.value.next_step


def test_no_bundle_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GateError, match=r"there is no databricks\.yml"):
        bundle_host.host(tmp_path, "prod")
