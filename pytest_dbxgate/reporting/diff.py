"""What a fix would change, as a unified diff for people."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from pytest_dbxgate.reporting.text import clean, paint
from pytest_dbxgate.secrets.redact import redact

_LINE_LIMIT = 2000
"""Code points of one line that are shown."""


def unified(path: str, before: str, after: str, *, color: bool = False) -> str:
    """The change of one file; empty if there is none. Ends in a newline otherwise.

    The diff is for reading: characters a terminal would act on are shown as escapes, secrets as
    their first characters, and line ends only where they are mixed or change.
    """
    if _ends_in_crlf(before) and _ends_in_crlf(after):
        before, after = before.replace("\r\n", "\n"), after.replace("\r\n", "\n")
    return _diff(clean(path), before, after, unit="file", color=color)


def cells(path: str, changes: Mapping[int, tuple[str, str]], *, color: bool = False) -> str:
    """The change of an ``.ipynb`` as diffs of its cells' sources, by cell number: lines of its
    JSON would tell a reader nothing."""
    parts = []
    for number, (before, after) in sorted(changes.items()):
        # A cell ends without a newline as a rule, which is nothing to remark on.
        end = "" if before.endswith("\n") or after.endswith("\n") else "\n"
        name = f"{clean(path)} cell {number}"
        parts.append(_diff(name, before + end, after + end, unit="cell", color=color))
    return "".join(parts)


def _diff(name: str, before: str, after: str, *, unit: str, color: bool) -> str:
    old, new = _lines(redact(before)), _lines(redact(after))
    lines = difflib.unified_diff(old, new, name, name)
    shown = []
    for number, line in enumerate(lines):
        text, newline, _ = line.partition("\n")
        shown.append(_painted(text, is_header=number < 2, color=color))
        if not newline:
            shown.append(f"\\ No newline at end of {unit}")
    return "".join(f"{line}\n" for line in shown)


def _ends_in_crlf(text: str) -> bool:
    """Whether every line does."""
    return 0 < text.count("\n") == text.count("\r\n")


def _lines(text: str) -> list[str]:
    """Lines with their ends; unlike ``splitlines`` it parts at newlines only."""
    parts = text.split("\n")
    lines = [f"{part}\n" for part in parts[:-1]]
    return [*lines, parts[-1]] if parts[-1] else lines


def _painted(line: str, *, is_header: bool, color: bool) -> str:
    left_out = len(line) - _LINE_LIMIT
    text = clean(line[:_LINE_LIMIT])
    if left_out > 0:
        text += f"… ({left_out} more characters)"
    if is_header:
        return paint(text, "bold", color=color)
    style = {"@": "cyan", "-": "red", "+": "green"}.get(line[:1])
    return paint(text, style, color=color) if style else text
