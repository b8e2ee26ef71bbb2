"""SQL in Python cells: the literal strings given to ``spark.sql("...")``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from pytest_dbxgate.languages.python.tree import parse

_MAYBE = re.compile(r"sql\s*\(\s*(?:[rRuU]?[\"']|\(|#|\\|sqlQuery\b)")
_SESSIONS = frozenset({"spark", "sqlContext", "sqlcontext"})
_OPENING = re.compile(r"[rRuU]*(\"\"\"|'''|\"|')")


class SqlString(NamedTuple):
    """A literal string of SQL and where it stands in its cell's code, 1-based."""

    text: str
    line: int
    column: int
    exact: bool
    """True where the text stands in the code as it is, its first character at that place;
    otherwise all of it is taken to be there."""

    def place(self, line: int, column: int) -> tuple[int, int]:
        """Map a 1-based position of ``text`` to one of the cell's code."""
        if not self.exact:
            return self.line, self.column
        if line == 1:
            return self.line, self.column + column - 1
        return self.line + line - 1, column


def may_be_in(code: str) -> bool:
    """A quick look: False where :func:`find` finds nothing."""
    return _MAYBE.search(code) is not None


def find(code: str) -> Iterator[SqlString]:
    """The strings of a Python cell. A cell that is not plain Python has none."""
    if not may_be_in(code):
        return
    tree = parse(code)
    if tree is None:
        return
    lines = code.split("\n")
    for node in ast.walk(tree):
        literal = _literal(node) if isinstance(node, ast.Call) else None
        if literal is not None:
            yield _located(literal, lines)


def _literal(call: ast.Call) -> ast.Constant | None:
    function = call.func
    if isinstance(function, ast.Attribute):
        owner = function.value
        name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
        if function.attr != "sql" or name not in _SESSIONS:
            return None
    elif not isinstance(function, ast.Name) or function.id != "sql":
        return None
    given = call.args[:1] or [word.value for word in call.keywords if word.arg == "sqlQuery"]
    if given and isinstance(given[0], ast.Constant) and isinstance(given[0].value, str):
        return given[0]
    return None


def _located(literal: ast.Constant, lines: list[str]) -> SqlString:
    text = str(literal.value)
    line = lines[literal.lineno - 1]
    # ast counts columns in bytes
    column = len(line.encode()[: literal.col_offset].decode(errors="replace"))
    opening = _OPENING.match(line, column)
    if opening is not None:
        rest = "\n".join((line[opening.end() :], *lines[literal.lineno : literal.end_lineno]))
        # with an escape, or of several pieces, it does not stand there as it is
        if rest.startswith(text + opening[1]):
            return SqlString(text, literal.lineno, opening.end() + 1, True)
    return SqlString(text, literal.lineno, column + 1, False)
