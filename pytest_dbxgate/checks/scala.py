"""Parsing Scala with tree-sitter. The grammar runs no code and needs no Scala."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_dbxgate.checks.parsing import Mistake, Unparsed, Verdict

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, Tree

SECONDS = 10.0
"""What one cell may take. Recovery from an error takes quadratic time on a very long line."""

_CHUNK = 65_536
_NOT_INSTALLED = Unparsed(
    "no grammar is installed",
    'run: pip install "pytest-dbxgate[languages]", or set allow_unchecked = ["scala"]',
)
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
    return _mistake(code, _first_error(tree))


def _without_known_gaps(code: str) -> str:
    r"""``code`` with same-length stand-ins for legal Scala the grammar does not know.

    In Scala 2.12 a quote ends ``raw"a\"`` although a backslash stands before it.
    """
    return _RAW_BACKSLASH.sub(lambda match: match[1] + "_" * len(match[2]), code)


def _tree(parser: Parser, code: str) -> Tree | None:
    """The tree; None where the parser took too long."""
    data = code.encode("utf-8", "replace")
    deadline = time.monotonic() + SECONDS

    def read(offset: int, _point: object) -> bytes:
        return data[offset : offset + _CHUNK]

    def is_late(_offset: int, _has_error: bool) -> bool:
        return time.monotonic() > deadline

    try:
        return parser.parse(read, progress_callback=is_late)
    except ValueError:
        parser.reset()
        return None


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


def _mistake(code: str, node: Node) -> Mistake:
    row, column = node.start_point
    lines = code.split("\n")
    # tree-sitter counts bytes.
    before = lines[row].encode("utf-8", "replace")[:column].decode("utf-8", "replace")
    message = f"{node.type} is missing here" if node.is_missing else "the Scala does not parse here"
    return Mistake(message, row + 1, len(before) + 1)
