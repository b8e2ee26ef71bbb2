from __future__ import annotations

import pytest

from pytest_dbxgate.checks import arrivals
from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.result import NotebookResult
from pytest_dbxgate.codes import Check
from pytest_dbxgate.notebook.model import NotebookKey

FINDINGS = tuple(
    Finding(
        path="a.py",
        check=Check.LINT,
        code=code,
        message="",
        cell=cell,
        cell_line=1,
        cell_column=8,
    )
    for code, cell in (("F401", 1), ("F401", 2), ("F811", 3), ("F841", 4), ("F632", 5))
)


@pytest.mark.parametrize(
    ("unused", "left"),
    [
        (None, FINDINGS),
        (frozenset(), FINDINGS[4:]),
        (frozenset({(2, 1, 8)}), (FINDINGS[1], FINDINGS[4])),
        (frozenset({(2, 1, 9), (3, 1, 8)}), FINDINGS[4:]),
    ],
)
def test_only_what_another_notebook_may_disprove_is_withheld(
    unused: frozenset[arrivals.Place] | None, left: tuple[Finding, ...]
) -> None:
    result = NotebookResult(
        key=NotebookKey("a.py"),
        format="source",
        language="python",
        cells=5,
        digest="",
        findings=FINDINGS,
    )
    assert arrivals.withhold(result, unused=unused) == left
