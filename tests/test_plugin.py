"""The plugin inside pytest, with and without xdist."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from support import XDIST, ipynb, run, source, write

CLEAN = source("x = 1", "print(x)")
WRONG = source("x = 1", "print(x is 1)")
BROKEN = source("x = (")


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project of two clean notebooks and an ordinary test."""
    write(
        pytester.path,
        {
            "pyproject.toml": '[tool.pytest.ini_options]\ntestpaths = ["tests"]\n',
            "tests/test_ordinary.py": "def test_ordinary():\n    pass\n",
            "nb/a.py": CLEAN,
            "nb/b.py": CLEAN,
        },
    )
    return pytester


def test_without_the_flag_the_plugin_is_inert(project: pytest.Pytester) -> None:
    result = run(project)
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("dbxgate: *")


@XDIST
def test_gate_beside_the_ordinary_tests(project: pytest.Pytester, workers: tuple[str, ...]) -> None:
    # three tools, two notebooks with six checks each, one ordinary test
    run(project, "--dbx-gate", *workers).assert_outcomes(passed=16)


@XDIST
def test_only_the_gate(project: pytest.Pytester, workers: tuple[str, ...]) -> None:
    run(project, "--dbx-only", *workers).assert_outcomes(passed=15)


@XDIST
def test_a_finding_fails_its_item(project: pytest.Pytester, workers: tuple[str, ...]) -> None:
    write(project.path, {"nb/b.py": WRONG})
    result = run(project, "--dbx-only", "--color=no", *workers)
    result.assert_outcomes(passed=14, failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "nb/b.py:6:7 F632 *",
            "  cell 2 (python), line 1",
            "   6 | print(x is 1)",
            "     |       ^^^^^^",
            "FAILED nb/b.py::lint*",
            "*1  F632  *",
            "--dbx-write-baseline FILE *",
            "*1 failed, 14 passed*",
        ]
    )


BUNDLE = """\
bundle:
  name: retail
resources:
  jobs:
    daily:
      tasks:
        - task_key: load
          notebook_task:
            notebook_path: ./nb/gone.py
"""


@XDIST
def test_what_lies_between_files(project: pytest.Pytester, workers: tuple[str, ...]) -> None:
    write(
        project.path,
        {
            "nb/b.py": source("print(y)"),
            "nb/c.py": source("z = 1", "# MAGIC %run ./b"),
            "nb/d.py": source('print(dbutils.secrets.get("retail", "key"))'),
            "databricks.yml": BUNDLE,
        },
    )
    arguments = ("--dbx-only", "--color=no", "--dbx-json=out.json", "--junitxml=out.xml")
    result = run(project, *arguments, *workers)
    result.assert_outcomes(passed=3 + 4 * 6 + 2 - 3, failed=3)
    result.stdout.fnmatch_lines(["dbxgate: 4 notebook files (4 .py) and 1 job file; *"])
    output = result.stdout.str()
    assert "nb/b.py:2:7 F821 undefined name `y`\n" in output
    assert "FAILED nb/b.py::references - " in output
    assert (
        "nb/d.py:2:1 DBX620 `print` shows what `dbutils.secrets.get` returned\n"
        "  cell 1 (python), line 1\n"
    ) in output
    assert "FAILED nb/d.py::secrets - " in output
    assert (
        "databricks.yml:9:28 DBX423 there is no notebook `./nb/gone.py`\n"
        "   8 |           notebook_task:\n"
        "   9 |             notebook_path: ./nb/gone.py\n"
        "     |                            ^^^^^^^^^^^^\n"
    ) in output
    assert "FAILED databricks.yml::references - " in output
    report = json.loads((project.path / "out.json").read_text(encoding="utf-8"))
    checks = {"references": "failed", "secrets": "passed"}
    assert [(row["path"], row["kind"], row["checks"]) for row in report["jobs"]] == [
        ("databricks.yml", "bundle", checks)
    ]
    assert len(report["notebooks"]) == 4
    cases = list(ElementTree.parse(project.path / "out.xml").iter("testcase"))
    assert {p.get("value") for case in cases for p in case.iter("property")} >= {
        "databricks.yml",
        "DBX423",
        "DBX620",
        "F821",
    }


