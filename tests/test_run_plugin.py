"""``--dbx-run`` inside pytest: items, their reports, and what a red run does to the rest."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from kernel_support import gone
from pytest_dbxgate.reporting import json_report
from support import source, write

pytest.importorskip("pysail", reason="the extra local is not installed")

GOOD = source('print("hello")', 'dbutils.notebook.exit(dbutils.widgets.get("day"))')
BAD = source("# MAGIC %run ./helper", "check(0)")
HELPER = source('def check(number):\n    if not number:\n        raise ValueError("no rows")\n')
LOST = source("x = 1", "# MAGIC %scala\n# MAGIC val x = 1")
SETTINGS = """
[run]
notebooks = ["nb"]
exclude = ["nb/helper.py", "nb/broken.py"]
timeout = 60
lanes = 2

[[run.cases]]
notebook = "nb/good.py"
name = "june"
parameters = { day = "2024-06-30" }
expect_exit = "2024-06-30"

[[run.cases]]
notebook = "nb/good.py"
name = "july"
parameters = { day = "2024-07-31" }
expect_exit = "2024-07-30"
"""
TREE = {
    "dbxgate.toml": SETTINGS,
    "ruff.toml": 'lint.select = ["E9"]\n',
    "nb/good.py": GOOD,
    "nb/bad.py": BAD,
    "nb/helper.py": HELPER,
    "nb/lost.py": LOST,
    "nb/broken.py": source("x = (\n"),
}


def outcomes(file: Path) -> dict[str, dict[str, object]]:
    report = json.loads(file.read_text(encoding="utf-8"))
    jsonschema.validate(report, json_report.schema())
    return {f"{each['path']}[{each['case']}]": each for each in report["outcomes"]}


@pytest.mark.parametrize("processes", ["-p no:xdist", "-n 2"])
def test_each_run_is_an_item(pytester: pytest.Pytester, processes: str) -> None:
    write(pytester.path, dict(TREE))
    done = pytester.runpytest_subprocess(
        *processes.split(),
        *("--dbx-only", "--dbx-run", "local", "-m", "dbx_run", "-rA"),
        *("--dbx-json", "report.json", "--junitxml", "junit.xml", "-o", "junit_logging=system-out"),
    )
    assert done.ret == 1
    done.assert_outcomes(passed=1, failed=3)
    text = re.sub(r"\d+\.\d s", "0.0 s", done.stdout.str())
    assert "nb/helper.py:4:9 DBX701 ValueError: no rows" not in text, (
        "the finding stands where the failing cell is, not where the function is"
    )
    assert "nb/bad.py:6:1 DBX701 ValueError: no rows" in text
    assert "    nb/bad.py cell 2, line 1\n      check(0)\n" in text
    assert "    nb/helper.py cell 1, line 3, in check\n" in text
    assert "nb/lost.py:7:9 DBX703 a cell in Scala needs a cluster" in text
    assert "DBX707 it should have exited with '2024-07-30', and exited with '2024-07-31'" in text
    assert "ran 4 notebooks in 0.0 s on sail " in text
    assert "1 passed, 2 failed, 1 unsupported" in text
    found = outcomes(pytester.path / "report.json")
    assert {name: each["state"] for name, each in found.items()} == {
        "nb/bad.py[]": "failed",
        "nb/good.py[june]": "passed",
        "nb/good.py[july]": "failed",
        "nb/lost.py[]": "unsupported",
    }
    assert found["nb/good.py[june]"]["exit_value"] == "2024-06-30"
    assert found["nb/good.py[june]"]["output"] == "hello\n"
    cases = {
        case.get("name"): case
        for case in ElementTree.parse(pytester.path / "junit.xml").iter("testcase")
    }
    june = cases["run[june]"]
    properties = {each.get("name"): each.get("value") for each in june.iter("property")}
    assert properties["dbx_run_state"] == "passed"
    assert properties["dbx_engine"].startswith("sail ")
    assert "hello" in (june.findtext("system-out") or "")


def test_what_does_not_parse_is_not_started(pytester: pytest.Pytester) -> None:
    write(pytester.path, {**TREE, "nb/caller.py": source("# MAGIC %run ./broken\n")})
    done = pytester.runpytest_subprocess(
        *("--dbx-only", "--dbx-run", "local", "-m", "dbx_run", "nb/broken.py", "nb/caller.py")
    )
    done.assert_outcomes(failed=2)
    text = done.stdout.str()
    assert "nb/broken.py:1:1 DBX705 it does not parse" in text
    assert "nb/caller.py:1:1 DBX705 nb/broken.py does not parse" in text


def test_a_run_or_a_case_can_be_named(pytester: pytest.Pytester) -> None:
    write(pytester.path, dict(TREE))
    done = pytester.runpytest_subprocess(
        *("--dbx-only", "--dbx-run", "local", "-v", "nb/good.py::run[june]")
    )
    # The tools' own items are always there.
    done.assert_outcomes(passed=4)
    done.stdout.fnmatch_lines(["*nb/good.py::run?june? PASSED*"])


def test_unsupported_runs_may_be_skipped(pytester: pytest.Pytester) -> None:
    write(pytester.path, {**TREE, "dbxgate.toml": '[run]\nunsupported = "skip"\n'})
    done = pytester.runpytest_subprocess(
        *("--dbx-only", "--dbx-run", "local", "-m", "dbx_run", "-rs", "nb/lost.py")
    )
    done.assert_outcomes(skipped=1)
    done.stdout.fnmatch_lines(["*not run: a cell in Scala needs a cluster*"])


def test_nothing_to_run_is_a_usage_error(pytester: pytest.Pytester) -> None:
    write(pytester.path, {"nb/good.py": GOOD})
    done = pytester.runpytest_subprocess("--dbx-only", "--dbx-run", "local")
    assert done.ret == 4
    done.stderr.fnmatch_lines(["*--dbx-run local: no notebook is to be run*", "*next: name*"])


def test_collecting_runs_nothing(pytester: pytest.Pytester) -> None:
    write(pytester.path, {"nb/good.py": source('open("ran", "w")\n')})
    done = pytester.runpytest_subprocess(
        *("--dbx-only", "--dbx-run", "local", "--co", "-q", "nb/good.py")
    )
    assert "nb/good.py::run" in done.stdout.str()
    assert not list(pytester.path.rglob("ran"))


def test_nothing_in_the_repository_changes(pytester: pytest.Pytester) -> None:
    write(
        pytester.path,
        {
            "nb/writes.py": source('open("data.txt", "w").write("x")\nopen("new", "w")\n'),
            "nb/data.txt": "as it was",
        },
    )
    done = pytester.runpytest_subprocess(
        *("--dbx-only", "--dbx-run", "local", "-m", "dbx_run", "nb/writes.py")
    )
    done.assert_outcomes(passed=1)
    assert (pytester.path / "nb/data.txt").read_text() == "as it was"
    assert not (pytester.path / "nb/new").exists()


@pytest.mark.parametrize("where", ["cluster", "connect"])
def test_what_reaches_out_counts_on_the_command_line_alone(
    pytester: pytest.Pytester, where: str
) -> None:
    write(pytester.path, {"nb/good.py": GOOD})
    done = pytester.runpytest_subprocess("-o", f"addopts=--dbx-run {where}", "nb/good.py")
    assert done.ret == 4
    done.stderr.fnmatch_lines([f"*--dbx-run {where} has effects outside the working tree*"])


def test_a_target_has_to_allow_runs(pytester: pytest.Pytester) -> None:
    write(
        pytester.path,
        {
            "nb/good.py": GOOD,
            "dbxgate.toml": '[targets.dev]\nhost = "https://adb-1.2.azuredatabricks.net"\n',
        },
    )
    done = pytester.runpytest_subprocess("--dbx-run", "cluster", "nb/good.py")
    assert done.ret == 4
    done.stderr.fnmatch_lines(["*the target dev does not allow --dbx-run cluster*"])


def test_a_missing_engine_is_the_platforms_failure(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 25: no notebook did anything wrong."""
    write(
        pytester.path,
        {"nb/good.py": source("x = 1\n"), "dbxgate.toml": '[run]\nengine = "pyspark"\n'},
    )
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    monkeypatch.delenv("SPARK_HOME", raising=False)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    done = pytester.runpytest_subprocess(
        *("--dbx-only", "--dbx-run", "local", "-m", "dbx_run", "nb/good.py")
    )
    assert done.ret == 25
    done.assert_outcomes(failed=1)
    assert "DBX704" in done.stdout.str()


