"""Where the secrets of a run come from, and that they are known to whatever is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_dbxgate import settings
from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.execution.secrets import resolved
from pytest_dbxgate.workspace.azure import Azure
from pytest_dbxgate.workspace.credentials import Secret, Veil
from support import write


class FakeAzure(Azure):
    """A vault of one secret."""

    def vault_secret(self, vault: str, name: str, version: str) -> Secret:
        return Secret(f"of {vault} {name}")


def test_each_place_gives_its_secret(tmp_path: Path) -> None:
    write(tmp_path, {"salt.txt": "from a file\n"})
    veil = Veil()
    found = resolved(
        {
            "a/env": "env:SALT",
            "a/unset": "env:NOT_THERE",
            "a/file": "file:salt.txt",
            "a/fake": "fake:made-up",
            "a/vault": "keyvault://team/salt",
        },
        {"SALT": "from the environment"},
        tmp_path,
        veil,
        FakeAzure(),
    )
    assert {name: secret.reveal() for name, secret in found.items()} == {
        "a/env": "from the environment",
        "a/file": "from a file",
        "a/fake": "made-up",
        "a/vault": "of team.vault.azure.net salt",
    }
    assert veil("salt: from a file, made-up") == "salt: ***, ***"


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as told:
        resolved({"a/file": "file:salt.txt"}, {}, tmp_path, Veil())
    assert "the file of the secret a/file cannot be read" in str(told.value)
    assert "No such file" in str(told.value)


@pytest.mark.parametrize(
    "line", ['"a/b" = "hunter2"', '"a" = "env:X"', '"a/b/c" = "env:X"', '"a/b" = "Env:X"']
)
def test_a_secret_itself_is_refused(tmp_path: Path, line: str) -> None:
    write(tmp_path, {"dbxgate.toml": f"[run.secrets]\n{line}\n"})
    with pytest.raises(ConfigurationError, match="a secret itself does not belong here"):
        settings.load(tmp_path / "dbxgate.toml")
