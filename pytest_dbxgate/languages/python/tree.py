"""Python's own parser, for code that is plain Python."""

from __future__ import annotations

import ast

from pytest_dbxgate.quiet import quiet


def parse(code: str) -> ast.Module | None:
    """The syntax tree of ``code``; None where it is no plain Python, or too much for the parser."""
    try:
        with quiet():
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