CHAIN = {
    "dbxgate.toml": 'ignore = ["DBX150"]\n'
    '[run]\nnotebooks = ["nb"]\nneeds = { "nb/b.py" = ["nb/a.py"] }\n'
    '[targets.local]\nrequires_run = true\n[targets.other]\nhost = "local"\n',
    "ruff.toml": 'lint.select = ["E9"]\n',
    "nb/a.py": source(
        'spark.range(3).write.saveAsTable("numbers")',
        # The next one begins where every notebook does.
        'spark.sql("CREATE SCHEMA elsewhere")\nspark.sql("USE elsewhere")',
    ),
    "nb/b.py": source('assert spark.table("numbers").count() == 3\n'),
}


def test_what_ran_is_published(pytester: pytest.Pytester) -> None:
    pytest.importorskip("starlette", reason="the extra emulator is not installed")
    write(pytester.path, dict(CHAIN))
    refused = pytester.runpytest_subprocess("--dbx-only", "--dbx-deploy", "--dbx-target", "local")
    assert refused.ret == 20
    assert "not-run" in refused.stdout.str()
    done = pytester.runpytest_subprocess(
        *("--dbx-only", "--dbx-run", "local", "--dbx-deploy", "--dbx-target", "local")
    )
    assert done.ret == 0, done.stdout.str()
    assert "published release" in done.stdout.str()


