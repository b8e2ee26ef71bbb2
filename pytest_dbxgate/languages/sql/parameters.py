"""Parameters of SQL cells, replaced by names of the same length so that a parser can go on.

Databricks fills them in before (``${p}``, ``$p``) or while (``:p``) it parses; no parser here
knows all of their forms, and none knows the glued ones such as ``cat_${env}``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from pytest_dbxgate.languages.sql import lexing

_SCAN = re.compile(
    r"(?P<identifier>\bIDENTIFIER\((?:[^()'\"\n]|'[^'\\\n]*'|\"[^\"\\\n]*\"|\([^()\n]*\))+\))|"
    + lexing.LITERALS
    + r"""
  | (?P<text>\{\{[^{}\n]*\}\} | \$\{(?:[^{}\n]|\{[^{}\n]*\})*\} | \$[^\W\d]\w* | \{[^\W\d][\w.]*\})
  | (?P<cast>::)
  | (?P<named>:[^\W\d]\w*)
  | (?P<mark>\?(?![?:]))
  | (?P<word>\w+)
  | (?P<symbol>[^\s\w])
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)

_MAYBE = re.compile(r"[$:?{]|identifier\(", re.IGNORECASE)

_VALUE_AFTER = frozenset(
    re.findall(
        r"\w+",
        """
    ALL AND AS BETWEEN BY CASE CATALOG COMMENT DATABASE DATE DAY DEFAULT DISTINCT DIV ELSE ESCAPE
    EXECUTE EXISTS FOR FROM HAVING IF ILIKE IMMEDIATE IN INTERVAL INTO IS JOIN LIKE LIMIT LOCATION
    NOT OF OFFSET ON OR PRECEDING QUALIFY REGEXP RETAIN RETURN RLIKE SCHEMA SELECT SET TABLE THEN
    TIMESTAMP TO UPDATE URL USE USING VALUES VIEW WHEN WHERE WITH
        """,
    )
)
"""Words between which and a colon a blank may stand ahead of a parameter."""

_NUMBER_AFTER = frozenset({"LIMIT", "OFFSET", "INTERVAL", "RETAIN"})
_STRING_AFTER = frozenset({"COMMENT", "ILIKE", "IS", "LIKE", "LOCATION", "RLIKE", "URL"})


class Spot(NamedTuple):
    """A parameter: its offset, what stands in for it and what it was."""

    start: int
    stand_in: str
    original: str

    @property
    def end(self) -> int:
        return self.start + len(self.stand_in)

    @property
    def is_text(self) -> bool:
        """True where any text at all may be filled in, not just one value or one name."""
        return self.original.startswith(("$", "{"))


@dataclass(frozen=True, slots=True)
class Prepared:
    """SQL without parameters, as long as it was and with its line ends where they were."""

    text: str
    spots: tuple[Spot, ...] = ()

    def inside(self, start: int, end: int) -> tuple[Spot, ...]:
        """The spots that share a character with ``start`` to ``end``."""
        return tuple(spot for spot in self.spots if spot.start < end and start < spot.end)

    def named(self, message: str) -> str:
        """``message`` with the stand-ins in it turned back."""
        for spot in self.spots:
            if spot.stand_in in message and len(spot.stand_in) > 2:
                message = message.replace(spot.stand_in, spot.original)
        return message


def prepare(code: str) -> Prepared:
    """Replace the parameters that stand in code; those in literals and comments do no harm."""
    if not _MAYBE.search(code):
        return Prepared(code)
    spots = tuple(_spots(code))
    pieces: list[str] = []
    at = 0
    for spot in spots:
        pieces += (code[at : spot.start], spot.stand_in)
        at = spot.end
    return Prepared("".join((*pieces, code[at:])), spots)


