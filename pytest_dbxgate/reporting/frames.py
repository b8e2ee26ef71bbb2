"""A finding as a few lines for the terminal, and all findings of one test item."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.codes import Check, Severity
from pytest_dbxgate.reporting.text import (
    LINE_LIMIT,
    MESSAGE_LIMIT,
    TAB,
    clean,
    columns,
    cut,
    paint,
    window_start,
)

_TITLE_LIMIT = 60
_MOST_CELLS = 20
"""Numbers of unformatted cells that are listed."""


def frame(finding: Finding, *, color: bool = False, width: int = 100) -> str:
    """Where, what, the source with a caret, and the next step.

    ``width`` is the number of columns the source lines may take.
    """
    lines = [_head(finding, color=color)]
    if finding.cell is not None:
        lines.append(_cell(finding))
    lines += _source(finding, color=color, width=width)
    if finding.hint:
        hint = clean(finding.hint, newline="\n        ", limit=MESSAGE_LIMIT)
        lines.append(f"  {paint('help:', 'cyan', color=color)} {hint}")
    return "\n".join(lines)


def item_report(findings: Sequence[Finding], *, limit: int = 20, color: bool = False) -> str:
    """The findings of one test item: errors first, unformatted cells in one line."""
    unformatted = [finding for finding in findings if _is_layout(finding)]
    others = [finding for finding in findings if not _is_layout(finding)]
    others.sort(key=lambda finding: finding.severity is not Severity.ERROR)
    blocks = [_would_reformat(unformatted)] if unformatted else []
    blocks += [frame(finding, color=color) for finding in others[:limit]]
    if len(others) > limit:
        blocks.append(f"... and {len(others) - limit} more; --dbx-json FILE lists all")
    return "\n\n".join(blocks)


def position(finding: Finding) -> str:
    """Where the finding stands, as a reader can find it: lines of the file, or of the cell where
    the file's own lines mean nothing (``.ipynb``, ``.dbc``)."""
    path = clean(finding.path)
    if finding.member is not None:
        path = f"{path}::{clean(finding.member)}"
    if finding.cell is not None and _counts_in_cell(finding):
        line, column = finding.cell_line or 1, finding.cell_column or 1
        return f"{path}:cell {finding.cell}:{line}:{column}"
    if _is_archived(finding):
        return path
    return f"{path}:{finding.line}:{finding.column}"


def _is_layout(finding: Finding) -> bool:
    return finding.check is Check.FORMAT and finding.code == "DBX150" and finding.cell is not None


def _would_reformat(findings: Sequence[Finding]) -> str:
    numbers = sorted({finding.cell for finding in findings if finding.cell is not None})
    listed = ", ".join(map(str, numbers[:_MOST_CELLS]))
    more = ", ..." if len(numbers) > _MOST_CELLS else ""
    noun = "cell" if len(numbers) == 1 else "cells"
    return f"would reformat {len(numbers)} {noun} ({listed}{more}): run pytest --dbx-gate --dbx-fix"


def _is_archived(finding: Finding) -> bool:
    return finding.member is not None or finding.path.lower().endswith(".dbc")


def _counts_in_cell(finding: Finding) -> bool:
    return _is_archived(finding) or finding.path.lower().endswith(".ipynb")


def _shade(finding: Finding) -> str:
    return "red" if finding.severity is Severity.ERROR else "yellow"


def _head(finding: Finding, *, color: bool) -> str:
    code = paint(clean(finding.code), "bold", _shade(finding), color=color)
    kind = "" if finding.severity is Severity.ERROR else " (warning)"
    message = clean(finding.message.strip(), newline=" ", limit=MESSAGE_LIMIT)
    return f"{paint(position(finding), 'bold', color=color)} {code}{kind} {message}"


def _cell(finding: Finding) -> str:
    title = f' "{clean(finding.cell_title, limit=_TITLE_LIMIT)}"' if finding.cell_title else ""
    language = f" ({clean(finding.language)})" if finding.language else ""
    line = f", line {finding.cell_line}" if finding.cell_line is not None else ""
    return f"  cell {finding.cell}{title}{language}{line}"


def _source(finding: Finding, *, color: bool, width: int) -> list[str]:
    if not finding.excerpt:
        return []
    in_cell = finding.cell is not None
    last = finding.cell_line or 1 if in_cell and _counts_in_cell(finding) else finding.line
    size = len(str(last))
    texts, caret = _shown(finding, room=max(20, width - size - 6))
    first = last - len(texts) + 1
    lines = []
    for number, text in enumerate(texts, first):
        gutter = paint(f"   {number:>{size}} |", "blue", color=color)
        lines.append(f"{gutter} {text}" if text.strip() else gutter)
    gutter = paint(f"   {'':{size}} |", "blue", color=color)
    before, length = caret
    return [*lines, f"{gutter} {' ' * before}{paint('^' * length, _shade(finding), color=color)}"]


def _shown(finding: Finding, *, room: int) -> tuple[list[str], tuple[int, int]]:
    """The lines as printed, and the columns before the caret and under it."""
    line = finding.excerpt[-1]
    begin, end = _span(finding, len(line))
    limit = min(room, LINE_LIMIT)
    while True:
        start = window_start(len(line), begin, limit)
        texts = [clean(cut(text, start, limit), tab=TAB) for text in finding.excerpt]
        if limit <= 10 or columns(texts[-1]) <= room:
            break
        # Wide characters, tabs and escapes take more columns than code points.
        limit //= 2
    piece = cut(line, start, limit)
    before = clean(piece[: begin - 1 - start], tab=TAB)
    under = clean(piece[begin - 1 - start : end - 1 - start], tab=TAB)
    return texts, (columns(before), max(1, columns(under)))


def _span(finding: Finding, length: int) -> tuple[int, int]:
    """The columns of the excerpt's last line to mark, 1-based, the end exclusive."""
    if finding.cell is not None:
        begin, line = finding.cell_column or 1, finding.cell_line
        end_line, end = finding.cell_end_line, finding.cell_end_column
    else:
        begin, line = finding.column, finding.line
        end_line, end = finding.end_line, finding.end_column
    begin = max(1, min(begin, length + 1))
    if end_line is None or end is None or line is None:
        return begin, begin + 1
    if end_line > line:
        end = length + 1
    return begin, max(begin + 1, min(end, length + 1))