@pytest.mark.parametrize(
    ("arguments", "passed", "failed"),
    [
        (("databricks.yml",), 4, 1),
        (("databricks.yml::secrets",), 4, 0),
        (("databricks.yml::references", "nb/a.py::references"), 4, 1),
        (("-m", "dbx_references"), 2, 1),
        (("-m", "dbx_secrets", "-n2"), 3, 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_selection_of_job_files(
    project: pytest.Pytester, arguments: tuple[str, ...], passed: int, failed: int
) -> None:
    write(project.path, {"databricks.yml": BUNDLE})
    outcomes = run(project, "--dbx-only", *arguments).parseoutcomes()
    assert (outcomes.get("passed", 0), outcomes.get("failed", 0)) == (passed, failed)


def test_last_failed_of_a_job_file(project: pytest.Pytester) -> None:
    write(project.path, {"databricks.yml": BUNDLE})
    run(project, "--dbx-only").assert_outcomes(passed=16, failed=1)
    run(project, "--dbx-only", "--lf").assert_outcomes(failed=1)


def test_a_job_file_that_says_nothing_is_no_item(project: pytest.Pytester) -> None:
    write(project.path, {"azure-pipelines.yml": "steps:\n- script: pytest\n", "a.json": "{}"})
    result = run(project, "--dbx-only", "--co", "-q")
    result.stdout.fnmatch_lines(["15 tests collected *"])
    result = run(project, "--dbx-only", "a.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: a.json is neither a notebook nor a job file"])


def test_fixes_and_the_baseline_with_a_job_file(project: pytest.Pytester) -> None:
    write(project.path, {"databricks.yml": BUNDLE, "nb/b.py": source("x=1")})
    result = run(project, "--dbx-only", "--dbx-fix", "--dbx-write-baseline=known.json")
    result.assert_outcomes(passed=17)
    result.stdout.fnmatch_lines(["fixed 1 notebook:", "  nb/b.py", "baseline written: 1 finding"])
    run(project, "--dbx-only", "--dbx-baseline=known.json").assert_outcomes(passed=17)
    write(project.path, {"databricks.yml": BUNDLE.replace("./nb/gone.py", "./nb/other.py")})
    result = run(project, "--dbx-only", "--dbx-baseline=known.json")
    result.assert_outcomes(passed=16, failed=1)
    assert (project.path / "databricks.yml").read_text(encoding="utf-8").startswith("bundle:")


@XDIST
@pytest.mark.parametrize(
    ("arguments", "passed", "failed"),
    [
        (("-k", "lint"), 1, 1),
        (("-m", "dbx_syntax"), 2, 0),
        (("nb/b.py::lint",), 3, 1),
        (("nb/b.py",), 8, 1),
        (("nb",), 14, 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_selection(
    project: pytest.Pytester,
    workers: tuple[str, ...],
    arguments: tuple[str, ...],
    passed: int,
    failed: int,
) -> None:
    write(project.path, {"nb/b.py": WRONG})
    result = run(project, "--dbx-only", *arguments, *workers)
    outcomes = result.parseoutcomes()
    assert (outcomes.get("passed", 0), outcomes.get("failed", 0)) == (passed, failed)


def test_last_failed_runs_what_failed(project: pytest.Pytester) -> None:
    write(project.path, {"nb/b.py": WRONG})
    run(project, "--dbx-only").assert_outcomes(passed=14, failed=1)
    run(project, "--dbx-only", "--lf").assert_outcomes(failed=1)


def test_collect_only_runs_no_tool(project: pytest.Pytester) -> None:
    write(project.path, {"nb/b.py": BROKEN})
    result = run(project, "--dbx-only", "--collect-only", "-q")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "dbx::ruff",
            "dbx::sqlfluff",
            "dbx::grammar",
            "nb/a.py::syntax",
            "nb/a.py::lint",
            "nb/a.py::format",
            "nb/a.py::metadata",
            "nb/a.py::references",
            "nb/a.py::secrets",
            "nb/b.py::syntax",
        ]
    )


@XDIST
def test_nothing_of_the_repository_is_imported(
    pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    trap = 'raise SystemExit("imported")'
    write(
        pytester.path,
        {
            "nb/__init__.py": trap,
            "nb/test_trap.py": source(trap),
            "nb/trap_test.py": source(trap),
            "test_plain.py": trap,
        },
    )
    result = run(pytester, "--dbx-gate", "--doctest-modules", *workers)
    result.assert_outcomes(passed=15)
    # A folder that is named may hold ordinary tests, its notebooks are none.
    result = run(pytester, "--dbx-gate", "nb", *workers)
    result.assert_outcomes(passed=15)


def test_a_plain_file_is_not_a_notebook(project: pytest.Pytester) -> None:
    result = run(project, "--dbx-gate", "tests/test_ordinary.py")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *test_ordinary.py is neither a notebook nor a job file"])


def test_notebooks_that_norecursedirs_hides_are_gated(pytester: pytest.Pytester) -> None:
    write(pytester.path, {"build/a.py": CLEAN, ".hidden/b.py": CLEAN})
    result = run(pytester, "--dbx-gate")
    result.assert_outcomes(passed=15)
    result.stdout.fnmatch_lines(["dbxgate: *norecursedirs*build/a.py*"])


@XDIST
def test_junit_names_file_line_and_code(project: pytest.Pytester, workers: tuple[str, ...]) -> None:
    write(project.path, {"nb/b.py": WRONG})
    run(project, "--dbx-only", "--junitxml=out.xml", *workers)
    root = ElementTree.parse(project.path / "out.xml").getroot()
    cases = {f"{c.get('classname')}.{c.get('name')}": c for c in root.iter("testcase")}
    failed = next(case for case in cases.values() if case.find("failure") is not None)
    properties = {p.get("name"): p.get("value") for p in failed.iter("property")}
    assert properties["dbx_file"] == "nb/b.py"
    assert properties["dbx_line"] == "6"
    assert properties["dbx_code"] == "F632"


@XDIST
def test_json_report(project: pytest.Pytester, workers: tuple[str, ...]) -> None:
    write(project.path, {"nb/b.py": WRONG})
    run(project, "--dbx-only", "--dbx-json=out.json", *workers)
    report = json.loads((project.path / "out.json").read_text(encoding="utf-8"))
    assert [row["path"] for row in report["notebooks"]] == ["nb/a.py", "nb/b.py"]
    assert report["notebooks"][1]["checks"] == {
        "syntax": "passed",
        "lint": "failed",
        "format": "passed",
        "metadata": "passed",
        "references": "passed",
        "secrets": "passed",
    }
    assert [(row["path"], row["line"], row["code"]) for row in report["findings"]] == [
        ("nb/b.py", 6, "F632")
    ]


@XDIST
def test_a_broken_configuration_turns_the_tool_red(
    project: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    write(project.path, {"team/ruff.toml": "no-such-key = 1\n", "team/c.py": CLEAN})
    result = run(project, "--dbx-only", *workers)
    result.assert_outcomes(passed=17, failed=1, skipped=3)
    result.stdout.fnmatch_lines(["*team*ruff.toml*", "FAILED dbx::ruff*"])


def test_a_failed_tool_is_red_even_when_its_item_is_deselected(project: pytest.Pytester) -> None:
    write(project.path, {"ruff.toml": "no-such-key = 1\n"})
    result = run(project, "--dbx-only", "-m", "dbx_lint")
    result.assert_outcomes(failed=2)
    result = run(project, "--dbx-only", "-m", "dbx_references")
    result.assert_outcomes(failed=2)


def test_an_unchecked_language_is_skipped_with_its_reason(project: pytest.Pytester) -> None:
    write(project.path, {"nb/c.r": source("x <- (1", suffix=".r")})
    result = run(project, "--dbx-only", "-rs", "nb/c.r")
    if "R is not checked" in result.stdout.str():
        assert result.parseoutcomes()["skipped"] == 1
        write(
            project.path,
            {"dbxgate.toml": 'allow_unchecked = ["r"]\n'},
        )
        assert "skipped" not in run(project, "--dbx-only", "nb/c.r").parseoutcomes()
    else:
        result.assert_outcomes(passed=8, failed=1)


@XDIST
def test_fix_then_report(project: pytest.Pytester, workers: tuple[str, ...]) -> None:
    write(project.path, {"nb/b.py": source("x=1", "print( x )")})
    run(project, "--dbx-only", *workers).assert_outcomes(passed=14, failed=1)
    result = run(project, "--dbx-only", "--dbx-diff", "--color=no", *workers)
    result.assert_outcomes(passed=14, failed=1)
    result.stdout.fnmatch_lines(["-x=1", "+x = 1"])
    result = run(project, "--dbx-only", "--dbx-fix", *workers)
    result.assert_outcomes(passed=15)
    result.stdout.fnmatch_lines(["fixed 1 notebook:", "  nb/b.py"])
    assert (project.path / "nb/b.py").read_bytes() == source("x = 1", "print(x)").encode()


@XDIST
def test_baseline(project: pytest.Pytester, workers: tuple[str, ...]) -> None:
    write(project.path, {"nb/b.py": WRONG})
    result = run(project, "--dbx-only", "--dbx-write-baseline=known.json", *workers)
    result.assert_outcomes(passed=15)
    result.stdout.fnmatch_lines(["baseline written: 1 finding"])
    run(project, "--dbx-only", "--dbx-baseline=known.json", *workers).assert_outcomes(passed=15)
    write(project.path, {"nb/b.py": WRONG.replace("print(x is 1)", "print(x is 1)\nprint(x is 2)")})
    result = run(project, "--dbx-only", "--dbx-baseline=known.json", *workers)
    result.assert_outcomes(passed=14, failed=1)
    write(project.path, {"nb/b.py": CLEAN})
    result = run(project, "--dbx-only", "--dbx-baseline=known.json", *workers)
    result.assert_outcomes(passed=15)
    result.stdout.fnmatch_lines(["1 known finding no longer there:*"])


def test_a_warm_run_says_the_same(project: pytest.Pytester) -> None:
    write(project.path, {"nb/b.py": WRONG})
    first = run(project, "--dbx-only", "--color=no").stdout.lines
    second = run(project, "--dbx-only", "--color=no").stdout.lines
    keep = [line for line in first if " in " not in line]
    assert keep == [line for line in second if " in " not in line]


def test_a_broken_setting_is_a_usage_error(project: pytest.Pytester) -> None:
    write(project.path, {"dbxgate.toml": "strict = true\n"})
    result = run(project, "--dbx-gate")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ['ERROR: *dbxgate.toml:1: unknown key "strict" in [[]tool.dbxgate]', "*strict_sql*"]
    )


def test_hooks(project: pytest.Pytester) -> None:
    write(
        project.path,
        {
            "conftest.py": (
                "from pytest_dbxgate import Check, in_cell\n\n"
                "def pytest_dbxgate_globals(config):\n    return ['y']\n\n"
                "def pytest_dbxgate_check(notebook, settings):\n"
                "    for cell in notebook.cells:\n"
                "        if 'forbidden' in cell.source:\n"
                "            yield in_cell(notebook, cell, Check.METADATA, 'TEAM1', 'no')\n\n"
                "def pytest_dbxgate_findings(notebook, findings):\n"
                "    findings[:] = [f for f in findings if f.code != 'F632']\n"
            ),
            "nb/a.py": source("y = y + 1", "# forbidden"),
            "nb/b.py": source("x = 1", "print(x is 1)"),
        },
    )
    result = run(project, "--dbx-only", "--color=no")
    result.assert_outcomes(passed=14, failed=1)
    result.stdout.fnmatch_lines(["nb/a.py:6:1 TEAM1 no"])


def test_archives_and_jupyter_notebooks(project: pytest.Pytester) -> None:
    write(project.path, {"nb/c.ipynb": ipynb("print(z)")})
    result = run(project, "--dbx-only", "--color=no", "nb/c.ipynb")
    result.assert_outcomes(passed=8, failed=1)
    result.stdout.fnmatch_lines(["nb/c.ipynb:cell 1:1:7 F821 *"])


def test_no_notebook_at_all(pytester: pytest.Pytester) -> None:
    assert run(pytester, "--dbx-gate").ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_an_odd_file_name_as_argument(project: pytest.Pytester) -> None:
    write(project.path, {"nb/a [1] é.py": CLEAN})
    run(project, "--dbx-gate", "nb/a [1] é.py").assert_outcomes(passed=9)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_file_name_with_colons(project: pytest.Pytester) -> None:
    write(project.path, {"nb/a::b.py": CLEAN})
    run(project, "--dbx-gate", "nb/a::b.py").assert_outcomes(passed=9)
    run(project, "--dbx-gate", "nb/a::b.py::lint").assert_outcomes(passed=4)


def test_a_skip_mark_is_a_skip(project: pytest.Pytester) -> None:
    write(
        project.path,
        {
            "conftest.py": (
                "import pytest\n\n"
                "def pytest_collection_modifyitems(items):\n"
                "    for item in items:\n"
                "        item.add_marker(pytest.mark.skip(reason='not today'))\n"
            )
        },
    )
    run(project, "--dbx-only").assert_outcomes(skipped=15)


def test_importing_the_plugin_loads_nothing_heavy(pytester: pytest.Pytester) -> None:
    code = (
        "import sys, pytest_dbxgate.plugin as p\n"
        "heavy = {'sqlfluff', 'sqlglot', 'nbformat', 'pytest_dbxgate.session'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    file = pytester.makepyfile(code)
    assert pytester.runpython(file).ret == 0


def test_paths_are_relative_to_the_root_not_to_the_directory(project: pytest.Pytester) -> None:
    os.chdir(project.path / "nb")
    result = project.runpytest_subprocess("--dbx-only", "-v", "b.py")
    result.assert_outcomes(passed=9)
    assert "nb/b.py::lint" in result.stdout.str() or "b.py::lint" in result.stdout.str()
    assert Path.cwd() == project.path / "nb"


HOSTILE = "a\x1b[31m##vso[task.complete]b.py"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@XDIST
def test_nothing_of_a_files_name_reaches_the_terminal_as_it_is(
    project: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    write(project.path, {HOSTILE: BROKEN, "c.py": source("# MAGIC %r\n# MAGIC x <- 1")})
    arguments = ("--dbx-only", "--color=no", "-v", "-rA", "--junitxml=junit.xml", *workers)
    result = run(project, *arguments)
    shown = result.stdout.str()
    assert "\x1b" not in shown
    assert "##vso[" not in shown
    assert "a\\x1b[31m##vso\\[task.complete]b.py::syntax" in shown
    unchecked = shutil.which("Rscript") is None
    result.assert_outcomes(passed=26 - unchecked, failed=1, skipped=unchecked)
    cases = ElementTree.parse(project.path / "junit.xml").iter("testcase")
    assert any(case.get("classname", "").startswith("a\\x1b") for case in cases)


def test_the_verbose_line_is_the_node_id(project: pytest.Pytester) -> None:
    result = run(project, "--dbx-only", "-vv")
    result.stdout.fnmatch_lines(["dbx::ruff PASSED*", "nb/a.py::syntax PASSED*"])


def test_a_message_about_settings_is_harmless(project: pytest.Pytester) -> None:
    write(project.path, {"dbxgate.toml": '"k\\u001b[31m##vso[x]" = 1\n'})
    result = run(project, "--dbx-gate")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "\x1b" not in result.stderr.str()
    result.stderr.fnmatch_lines(['*unknown key "k*##vso*', "  next: known keys*"])


def test_the_error_of_a_tool_is_harmless(project: pytest.Pytester) -> None:
    write(project.path, {"ruff.toml": 'extend = "\\u001b[31m##vso[x]"\n'})
    result = run(project, "--dbx-only", "--color=no")
    assert "\x1b" not in result.stdout.str()
    assert "##vso[" not in result.stdout.str()
    result.stdout.fnmatch_lines(["FAILED dbx::ruff*"])


def test_without_a_terminal_reporter(project: pytest.Pytester) -> None:
    write(project.path, {"nb/b.py": WRONG})
    result = run(project, "--dbx-only", "-p", "no:terminal")
    assert result.ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize(
    "arguments",
    [("--ignore=nb/sub",), ("--ignore-glob=*/sub", "-n2"), ("--ignore", "nb/sub/c.py", "nb")],
    ids=lambda value: value[0],
)
def test_what_pytest_is_to_ignore_is_not_gated(
    project: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    write(project.path, {"nb/sub/c.py": BROKEN})
    result = run(project, "--dbx-only", *arguments)
    result.assert_outcomes(passed=15)
    assert "dbxgate: 2 notebook files" in result.stdout.str()


@pytest.mark.parametrize("missing", ["nb/nope.py", "nb::lint"])
def test_an_argument_that_names_nothing_is_an_error_without_tests_too(
    project: pytest.Pytester, missing: str
) -> None:
    result = run(project, "--dbx-only", "nb/a.py", missing)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: not found: {missing}"])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@XDIST
def test_names_that_cannot_be_written_down(
    project: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    names = (b"nb/\xff.py", b"nb/a\\b.py", b"nb/a\nb.py")
    write(project.path, {os.fsdecode(name): WRONG for name in names})
    arguments = ("--dbx-only", "-v", "-rA", "--junitxml=junit.xml", "--dbx-json=out.json")
    result = run(project, *arguments, *workers)
    result.assert_outcomes(passed=30, failed=3)
    assert len(list(ElementTree.parse(project.path / "junit.xml").iter("testcase"))) == 33
    run(project, "--dbx-only", "--lf", *workers).assert_outcomes(failed=3)


def test_a_cache_that_cannot_be_made_is_none(project: pytest.Pytester) -> None:
    write(project.path, {".pytest_cache/d/dbxgate": "a file, not a folder"})
    result = run(project, "--dbx-only")
    result.assert_outcomes(passed=15)
    result.stdout.fnmatch_lines(["dbxgate: *; cache off"])


@pytest.mark.parametrize(
    ("hook", "message"),
    [
        ("check(notebook, settings): return 1 / 0", "check failed: ZeroDivisionError: *"),
        ("check(notebook, settings): yield 3", "check gave 3, which is not a Finding"),
        ("check(notebook, settings): return 3", "check failed: TypeError: *"),
        ("findings(findings): return 1 / 0", "findings failed: ZeroDivisionError: *"),
        ("findings(findings): findings.append(3)", "findings gave 3, which is not a Finding"),
        ("globals(config): return 1 / 0", "globals failed: ZeroDivisionError: *"),
        ("globals(config): return 'y'", "globals gave 'y', which is not a list of names"),
        ("globals(config): return ['a b']", "globals gave 'a b', which is not a name"),
    ],
)
def test_a_broken_hook_is_named(project: pytest.Pytester, hook: str, message: str) -> None:
    write(project.path, {"conftest.py": f"def pytest_dbxgate_{hook}\n"})
    result = run(project, "--dbx-only")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: the hook pytest_dbxgate_{message}"])
    assert "Traceback" not in result.stderr.str() + result.stdout.str()
    assert "INTERNALERROR" not in result.stderr.str() + result.stdout.str()


@XDIST
def test_a_broken_hook_says_where(project: pytest.Pytester, workers: tuple[str, ...]) -> None:
    write(project.path, {"conftest.py": "\ndef pytest_dbxgate_findings(findings): 1 / 0\n"})
    result = run(project, "--dbx-only", *workers)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["  next: mend it (*conftest.py, line 2)"])
    assert "INTERNALERROR" not in result.stdout.str()


def test_a_baseline_is_written_over_a_baseline_only(project: pytest.Pytester) -> None:
    result = run(project, "--dbx-only", "--dbx-write-baseline=nb/a.py")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: baseline *a.py*", "  next: name another file*"])
    assert (project.path / "nb/a.py").read_text(encoding="utf-8") == CLEAN


@XDIST
def test_without_its_policy_a_project_is_checked_all_the_same(
    project: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    write(project.path, {"dbxgate.toml": 'extend = "gone.toml"\n', "nb/b.py": WRONG})
    result = run(project, "--dbx-only", "--color=no", *workers)
    result.assert_outcomes(passed=14, failed=2)
    result.stdout.fnmatch_lines_random(
        [
            '*dbxgate.toml:1: tool.dbxgate.extend: there is no file "gone.toml"',
            "FAILED dbx::policy*",
            "FAILED nb/b.py::lint*",
        ]
    )


def test_a_missing_policy_cannot_be_deselected(project: pytest.Pytester) -> None:
    write(project.path, {"dbxgate.toml": 'extend = "gone.toml"\n'})
    result = run(project, "--dbx-only", "-m", "dbx_syntax")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(['ERROR: *dbxgate.toml:1: *there is no file "gone.toml"*'])


def test_a_green_run_says_how_to_see_its_warnings(project: pytest.Pytester) -> None:
    write(project.path, {"nb/b.py": CLEAN.replace("----------", "---------- ")})
    hint = "-v shows where the warnings stand"
    result = run(project, "--dbx-only")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*1  DBX132  warning *", hint])
    assert hint not in run(project, "--dbx-only", "-q").stdout.lines
    assert hint not in run(project, "--dbx-only", "-v").stdout.lines
