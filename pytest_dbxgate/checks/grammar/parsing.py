"""What a parser of a language answers about the code of one cell."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mistake:
    """The first syntax error, at a 1-based position of the code, in code points."""

    message: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Unparsed:
    """The code could not be parsed, which says nothing about it."""

    reason: str
    hint: str = ""


Verdict = Mistake | Unparsed | None
"""None: the code parses."""
