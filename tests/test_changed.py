"""``--dbx-changed`` and ``--dbx-base`` through pytest, over a real git repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from support import XDIST, git, run, source, write

BUNDLE = """\
bundle:
  name: retail
resources:
  jobs:
    daily:
      tasks:
        - task_key: caller
          notebook_task:
            notebook_path: ./nb/caller.py
"""
OTHER_JOB = '{"name": "other", "notebook_task": {"notebook_path": "/Shared/x"}}\n'
FILES: dict[str, str | bytes] = {
    ".gitignore": "__pycache__/\n.pytest_cache/\n*.xml\n",
    "databricks.yml": BUNDLE,
    "jobs/other.json": OTHER_JOB,
    "nb/caller.py": source("# MAGIC %run ./child", "print(region)"),
    "nb/child.py": source('region = "north"'),
    "nb/importer.py": source("from prices import net", "print(net(1))"),
    "nb/starter.py": source('dbutils.notebook.run("./caller", 600)'),
    "nb/alone.py": source("print(1)"),
    "nb/wrong.py": source("print(nobody_defines_it)"),
    "nb/prices.py": "def net(x):\n    return x\n",
    "docs/readme.md": "# Retail\n",
}
TOOLS = 3
NOTEBOOK, JOB = 6, 2
"""The items of each."""


@pytest.fixture
def repository(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A branch `work` that has left `main`, with one commit in which nothing is gated."""
    for name in ("TF_BUILD", "SYSTEM_PULLREQUEST_TARGETBRANCH", "BUILD_SOURCEBRANCH"):
        monkeypatch.delenv(name, raising=False)
    root = pytester.path
    git(root, "init", "-q", "-b", "main")
    write(root, FILES)
    git(root, "add", ".")
    git(root, "commit", "-qm", "all")
    git(root, "checkout", "-qb", "work")
    write(root, {"docs/readme.md": "# Retail shops\n"})
    git(root, "commit", "-qam", "docs")
    return root


def gated(pytester: pytest.Pytester, *arguments: str) -> set[str]:
    """The files of which items are collected."""
    lines = run(pytester, "--dbx-only", *arguments, "--co", "-q").outlines
    return {line.partition("::")[0] for line in lines if "::" in line} - {"dbx"}


@XDIST
def test_a_changed_notebook_and_whatever_reaches_it(
    pytester: pytest.Pytester, repository: Path, workers: tuple[str, ...]
) -> None:
    write(repository, {"nb/child.py": source('area = "north"')})
    result = run(pytester, "--dbx-only", "--dbx-changed", "--color=no", "-rA", *workers)
    result.assert_outcomes(passed=TOOLS + 3 * NOTEBOOK + JOB - 1, failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    base = git(repository, "rev-parse", "main")[:10]
    result.stdout.fnmatch_lines(
        [
            "dbxgate: 3 notebook files (3 .py) and 1 job file; *",
            f"dbxgate: since where this branch left the default branch (main, {base}): 1 notebook "
            "or job file changed, 3 more are touched by what changed; "
            "4 were left out, as neither they nor anything they run, import or schedule changed",
            "nb/caller.py:6:7 F821 undefined name `region`",
        ]
    )
    passed = {line for line in result.outlines if line.startswith("PASSED")}
    assert {"PASSED nb/starter.py::references", "PASSED databricks.yml::secrets"} <= passed


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"nb/alone.py": source("print(2)")}, {"nb/alone.py"}),
        ({"nb/new.py": source("print(2)")}, {"nb/new.py"}),
        ({"nb/prices.py": "def gross(x): ...\n"}, {"nb/importer.py"}),
        (
            {"nb/caller.py": source("# MAGIC %run ./child")},
            # What it runs, too: that may use names which are gone.
            {"nb/caller.py", "nb/child.py", "nb/starter.py", "databricks.yml"},
        ),
        # What it schedules: it may pass other parameters.
        (
            {"databricks.yml": BUNDLE + "          timeout_seconds: 60\n"},
            {"databricks.yml", "nb/caller.py", "nb/child.py"},
        ),
        ({"jobs/other.json": OTHER_JOB + "\n"}, {"jobs/other.json"}),
        ({"docs/readme.md": "# Retail and more\n"}, set()),
    ],
    ids=["alone", "untracked", "module", "caller", "bundle", "job", "docs"],
)
def test_what_is_gated(
    pytester: pytest.Pytester,
    repository: Path,
    changed: dict[str, str | bytes],
    expected: set[str],
) -> None:
    write(repository, changed)
    assert gated(pytester, "--dbx-changed") == expected
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "change")
    assert gated(pytester, "--dbx-changed") == expected


