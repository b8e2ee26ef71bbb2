"""The files around the code say what the code does, and are valid for the tools that read them."""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from pytest_dbxgate import __version__, options
from pytest_dbxgate.settings import Policy, Settings, load
from pytest_dbxgate.settings.values import INTERNAL
from support import source, write

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "sample_notebooks").glob("*.md")]
)
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
MACHINE_PATHS = re.compile(
    # Somebody's home folder; /Users/<mail address> is a folder of a Databricks workspace.
    r"(?<![\w.$:)}~])/(?:home|root|work)/\w"
    r"|(?<![\w.$:)}~])/Users/(?![^/\s]*@)\w"
    r"|[A-Za-z]:[\\/]{1,2}Users\b"
)


def names(paths: list[Path]) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in paths]


def tracked() -> list[Path]:
    """The files git tracks or would track; the tree without caches where there is no git."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    files = [ROOT / os.fsdecode(name) for name in done.stdout.split(b"\0") if name]
    return [file for file in files if file.is_file()]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as git servers make them."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ +(.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> Iterator[str]:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "``", text)):
        if not re.match(r"[a-z]+:", target):
            yield target


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        known = target.exists() and (not anchor or anchor in anchors(target))
        if not known:
            broken.append(link)
    assert broken == []


def test_every_page_of_the_documentation_is_reached_from_its_index() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "docs" / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md" or not page.exists():
            continue
        seen.add(page)
        waiting += [(page.parent / link.partition("#")[0]).resolve() for link in links(page)]
    pages = {page for page in PAGES if page.is_relative_to(ROOT / "docs")}
    assert sorted(names(list(pages - seen))) == []


class _Group:
    """Takes the options that the plugin adds."""

    def __init__(self) -> None:
        self.parser = argparse.ArgumentParser(add_help=False)

    def getgroup(self, *_: object) -> _Group:
        return self

    def addoption(self, *args: str, **kwargs: object) -> None:
        self.parser.add_argument(*args, **kwargs)  # type: ignore[arg-type]


def plugin_options() -> dict[str, argparse.Action]:
    group = _Group()
    options.add(group)  # type: ignore[arg-type]
    return {action.option_strings[0]: action for action in group.parser._actions}


def test_every_option_is_documented_and_no_other() -> None:
    text = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
    documented = re.findall(r"^## `(--dbx-[^`]+)`$", text, re.MULTILINE)
    expected = [
        f"{name} {action.metavar}" if action.metavar else name
        for name, action in plugin_options().items()
    ]
    assert sorted(documented) == sorted(expected)


def test_no_option_takes_an_optional_value() -> None:
    assert [name for name, action in plugin_options().items() if action.nargs == "?"] == []


def test_pages_name_only_options_that_exist() -> None:
    known = set(plugin_options())
    unknown = {
        (page.name, option)
        for page in PAGES
        for option in re.findall(r"--dbx-[a-z][a-z0-9-]*[a-z0-9]", page.read_text(encoding="utf-8"))
        if option not in known
    }
    assert unknown == set()


def test_every_setting_is_documented_and_no_other() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    documented = re.findall(r"^### `([a-z_.]+)`$", text, re.MULTILINE)
    expected = {field.name for field in dataclasses.fields(Settings)} - INTERNAL - {"policy"}
    expected |= {f"policy.{field.name}" for field in dataclasses.fields(Policy)}
    assert sorted(documented) == sorted(expected)


def toml_examples() -> list[str]:
    pages = [*PAGES]
    return [
        block
        for page in pages
        for block in re.findall(r"^```toml\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)
        if "[tool.dbxgate" in block or page.name == "configuration.md"
    ]


@pytest.mark.parametrize("example", toml_examples())
def test_configuration_examples_are_valid(example: str, tmp_path: Path) -> None:
    table = example if "[tool.dbxgate" in example else f"[tool.dbxgate]\n{example}"
    file = tmp_path / "pyproject.toml"
    file.write_text(table, encoding="utf-8")
    assert load(file) is not None


def test_python_examples_compile() -> None:
    for page in PAGES:
        for block in re.findall(r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S):
            if page.parent.name != "rules" and "MAGIC" not in block:
                compile(block, str(page), "exec")


README_NOTEBOOKS = {
    "notebooks/01_orders.py": """\
