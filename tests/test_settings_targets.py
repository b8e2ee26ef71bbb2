"""``[tool.dbxgate.targets]``: read, validated, and free of secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_dbxgate import settings
from pytest_dbxgate.errors import ConfigurationError
from support import write

PROD = """
project = "retail"
publish = ["conf/*.json"]

[targets.staging]
host = "https://adb-1.2.azuredatabricks.net"

[targets.prod]
host = "https://adb-3.4.azuredatabricks.net"
root = "/Workspace/Shared/{project}"
auth = "service-principal"
credentials = { client_id = "abc", client_secret = "keyvault://vault/secret" }
branches = ["main", "release/*"]
shared = true
requires = "staging"
prune = false
on_drift = "backup"
keep = 3
variables = { catalog = "prod" }
"""


@pytest.mark.parametrize(
    ("first", "second", "holds"),
    [
        ("/Shared/a", "/Shared/a", False),
        ("/Shared/a", "/Shared/a/b", False),
        ("/Shared/a/", "/Shared/a/b", False),
        ("/Shared/a", "/Shared/ab", True),
        ("/Shared/{target}", "/Shared/{target}", True),
    ],
)
def test_no_target_lies_in_another(tmp_path: Path, first: str, second: str, holds: bool) -> None:
    text = "".join(
        f'[targets.{name}]\nhost = "local"\nroot = "{root}"\n'
        for name, root in (("x", first), ("y", second))
    )
    write(tmp_path, {"dbxgate.toml": text})
    if holds:
        assert settings.load(tmp_path / "dbxgate.toml") is not None
    else:
        with pytest.raises(ConfigurationError, match="or lies in it"):
            settings.load(tmp_path / "dbxgate.toml")


def test_targets_are_read(tmp_path: Path) -> None:
    write(tmp_path, {"dbxgate.toml": PROD})
    found = settings.load(tmp_path / "dbxgate.toml")
    assert found is not None
    assert (found.project, found.publish) == ("retail", ("conf/*.json",))
    staging, prod = found.targets["staging"], found.targets["prod"]
    assert (staging.auth, staging.prune, staging.on_drift, staging.keep) == (
        *("auto", True, "refuse", 5),
    )
    assert prod.credentials == {"client_id": "abc", "client_secret": "keyvault://vault/secret"}
    assert (prod.shared, prod.requires, prod.prune, prod.keep) == (True, "staging", False, 3)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            '[targets.prod]\nhosts = "x"',
            '<file>:2: unknown key "hosts" in [tool.dbxgate.targets.prod]\n  next: did you mean '
            '"host"?',
        ),
        (
            '[targets.prod]\nhost = "x"\nauth = "oidc"',
            '<file>:3: unknown value "oidc" of tool.dbxgate.targets.prod.auth\n'
            "  next: known: auto, pat, service-principal, azure-cli, azure-devops-oidc, "
            "service-connection, managed-identity, profile",
        ),
        (
            '[targets.prod]\non_drift = "ignore"',
            '<file>:2: unknown value "ignore" of tool.dbxgate.targets.prod.on_drift\n  next: '
            "known: refuse, backup",
        ),
        (
            '[targets.prod]\nrequires = "stagin"\n[targets.staging]\n',
            '<file>:2: unknown value "stagin" of tool.dbxgate.targets.prod.requires\n  next: '
            'did you mean "staging"? known: prod, staging',
        ),
        (
            "[targets]\nprod = 3",
            "<file>:1: tool.dbxgate.targets is {'prod': 3}\n  next: write a table "
            "[tool.dbxgate.targets.NAME] for each",
        ),
        (
            '[targets.prod.credentials]\ntoken = "dose1234"',
            "<file>:1: tool.dbxgate.targets.prod.credentials.token holds a secret\n  next: take it "
            "out of the repository (and revoke it), and name where it is kept: "
            '"keyvault://VAULT/SECRET", or leave the key out and set the environment variable',
        ),
    ],
)
def test_mistakes_are_named(tmp_path: Path, lines: str, message: str) -> None:
    file = tmp_path / "dbxgate.toml"
    file.write_text(lines, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        settings.load(file)
    said = str(caught.value).replace(str(file), "<file>")
    assert said == message
    assert "dose1234" not in said
