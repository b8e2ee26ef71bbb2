"""ruff's lint rules, formatter and safe fixes, cell by cell, as the user has configured them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_dbxgate.checks.finding import Finding, in_cell, in_code, in_file
from pytest_dbxgate.checks.python import ruff, ruff_bench, ruff_fixes
from pytest_dbxgate.checks.python.ruff_bench import Bench, Broken, Page
from pytest_dbxgate.codes import UNDEFINED_NAME, Check, Severity
from pytest_dbxgate.notebook.model import Notebook, NotebookKey
from pytest_dbxgate.settings import SettingsOf

UNFORMATTED = "DBX150"
NOT_CHECKED = "DBX171"

MOST_PER_CELL = 200
"""Findings kept of one cell; one more says how many there were."""

_REFERENCE = re.compile(r"\bcell (\d+), line (\d+)")


@dataclass(frozen=True, slots=True)
class StyleResult:
    """What ruff says about style, and the cells it would lay out otherwise."""

    findings: tuple[Finding, ...]
    formatted: Mapping[NotebookKey, Mapping[int, str]]
    """The whole new ``Cell.source`` by notebook and cell number."""


def check(
    notebooks: Sequence[Notebook],
    settings: SettingsOf,
    *,
    root: Path,
    sources: Sequence[str],
    broken: Broken,
    lint: bool,
    format: bool,
) -> StyleResult:
    """Lint and layout of every Python cell but the ``broken`` ones.

    ``root`` is the folder that paths are relative to, ``sources`` the repository's other Python
    files. Raises ``ToolError`` where ruff fails, a wrong configuration included.
    """
    with ruff_bench.opened(notebooks, settings, root=root, sources=sources, broken=broken) as bench:
        if bench is None:
            return StyleResult((), {})
        findings = _lint(bench) if lint else []
        formatted: Mapping[NotebookKey, Mapping[int, str]] = {}
        if format:
            keys = [key for key, page in bench.pages.items() if page.is_writable]
            formatted = bench.format(keys, _not_checked(Check.FORMAT, findings))
            findings += _unformatted(bench, formatted)
    return StyleResult(tuple(findings), formatted)


def fixes(
    notebooks: Sequence[Notebook],
    settings: SettingsOf,
    *,
    root: Path,
    sources: Sequence[str],
    broken: Broken,
    lint: frozenset[NotebookKey],
    format: frozenset[NotebookKey],
) -> Mapping[NotebookKey, Mapping[int, str]]:
    """The whole new ``Cell.source`` of every cell that ruff's safe fixes (in the notebooks of
    ``lint``) and then its formatter (in those of ``format``) change.

    Raises ``ToolError`` where ruff fails.
    """
    changes: dict[NotebookKey, dict[int, str]] = defaultdict(dict)
    with ruff_bench.opened(notebooks, settings, root=root, sources=sources, broken=broken) as bench:
        if bench is None:
            return {}
        ruff_fixes.apply(bench, [key for key in bench.pages if key in lint])
        wanted = [key for key, page in bench.pages.items() if key in format and page.is_writable]
        formatted = bench.format(wanted, lambda page: None)
        for notebook in notebooks:
            page = bench.pages.get(notebook.key)
            for number in page.cells if page else ():
                new = formatted.get(notebook.key, {}).get(number)
                new = page.notebook.cell(number).source if new is None and page else new
                if new is not None and new != notebook.cell(number).source:
                    changes[notebook.key][number] = new
    return dict(changes)


def _lint(bench: Bench) -> list[Finding]:
    findings: list[Finding] = []
    count: Counter[tuple[str, int]] = Counter()
    left_out: dict[tuple[str, int], ruff.Diagnostic] = {}
    found = bench.check(list(bench.pages), _not_checked(Check.LINT, findings))
    for item in bench.reported(found):
        if item.code == UNDEFINED_NAME:
            continue  # decided over everything that runs together: checks.references.names
        place = (item.file, item.cell)
        count[place] += 1
        if count[place] <= MOST_PER_CELL:
            findings.append(_finding(bench, item))
        else:
            left_out.setdefault(place, item)
    for place, item in left_out.items():
        more = f"{count[place] - MOST_PER_CELL:,} more findings in this cell are not shown"
        findings.append(_finding(bench, replace(item, message=more, fix="", url="")))
    return findings


def _finding(bench: Bench, item: ruff.Diagnostic) -> Finding:
    page = bench.page(item.file)
    prepared = page.cells.get(item.cell)
    message = _REFERENCE.sub(lambda match: _reference(page, match), item.message)
    hint = item.fix or item.url
    if prepared is None:
        return in_file(page.notebook, Check.LINT, item.code, message, hint=hint)
    line, column = prepared.position(*item.start)
    end_line: int | None
    end_column: int | None
    # A finding that reaches into the next cell ends at a line of that one.
    end_line, end_column = prepared.position(*item.end) if item.end >= item.start else (None, None)
    return in_code(
        page.notebook,
        page.notebook.cell(item.cell),
        Check.LINT,
        item.code,
        message,
        line=line,
        column=column,
        end_line=end_line,
        end_column=end_column,
        hint=hint,
    )


def _reference(page: Page, match: re.Match[str]) -> str:
    """``cell 2, line 1`` in a message, counted as the notebook counts."""
    number, line = int(match[1]), int(match[2])
    prepared = page.cells.get(number)
    if prepared is None:
        return match[0]
    line, column = prepared.position(line, 1)
    line, _ = page.notebook.cell(number).code_place(line, column)
    return f"cell {number}, line {line}"


def _unformatted(bench: Bench, formatted: Mapping[NotebookKey, Mapping[int, str]]) -> list[Finding]:
    return [
        in_cell(
            page.notebook,
            page.notebook.cell(number),
            Check.FORMAT,
            UNFORMATTED,
            "the cell is not formatted",
            line=_first_difference(page.notebook.cell(number).source, source),
            hint="--dbx-fix formats it",
        )
        for key, cells in formatted.items()
        for page in (bench.pages[key],)
        for number, source in cells.items()
    ]


def _first_difference(old: str, new: str) -> int:
    """The first line of ``old`` that is not in ``new`` as it is."""
    lines, others = old.split("\n"), new.split("\n")
    for number, (line, other) in enumerate(zip(lines, others, strict=False), start=1):
        if line != other:
            return number
    return min(len(lines), len(others) + 1)


def _not_checked(check: Check, findings: list[Finding]) -> Callable[[Page], None]:
    def aborted(page: Page) -> None:
        findings.append(
            in_file(
                page.notebook,
                check,
                NOT_CHECKED,
                "could not be checked: ruff aborts on this notebook",
                severity=Severity.WARNING,
                hint="split its longest expression",
            )
        )

    return aborted
