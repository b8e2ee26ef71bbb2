"""One SQL cell: what the parsers make of it, statement by statement where that is needed.

Runs in the worker processes. Answers are plain lists, ready for JSON.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from pytest_dbxgate.checks.sql import gaps, glot
from pytest_dbxgate.checks.sql.fluff import LimitError, Mask, Parsed, Rejection, Remark, Tool
from pytest_dbxgate.languages.sql import lexing, parameters
from pytest_dbxgate.languages.sql.lexing import Statement
from pytest_dbxgate.languages.sql.parameters import Prepared, Spot

MOST_REJECTIONS = 20
"""Rejected statements reported of one cell."""


_STATEMENTS = frozenset(
    re.findall(
        r"\w+",
        """
        ALTER ANALYZE APPLY BEGIN CALL COMMENT CREATE DECLARE DELETE DESC DESCRIBE DROP EXECUTE
        EXPLAIN FROM GRANT INSERT MERGE MSCK OPTIMIZE REFRESH REPAIR RESET RESTORE REVOKE SELECT
        SET SHOW TRUNCATE UPDATE USE VACUUM VALUES WITH
        """,
    )
)
"""What statements begin with."""

Rejected = tuple[bool, int, int, str]
"""Both parsers reject, line, column, the text they cannot read."""


class _Excuse(Enum):
    """How far the parameters of a statement explain that it does not parse."""

    NONE = 0
    PARTIAL = 1
    ENTIRE = 2


@dataclass(slots=True)
class Answer:
    """What was found in a cell, at 1-based positions of its text."""

    rejected: list[Rejected] = field(default_factory=list)
    unchecked: list[tuple[int, int, str]] = field(default_factory=list)
    """(line, column, why)"""
    remarks: list[Remark] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def check(text: str, tool: Tool, *, lint: bool) -> Answer:
    """Parse ``text`` and, where asked for, run the rules over what parses."""
    prepared = parameters.prepare(text)
    answer = Answer()
    parsed, accepted = _parse(prepared.text, tool)
    if parsed is None or not accepted:
        _by_statement(prepared, tool, parsed, answer, lint=lint)
    elif lint:
        _remark(answer, prepared, parsed, offset=(0, 0))
    return answer


def lay_out(text: str, tool: Tool) -> str | None:
    """``text`` with sqlfluff's layout, or None where it stays as it is."""
    prepared = parameters.prepare(text)
    if not tool.layout.rules:
        return None
    parsed, accepted = _parse(prepared.text, tool)
    if parsed is None or not accepted:
        return None
    try:
        fixed = parsed.laid_out()
    except LimitError:
        return None
    restored = parameters.restore(prepared, fixed.strip())
    return None if restored == text else restored


def _parse(text: str, tool: Tool) -> tuple[Parsed | None, bool]:
    """The outcome of parsing a whole cell, and whether nothing in it was rejected."""
    try:
        parsed = tool.parse(text)
        return parsed, not parsed.rejections()
    except LimitError:
        return None, False


def _by_statement(
    prepared: Prepared, tool: Tool, whole: Parsed | None, answer: Answer, *, lint: bool
) -> None:
    mask = whole.mask() if whole is not None else Mask(None)
    found = lexing.statements(prepared.text)
    # Parsed already, unless a semicolon ahead of it is what sqlfluff does not like.
    alone = whole if len(found) == 1 and ";" not in prepared.text[: found[0].start] else None
    for statement in found:
        if _is_all_parameter(prepared, statement):
            continue
        line, column = lexing.place(prepared.text, statement.start)
        try:
            if alone is not None:
                rejections = [_within(item, line, column) for item in alone.rejections()]
            else:
                parsed = tool.parse(statement.text)
                rejections = parsed.rejections()
        except LimitError as limit:
            answer.unchecked.append((line, column, str(limit)))
            continue
        if not rejections:
            if lint and alone is None:
                _remark(answer, prepared, parsed, offset=(line - 1, column - 1), mask=mask)
            continue
        if gaps.covering(statement.text):
            continue
        verdict = _verdict(prepared, statement, tool, rejections[0])
        if verdict is None or mask.hides("PRS", verdict[1]):
            continue
        if len(answer.rejected) < MOST_REJECTIONS:
            answer.rejected.append(verdict)


def _within(rejection: Rejection, line: int, column: int) -> Rejection:
    """A rejection in a cell as one in its only statement, which begins at that place."""
    left = column - 1 if rejection.line == line else 0
    return rejection._replace(
        line=max(1, rejection.line - line + 1), column=max(1, rejection.column - left)
    )


