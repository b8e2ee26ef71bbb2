"""Cron expressions as Quartz reads them: six fields or seven, the seconds first."""

from __future__ import annotations

import re
from typing import NamedTuple

_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]


class _Field(NamedTuple):
    name: str
    least: int
    most: int
    words: dict[str, int]
    special: str = r"(?!)"
    """Texts that are right besides, as a regular expression."""


def _numbered(words: list[str]) -> dict[str, int]:
    return {word: number for number, word in enumerate(words, start=1)}


_FIELDS = (
    _Field("seconds", 0, 59, {}),
    _Field("minutes", 0, 59, {}),
    _Field("hours", 0, 23, {}),
    _Field("day of month", 1, 31, {}, r"\?|LW?|L-[0-9]{1,2}W?|[0-9]{1,2}W"),
    _Field("month", 1, 12, _numbered(_MONTHS)),
    _Field("day of week", 1, 7, _numbered(_DAYS), r"\?|L|([1-7]|[A-Z]{3})(L|#[1-5])"),
    _Field("year", 1970, 2199, {}),
)
_PART = re.compile(r"(?:(\*)|([A-Z0-9]+)(?:-([A-Z0-9]+))?)?(?:/([0-9]+))?")


def problem(expression: str) -> str:
    """What is wrong with ``expression``; empty where it is right."""
    parts = expression.upper().split()
    if len(parts) not in (6, 7):
        unit = "field" if len(parts) == 1 else "fields"
        return f"{len(parts)} {unit} where Quartz wants 6 or 7"
    for text, field in zip(parts, _FIELDS, strict=False):
        for part in text.split(","):
            found = _problem(part, field)
            if found:
                return f"{found} in the {field.name}"
    if (parts[3] == "?") == (parts[5] == "?"):
        return "either the day of month or the day of week must be `?`, and not both"
    return ""


def _problem(part: str, field: _Field) -> str:
    if re.fullmatch(field.special, part):
        return ""
    match = _PART.fullmatch(part)
    if match is None or not part:
        return f"`{part}` makes no sense"
    _, first, last, step = match.groups()
    for word in (first, last):
        if word is not None and not _is_right(word, field):
            return f"`{word}` is out of range"
    if step is not None and not 0 < int(step) <= max(field.most, 60):
        return f"a step of {step} is out of range"
    return ""


def _is_right(word: str, field: _Field) -> bool:
    if word in field.words:
        return True
    return word.isdecimal() and len(word) < 5 and field.least <= int(word) <= field.most
