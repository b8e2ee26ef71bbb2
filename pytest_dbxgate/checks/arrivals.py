"""Names that may arrive through ``%run``, in either direction, are not reported as undefined.

A notebook that runs another sees the other's names, and one that is run sees its caller's. Until
names are followed through that graph, ruff's verdict on them is withheld for such notebooks.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.result import NotebookResult

_TARGET = re.compile(r"""%run[ \t]+(?:"([^"\r\n]+)"|'([^'\r\n]+)'|([^\s"'$\\]+))""")

UNDEFINED = frozenset({"F821"})
"""A name nobody defines: a notebook it runs, or one that runs it, may."""
UNUSED = frozenset({"F401", "F811", "F841"})
"""A name nobody uses: a notebook that runs this one may."""


def run_targets(texts: Iterable[str]) -> tuple[str, ...]:
    """The targets of every ``%run`` in ``texts``, as written, in order."""
    return tuple(
        next(group for group in match.groups() if group is not None)
        for text in texts
        if "%run" in text
        for match in _TARGET.finditer(text)
    )


def stem(target: str) -> str:
    """The name under which a target or a notebook's path is compared."""
    return posixpath.basename(target.rstrip("/")).split(".")[0].casefold()


def withhold(result: NotebookResult, targets: frozenset[str]) -> tuple[Finding, ...]:
    """The findings of ``result`` without those that another notebook may disprove.

    ``targets`` are the stems of everything that any notebook of the run names in a ``%run``.
    """
    is_run = stem(result.key.member or result.key.path) in targets
    withheld: frozenset[str] = frozenset()
    if result.runs or is_run:
        withheld |= UNDEFINED
    if is_run:
        withheld |= UNUSED
    if not withheld:
        return result.findings
    return tuple(finding for finding in result.findings if finding.code not in withheld)
