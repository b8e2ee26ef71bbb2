"""The lexical shape of Databricks SQL: what is a literal or a comment, where a statement ends.

Both parsers are helped by it; neither is replaced. Offsets are 0-based into the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import NamedTuple

LITERALS = r"""
    (?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))
  | (?P<string>
        (?:(?<!\w)[rR])(?:'[^']*(?:'|\Z)|"[^"]*(?:"|\Z))
      | '[^'\\]*(?:\\.[^'\\]*)*(?:'|\\?\Z)
      | "[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)
    )
  | (?P<quoted>`[^`]*(?:`|\Z))
  | (?P<body>\$\$.*?(?:\$\$|\Z))
"""
"""What may hold any text at all. Verbose, to be compiled with ``re.DOTALL``."""

_TOKEN = re.compile(LITERALS + r"|(?P<word>\w+)|(?P<symbol>[^\s\w])", re.VERBOSE | re.DOTALL)

_LOOPS = frozenset({"IF", "WHILE", "FOR", "LOOP", "REPEAT"})
_NOT_A_BLOCK = frozenset({"TRANSACTION", "TRAN", "WORK", ";", ""})


class Token(NamedTuple):
    """One token; ``kind`` is comment, string, quoted, body, word or symbol."""

    kind: str
    text: str
    start: int


class Statement(NamedTuple):
    """A statement without its semicolon, and where its first token stands."""

    text: str
    start: int


def tokens(text: str) -> Iterator[Token]:
    """The tokens of ``text``, comments included, blanks not."""
    for match in _TOKEN.finditer(text):
        yield Token(match.lastgroup or "symbol", match[0], match.start())


def statements(text: str) -> list[Statement]:
    """Split at the semicolons that end a statement; those inside ``BEGIN ... END`` do not.

    Statements that hold nothing but comments are left out. Comments ahead of a statement are
    not part of it.
    """
    found: list[Statement] = []
    current: list[Token] = []
    script = _Script()
    code = [token for token in tokens(text) if token.kind != "comment"]
    for token, following in zip_longest(code, code[1:]):
        if token.text == ";" and not script.depth:
            _close(found, current, text)
            current, script = [], _Script()
            continue
        current.append(token)
        script.feed(token, following.text.upper() if following else "")
    _close(found, current, text)
    return found


def _close(found: list[Statement], current: list[Token], text: str) -> None:
    if current:
        end = current[-1].start + len(current[-1].text)
        found.append(Statement(text[current[0].start : end], current[0].start))


class _Script:
    """How deep in the blocks of a SQL script the reader is."""

    def __init__(self) -> None:
        self.depth = 0
        self._words: list[str] = []
        self._previous = ""

    def feed(self, token: Token, following: str) -> None:
        word = token.text.upper() if token.kind == "word" else ""
        if word == "BEGIN" and following not in _NOT_A_BLOCK:
            if self.depth or self._may_begin():
                self.depth += 1
        elif self.depth and word == "CASE" and self._previous != "END":
            self.depth += 1
        elif self.depth and word == "END" and following not in _LOOPS:
            self.depth -= 1
        if len(self._words) < 5:
            self._words.append(word or token.text)
        self._previous = word

    def _may_begin(self) -> bool:
        """At a statement's start, after a label, or as the body of a procedure."""
        return not self._words or self._words[1:] == [":"] or "PROCEDURE" in self._words


def place(text: str, offset: int) -> tuple[int, int]:
    """The 1-based line and column of ``offset``."""
    line = text.count("\n", 0, offset) + 1
    return line, offset - (text.rfind("\n", 0, offset) + 1) + 1


def offset(text: str, line: int, column: int) -> int:
    """The offset of a 1-based line and column; that of the end where ``text`` is shorter."""
    start = 0
    for _ in range(line - 1):
        start = text.find("\n", start) + 1
        if start == 0:
            return len(text)
    return min(start + column - 1, len(text))


def blanked(text: str, start: int, length: int) -> str:
    """``text`` with a stretch of it replaced by blanks, line ends kept."""
    stretch = re.sub(r"[^\n]", " ", text[start : start + length])
    return text[:start] + stretch + text[start + length :]
