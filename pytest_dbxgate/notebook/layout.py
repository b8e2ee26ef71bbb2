"""Which lines of a source notebook belong to which cell.

All indices are 0-based, ends exclusive, and count the lines of the file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from pytest_dbxgate.notebook.header import delimiter_of
from pytest_dbxgate.notebook.magics import PythonState, comment_prefix
from pytest_dbxgate.notebook.model import Language, Problem

_TITLES = ("DBTITLE 1,", "DBTITLE 0,")
_ANY_PREFIX = r"(?:#|--|//)"
_NEAR_DELIMITER = re.compile(
    rf"\s*{_ANY_PREFIX}[^\S\n]*COMMAND\s*(?:-{{3,}}\s*|-{{10}}\s+\S.*)$", re.DOTALL
)
_RAW_LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n|$)")


class Region(NamedTuple):
    """The lines of one cell."""

    start: int
    """The first line of the cell's text, after a leading blank line and the title."""
    end: int
    lead: bool
    """Whether a blank line was taken off after the delimiter."""
    trail: bool
    """Whether a blank line was taken off ahead of the next delimiter."""
    title: str | None
    title_index: int | None


def split_lines(text: str) -> list[str]:
    """The lines without their ends. ``\\r\\n``, ``\\n`` and a lone ``\\r`` end a line, as in
    Python; nothing else does."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


def split_raw(text: str) -> list[tuple[str, str]]:
    """The same lines, each with its own end; the last one's may be empty."""
    pairs = [(match[1], match[2]) for match in _RAW_LINE.finditer(text)]
    while pairs and pairs[-1] == ("", ""):
        pairs.pop()
    return pairs


def find_regions(
    lines: Sequence[str], body: int, language: Language
) -> tuple[list[Region], list[Problem]]:
    """Divide the lines from index ``body`` into cells."""
    borders, problems = _delimiters(lines, body, language)
    if not borders and not any(map(str.strip, lines[body:])):
        return [], problems
    if body == 0 and borders and not any(map(str.strip, lines[: borders[0]])):
        starts = [border + 1 for border in borders]
        ends = [*borders[1:], len(lines)]
    else:
        starts = [body, *(border + 1 for border in borders)]
        ends = [*borders, len(lines)]
    opened_by_line = body > 0 or starts[0] > 0
    regions = [
        _region(
            lines,
            start,
            end,
            language,
            is_first=number == 0 and not opened_by_line,
            is_last=number == len(starts) - 1,
        )
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]
    return regions, problems


def margin_of(line: str, language: Language) -> int:
    """How many characters of ``line`` are its ``MAGIC`` prefix; 0 where it has none."""
    usual, pattern = _prefixes(language)
    if line.startswith(usual):
        return len(usual)
    match = pattern.match(line) if "MAGIC" in line else None
    return match.end() if match else 0


@lru_cache
def _prefixes(language: Language) -> tuple[str, re.Pattern[str]]:
    comment = re.escape(comment_prefix(language))
    pattern = re.compile(rf"[^\S\n]*{comment}[^\S\n]*MAGIC(?: |(?=[\t%])|$)")
    return f"{comment_prefix(language)} MAGIC ", pattern


def _delimiters(
    lines: Sequence[str], body: int, language: Language
) -> tuple[list[int], list[Problem]]:
    delimiter = delimiter_of(language)
    borders: list[int] = []
    problems: list[Problem] = []
    state, fed = PythonState(), body
    for index, line in enumerate(lines):
        if "COMMAND" not in line or index < body:
            continue
        if line == delimiter:
            borders.append(index)
        elif line.startswith(delimiter) and not line[len(delimiter) :].strip():
            borders.append(index)
            problems.append(_blanks(index, delimiter))
        elif "MAGIC" not in line and _NEAR_DELIMITER.match(line):
            if borders and fed <= borders[-1]:
                state, fed = PythonState(), borders[-1] + 1
            for ahead in lines[fed:index]:
                state.feed(ahead)
            fed = index
            if not state.in_string:
                problems.append(_almost(index, delimiter))
    return borders, problems


def _almost(index: int, delimiter: str) -> Problem:
    hint = f'write "{delimiter}" alone on the line'
    return Problem("DBX130", "this is almost a delimiter", line=index + 1, hint=hint)


def _blanks(index: int, delimiter: str) -> Problem:
    message, column = "blanks follow the delimiter", len(delimiter) + 1
    return Problem("DBX132", message, line=index + 1, column=column, hint="remove them")


def _region(
    lines: Sequence[str],
    start: int,
    end: int,
    language: Language,
    *,
    is_first: bool,
    is_last: bool,
) -> Region:
    lead = not is_first and start < end and not lines[start].strip()
    start += lead
    trail = not is_last and start < end and not lines[end - 1].strip()
    end -= trail
    title, title_index, start = _title(lines, start, end, comment_prefix(language))
    return Region(start, end, lead, trail, title, title_index)


def _title(
    lines: Sequence[str], start: int, end: int, comment: str
) -> tuple[str | None, int | None, int]:
    """The title, its index, and where the cell's text starts. A title below comments is one,
    but its line stays in the text."""
    misplaced = False
    for index in range(start, end):
        line = lines[index]
        if line.startswith(comment):
            content = line[len(comment) + 1 :]
            if content.startswith(_TITLES) and line[len(comment)] == " ":
                text_start = start if misplaced else index + 1
                return content[len(_TITLES[0]) :].strip(), index, text_start
            if margin_of(line, _BY_COMMENT[comment]):
                break
            misplaced = True
        elif line.strip():
            break
    return None, None, start


_BY_COMMENT = {"#": Language.PYTHON, "--": Language.SQL, "//": Language.SCALA}
