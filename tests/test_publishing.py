"""``--dbx-deploy``, ``--dbx-plan`` and their kin inside pytest, into the embedded workspace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from pytest_dbxgate.delivery import deploy
from pytest_dbxgate.emulator import server
from pytest_dbxgate.reporting import json_report
from support import XDIST, git, run, source, write

CLEAN = source("x = 1", "print(x)")
ROOT = "/Users/developer@example.com/shop"


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A repository of two notebooks, one of which imports a module, a job, and a test."""
    monkeypatch.delenv("TF_BUILD", raising=False)
    monkeypatch.setattr(deploy, "_SETTLE", 0.0)
    write(
        pytester.path,
        {
            "pyproject.toml": '[tool.pytest.ini_options]\ntestpaths = ["tests"]\n'
            '[tool.dbxgate]\nproject = "shop"\n',
            "tests/test_ordinary.py": "def test_ordinary():\n    pass\n",
            "nb/a.py": source("import prices\n\nprint(prices.NET)"),
            "nb/b.sql": source("SELECT 1", suffix=".sql"),
            "nb/prices.py": "NET = 1\n",
            "jobs/daily.json": json.dumps(
                {
                    "name": "daily",
                    "tasks": [{"task_key": "a", "notebook_task": {"notebook_path": "../nb/a.py"}}],
                }
            ),
        },
    )
    git(pytester.path, "init", "--quiet", "--initial-branch=main")
    git(pytester.path, "add", ".")
    git(pytester.path, "commit", "--quiet", "--message=first")
    return pytester


def objects(root: Path) -> dict[str, bytes]:
    """What the embedded workspace holds below the root, but for our own folder."""
    with server.start(root / ".dbxgate" / "workspace") as running:
        found = running.dump().objects
    return {
        path.removeprefix(f"{ROOT}/"): item.content
        for path, item in found.items()
        if path.startswith(f"{ROOT}/") and "/.dbxgate" not in path and item.type != "DIRECTORY"
    }


def report(root: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((root / "report.json").read_text(encoding="utf-8"))
    jsonschema.validate(document, json_report.schema())
    return document


@XDIST
def test_a_green_run_is_published_once(project: pytest.Pytester, workers: tuple[str, ...]) -> None:
    result = run(project, "--dbx-deploy", "--dbx-json", "report.json", "-v", *workers)
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "*dbx::publish[[]local[]] PASSED*",
            "*= Databricks workspace =*",
            f"plan for local (/Workspace{ROOT}): 4 added",
            "  added  notebook  nb/a",
            "  added  notebook  nb/b",
            "  added  file      nb/prices.py",
            "  added  job       daily",
            f"published release 00000001-* to local (*{ROOT}): 4 added",
        ]
    )
    assert sorted(objects(project.path)) == ["nb/a", "nb/b", "nb/prices.py"]
    document = report(project.path)
    assert document["verdict"] == {
        "publish": True,
        "target": "local",
        "refusals": [],
        "overridden": {},
    }
    assert document["deployment"]["plan"]["counts"] == {"add": 4}
    again = run(project, "--dbx-deploy", "--dbx-json", "report.json", *workers)
    assert again.ret == 0
    again.stdout.fnmatch_lines(["nothing to publish: local holds release 00000001-* (4 unchanged)"])
    assert report(project.path)["deployment"]["changed"] is False


def test_publishing_adds_nothing_to_the_progress_of_the_tests(project: pytest.Pytester) -> None:
    for arguments in ((), ("-q",), ("-rA",)):
        result = run(project, "--dbx-deploy", *arguments)
        assert [line[-6:] for line in result.outlines if "%]" in line][-1] == "[100%]"
        assert "%] [" not in result.stdout.str()
    result.stdout.fnmatch_lines(["PASSED dbx::publish[[]local[]]"])