def _spots(code: str) -> list[Spot]:
    found: list[Spot] = []
    before = _Before()
    for match in _SCAN.finditer(code):
        kind, text = match.lastgroup or "symbol", match[0]
        if kind == "comment":
            continue
        glued = match.start() > 0 and before.end == match.start()
        if kind in ("text", "mark", "identifier") or (
            kind == "named" and not before.is_value(glued=glued) and not before.in_struct
        ):
            found.append(Spot(match.start(), _stand_in(text, kind, before), text))
            kind = "text"
        before.feed(kind, text, match.end())
    return found


def _stand_in(text: str, kind: str, before: _Before) -> str:
    if kind == "identifier":
        # One name is what it stands for; sqlglot knows IDENTIFIER() in a few places only.
        return "IDENTIFIER" + "_" * (len(text) - len("IDENTIFIER"))
    if kind == "mark" or before.wants_number:
        return "1" * len(text)
    if before.wants_string and len(text) > 1:
        return "'" + "_" * (len(text) - 2) + "'"
    name = "_" + re.sub(r"\W", "_", text[1:])
    return name if name.strip("_") else "p" * len(name)


class _Before:
    """What stands ahead of the reader."""

    def __init__(self) -> None:
        self.end = -1
        self._kind = ""
        self._words: list[str] = ["", "", ""]
        self._structs = 0

    def is_value(self, *, glued: bool) -> bool:
        """Whether a colon reaches into a JSON value: ``raw:field``, ``raw :field``, ``f(x):y``."""
        if self._kind == "word":
            return glued or self._words[-1] not in _VALUE_AFTER
        return self._kind in ("quoted", "text") or self._words[-1] in (")", "]")

    @property
    def in_struct(self) -> bool:
        """Inside ``STRUCT<...>``, where a colon names a field's type."""
        return self._structs > 0

    @property
    def wants_number(self) -> bool:
        return (
            self._words[-1] in _NUMBER_AFTER
            or self._words == ["VERSION", "AS", "OF"]
            or self._words[-2:] == ["TABLESAMPLE", "("]
        )

    @property
    def wants_string(self) -> bool:
        return self._words[-1] in _STRING_AFTER or self._words == ["TIMESTAMP", "AS", "OF"]

    def feed(self, kind: str, text: str, end: int) -> None:
        self.end = end
        self._kind = kind
        if text == "<" and (self._structs or self._words[-1] == "STRUCT"):
            self._structs += 1
        elif text == ">" and self._structs:
            self._structs -= 1
        self._words = [*self._words[1:], text.upper() if kind in ("word", "symbol") else ""]


_OPERATOR = frozenset("<>=!|&-+*/%:^~")


def restore(prepared: Prepared, laid_out: str) -> str | None:
    """``laid_out`` with the parameters of ``prepared`` back in their places.

    None where the two differ by more than blanks between tokens, so that nothing but the
    layout of a cell can change.
    """
    if _shape(prepared.text) != _shape(laid_out):
        return None
    if not prepared.spots:
        return laid_out
    # Blanks apart the texts are equal: the n-th visible character of one is that of the other.
    visible = [index for index, char in enumerate(laid_out) if not char.isspace()]
    seen = 0
    pieces: list[str] = []
    at = last = 0
    for spot in prepared.spots:
        seen += sum(not char.isspace() for char in prepared.text[last : spot.start])
        last = spot.end
        start = visible[seen]
        seen += len(spot.stand_in)
        if laid_out[start : start + len(spot.stand_in)] != spot.stand_in:
            return None
        pieces += (laid_out[at:start], spot.original)
        at = start + len(spot.stand_in)
    return "".join((*pieces, laid_out[at:]))


def _shape(text: str) -> list[str]:
    """The tokens of ``text``; operators that touch are one token."""
    shape: list[str] = []
    end = -1
    for token in lexing.tokens(text):
        piece = token.text.rstrip() if token.kind == "comment" else token.text
        touches = end == token.start
        if touches and shape and piece in _OPERATOR and shape[-1][-1] in _OPERATOR:
            shape[-1] += piece
        else:
            shape.append(piece)
        end = token.start + len(token.text)
    return shape