def test_a_file_that_is_gone(pytester: pytest.Pytester, repository: Path) -> None:
    (repository / "nb/child.py").unlink()
    assert gated(pytester, "--dbx-changed") == {"nb/caller.py", "nb/starter.py", "databricks.yml"}
    git(repository, "checkout", "-q", "nb/child.py")
    (repository / "nb/prices.py").unlink()
    assert gated(pytester, "--dbx-changed") == {"nb/importer.py"}


def test_a_notebook_that_became_a_plain_file(pytester: pytest.Pytester, repository: Path) -> None:
    write(repository, {"nb/child.py": 'region = "north"\n'})
    assert gated(pytester, "--dbx-changed") == {"nb/caller.py", "nb/starter.py", "databricks.yml"}


def test_a_module_that_became_a_notebook(pytester: pytest.Pytester, repository: Path) -> None:
    write(repository, {"nb/prices.py": source("def net(x):\n    return x")})
    assert gated(pytester, "--dbx-changed") == {"nb/prices.py", "nb/importer.py"}


def test_the_files_of_a_bundle_may_depend_on_one_another(
    pytester: pytest.Pytester, repository: Path
) -> None:
    root = "bundle: {name: retail}\ninclude: [conf/*.yml]\n"
    job = "resources: {jobs: {daily: {tasks: [{task_key: a, notebook_task: {notebook_path: %s}}]}}}"
    parts: dict[str, str | bytes] = {
        "databricks.yml": f"{root}variables: {{folder: {{default: nb}}}}\n",
        "conf/job.yml": job % '"../${var.folder}/alone.py"',
        "conf/other.yml": "variables: {unused: {default: x}}\n",
    }
    write(repository, parts)
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "bundle")
    write(repository, {"databricks.yml": f"{root}variables: {{}}\n"})
    result = run(pytester, "--dbx-only", "--dbx-changed", "--dbx-base", "HEAD", "--color=no")
    result.stdout.fnmatch_lines(["conf/job.yml:1:*DBX433 no variable `folder` is defined"])
    git(repository, "checkout", "-q", "databricks.yml")
    (repository / "conf/other.yml").unlink()
    assert gated(pytester, "--dbx-base", "HEAD") == {"databricks.yml", "conf/job.yml"}


def test_a_configuration_file_touches_everything_below_it(
    pytester: pytest.Pytester, repository: Path
) -> None:
    write(repository, {"nb/ruff.toml": "line-length = 80\n"})
    notebooks = {path for path in FILES if path.startswith("nb/")} - {"nb/prices.py"}
    assert gated(pytester, "--dbx-changed") == notebooks


def test_an_archive_is_gated_as_a_whole(pytester: pytest.Pytester, repository: Path) -> None:
    write(repository, {"nb/old.dbc": b"no archive"})
    assert gated(pytester, "--dbx-changed") == {"nb/old.dbc"}


def test_arguments_narrow_further(pytester: pytest.Pytester, repository: Path) -> None:
    write(repository, {"nb/child.py": source('area = "north"')})
    assert gated(pytester, "--dbx-changed", "nb/caller.py", "nb/alone.py") == {"nb/caller.py"}
    assert gated(pytester, "--dbx-changed", "nb") == {
        "nb/caller.py",
        "nb/child.py",
        "nb/starter.py",
    }


def test_what_is_excluded_stays_so(pytester: pytest.Pytester, repository: Path) -> None:
    write(repository, {"dbxgate.toml": 'exclude = ["nb/caller.py"]\n'})
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "settings")
    write(repository, {"nb/child.py": source('area = "north"')})
    assert gated(pytester, "--dbx-base", "HEAD") == {
        "nb/child.py",
        "nb/starter.py",
        "databricks.yml",
    }


@XDIST
def test_nothing_to_check_is_a_success(
    pytester: pytest.Pytester, repository: Path, workers: tuple[str, ...]
) -> None:
    result = run(pytester, "--dbx-only", "--dbx-changed", *workers)
    assert result.ret == pytest.ExitCode.OK
    base = git(repository, "rev-parse", "main")[:10]
    result.stdout.fnmatch_lines(
        [
            "dbxgate: nothing to check: no notebook or job file changed since where this branch "
            f"left the default branch (main, {base}), nor what they use"
        ]
    )