def test_a_red_run_is_not_published(pytester: pytest.Pytester) -> None:
    pytest.importorskip("starlette", reason="the extra emulator is not installed")
    write(pytester.path, {**CHAIN, "nb/a.py": source("1 / 0\n")})
    done = pytester.runpytest_subprocess(
        *("--dbx-only", "--dbx-run", "local", "--dbx-deploy", "--dbx-target", "other")
    )
    assert done.ret == 1
    text = done.stdout.str()
    assert "nb/b.py:1:1 DBX705 it needs nb/a.py::run: not green" in text
    assert "checks of notebooks failed: nb/a.py (run), nb/b.py (run)" in text
    assert "published release" not in text


def test_spark_may_be_elsewhere(pytester: pytest.Pytester, tmp_path: Path) -> None:
    """``connect``: the address of any Spark Connect server; here another engine of ours."""
    from pytest_dbxgate.execution.engines import ENGINES

    engine = ENGINES["sail"].start(tmp_path / "engine", ("main",))
    try:
        settings = f'[run]\nremote = "{engine.remote}"\n'
        write(
            pytester.path,
            {
                "dbxgate.toml": settings,
                "nb/a.py": source("assert spark.range(3).count() == 3"),
                "nb/b.py": source('dbutils.notebook.exit(spark.conf.get("x", "none"))'),
            },
        )
        done = pytester.runpytest_subprocess(
            *("--dbx-only", "--dbx-run", "connect", "-m", "dbx_run", "nb/a.py", "nb/b.py")
        )
    finally:
        engine.stop()
    done.assert_outcomes(passed=2)
    done.stdout.fnmatch_lines(["*ran 2 notebooks in * on connect: 2 passed"])


def test_progress_is_seen_while_items_wait(pytester: pytest.Pytester) -> None:
    write(
        pytester.path,
        {
            "dbxgate.toml": '[run]\nnotebooks = ["nb"]\n',
            "conftest.py": "from pytest_dbxgate import runsession\nrunsession._TOLD_EVERY = 0\n",
            "nb/slow.py": source("import time\ntime.sleep(2)", "1 / 0"),
        },
    )
    result = pytester.runpytest_subprocess("--dbx-only", "--dbx-run", "local", "-m", "dbx_run")
    output = result.stdout.str()
    seen, failures = output.split("= FAILURES =")
    assert "dbxgate: ran 0 of 1 notebook" in seen
    assert "dbxgate: ran" not in failures


EXPECTED = """
[run]
notebooks = ["nb"]
retries = 2
needs = { "nb/after.py" = ["nb/other.py"], "nb/then.py" = ["nb/fails.py"] }
secrets = { "team/key" = "env:NOT_SET_ANYWHERE" }
[[run.cases]]
notebook = "nb/other.py"
expect_exit = "3 rows"
retries = 0
[[run.cases]]
notebook = "nb/fails.py"
expect_error = "ZeroDivisionError"
[[run.cases]]
notebook = "nb/otherwise.py"
expect_error = "ValueError"
retries = 0
[[run.cases]]
notebook = "nb/secret.py"
retries = 0
[[run.cases]]
notebook = "nb/table.py"
retries = 0
[[run.cases]]
notebook = "nb/day.sql"
retries = 0
"""


