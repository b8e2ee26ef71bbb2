"""A statement as its tokens, so that a piece of it can be found and replaced in place.

A parser that writes the statement anew would change more of it than was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import pairwise

from pytest_dbxgate.languages.sql import lexing
from pytest_dbxgate.languages.sql.lexing import Token

NAME = r"(?:IDENTIFIER \( [^()]+ \)|(?:\w+|`q`)(?: \. (?:\w+|`q`))*)"
"""The name of a table, a schema and so on in a bare text."""

_OPENING, _CLOSING = frozenset("(["), frozenset(")]")
_PLAIN = re.compile(r"'[^'\\]*'|\"[^\"\\]*\"")


class Code:
    """The tokens of one statement, without comments; indices are those of tokens."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tuple(token for token in lexing.tokens(text) if token.kind != "comment")

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def depths(self) -> tuple[int, ...]:
        """How many brackets are open around each token; those of a pair are outside of it."""
        depths: list[int] = []
        depth = 0
        for token in self.tokens:
            depth -= token.text in _CLOSING
            depths.append(depth)
            depth += token.text in _OPENING
        return tuple(depths)

    @cached_property
    def _bare(self) -> tuple[str, tuple[int, ...]]:
        pieces: list[str] = []
        starts: list[int] = []
        at = 0
        for token in self.tokens:
            piece = {"string": "''", "quoted": "`q`", "body": "$$"}.get(token.kind, token.text)
            pieces.append(piece)
            starts.append(at)
            at += len(piece) + 1
        return " ".join(pieces), tuple(starts)

    @property
    def bare(self) -> str:
        """The tokens with one blank between them, the contents of literals left out."""
        return self._bare[0]

    def token_at(self, offset: int) -> int:
        """The index of the token at an offset of ``bare``."""
        starts = self._bare[1]
        return max(index for index, start in enumerate(starts) if start <= offset)

    def matched(self, match: re.Match[str], group: str | int) -> str:
        """The statement's own text of a group of a match in ``bare``; empty for none."""
        if match[group] is None or not match[group].strip():
            return ""
        start, end = match.span(group)
        start += len(match[group]) - len(match[group].lstrip())
        return self.slice(self.token_at(start), self.token_at(end - 1) + 1)

    def slice(self, start: int, end: int) -> str:
        """The text from a token up to another, comments between them included."""
        if start >= end:
            return ""
        last = self.tokens[end - 1]
        return self.text[self.tokens[start].start : last.start + len(last.text)]

    def replaced(self, start: int, end: int, by: str) -> str:
        """The statement with the tokens from ``start`` up to ``end`` replaced."""
        first, last = self.tokens[start], self.tokens[end - 1]
        return self.text[: first.start] + by + self.text[last.start + len(last.text) :]

    def word(self, index: int) -> str:
        """The token in capitals where it is a word or a symbol; else empty."""
        if not 0 <= index < len(self.tokens):
            return ""
        token = self.tokens[index]
        return token.text.upper() if token.kind in ("word", "symbol") else ""

    def says(self, index: int, *words: str) -> bool:
        """Whether these words stand from ``index`` on."""
        return all(self.word(index + number) == word for number, word in enumerate(words))

    def closing(self, index: int) -> int:
        """The bracket that closes the one at ``index``; the last token where none does."""
        depth = self.depths[index]
        for other in range(index + 1, len(self.tokens)):
            if self.depths[other] == depth:
                return other
        return len(self.tokens) - 1

    def level(self, start: int, end: int) -> Iterator[int]:
        """The tokens from ``start`` up to ``end`` that are in no bracket opened between."""
        depth = self.depths[start] if start < end else 0
        for index in range(start, end):
            if self.depths[index] < depth:
                return
            if self.depths[index] == depth:
                yield index

    def items(self, start: int, end: int) -> list[tuple[int, int]]:
        """What stands between the commas of a list."""
        commas = [index for index in self.level(start, end) if self.word(index) == ","]
        edges = [start - 1, *commas, end]
        return [(left + 1, right) for left, right in pairwise(edges)]


def name_of(token: Token) -> str:
    """The identifier that a token is."""
    return token.text.strip("`").replace("``", "`")


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def listed(names: Iterable[str], qualifier: str = "") -> str:
    return ", ".join(qualifier + quoted(name) for name in names)


def literal(text: str) -> str | None:
    """The value of a string literal without escapes; None for another."""
    return text[1:-1] if _PLAIN.fullmatch(text) else None