def test_an_edit_publishes_one_and_is_rolled_back(project: pytest.Pytester) -> None:
    run(project, "--dbx-deploy")
    before = objects(project.path)
    write(project.path, {"nb/a.py": CLEAN})
    result = run(project, "--dbx-deploy")
    result.stdout.fnmatch_lines(["  changed  notebook  nb/a", "published release 00000002-*"])
    assert b"x = 1" in objects(project.path)["nb/a"]
    result = run(project, "--dbx-rollback", "--dbx-json", "report.json")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "restored what release 00000001-*",
            "published release 00000003-*: 1 added, 1 changed, 2 *",
        ]
    )
    assert objects(project.path) == before
    plan = run(project, "--dbx-plan")
    plan.stdout.fnmatch_lines(["plan for local (*): 1 changed, 1 removed, 2 unchanged"])
    assert report(project.path)["deployment"]["mode"] == "rollback"


def test_a_release_is_named_by_its_beginning(project: pytest.Pytester) -> None:
    run(project, "--dbx-deploy")
    for number in (1, 2):
        write(project.path, {"nb/a.py": source(f"x = {number}")})
        assert run(project, "--dbx-deploy").ret == 0
    result = run(project, "--dbx-rollback", "--dbx-release", "00000001")
    assert result.ret == 0
    assert b"prices" in objects(project.path)["nb/a"]
    unknown = run(project, "--dbx-rollback", "--dbx-release", "0000000")
    assert unknown.ret == 20
    unknown.stdout.fnmatch_lines(
        ["refused (unknown-release): 0000000 is not kept", "  next: name one of: *"]
    )


def test_a_pattern_that_matches_nothing_deletes_nothing(project: pytest.Pytester) -> None:
    write(project.path, {"dbxgate.toml": 'publish = ["conf/*.json"]', "conf/a.json": "{}"})
    assert run(project, "--dbx-deploy").ret == 0
    write(project.path, {"dbxgate.toml": '\npublish = ["config/*.json"]'})
    result = run(project, "--dbx-deploy")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(
        ['*dbxgate.toml:2: the pattern "config/[*].json" in publish matches no file']
    )


def test_a_package_is_recorded_where_it_changes_nothing(
    packaged: tuple[pytest.Pytester, tuple[str, ...]],
) -> None:
    project, package = packaged
    assert run(project, "--dbx-deploy", "--dbx-target", "staging").ret == 0
    assert run(project, "--dbx-deploy", "--dbx-target", "staging", *package).ret == 0
    assert run(project, "--dbx-deploy", "--dbx-target", "prod", *package).ret == 0


def test_a_plan_changes_nothing(project: pytest.Pytester) -> None:
    result = run(project, "--dbx-plan", "--dbx-summary", "summary.md")
    assert result.ret == 0
    result.stdout.fnmatch_lines([f"plan for local (/Workspace{ROOT}): 4 added"])
    result.stdout.no_fnmatch_line("published*")
    assert objects(project.path) == {}
    assert "added | notebook | <code>nb/a</code>" in (project.path / "summary.md").read_text()


@pytest.mark.parametrize(
    ("files", "arguments", "refusals"),
    [
        ({"nb/b.sql": source("SELECT FROM", suffix=".sql")}, (), ["failed-check"]),
        (
            {"nb/b.sql": source("SELECT FROM", suffix=".sql")},
            ("-x",),
            ["failed-check", "unreached-check"],
        ),
        ({}, ("-k", "syntax"), ["deselected-check"]),
        ({}, ("-m", "not dbx_secrets"), ["deselected-check"]),
        ({}, ("nb/a.py",), ["deselected-check"]),
        ({"tests/test_ordinary.py": "def test_it():\n    assert False\n"}, (), ["failed-test"]),
        (
            {"tests/test_ordinary.py": "import gone\n"},
            (),
            ["unreached-check", "collection-error", "failed-run"],
        ),
        (
            {
                "conftest.py": "import pytest\n\ndef pytest_collection_modifyitems(items):\n"
                "    for item in items:\n        if item.nodeid == 'nb/a.py::lint':\n"
                "            item.add_marker(pytest.mark.xfail)\n"
            },
            (),
            ["xfailed-check"],
        ),
        (
            {
                "conftest.py": "import pytest\n\ndef pytest_collection_modifyitems(items):\n"
                "    for item in items:\n        if item.nodeid == 'nb/a.py::lint':\n"
                "            item.add_marker(pytest.mark.skip(reason='later'))\n"
            },
            (),
            ["skipped-check"],
        ),
    ],
)
def test_what_is_not_proved_is_refused(
    project: pytest.Pytester,
    files: dict[str, str | bytes],
    arguments: tuple[str, ...],
    refusals: list[str],
) -> None:
    write(project.path, files)
    result = run(project, "--dbx-deploy", "--dbx-json", "report.json", *arguments)
    assert result.ret != 0
    document = report(project.path)
    assert [each["name"] for each in document["verdict"]["refusals"]] == refusals
    assert document["verdict"]["publish"] is False
    assert objects(project.path) == {}