def test_what_is_expected_decides_what_goes_on(pytester: pytest.Pytester) -> None:
    pytest.importorskip("pysail", reason="the extra local is not installed")
    write(
        pytester.path,
        {
            "dbxgate.toml": EXPECTED,
            "nb/other.py": source('dbutils.notebook.exit("2 rows")'),
            "nb/after.py": source("print(1)"),
            "nb/fails.py": source("print(1 / 0)"),
            "nb/then.py": source("print(1)"),
            "nb/otherwise.py": source("print(1 / 0)"),
            "nb/secret.py": source('print(dbutils.secrets.get("team", "key"))'),
            "nb/table.py": source('spark.table("main.shop.orders").count()'),
            "nb/day.sql": source("SELECT :day AS day", suffix=".sql"),
        },
    )
    result = pytester.runpytest_subprocess(
        *("--dbx-only", "--dbx-run", "local", "-m", "dbx_run", "--dbx-json", "report.json")
    )
    found = outcomes(pytester.path / "report.json")
    assert {path: each["state"] for path, each in found.items()} == {
        "nb/other.py[]": "failed",
        "nb/after.py[]": "not started",
        "nb/fails.py[]": "passed",
        "nb/then.py[]": "passed",
        "nb/otherwise.py[]": "failed",
        "nb/secret.py[]": "failed",
        "nb/table.py[]": "failed",
        "nb/day.sql[]": "failed",
    }
    assert found["nb/fails.py[]"]["attempts"] == 1
    result.stdout.fnmatch_lines_random(
        [
            "nb/otherwise.py:2:1 DBX707 it should have ended with ValueError, and ended with "
            "ZeroDivisionError: division by zero",
            "nb/other.py:1:1 DBX707 it should have exited with '3 rows', and exited with '2 rows'",
            "*one whose variable (env:NAME) is not set is not there*",
            "*if another notebook makes it: name that one in *run.needs]*",
            "nb/day.sql:2:1 DBX701 *Exception: no value for :day: a widget or a parameter gives it",
        ]
    )


def test_the_cases_that_failed_last_run_again(pytester: pytest.Pytester) -> None:
    write(pytester.path, dict(TREE))
    arguments = ("--dbx-only", "--dbx-run", "local", "-m", "dbx_run", "nb/good.py")
    pytester.runpytest_subprocess(*arguments).assert_outcomes(passed=1, failed=1)
    again = pytester.runpytest_subprocess(*arguments, "--lf")
    again.assert_outcomes(failed=1)
    assert "FAILED nb/good.py::run[july]" in again.stdout.str()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("names", [["SIGTERM"], ["SIGHUP"], ["SIGINT", "SIGINT"]], ids="-".join)
def test_a_signal_ends_what_was_started(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    told, asked = pytester.path / "pid.txt", pytester.path / "asked.txt"
    temporary = pytester.path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    # It goes on when it is asked to end: that is when somebody presses Ctrl-C again.
    endless = f"""import os, signal, time
signal.signal(signal.SIGTERM, lambda *_: open({str(asked)!r}, "w").close())
with open({str(told) + ".part"!r}, "w") as stream:
    stream.write(str(os.getpid()))
os.replace({str(told) + ".part"!r}, {str(told)!r})
while True: time.sleep(1)"""
    write(pytester.path, {"nb/endless.py": source(endless)})
    arguments = ("--dbx-only", "--dbx-run", "local", "-m", "dbx_run", "nb/endless.py")
    process = pytester.popen([sys.executable, "-m", "pytest", *arguments], stdin=subprocess.DEVNULL)
    until = time.monotonic() + 60
    for name, sign in zip(names, (told, asked), strict=False):
        while not sign.exists() and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(getattr(signal, name))
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2, output
    assert b"Traceback" not in output
    assert b"1 cancelled" in output or len(names) > 1
    assert gone(int(told.read_text()))
    assert list(temporary.glob("dbxgate-*")) == []
