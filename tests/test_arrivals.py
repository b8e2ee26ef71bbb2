from __future__ import annotations

import pytest

from pytest_dbxgate.checks import arrivals
from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.result import NotebookResult
from pytest_dbxgate.codes import Check
from pytest_dbxgate.notebook.model import NotebookKey


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("%run ./utils", ("./utils",)),
        ('# MAGIC %run "../my utils" $x="1"', ("../my utils",)),
        ("%run '/Shared/a' $x=1", ("/Shared/a",)),
        ('"source": ["%run ./setup"]', ("./setup",)),
        ("%running x", ()),
        ("%run", ()),
    ],
)
def test_targets(text: str, targets: tuple[str, ...]) -> None:
    assert arrivals.run_targets([text]) == targets


@pytest.mark.parametrize("target", ["./Utils", "../a/utils", "/Shared/utils/", "utils.py"])
def test_stem(target: str) -> None:
    assert arrivals.stem(target) == "utils"


def result(path: str, *, runs: tuple[str, ...] = ()) -> NotebookResult:
    findings = tuple(
        Finding(path=path, check=Check.LINT, code=code, message="")
        for code in ("F821", "F401", "F632")
    )
    return NotebookResult(
        key=NotebookKey(path),
        format="source",
        language="python",
        cells=1,
        digest="",
        findings=findings,
        runs=runs,
    )


@pytest.mark.parametrize(
    ("path", "runs", "left"),
    [
        ("nb/alone.py", (), ["F821", "F401", "F632"]),
        ("nb/caller.py", ("./utils",), ["F401", "F632"]),
        ("nb/utils.py", (), ["F632"]),
    ],
)
def test_only_what_another_notebook_may_disprove_is_withheld(
    path: str, runs: tuple[str, ...], left: list[str]
) -> None:
    kept = arrivals.withhold(result(path, runs=runs), frozenset({"utils"}))
    assert [finding.code for finding in kept] == left