def _verdict(
    prepared: Prepared, statement: Statement, tool: Tool, rejection: Rejection
) -> Rejected | None:
    """What to say about a statement that sqlfluff rejects; None where its parameters explain it."""
    line, column = rejection.line, rejection.column
    at = statement.start + lexing.offset(statement.text, line, column)
    excuse = _excuse(prepared, statement, tool, at)
    if excuse is _Excuse.ENTIRE:
        return None
    vote = glot.vote(statement.text)
    both = vote.rejects and excuse is _Excuse.NONE
    both = both and not any(spot.is_text for spot in prepared.inside(at, at + 1))
    near = _beginning(rejection.text or prepared.text[at:])
    gave_up = (line, column) == (1, 1) and near.upper() in _STATEMENTS
    if both and vote.near and (gave_up or (1, 1) < (vote.line, vote.column) < (line, column)):
        # sqlfluff gave up on the whole statement, or took a missing semicolon for an alias
        line, column, near = vote.line, vote.column, vote.near
    top, left = lexing.place(prepared.text, statement.start)
    column += left - 1 if line == 1 else 0
    return both, line + top - 1, column, prepared.named(near)[:40]


def _excuse(prepared: Prepared, statement: Statement, tool: Tool, at: int) -> _Excuse:
    """Whether the statement parses without the parameters that may stand for any text, such as
    a whole clause: then it is not known to be wrong. First without those from ``at`` on."""
    end = statement.start + len(statement.text)
    spots = [spot for spot in prepared.inside(statement.start, end) if _is_free(prepared, spot)]
    excuse = _Excuse.NONE
    for few in ([spot for spot in spots if spot.end > at], spots):
        bare = statement.text
        for spot in few:
            bare = lexing.blanked(bare, spot.start - statement.start, len(spot.stand_in))
        if bare == statement.text:
            continue
        try:
            if not tool.parse(bare).rejections():
                return _Excuse.ENTIRE
        except LimitError:
            continue
        if not glot.vote(bare).rejects:
            excuse = _Excuse.PARTIAL
    return excuse


def _is_free(prepared: Prepared, spot: Spot) -> bool:
    """Whether a parameter may stand for any text, and not just for a part of a name."""
    around = prepared.text[max(0, spot.start - 1) : spot.start] + prepared.text[spot.end :][:1]
    return spot.is_text and not re.search(r"[\w.`]", around)


def _is_all_parameter(prepared: Prepared, statement: Statement) -> bool:
    """``${query}`` alone may be any statement."""
    spots = prepared.inside(statement.start, statement.start + len(statement.text))
    return bool(spots) and sum(len(spot.stand_in) for spot in spots) == len(
        "".join(statement.text.split())
    )


def _beginning(text: str) -> str:
    """The first token of ``text``; of a symbol, what stands with it up to a blank."""
    first = next(lexing.tokens(text), None)
    if first is None:
        return ""
    if first.kind == "symbol":
        return text[first.start :].split(maxsplit=1)[0]
    return first.text.split("\n")[0]


def _remark(
    answer: Answer,
    prepared: Prepared,
    parsed: Parsed,
    *,
    offset: tuple[int, int],
    mask: Mask | None = None,
) -> None:
    """Add what the rules say. With a ``mask`` only a part of the cell was parsed, and nothing
    is said about layout."""
    try:
        remarks = parsed.remarks()
    except LimitError as limit:
        answer.unchecked.append((offset[0] + 1, offset[1] + 1, str(limit)))
        return
    starts = _line_starts(prepared.text)
    for remark in remarks:
        moved = _moved(remark, *offset)
        if mask is not None and (moved.layout or mask.hides(moved.code, moved.line)):
            continue
        at = starts[min(moved.line, len(starts)) - 1] + moved.column - 1
        if not moved.layout and prepared.inside(at, at + 1):
            continue  # about the name of a stand-in
        if _is_mistaken(moved, prepared.text, at):
            continue
        answer.remarks.append(moved._replace(message=prepared.named(moved.message)))


def _is_mistaken(remark: Remark, text: str, at: int) -> bool:
    """Where sqlfluff's rules do not know what Databricks does."""
    if remark.code == "ST03":
        # a table function's argument: ai_forecast(TABLE(recent), ...)
        name = re.search(r"CTE \"([^\"]+)\"", remark.message)
        return bool(name and re.search(rf"\bTABLE\s*\(\s*{re.escape(name[1])}\b", text, re.I))
    if remark.code == "CV05":
        # an assignment, no comparison
        statement = text[: at + 1].rsplit(";", 1)[-1].lstrip()
        return bool(re.match(r"SET\b", statement, re.I))
    return False


def _moved(remark: Remark, lines: int, columns: int) -> Remark:
    return remark._replace(
        line=remark.line + lines,
        column=remark.column + (columns if remark.line == 1 else 0),
        end_line=remark.end_line + lines,
        end_column=remark.end_column + (columns if remark.end_line == 1 else 0),
    )


def _line_starts(text: str) -> list[int]:
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    return starts
