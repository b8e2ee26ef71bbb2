from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_dbxgate import precommit
from pytest_dbxgate.notebook.model import Notebook
from pytest_dbxgate.project import extract
from pytest_dbxgate.project.facts import NotebookFacts
from support import git, source, write

CLEAN = source("x = 1", "print(x)")
WRONG = source("x = 1", "print(x is 1)")
UNDEFINED = source("x = 1", "print(y)")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    git(tmp_path, "init", "-q")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_clean_files_are_silent(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(repository, {"a.py": CLEAN, "plain.py": "raise SystemExit\n", "README.md": ""})
    assert precommit.main(["a.py", "plain.py", "README.md"]) == 0
    assert capsys.readouterr().out == ""


def test_a_missing_file_is_named(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert precommit.main(["missing.py"]) == 1
    assert "missing.py:1:1 DBX100" in capsys.readouterr().out


def test_nothing_left_to_check(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(repository, {"plain.py": "x = 1\n", "b.sql": "SELECT 1\n"})
    assert precommit.main(["plain.py", "b.sql"]) == 0
    assert capsys.readouterr().out == ""


def test_findings(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(repository, {"a.py": WRONG})
    assert precommit.main(["a.py"]) == 1
    assert capsys.readouterr().out == (
        "a.py: lint\n"
        "a.py:6:7 F632 Use `==` to compare constant literals\n"
        "  cell 2 (python), line 1\n"
        "   6 | print(x is 1)\n"
        "     |       ^^^^^^\n"
        "  help: Replace `is` with `==`\n\n"
    )


def test_a_job_file(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = "{task_key: t, notebook_task: {notebook_path: ./%s.py}}"
    bundle = "bundle: {name: b}\nresources: {jobs: {j: {tasks: [\n  " + task + "\n]}}}\n"
    write(repository, {"a.py": CLEAN, "databricks.yml": bundle % "a", "other.yml": "x: 1\n"})
    assert precommit.main(["databricks.yml", "other.yml"]) == 0
    assert capsys.readouterr().out == ""
    write(repository, {"databricks.yml": bundle % "b"})
    assert precommit.main(["databricks.yml"]) == 1
    assert capsys.readouterr().out.startswith(
        "databricks.yml: references\ndatabricks.yml:3:48 DBX423 "
    )


@pytest.mark.parametrize("name", ["a [1].py", "é b.py", "-a.py"])
def test_any_name(repository: Path, name: str) -> None:
    write(repository, {name: CLEAN})
    assert precommit.main(["--", name]) == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_name_with_colons(repository: Path) -> None:
    write(repository, {"a::b.py": WRONG})
    assert precommit.main(["a::b.py"]) == 1


def test_excluded_notebooks_are_left_alone(repository: Path) -> None:
    write(repository, {"a.py": WRONG, "dbxgate.toml": 'exclude = ["a.py"]\n'})
    assert precommit.main(["a.py"]) == 0


def test_names_from_another_notebook(repository: Path) -> None:
    write(repository, {"a.py": UNDEFINED, "b.py": source("y = 1", "%run ./a")})
    assert precommit.main(["a.py"]) == 0
    write(repository, {"b.py": source("z = 1", "%run ./a")})
    assert precommit.main(["a.py"]) == 1


def test_fix(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(repository, {"a.py": source("x=1", "print( x )")})
    assert precommit.main(["--fix", "a.py"]) == 1
    assert capsys.readouterr().out == "fixed a.py\n"
    assert (repository / "a.py").read_bytes() == CLEAN.encode()
    assert precommit.main(["--fix", "a.py"]) == 0


def test_wrong_settings(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(repository, {"a.py": CLEAN, "dbxgate.toml": "x = 1\n"})
    assert precommit.main(["a.py"]) == 4
    assert "dbxgate.toml:1: unknown key" in capsys.readouterr().err


def test_a_missing_policy_fails_beside_the_findings(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(repository, {"a.py": WRONG, "dbxgate.toml": 'extend = "gone.toml"\n'})
    assert precommit.main(["a.py"]) == 1
    said = capsys.readouterr().out
    assert "policy failed: " in said and 'there is no file "gone.toml"' in said
    assert "a.py: lint" in said


def test_from_a_folder_below(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(repository, {"nb/a.py": WRONG, "dbxgate.toml": 'exclude = ["nb/b.py"]\n'})
    monkeypatch.chdir(repository / "nb")
    assert precommit.main(["a.py"]) == 1


def test_the_project_cannot_run_code_through_it(repository: Path) -> None:
    write(
        repository,
        {
            "a.py": CLEAN,
            "conftest.py": "raise SystemExit(9)\n",
            "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "--no-such-option"\n',
        },
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest_dbxgate.precommit", "a.py"],
        capture_output=True,
        check=False,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_the_others_mean_is_read_once(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(
        repository, {"a.py": source("# MAGIC %run ./b", "print(name)"), "b.py": source("name = 1")}
    )
    assert precommit.main(["a.py"]) == 0
    assert git(repository, "status", "--porcelain").split() == ["??", "a.py", "??", "b.py"]
    read: list[str] = []
    facts_of = extract.facts_of

    def counted(notebook: Notebook) -> NotebookFacts:
        read.append(notebook.path)
        return facts_of(notebook)

    monkeypatch.setattr(extract, "facts_of", counted)
    write(repository, {"a.py": source("# MAGIC %run ./b", "print(nam)")})
    assert precommit.main(["a.py"]) == 1
    assert "F821 undefined name `nam`" in capsys.readouterr().out
    assert read == ["a.py"]