# Databricks notebook source
# MAGIC %md
# MAGIC # Orders

# COMMAND ----------

# DBTITLE 1,Read the orders
orders = spark.table("bronze.orders").where("amount > 0")

# COMMAND ----------

# DBTITLE 1,Show yesterday
display(ordres.where("day = current_date() - 1"))
""",
    "notebooks/02_revenue.sql": """\
-- Databricks notebook source
-- DBTITLE 1,Revenue
SELECT day, sum(amount) AS revenue
FROM silver.orders
WHERE day >= :from_day
GROUP BY day HAVING
""",
}


RUN_NOTEBOOKS = {
    "dbxgate.toml": """\
[run]
notebooks = ["notebooks"]
exclude = ["notebooks/helpers.py"]
needs = { "notebooks/02_revenue.py" = ["notebooks/01_orders.py"] }

[[run.cases]]
notebook = "notebooks/02_revenue.py"
name = "june"

[[run.cases]]
notebook = "notebooks/02_revenue.py"
name = "july"
parameters = { day = "2024-07-01" }
""",
    "notebooks/helpers.py": """\
# Databricks notebook source
def total(orders, day):
    found = orders.where(orders.day == day)
    if found.isEmpty():
        raise ValueError(f"no orders on {day}")
    return found.agg({"amount": "sum"}).first()[0]
""",
    "notebooks/01_orders.py": """\
# Databricks notebook source
rows = [("2024-06-29", 12.5), ("2024-06-30", 24.0)]
orders = spark.createDataFrame(rows, "day STRING, amount DOUBLE")
orders.write.mode("overwrite").saveAsTable("orders")
""",
    "notebooks/02_revenue.py": """\
# Databricks notebook source
# MAGIC %run ./helpers

# COMMAND ----------