def test_a_skipped_ordinary_test_refuses_nothing(project: pytest.Pytester) -> None:
    text = "import pytest\n\n@pytest.mark.skip\ndef test_it():\n    pass\n"
    write(project.path, {"tests/test_ordinary.py": text})
    assert run(project, "--dbx-deploy").ret == 0


def test_exit_code_20_where_pytest_would_say_0(project: pytest.Pytester) -> None:
    result = run(project, "--dbx-deploy", "-k", "nb/a.py or ordinary")
    assert result.ret == 20
    result.stdout.fnmatch_lines(["*1 failed*"])


def test_edits_in_the_workspace_are_drift(project: pytest.Pytester) -> None:
    run(project, "--dbx-deploy")
    with server.start(project.path / ".dbxgate" / "workspace") as running:
        running.edit(f"{ROOT}/nb/a", CLEAN.replace("x = 1", "x = 2").encode())
    result = run(project, "--dbx-deploy")
    assert result.ret == 21
    result.stdout.fnmatch_lines(
        ["refused (drift): edited in the workspace since it was published: nb/a"]
    )
    assert b"x = 2" in objects(project.path)["nb/a"]
    why = "or list drift in `overrides` of the target local: it lets nobody override that"
    result.stdout.no_fnmatch_line(f"*{why}*")
    barred = run(project, "--dbx-deploy", "--dbx-override", "drift", "--dbx-reason", "x")
    assert barred.ret == 21
    barred.stdout.fnmatch_lines([f"  next: {why}"])


@pytest.mark.parametrize("where", ["addopts", "PYTEST_ADDOPTS"])
def test_publishing_is_asked_for_on_the_command_line_itself(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    if where == "addopts":
        write(project.path, {"pytest.ini": "[pytest]\naddopts = --dbx-deploy\n"})
    else:
        monkeypatch.setenv(where, "--dbx-deploy")
    result = run(project)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --dbx-deploy has effects outside the working tree*"])
    assert not (project.path / ".dbxgate").exists()


def test_several_targets_and_none_named(project: pytest.Pytester) -> None:
    text = "[targets.a]\nhost = 'local'\nroot = '/Shared/{target}'\n"
    write(project.path, {"dbxgate.toml": text + text.replace(".a]", ".b]")})
    result = run(project, "--dbx-deploy", "--dbx-only")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "ERROR: there are 2 targets and none was named",
            "  next: add --dbx-target NAME, one of a, b",
        ]
    )


