"""``publisher = "bundle"``: the Databricks CLI publishes, and only what is green."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fake_databricks import FakeCli
from support import git, run, source, write

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the program here begins with #!")

HOST = "https://adb-1234567890123456.7.azuredatabricks.net"
TOKEN = "canary-0f9d6c1e4b7a4f0e9a55"


@pytest.fixture
def fake(
    pytester: pytest.Pytester,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> FakeCli:
    """A repository with a bundle, and a program in the place of the CLI."""
    write(
        pytester.path,
        {
            "dbxgate.toml": '[targets.prod]\npublisher = "bundle"\nauth = "pat"\n',
            "databricks.yml": "bundle:\n  name: shop\ntargets:\n  prod:\n    workspace:\n"
            f"      host: {HOST}\n",
            "nb/a.py": source("x = 1", "print(x)"),
        },
    )
    git(pytester.path, "init", "--quiet", "--initial-branch=main")
    git(pytester.path, "add", ".")
    git(pytester.path, "commit", "--quiet", "--message=first")
    folder: Path = tmp_path_factory.mktemp("cli")
    cli = FakeCli(folder)
    cli.save()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DATABRICKS_TOKEN", TOKEN)
    return cli


def test_a_green_run_is_deployed_by_the_bundle(pytester: pytest.Pytester, fake: FakeCli) -> None:
    fake.answers["plan"] = {"stdout": '{"cli_version": "1.13.0", "plan": {}}'}
    fake.save()
    result = run(pytester, "--dbx-only", "--dbx-deploy", "--dbx-json", "report.json")
    assert result.ret == 0, result.outlines
    result.stdout.fnmatch_lines([f"the bundle was deployed to prod ({HOST})"])
    assert [command[:2] for command in fake.commands] == [
        ["--version"],
        ["bundle", "plan"],
        ["bundle", "deploy"],
    ]
    told = result.stdout.str() + result.stderr.str() + (pytester.path / "report.json").read_text()
    assert TOKEN not in told


def test_a_red_run_is_planned_and_not_deployed(pytester: pytest.Pytester, fake: FakeCli) -> None:
    write(pytester.path, {"nb/a.py": source("x = (")})
    result = run(pytester, "--dbx-only", "--dbx-deploy")
    assert result.ret == 1
    assert "deploy" not in [command[1] for command in fake.commands if len(command) > 1]


def test_a_plan_deploys_nothing(pytester: pytest.Pytester, fake: FakeCli) -> None:
    result = run(pytester, "--dbx-only", "--dbx-plan")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*bundle plan for prod*"])
    assert [command[1] for command in fake.commands if len(command) > 1] == ["plan"]


@pytest.mark.parametrize("command", ["--dbx-heal", "--dbx-unlock", "--dbx-rollback"])
def test_a_bundle_keeps_nothing_to_go_back_to(
    pytester: pytest.Pytester, fake: FakeCli, command: str
) -> None:
    result = run(pytester, command)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["*the target prod is published by a bundle*"])
