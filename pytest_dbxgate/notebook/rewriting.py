"""Put new cell sources into a source notebook, leaving every other byte alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from pytest_dbxgate.errors import RefusedEditError
from pytest_dbxgate.notebook.header import find_header
from pytest_dbxgate.notebook.layout import (
    Region,
    find_regions,
    margin_of,
    split_lines,
    split_raw,
)
from pytest_dbxgate.notebook.magics import comment_prefix, line_magics
from pytest_dbxgate.notebook.model import Cell, Language, Notebook
from pytest_dbxgate.notebook.source import read

_RawLine = tuple[str, str]
"""A line and its line end."""

_LONG = 2000
"""From this many lines on, difflib's exact mode takes seconds."""


def rewrite(notebook: Notebook, sources: Mapping[int, str]) -> bytes:
    """The file with the cells of the given numbers set to the given whole ``Cell.source``.

    Only lines that differ are written anew, in their cell's own style. Raises
    :class:`RefusedEditError` where the result would not read back as the same notebook with
    just these sources.
    """
    for number in sources:
        if not 1 <= number <= len(notebook.cells):
            raise _refused(notebook, f"there is no cell {number}")
    changed = {
        number: source
        for number, source in sources.items()
        if source != notebook.cell(number).source
    }
    if not changed:
        return notebook.data
    data = _spliced(notebook, changed).encode("utf-8", "surrogatepass")
    _check(notebook, changed, read(notebook.path, data, notebook.language))
    return data


def _spliced(notebook: Notebook, changed: Mapping[int, str]) -> str:
    raw = split_raw(notebook.text)
    lines = split_lines(notebook.text)
    header = find_header(lines, notebook.language)
    body = 0 if header is None else header.body
    regions, _ = find_regions(lines, body, notebook.language)
    newline = _dominant(end for _, end in raw if end) or "\n"
    ends_open = raw[-1][1] == ""
    for number in sorted(changed, reverse=True):
        region = regions[number - 1]
        old = notebook.cell(number)
        new = _body(old, changed[number], raw[region.start : region.end], notebook, newline)
        is_first, is_last = region.start == 0, number == len(regions)
        raw[region.start : region.end] = _bordered(
            new, region, newline, is_first=is_first, is_last=is_last
        )
    return _joined(raw, newline, ends_open=ends_open)


def _body(
    cell: Cell, source: str, raw: Sequence[_RawLine], notebook: Notebook, newline: str
) -> list[_RawLine]:
    if not source:
        return []
    old = cell.source.split("\n") if raw else []
    new = source.split("\n")
    usual, blank = _prefixes(raw, notebook)

    def fresh(line: str, like: _RawLine | None) -> _RawLine:
        prefix, end = usual, newline
        if like is not None:
            end = like[1] or newline
            if like[0].strip():
                prefix = like[0][: margin_of(like[0], notebook.language)]
        if prefix and not line.strip():
            return (prefix + line if line else blank), end
        return (prefix if prefix.endswith(" ") or not prefix else prefix + " ") + line, end

    result: list[_RawLine] = []
    autojunk = len(old) + len(new) > _LONG
    matcher = SequenceMatcher(None, old, new, autojunk=autojunk)
    for tag, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if tag == "equal":
            result += raw[old_start:old_end]
            continue
        for offset, line in enumerate(new[new_start:new_end]):
            index = old_start + offset
            result.append(fresh(line, raw[index] if index < old_end else None))
    return result


def _prefixes(raw: Sequence[_RawLine], notebook: Notebook) -> tuple[str, str]:
    """The prefix that most lines of the cell have, and how such a cell writes an empty line."""
    language = notebook.language
    margins = [(line, margin_of(line, language)) for line, _ in raw]
    filled = [line[:margin] for line, margin in margins if margin and margin < len(line)]
    usual = _dominant(filled)
    if not usual:
        prefixed = any(margin for _, margin in margins)
        usual = f"{comment_prefix(language)} MAGIC " if prefixed else ""
    empty = _dominant(line for line, margin in margins if margin and margin == len(line))
    return usual, empty or usual.rstrip(" ")


def _bordered(
    new: list[_RawLine], region: Region, newline: str, *, is_first: bool, is_last: bool
) -> list[_RawLine]:
    """Add the blank lines a reader takes off around a cell where the file has none."""
    if not new:
        return new
    blank: _RawLine = ("", newline)
    was_empty = region.start == region.end
    untitled = region.title_index is None or region.title_index >= region.start
    starts_blank = not new[0][0].strip()
    if untitled and not region.lead and not is_first and (starts_blank or was_empty):
        new = [blank, *new]
    ends_blank = not new[-1][0].strip()
    if not is_last and not region.trail and (ends_blank or was_empty):
        new = [*new, blank]
    return new


def _joined(raw: Sequence[_RawLine], newline: str, *, ends_open: bool) -> str:
    parts = [line + (end or newline) for line, end in raw[:-1]]
    if raw:
        line, end = raw[-1]
        parts.append(line + ("" if ends_open and line else end or newline))
    return "".join(parts)


def _check(before: Notebook, changed: Mapping[int, str], after: Notebook) -> None:
    if len(after.cells) != len(before.cells):
        raise _refused(before, f"{len(before.cells)} cells would become {len(after.cells)}")
    if _header(before) != _header(after):
        raise _refused(before, "the header would change")
    for old, new in zip(before.cells, after.cells, strict=True):
        if new.title != old.title:
            raise _refused(before, f"the title of cell {old.number} would change")
        if new.language is not old.language or _magics(new) != _magics(old):
            raise _refused(before, f"a magic of cell {old.number} would change")
        if new.source != changed.get(old.number, old.source):
            raise _refused(before, f"cell {old.number} would not read back as written")


def _header(notebook: Notebook) -> tuple[str, frozenset[str]]:
    """Line 1 where it is a header, and what is wrong with the header."""
    codes = frozenset(problem.code for problem in notebook.problems if problem.code <= "DBX106")
    has_none = bool(codes & {"DBX104", "DBX105"})
    return "" if has_none else split_lines(notebook.text)[0], codes


def _magics(cell: Cell) -> list[tuple[bool, str, str]]:
    """What an edit must leave alone: the opening magic, and every line magic among Python."""
    magics = [] if cell.magic is None else [cell.magic]
    if cell.language is Language.PYTHON:
        return [(magic.double, magic.name, magic.argument) for magic in line_magics(cell)]
    return [(magic.double, magic.name, "") for magic in magics]


def _dominant(values: Iterator[str] | Sequence[str]) -> str:
    counted = Counter(values).most_common(1)
    return counted[0][0] if counted else ""


def _refused(notebook: Notebook, reason: str) -> RefusedEditError:
    return RefusedEditError(
        f"{notebook.path}: not fixed: {reason}", next_step="make this change by hand"
    )
