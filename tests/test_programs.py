from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pytest_dbxgate import programs
from support import git, write


def test_another_repository_in_the_environment_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit hook runs with the names of its own repository set."""
    for name in ("one", "two"):
        write(tmp_path / name, {f"{name}.py": ""})
        git(tmp_path / name, "init", "-q")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "one" / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "one"))
    done = programs.git(tmp_path / "two", "ls-files", "--others")
    assert done is not None
    assert done.stdout.split() == [b"two.py"]


@pytest.mark.skipif(os.name == "nt", reason="the monitor here is a shell script")
def test_git_starts_no_monitor(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    write(tmp_path, {"monitor": "#!/bin/sh\ntouch started\n", "a.py": ""})
    (tmp_path / "monitor").chmod(0o755)
    git(tmp_path, "config", "core.fsmonitor", str(tmp_path / "monitor"))
    programs.git(tmp_path, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    assert not (tmp_path / "started").exists()


def test_git_answers_in_english_whatever_the_user_speaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("LANGUAGE", "de")
    done = programs.git(tmp_path, "ls-files")
    assert done is not None
    assert b"not a git repository" in done.stderr


def test_a_program_of_the_working_directory_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "git.exe" if sys.platform == "win32" else "git"
    write(tmp_path, {name: ""})
    (tmp_path / name).chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert programs.find("git") is None
    assert programs.git(tmp_path, "ls-files") is None