# DBTITLE 1,Revenue of the day
dbutils.widgets.text("day", "2024-06-30")
day = dbutils.widgets.get("day")
print(total(spark.table("orders"), day))
""",
}
_TIMED = re.compile(r"\d+(\.\d+)? ?s\b|sail [\d.]+")


def test_the_output_of_running_in_the_readme_is_real(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pysail", reason="the extra local is not installed")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("CI", raising=False)
    write(pytester.path, dict(RUN_NOTEBOOKS))
    done = pytester.runpytest_subprocess("--dbx-only", "--dbx-run", "local", "-m", "dbx_run", "-q")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"^\$ pytest --dbx-only --dbx-run.*?\n(.*?)^```$", text, re.M | re.S)
    assert shown is not None
    # A slow machine names its slowest cells.
    real = re.sub(
        r"^slowest cells:\n(?:  .* cell \d+\n)+", "", done.stdout.str() + "\n", flags=re.M
    )
    assert _TIMED.sub("_", real).split("\n") == _TIMED.sub("_", shown[1]).split("\n")


def test_the_output_in_the_readme_is_real(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    write(pytester.path, dict(README_NOTEBOOKS))
    done = pytester.runpytest_subprocess("--dbx-gate", "-q")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"^\$ pytest --dbx-gate -q\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert shown is not None
    lines = shown[1].splitlines()
    assert done.outlines[: len(lines) - 1] == lines[:-1]
    assert lines[-1].startswith("2 failed, 13 passed in ")
    assert done.outlines[len(lines) - 1].startswith("2 failed, 13 passed in ")


def hook_examples() -> dict[str, str]:
    """The conftest.py of each hook in the documentation."""
    text = (ROOT / "docs" / "hooks.md").read_text(encoding="utf-8")
    found = re.findall(
        r"^## [^\n]*`(pytest_dbxgate_\w+)\(.*?^```python\n(.*?)^```$", text, re.M | re.S
    )
    return dict(found)


def test_the_example_of_a_check_works(pytester: pytest.Pytester) -> None:
    cell = "df = spark.table('t')\nrows = df.toPandas()"
    write(pytester.path, {"a.py": source(cell)})
    pytester.makeconftest(hook_examples()["pytest_dbxgate_check"])
    done = pytester.runpytest_subprocess("--dbx-gate", "-m", "dbx_lint")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(
        [
            "a.py:3:10 TEAM1 toPandas() brings the whole table to the driver",
            "*rows = df.toPandas()",
            "*help: aggregate or limit() first",
        ]
    )


def test_the_example_of_changed_findings_works(pytester: pytest.Pytester) -> None:
    cells = source("x=1", "print(x is 1)")
    write(pytester.path, {"notebooks/generated/a.py": cells, "b.py": cells})
    pytester.makeconftest(hook_examples()["pytest_dbxgate_findings"])
    done = pytester.runpytest_subprocess("--dbx-gate", "-m", "dbx_lint or dbx_format", "-rA")
    done.assert_outcomes(passed=2, failed=2)
    done.stdout.fnmatch_lines(
        ["PASSED notebooks/generated/a.py::lint", "PASSED notebooks/generated/a.py::format"]
    )


def test_the_example_of_globals_works(pytester: pytest.Pytester) -> None:
    write(pytester.path, {"a.py": source("tracer.start(TENANT)")})
    pytester.makeconftest(hook_examples()["pytest_dbxgate_globals"])
    done = pytester.runpytest_subprocess("--dbx-gate", "-m", "dbx_references")
    done.assert_outcomes(passed=1)


def test_the_changelog_knows_the_current_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## (\S+)", text, re.MULTILINE)[1] == __version__  # type: ignore[index]


def test_pre_commit_example_names_the_current_version() -> None:
    text = (ROOT / "docs" / "pre-commit.md").read_text(encoding="utf-8")
    assert re.findall(r"rev: v(\S+)", text) == [__version__]


def test_no_file_holds_a_path_of_somebodys_machine() -> None:
    found = []
    for file in tracked():
        if file == Path(__file__) or file.is_relative_to(ROOT / "tests" / "samples"):
            continue
        text = file.read_bytes().decode("utf-8", "replace")
        for number, line in enumerate(text.splitlines(), start=1):
            if MACHINE_PATHS.search(line):
                found.append(f"{file.relative_to(ROOT).as_posix()}:{number}: {line.strip()[:80]}")
    assert found == []


def test_the_check_for_machine_paths_sees_them() -> None:
    for line in ("open('/home/eve/x')", "/Users/eve/x", "C:\\Users\\eve", "cd /root/x"):
        assert MACHINE_PATHS.search(line)
    for line in (
        "/Workspace/Users/eve@x.org/a",
        "%run /Users/eve@x.org/a",
        "~/data/x",
        "${HOME}/data/x",
    ):
        assert not MACHINE_PATHS.search(line)


def run_module(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def test_the_pipeline_is_valid_for_azure_pipelines() -> None:
    pytest.importorskip("check_jsonschema")
    done = run_module(
        # The schema holds patterns that only the older regular expressions of JavaScript take.
        *("check_jsonschema", "--builtin-schema", "vendor.azure-pipelines"),
        *("--regex-variant", "nonunicode", "azure-pipelines.yml"),
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_pre_commit_manifest_is_valid() -> None:
    pytest.importorskip("pre_commit")
    done = run_module("pre_commit", "validate-manifest", ".pre-commit-hooks.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_hooks_take_every_ending_of_a_notebook_in_any_case() -> None:
    text = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    patterns = set(re.findall(r"files: '(.*)'", text))
    notebooks = ["py", "sql", "scala", "r", "R", "ipynb", "dbc", "DBC"]
    jobs = ["json", "yml", "yaml", "YML"]
    taken = []
    for pattern in sorted(map(re.compile, patterns), key=lambda each: len(each.pattern)):
        taken.append([e for e in [*notebooks, *jobs] if pattern.search(f"nb/a [1]::b.{e}")])
        for name in ("notebooks/a.pyc", "a.rs", "a.r/b.txt", "notes.md", "a.yamll", "json"):
            assert not pattern.search(name)
    # Job files are checked, but not fixed.
    assert taken == [notebooks, [*notebooks, *jobs]]


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no executable bit")
def test_the_ci_script_is_executable() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_the_ci_script_ends_with_the_tests_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").rstrip().splitlines()
    assert script[-1].startswith("try tests")
    assert "python try.py tests" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_try_explains_itself() -> None:
    done = subprocess.run(
        [sys.executable, "try.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "python try.py gate" in done.stdout
    assert "python try.py tests" in done.stdout


def test_try_refuses_an_unknown_command() -> None:
    done = subprocess.run(
        [sys.executable, "try.py", "tset"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
