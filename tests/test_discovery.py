from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pytest_dbxgate import discovery, projects
from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.session import Gate
from support import QUICK, git, ipynb, source, write


def paths(root: Path) -> list[str]:
    return [item.path for item in discovery.discover(root).notebooks]


def test_everything_git_does_not_ignore(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            ".gitignore": "ignored/\n",
            "a.py": source("x = 1"),
            "build/b.sql": source("SELECT 1", suffix=".sql"),
            ".hidden/c.ipynb": ipynb("1"),
            "ignored/d.py": source("x = 1"),
            "plain.py": "x = 1\n",
            "Upper.R": source("x <- 1", suffix=".r"),
        },
    )
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "a.py")
    found = discovery.discover(tmp_path)
    assert [item.path for item in found.notebooks] == [
        ".hidden/c.ipynb",
        "Upper.R",
        "a.py",
        "build/b.sql",
    ]
    assert found.others == (".gitignore", "plain.py")
    assert found.notes == ()


def test_a_deleted_file_that_git_still_tracks_is_gone(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": source("1"), "b.py": source("2")})
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    (tmp_path / "a.py").unlink()
    assert paths(tmp_path) == ["b.py"]


def test_without_git_environments_and_caches_are_no_part(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "a.py": source("1"),
            "env/pyvenv.cfg": "",
            "env/b.py": source("1"),
            "node_modules/c.py": source("1"),
        },
    )
    assert paths(tmp_path) == ["a.py"]


def test_a_notebook_without_its_header_is_a_near_miss(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": source("1"), "b.py": "x = 1\n\n# COMMAND ----------\n\ny = 2\n"})
    found = discovery.discover(tmp_path)
    assert [(item.path, item.near_miss) for item in found.notebooks] == [
        ("a.py", False),
        ("b.py", True),
    ]


def test_a_repository_inside_the_repository(tmp_path: Path) -> None:
    write(tmp_path, {"inner/a.py": source("1"), "inner/.gitignore": "b.py\n"})
    write(tmp_path, {"inner/b.py": source("1")})
    git(tmp_path, "init", "-q")
    git(tmp_path / "inner", "init", "-q")
    assert paths(tmp_path) == ["inner/a.py"]


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need a privilege on Windows")
def test_links(tmp_path: Path) -> None:
    write(tmp_path, {"real/a.py": source("1")})
    (tmp_path / "linked").symlink_to("real", target_is_directory=True)
    (tmp_path / "loop.ipynb").symlink_to("loop.ipynb")
    (tmp_path / "nowhere.py").symlink_to("missing.py")
    for found in (discovery.discover(tmp_path), _in_git(tmp_path)):
        assert [item.path for item in found.notebooks] == [
            "loop.ipynb",
            "nowhere.py",
            "real/a.py",
        ]
        assert found.notes == ("linked is a link to a folder and was not followed",)


def _in_git(root: Path) -> discovery.Discovery:
    git(root, "init", "-q")
    return discovery.discover(root)


def test_names_git_would_quote(tmp_path: Path) -> None:
    write(tmp_path, {"é [x] y.py": source("1")})
    git(tmp_path, "init", "-q")
    assert paths(tmp_path) == ["é [x] y.py"]


def test_the_nearest_settings_hold(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "pyproject.toml": '[tool.dbxgate]\nruntime = "14.3"\nexclude = ["old"]\n',
            "team/dbxgate.toml": 'runtime = "16.4"\nnotebooks = ["etl/**"]\n',
            "team/pyproject.toml": '[tool.dbxgate]\nruntime = "15.4"\n',
            "other/pyproject.toml": "[tool.ruff]\n",
        },
    )
    found = projects.load(tmp_path, discovery.discover(tmp_path).others)
    assert found.of("a.py").runtime == "14.3"
    assert found.of("other/a.py").runtime == "14.3"
    assert found.of("team/deep/a.py").runtime == "16.4"
    assert found.wants("team/etl/a.py")
    assert not found.wants("team/a.py")
    assert found.wants("etl/a.py")
    assert not found.wants("old/a.py")


def test_settings_above_the_root_count_from_where_they_stand(tmp_path: Path) -> None:
    write(tmp_path, {"dbxgate.toml": 'exclude = ["sub/old"]\n', "sub/a.py": source("1")})
    git(tmp_path, "init", "-q")
    found = projects.load(tmp_path / "sub", ["a.py"])
    assert found.wants("a.py")
    assert not found.wants("old/a.py")


def test_a_wrong_key_in_a_nested_file_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"team/dbxgate.toml": "runtimes = 1\n"})
    with pytest.raises(ConfigurationError, match=r"team.dbxgate\.toml:1: unknown key"):
        projects.load(tmp_path, ["team/dbxgate.toml"])


PIPES = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")


@PIPES
@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("b.py", ["DBX100"]),
        ("b.ipynb", ["DBX100"]),
        ("b.dbc", ["DBX100"]),
        ("helper.py", ["DBX100"]),
        ("jobs.json", []),
        ("databricks.yml", []),
        ("dbxgate.toml", []),
        (".sqlfluff", []),
    ],
)
def test_a_pipe_is_never_waited_at(pytester: pytest.Pytester, name: str, codes: list[str]) -> None:
    write(pytester.path, {"a.py": source("import helper\n\nprint(helper.x)"), "q.txt": ""})
    os.mkfifo(pytester.path / name)
    pytester.runpytest_subprocess(*QUICK, "--dbx-only", "--dbx-json=r.json", timeout=60)
    told = json.loads((pytester.path / "r.json").read_bytes())["findings"]
    assert [each["code"] for each in told if each["path"] == name] == codes


@PIPES
def test_neither_a_link_to_what_never_ends(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": source("import helper\n\nprint(helper.x)")})
    (tmp_path / "helper.py").symlink_to("/dev/zero")
    gate = Gate(tmp_path)
    outcome = gate.run(gate.select_all())
    assert ("helper.py", "DBX100") in [(each.path, each.code) for each in outcome.findings]