def test_a_package_is_published_without_its_repository(
    project: pytest.Pytester, tmp_path: Path
) -> None:
    result = run(project, "--dbx-write-package", "out/shop.zip")
    assert result.ret == 0
    digest = (project.path / "out" / "shop.zip.sha256").read_text(encoding="utf-8").split()[0]
    result.stdout.fnmatch_lines([f"wrote shop.zip: 3 objects, sha256 {digest}"])
    write(tmp_path, {"conftest.py": "raise RuntimeError('loaded')\n"})
    package = project.path / "out" / "shop.zip"
    command = ("--rootdir", str(tmp_path), "--dbx-deploy", "--dbx-package", str(package))
    result = run(
        project, *command, "--dbx-package-sha256", digest, f"--junitxml={tmp_path / 'junit.xml'}"
    )
    assert result.ret == 0, result.outlines
    case = ElementTree.parse(tmp_path / "junit.xml").find("testsuite/testcase")
    assert case is not None
    assert case.get("name") == "deploy[local]"
    assert "published release" in case.findtext("system-out", "")
    assert sorted(objects(tmp_path)) == ["nb/a", "nb/b", "nb/prices.py"]
    data = bytearray(package.read_bytes())
    data[len(data) // 2] ^= 1
    package.write_bytes(data)
    junit = f"--junitxml={tmp_path / 'junit.xml'}"
    result = run(project, *command, "--dbx-package-sha256", digest, junit)
    assert result.ret == 20
    assert ElementTree.parse(tmp_path / "junit.xml").find("testsuite/testcase/failure") is not None
    result.stdout.fnmatch_lines(["*shop.zip does not have the digest*"])


def test_no_package_of_a_red_run(project: pytest.Pytester) -> None:
    write(project.path, {"nb/b.sql": source("SELECT FROM", suffix=".sql")})
    result = run(project, "--dbx-write-package", "shop.zip")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["refused (failed-check): *nb/b.sql*"])
    assert not (project.path / "shop.zip").exists()


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("--dbx-heal", "nothing to heal on local"),
        ("--dbx-unlock", "nobody holds the lock of local"),
        ("--dbx-doctor", "the target local is the embedded workspace*"),
    ],
)
def test_commands_that_stand_alone_run_no_code_of_the_repository(
    project: pytest.Pytester, option: str, told: str
) -> None:
    write(project.path, {"conftest.py": "raise RuntimeError('loaded')\n"})
    result = run(project, option)
    assert result.ret == 0, result.errlines
    result.stdout.fnmatch_lines([told])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--dbx-deploy", "--dbx-plan"), "--dbx-deploy and --dbx-plan are different commands*"),
        (("--dbx-package", "x.zip"), "--dbx-package does nothing by itself*"),
        (("--dbx-deploy", "--dbx-package", "x.zip"), "*belong together*"),
        (("--dbx-deploy", "--dbx-override", "dirty"), "--dbx-override needs --dbx-reason*"),
        (("--dbx-deploy", "--dbx-release", "1"), "--dbx-release belongs to --dbx-rollback"),
        (("--dbx-deploy", "--dbx-write-baseline", "b.json"), "--dbx-write-baseline makes *"),
    ],
)
def test_options_that_make_no_sense(
    project: pytest.Pytester, arguments: tuple[str, ...], message: str
) -> None:
    result = run(project, *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])


REHEARSAL = """
project = "shop"

[targets.staging]
host = "local"
root = "/Shared/{target}"

[targets.prod]
host = "local"
root = "/Shared/{target}"
shared = true
branches = ["main"]
requires = "staging"
overrides = ["branch"]
"""


@pytest.fixture
def packaged(project: pytest.Pytester) -> tuple[pytest.Pytester, tuple[str, ...]]:
    """A project with two targets on this machine, and the options that publish its package."""
    text = (project.path / "pyproject.toml").read_text(encoding="utf-8")
    write(project.path, {"pyproject.toml": text.partition("[tool.dbxgate]")[0]})
    write(project.path, {"dbxgate.toml": REHEARSAL})
    git(project.path, "add", ".")
    git(project.path, "commit", "--quiet", "--message=targets")
    result = run(project, "--dbx-write-package", "shop.zip")
    assert result.ret == 0, result.outlines
    package = project.path / "shop.zip"
    digest = Path(f"{package}.sha256").read_text(encoding="utf-8").split()[0]
    return project, ("--dbx-package", str(package), "--dbx-package-sha256", digest)