def test_nothing_to_check_does_not_excuse_the_ordinary_tests(
    pytester: pytest.Pytester, repository: Path
) -> None:
    write(repository, {"tests/test_ordinary.py": "def test_ordinary():\n    assert False\n"})
    result = run(pytester, "--dbx-changed", "tests")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(failed=1)


def test_changed_but_deselected_is_nothing_selected(
    pytester: pytest.Pytester, repository: Path
) -> None:
    write(repository, {"nb/alone.py": source("print(2)")})
    result = run(pytester, "--dbx-only", "--dbx-changed", "-k", "no_such_thing")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_a_base_of_ones_own(pytester: pytest.Pytester, repository: Path) -> None:
    write(repository, {"nb/alone.py": source("print(2)")})
    git(repository, "commit", "-qam", "alone")
    git(repository, "tag", "v1")
    write(repository, {"nb/importer.py": source("print(1)")})
    git(repository, "commit", "-qam", "importer")
    # The option implies the other.
    assert gated(pytester, "--dbx-base", "v1") == {"nb/importer.py"}
    assert gated(pytester, "--dbx-changed", "--dbx-base=main") == {"nb/alone.py", "nb/importer.py"}
    head = git(repository, "rev-parse", "HEAD").strip()
    assert gated(pytester, "--dbx-base", head) == set()


def test_the_target_of_a_pull_request(
    pytester: pytest.Pytester, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(repository, {"nb/alone.py": source("print(2)")})
    git(repository, "commit", "-qam", "alone")
    git(repository, "checkout", "-q", "main")
    write(repository, {"nb/importer.py": source("print(1)")})
    git(repository, "commit", "-qam", "importer")
    git(repository, "checkout", "-q", "--detach")
    git(repository, "merge", "-q", "--no-ff", "-m", "merge", "work")
    monkeypatch.setenv("TF_BUILD", "True")
    monkeypatch.setenv("SYSTEM_PULLREQUEST_TARGETBRANCH", "refs/heads/main")
    monkeypatch.setenv("BUILD_SOURCEBRANCH", "refs/pull/7/merge")
    result = run(pytester, "--dbx-only", "--dbx-changed")
    result.assert_outcomes(passed=TOOLS + NOTEBOOK)
    result.stdout.fnmatch_lines(
        ["dbxgate: since `main`, the target of the pull request (HEAD^1 of its merge commit): 1 *"]
    )


@pytest.mark.parametrize(
    ("reference", "message", "step"),
    [
        (
            "no-such-branch",
            "ERROR: --dbx-changed: `no-such-branch` is not in this clone (looked for "
            "no-such-branch, origin/no-such-branch)",
            "  next: fetch it (git fetch origin), or name a commit or branch with --dbx-base",
        ),
    ],
)
def test_a_base_that_is_not_there(
    pytester: pytest.Pytester, repository: Path, reference: str, message: str, step: str
) -> None:
    result = run(pytester, "--dbx-only", "--dbx-base", reference)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert result.errlines[:2] == [message, step]


@XDIST
def test_without_a_repository(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    write(pytester.path, {"nb/a.py": source("print(1)")})
    result = run(pytester, "--dbx-only", "--dbx-changed", *workers)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert result.errlines[:2] == [
        f"ERROR: --dbx-changed: {pytester.path}: not the working tree of a git repository",
        "  next: run in a clone that git trusts, or run without --dbx-changed",
    ]
    assert "Traceback" not in result.stdout.str() + result.stderr.str()


def test_a_shallow_clone_names_the_lines_to_add(
    pytester: pytest.Pytester, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(repository, "checkout", "-q", "main")
    clone = repository.parent / "shallow"
    git(repository, "clone", "-q", "--depth=1", "-b", "work", repository.as_uri(), str(clone))
    monkeypatch.chdir(clone)
    result = run(pytester, "--dbx-only", "--dbx-changed", f"--rootdir={clone}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    text = "\n".join(result.errlines)
    assert text.startswith(
        "ERROR: --dbx-changed: the clone is shallow and lacks the default branch"
    )
    assert "steps:\n" in text
    assert "- checkout: self\n" in text
    assert "fetchDepth: 0 # the whole history" in text


def test_the_reports_tell_of_what_was_gated_alone(
    pytester: pytest.Pytester, repository: Path
) -> None:
    write(repository, {"nb/alone.py": source("print(2)")})
    run(pytester, "--dbx-only", "--dbx-changed", "--dbx-json=out.json")
    text = (repository / "out.json").read_text(encoding="utf-8")
    assert '"path": "nb/alone.py"' in text
    assert '"path": "nb/child.py"' not in text
