"""Names that nobody uses in a notebook may be used by one that runs it.

ruff sees one notebook at a time, so its verdict on unused names is checked against the whole
project before it is told.
"""

from __future__ import annotations

from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.result import NotebookResult

UNUSED_IMPORT = "F401"
UNUSED = frozenset({UNUSED_IMPORT, "F811", "F841"})
"""A name nobody uses: a notebook that runs this one may."""

Place = tuple[int, int, int]
"""Cell, cell line, cell column."""


def withhold(result: NotebookResult, *, unused: frozenset[Place] | None) -> tuple[Finding, ...]:
    """The findings of ``result`` without those that another notebook disproves.

    ``unused`` are the places of its imports that nobody uses wherever it is run; None where no
    other notebook runs it, so that ruff is right about all of them.
    """
    if unused is None:
        return result.findings
    return tuple(
        finding
        for finding in result.findings
        if finding.code not in UNUSED
        or (finding.code == UNUSED_IMPORT and _place(finding) in unused)
    )


def _place(finding: Finding) -> Place:
    return finding.cell or 0, finding.cell_line or 0, finding.cell_column or 0