def test_production_takes_only_what_staging_has(
    packaged: tuple[pytest.Pytester, tuple[str, ...]],
) -> None:
    project, package = packaged
    early = run(project, "--dbx-deploy", "--dbx-target", "prod", *package)
    assert early.ret == 20
    early.stdout.fnmatch_lines(["refused (not-staged): prod takes only what staging already holds"])
    assert run(project, "--dbx-deploy", "--dbx-target", "staging", *package).ret == 0
    later = run(project, "--dbx-deploy", "--dbx-target", "prod", *package)
    assert later.ret == 0, later.outlines
    checkout = run(project, "--dbx-deploy", "--dbx-target", "prod")
    checkout.stdout.fnmatch_lines(["refused (not-staged): *"])


def test_the_guards_of_a_shared_target(
    packaged: tuple[pytest.Pytester, tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    project, _ = packaged
    write(project.path, {"nb/a.py": CLEAN})
    head = git(project.path, "rev-parse", "HEAD").strip()
    for name, value in {
        "TF_BUILD": "True",
        "BUILD_REASON": "PullRequest",
        "BUILD_SOURCEBRANCH": "refs/pull/7/merge",
        "BUILD_SOURCEVERSION": head,
    }.items():
        monkeypatch.setenv(name, value)
    options = ("--dbx-deploy", "--dbx-target", "prod", "--dbx-json", "report.json")
    result = run(project, *options)
    assert result.ret == 20
    names = ["pull-request", "branch", "dirty", "not-staged"]
    assert [each["name"] for each in report(project.path)["verdict"]["refusals"]] == names


def test_an_override_is_recorded_where_the_target_allows_it(
    packaged: tuple[pytest.Pytester, tuple[str, ...]],
) -> None:
    project, _ = packaged
    text = (project.path / "dbxgate.toml").read_text(encoding="utf-8")
    write(project.path, {"dbxgate.toml": text.replace('requires = "staging"\n', "")})
    git(project.path, "checkout", "--quiet", "-b", "hotfix")
    git(project.path, "commit", "--quiet", "--all", "--message=hotfix")
    options = ("--dbx-deploy", "--dbx-target", "prod", "--dbx-json", "report.json")
    assert run(project, *options).ret == 20
    why = ("--dbx-override", "branch", "--dbx-reason", "incident 7")
    result = run(project, *options, *why)
    assert result.ret == 0, result.outlines
    result.stdout.fnmatch_lines(["overridden (branch): incident 7"])
    assert report(project.path)["verdict"]["overridden"] == {"branch": "incident 7"}
    barred = run(project, *options, "--dbx-override", "dirty", "--dbx-reason", "x")
    assert barred.ret == 20
    barred.stdout.fnmatch_lines(["refused (branch): *"])


def test_a_forged_cache_publishes_nothing(project: pytest.Pytester) -> None:
    run(project, "--dbx-gate")
    write(project.path, {"nb/b.sql": source("SELECT FROM", suffix=".sql")})
    run(project, "--dbx-gate")
    file = project.path / ".pytest_cache" / "d" / "dbxgate" / "results.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    for entry in document["files"].values():
        for result in entry[2]:
            result["findings"] = []
    file.write_text(json.dumps(document), encoding="utf-8")
    assert run(project, "--dbx-gate").ret == 0  # the forgery works where nothing is published
    result = run(project, "--dbx-deploy")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*refused (failed-check): *nb/b.sql*"])


def test_an_older_commit_is_refused(project: pytest.Pytester) -> None:
    write(project.path, {"nb/a.py": CLEAN})
    git(project.path, "commit", "--quiet", "--all", "--message=second")
    assert run(project, "--dbx-deploy").ret == 0
    git(project.path, "checkout", "--quiet", "HEAD~1")
    result = run(project, "--dbx-deploy")
    assert result.ret == 20
    result.stdout.fnmatch_lines(
        ["refused (older-commit): the commit * is older than the published *", "*--dbx-rollback"]
    )
    assert b"x = 1" in objects(project.path)["nb/a"]
    git(project.path, "checkout", "--quiet", "main")
    write(project.path, {"nb/a.py": source("x = 3")})
    git(project.path, "commit", "--quiet", "--all", "--message=third")
    assert run(project, "--dbx-deploy").ret == 0
