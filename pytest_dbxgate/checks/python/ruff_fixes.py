"""ruff's safe fixes, applied cell by cell.

``ruff check --fix`` may put an import into another cell, or move code past a ``%pip``. So each
fix is applied here, and only if all of its edits lie in the cell of its finding and no magic
stands between them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from pytest_dbxgate.checks.python import ruff
from pytest_dbxgate.checks.python.ruff import Diagnostic, Edit, Position, Safety, Suggestion
from pytest_dbxgate.checks.python.ruff_bench import NOT_IN_NOTEBOOKS, Bench, Page, unused_codes
from pytest_dbxgate.codes import INVALID_SYNTAX
from pytest_dbxgate.languages.python.cells import Prepared, magic_lines
from pytest_dbxgate.notebook.model import Cell, NotebookKey

NEVER_FIXED = frozenset(("F401", "F811", "F841"))
"""A notebook that runs this one may need the name."""

MOST_ROUNDS = 5
"""One fix may make room for another; ruff itself goes on for longer."""

_MOST_FINDINGS = 20_000
"""Of one notebook; beyond it nothing is fixed."""


def apply(bench: Bench, keys: Iterable[NotebookKey]) -> None:
    """Fix the pages of ``keys`` and their files in the mirror."""
    waiting = [key for key in keys if bench.pages[key].is_writable]
    before: dict[tuple[NotebookKey, int], tuple[Cell, Prepared]] = {}
    frozen: set[tuple[NotebookKey, int]] = set()
    for remaining in reversed(range(MOST_ROUNDS + 1)):
        if not waiting:
            return
        found = _found(bench, waiting)
        changed = _undo_damage(bench, found, before)
        frozen |= changed
        before.clear()
        if remaining:
            for key, fixes in _fixes(bench, found).items():
                page = bench.pages[key]
                for number, text in _fixed(page, fixes).items():
                    old = page.notebook.cell(number), page.cells[number]
                    if (key, number) not in frozen and page.edit(number, text):
                        before[key, number] = old
                        changed.add((key, number))
        waiting = list(dict.fromkeys(key for key, _ in changed))
        for key in waiting:
            bench.mirror.put(key, bench.pages[key].texts())


def _found(bench: Bench, keys: Sequence[NotebookKey]) -> dict[NotebookKey, list[Diagnostic]]:
    found: dict[NotebookKey, list[Diagnostic]] = defaultdict(list)
    for item in bench.check(keys, aborted=lambda page: None):
        kept = found[bench.mirror.keys[item.file]]
        if len(kept) <= _MOST_FINDINGS:
            kept.append(item)
    return {key: items for key, items in found.items() if len(items) <= _MOST_FINDINGS}


def _undo_damage(
    bench: Bench,
    found: Mapping[NotebookKey, Sequence[Diagnostic]],
    before: Mapping[tuple[NotebookKey, int], tuple[Cell, Prepared]],
) -> set[tuple[NotebookKey, int]]:
    """Take back fixes that together made a cell invalid, though each alone was right."""
    undone: set[tuple[NotebookKey, int]] = set()
    for key, items in found.items():
        for item in items:
            place = (key, item.cell)
            if item.code == INVALID_SYNTAX and place in before and place not in undone:
                bench.pages[key].put(*before[place])
                undone.add(place)
    return undone


_Fix = tuple[Diagnostic, tuple[Edit, ...]]


def _fixes(
    bench: Bench, found: Mapping[NotebookKey, Sequence[Diagnostic]]
) -> dict[NotebookKey, list[_Fix]]:
    """The fixes to try, with their edits, which only a second run of ruff tells."""
    wanted = [key for key, items in found.items() if any(_is_wanted(bench, item) for item in items)]
    edits: dict[NotebookKey, list[Suggestion]] = defaultdict(list)
    command = ("check", "--no-cache", "--no-fix", "--output-format", "rdjson", *bench.options)
    files = [bench.mirror.files[key] for key in wanted]
    for run in bench.tool.runs(
        command, files, folder=bench.mirror.folder, aborted=lambda file: None
    ):
        for suggestion in ruff.suggestions(run.output):
            edits[bench.mirror.keys[suggestion.file]].append(suggestion)
    return {
        key: [
            (item, suggestion.edits)
            for item, suggestion in zip(found[key], edits[key], strict=True)
            if suggestion.edits and _is_wanted(bench, item)
        ]
        for key in wanted
        if len(found[key]) == len(edits[key])
    }


def _is_wanted(bench: Bench, item: Diagnostic) -> bool:
    return (
        item.safety is Safety.SAFE
        and item.code not in NEVER_FIXED
        and not (item.code == "RUF100" and unused_codes(item) & NOT_IN_NOTEBOOKS)
        and bench.is_meant(item)
    )


def _fixed(page: Page, fixes: Sequence[_Fix]) -> dict[int, str]:
    """The texts of the cells after as many of ``fixes`` as do not touch each other."""
    texts = page.texts()
    # Line 1 of each cell, counting from 0 in the cells joined by line feeds.
    starts = [0, *accumulate(text.count("\n") + 1 for text in texts)]
    by_cell: dict[int, list[tuple[int, int, str]]] = defaultdict(list)
    ends: dict[int, int] = defaultdict(int)
    for item, edits in sorted(fixes, key=lambda fix: min(edit.start for edit in fix[1])):
        if item.cell not in page.cells:
            continue
        text = texts[item.cell - 1]
        spans = _spans(edits, text, item.cell, starts)
        if not spans:
            continue
        first, last = spans[0][0], max(end for _, end, _ in spans)
        if first < ends[item.cell] or magic_lines(_whole_lines(text, first, last)):
            continue
        by_cell[item.cell] += spans
        # One more, so that an insertion does not join what another fix has left.
        ends[item.cell] = last + 1
    return {number: _edited(texts[number - 1], spans) for number, spans in by_cell.items()}


def _spans(
    edits: Iterable[Edit], text: str, cell: int, starts: Sequence[int]
) -> list[tuple[int, int, str]]:
    """``edits`` as offsets into the cell's text; empty where one lies in another cell."""
    lines = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
    spans: list[tuple[int, int, str]] = []
    for edit in edits:
        start = _offset(edit.start, cell, starts, lines)
        end = _offset(edit.end, cell, starts, lines)
        if start is None or end is None or start > len(text) or end < start:
            return []
        content = edit.content
        if end > len(text):
            # Up to the start of the next cell: the line feed between them is nobody's.
            end, content = len(text), content.removesuffix("\n")
        spans.append((start, end, content))
    return sorted(spans)


def _offset(
    position: Position, cell: int, starts: Sequence[int], lines: Sequence[int]
) -> int | None:
    line = position.line - 1
    inside = line - starts[cell - 1]
    if bisect_right(starts, line) != cell:
        is_next = line == starts[cell] and position.column == 1
        return lines[-1] if is_next else None
    offset = lines[inside] + position.column - 1
    return offset if offset < lines[inside + 1] else None


def _whole_lines(text: str, start: int, end: int) -> str:
    """The lines that the span touches, without the one that begins where it ends."""
    begin = text.rfind("\n", 0, start) + 1
    if end > start and text[end - 1 : end] == "\n":
        end -= 1
    stop = text.find("\n", end)
    return text[begin : len(text) if stop < 0 else stop]


def _edited(text: str, spans: Sequence[tuple[int, int, str]]) -> str:
    for start, end, content in sorted(spans, reverse=True):
        text = text[:start] + content + text[end:]
    return text
