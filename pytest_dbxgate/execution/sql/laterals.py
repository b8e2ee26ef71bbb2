"""An alias that is used again in the ``SELECT`` that defines it: Sail does not know it there."""

from __future__ import annotations

from pytest_dbxgate.execution.sql.code import Code, name_of
from pytest_dbxgate.execution.sql.scopes import Select

_UNITS = frozenset(
    {"YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND", "MILLISECOND"}
)
"""Words that stand for a unit of time as often as for a column."""

_EACH_TIME = frozenset(
    {"RAND", "RANDN", "RANDOM", "UUID", "SHUFFLE", "MONOTONICALLY_INCREASING_ID", "RANDSTR"}
)
"""Functions that give another value where they stand twice."""


class Use:
    """An alias used again: the token, and the expression that it stands for."""

    def __init__(self, index: int, name: str, expression: str) -> None:
        self.index = index
        self.name = name
        self.expression = expression


def uses(code: Code, select: Select) -> list[Use]:
    """What may be uses of aliases: a column of that name would come first."""
    aliases: dict[str, tuple[int, int]] = {}
    found: list[Use] = []
    for start, end in code.items(select.list_start, select.list_end):
        aliased = end - start > 2 and code.word(end - 2) == "AS"
        last = end - 2 if aliased else end
        for index in _names(code, start, last):
            name = name_of(code.tokens[index]).casefold()
            if name in aliases and not _is_else(code, index):
                found.append(Use(index, name, code.slice(*aliases[name])))
        name = name_of(code.tokens[end - 1]).casefold()
        usable = aliased and name.upper() not in _UNITS and not _varies(code, start, last)
        # An expression that holds its own alias means a column of that name.
        if usable and name not in (name_of(token).casefold() for token in code.tokens[start:last]):
            aliases[name] = (start, last)
    return found


def replaced(code: Code, use: Use) -> str:
    return code.replaced(use.index, use.index + 1, f"({use.expression})")


def _names(code: Code, start: int, end: int) -> list[int]:
    """The names in an expression, those in queries of its own left out."""
    if _has_lambda(code, start, end):
        return []
    found: list[int] = []
    at = start
    while at < end:
        if code.word(at) == "(" and code.word(at + 1) in ("SELECT", "WITH", "VALUES"):
            at = code.closing(at)
        elif code.tokens[at].kind in ("word", "quoted"):
            found.append(at)
        at += 1
    return found


def _has_lambda(code: Code, start: int, end: int) -> bool:
    return any(code.says(index, "-", ">") for index in range(start, end))


def _is_else(code: Code, index: int) -> bool:
    """A part of a name, a function, a type or the beginning of a literal."""
    if code.word(index - 1) in (".", "AS", "OVER", ":") or code.word(index + 1) in (".", "(", ":"):
        return True
    following = code.tokens[index + 1 : index + 2]
    return bool(following) and following[0].kind == "string"


def _varies(code: Code, start: int, end: int) -> bool:
    return any(code.word(index) in _EACH_TIME for index in range(start, end))
