"""Parsing Scala with tree-sitter. The grammar runs no code and needs no Scala."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pytest_dbxgate.checks.grammar.parsing import Mistake, Unparsed, Verdict

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, Tree

_Point = tuple[int, int]
"""tree-sitter's: row and column from 0, the column in bytes."""

SECONDS = 10.0
"""What one cell may take. Recovery from an error takes quadratic time on a very long line."""

_CHUNK = 65_536
_NOT_INSTALLED = Unparsed(
    "no grammar is installed",
    'run: pip install "pytest-dbxgate[languages]", or set allow_unchecked = ["scala"]',
)
_QUOTES = '"""'
_OPEN_STRING = "the string is not closed"
_PROGRESS = re.compile(r"process .*\brow:(\d+), col:(\d+)")
_NO_WORD = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_WORD = re.compile(r"\w{1,30}|[^\w\s]{1,3}")
_RAW_BACKSLASH = re.compile(r'(\braw"(?!"")[^"\n]*?)(\\+)(?=")')


def parse(codes: Sequence[str]) -> list[Verdict] | Unparsed:
    """A verdict on each code; :class:`Unparsed` where there is no grammar."""
    try:
        import tree_sitter
        import tree_sitter_scala

        parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_scala.language()))
        _tree(parser, "")
    except ImportError:
        return _NOT_INSTALLED
    except (AttributeError, TypeError, ValueError) as error:
        # Two packages that do not fit together.
        return Unparsed(f"the grammar cannot be loaded: {error}", _NOT_INSTALLED.hint)
    return [_verdict(parser, code) for code in codes]


def _verdict(parser: Parser, code: str) -> Verdict:
    tree = _tree(parser, code)
    if tree is None:
        return Unparsed(f"the parser took longer than {SECONDS:.0f} s")
    if not tree.root_node.has_error:
        return None
    relaxed = _without_known_gaps(code)
    if relaxed != code:
        second = _tree(parser, relaxed)
        if second is not None and not second.root_node.has_error:
            return None
        tree = second or tree
    error = _first_error(tree)
    if error.text == b'"':
        line, column, _ = _place(code, *error.start_point)
        return Mistake(_OPEN_STRING, line, column)
    row, column = _reached(parser, relaxed) or error.start_point
    return _mistake(code, row, column)


def _without_known_gaps(code: str) -> str:
    r"""``code`` with same-length stand-ins for legal Scala the grammar does not know.

    In Scala 2.12 a quote ends ``raw"a\"`` although a backslash stands before it.
    """
    return _RAW_BACKSLASH.sub(lambda match: match[1] + "_" * len(match[2]), code)


def _tree(parser: Parser, code: str, enough: Callable[[], bool] | None = None) -> Tree | None:
    """The tree; None where the parser took too long, or had ``enough``."""
    data = code.encode("utf-8", "replace")
    deadline = time.monotonic() + SECONDS

    def read(offset: int, _point: object) -> bytes:
        return data[offset : offset + _CHUNK]

    def is_late(_offset: int, _has_error: bool) -> bool:
        return time.monotonic() > deadline or (enough is not None and enough())

    try:
        return parser.parse(read, progress_callback=is_late)
    except ValueError:
        parser.reset()
        return None


def _reached(parser: Parser, code: str) -> _Point | None:
    """Where the last word ends that some parse of the code could take; None if unknown.

    An ERROR node begins wherever recovery chose to begin again, often lines above the mistake.
    Only the parser's log tells how far it came before its first recovery.
    """
    last: _Point | None = None
    found: list[_Point] = []

    def listen(_kind: object, message: str) -> None:
        nonlocal last
        if found:
            return
        match = _PROGRESS.match(message)
        if match:
            last = int(match[1]), int(match[2])
        elif message.startswith("resume") and last is not None:
            found.append(last)

    parser.logger = listen
    try:
        _tree(parser, code, lambda: bool(found))
    finally:
        del parser.logger
    return found[0] if found else None


def _first_error(tree: Tree) -> Node:
    """The first ERROR or MISSING node in the order of the text, without recursion."""
    cursor = tree.walk()
    while True:
        node = cursor.node
        assert node is not None
        if node.is_error or node.is_missing or not cursor.goto_first_child():
            return node
        while not _is_wrong(cursor.node):
            if not cursor.goto_next_sibling():
                return node


def _is_wrong(node: Node | None) -> bool:
    return node is not None and (node.has_error or node.is_missing)


def _mistake(code: str, row: int, column: int) -> Mistake:
    """At the first word below a tree-sitter point, which is the one that does not fit."""
    line, column, offset = _place(code, row, column)
    if code.endswith(_QUOTES, 0, offset) and code.count(_QUOTES, 0, offset) % 2:
        return Mistake(_OPEN_STRING, line, column - len(_QUOTES))
    gap = _NO_WORD.match(code, offset)
    start = offset if gap is None else gap.end()
    if start >= len(code):
        return Mistake("unexpected end of the cell", line, column)
    word = _WORD.match(code, start)
    shown = code[start] if word is None else word[0]
    line_start = code.rfind("\n", 0, start) + 1
    line = code.count("\n", 0, start) + 1
    return Mistake(f"unexpected '{shown}'", line, start - line_start + 1)


def _place(code: str, row: int, column: int) -> tuple[int, int, int]:
    """The 1-based line and column in code points, and the offset, of a tree-sitter point."""
    lines = code.split("\n")
    before = lines[row].encode("utf-8", "replace")[:column].decode("utf-8", "replace")
    offset = sum(len(line) + 1 for line in lines[:row]) + len(before)
    return row + 1, len(before) + 1, offset
