from __future__ import annotations

from pathlib import Path

import pytest

from pytest_dbxgate import toolchain
from pytest_dbxgate.session import Gate
from support import git, source, write


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a notebook, below a home folder that is empty."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    root = tmp_path / "repository"
    write(root, {"nb/etl/a.py": source("x = 1")})
    git(root, "init", "-q")
    return root


def environment(root: Path) -> str:
    gate = Gate(root)
    return toolchain.environment(root, gate.discovery, gate.projects)


@pytest.mark.parametrize(
    "name",
    [
        "ruff.toml",
        "nb/.ruff.toml",
        "nb/etl/pyproject.toml",
        "nb/.sqlfluff",
        "setup.cfg",
        "../tox.ini",
        "../ruff.toml",
        "../home/.sqlfluff",
        "../home/.config/sqlfluff/.sqlfluff",
    ],
)
@pytest.mark.parametrize("ignored", [False, True], ids=["seen by git", "ignored by git"])
def test_a_configuration_counts(root: Path, name: str, ignored: bool) -> None:
    if ignored:
        write(root, {".gitignore": "*.toml\n.sqlfluff\n*.cfg\n"})
    before = environment(root)
    write(root, {name: "# one"})
    between = environment(root)
    write(root, {name: "# two"})
    assert len({before, between, environment(root)}) == 3


@pytest.mark.parametrize("extend", ["../shared/ruff.base", "nb/{base}.cfg", "~/base", "{root}/b"])
def test_what_a_configuration_extends_counts(
    root: Path, extend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = extend.format(base="base", root=root.as_posix())
    write(root, {"ruff.toml": f'extend = "{target}"\n'})
    file = root / Path(target).expanduser()
    write(file.parent, {file.name: "line-length = 80\n"})
    before = environment(root)
    write(file.parent, {file.name: "line-length = 90\n"})
    assert environment(root) != before


def test_a_configuration_that_is_extended_extends_in_turn(root: Path) -> None:
    write(root, {"ruff.toml": 'extend = "a/one"\n', "a/one": 'extend = "two"\n', "a/two": "#1"})
    before = environment(root)
    write(root, {"a/two": "#2"})
    assert environment(root) != before


def test_a_configuration_of_no_notebook_does_not_count(root: Path) -> None:
    before = environment(root)
    write(root, {"src/ruff.toml": "# one", "notes.toml": ""})
    assert environment(root) == before


def test_a_repository_that_moves_keeps_its_cache(root: Path) -> None:
    write(root, {"ruff.toml": 'extend = "base"\n', "base": "", "nb/.sqlfluff": ""})
    before = environment(root)
    assert environment(root.rename(root.with_name("elsewhere"))) == before
