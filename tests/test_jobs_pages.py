"""The examples on the pages of the job rules are what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_dbxgate.checks.references.jobs import check
from pytest_dbxgate.discovery import discover
from pytest_dbxgate.project.jobs.loading import load
from pytest_dbxgate.settings import Settings
from test_jobs_check import NOTEBOOK, PROJECT, loaded

PAGES = Path(__file__).resolve().parent.parent / "docs" / "rules"
CODES = [f"DBX{number}" for number in range(420, 436)]


def example(code: str, heading: str) -> str:
    text = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return str(block)


def codes(root: Path, text: str) -> set[str]:
    name = "databricks.yml" if text.startswith("bundle:") else "job.yml"
    jobs, claims = loaded(root, {name: text, "notebooks/load.py": NOTEBOOK})
    assert list(jobs.files) == [name]
    return {claim.code for claim in claims}


@pytest.mark.parametrize("code", CODES)
def test_the_examples_are_what_they_say(tmp_path: Path, code: str) -> None:
    assert codes(tmp_path / "bad", example(code, "Bad")) == {code}
    assert codes(tmp_path / "good", example(code, "Good")) == set()


def test_the_sample_project_is_clean() -> None:
    root = PAGES.parent.parent / "sample_notebooks"
    found = discover(root)
    keys = [key for file in found.notebooks for key in file.keys]
    paths = ["databricks.yml", *(f"jobs/{file.name}" for file in (root / "jobs").iterdir())]
    jobs = load(root, paths, keys, found.others, lambda path: Settings())
    assert check(jobs, PROJECT, paths) == []
    assert len(jobs.files) == 4
    assert len([task for task in jobs.tasks if task.notebook]) == len(jobs.tasks) - 1
    assert {task.target for task in jobs.tasks if not task.notebook} == {
        "/Workspace/Shared/retail_lakehouse/quality/30_expectations"
    }
