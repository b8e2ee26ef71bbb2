"""Values in the place of named parameters, for statements that an engine takes without.

Sail binds ``:p`` in queries and refuses it in commands; names in ``IDENTIFIER(...)`` it knows in
a few places only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise

from pytest_dbxgate.execution.sql.code import Code, literal, quoted
from pytest_dbxgate.languages.sql import parameters

_NAMED = re.compile(r":([^\W\d]\w*)")
_IDENTIFIER = re.compile(r"IDENTIFIER\((.*)\)", re.IGNORECASE | re.DOTALL)


def bound(statement: str, values: Mapping[str, str]) -> str:
    """``statement`` with the values, which are strings as those of widgets are, in it as literals.

    A parameter without a value stays, for the engine to complain of. ``IDENTIFIER`` of literals
    becomes the name that they spell.
    """
    pieces: list[str] = []
    at = 0
    for spot in parameters.prepare(statement).spots:
        if spot.original.startswith(":"):
            text = _bound_names(spot.original, values)
        elif spot.original[:10].upper() == "IDENTIFIER":
            text = _named(_bound_names(spot.original, values))
        else:
            continue
        pieces += (statement[at : spot.start], text)
        at = spot.end
    return "".join((*pieces, statement[at:]))


def _bound_names(text: str, values: Mapping[str, str]) -> str:
    pieces: list[str] = []
    for token_start, token_end in _outside_literals(text):
        piece = text[token_start:token_end]
        pieces.append(
            _NAMED.sub(lambda match: _literal(values.get(match[1]), match[0]), piece)
            if piece[:1] not in "'\"`"
            else piece
        )
    return "".join(pieces)


def _outside_literals(text: str) -> list[tuple[int, int]]:
    """``text`` cut at its literals."""
    cuts = [0]
    for token in Code(text).tokens:
        if token.kind in ("string", "quoted", "body"):
            cuts += (token.start, token.start + len(token.text))
    cuts.append(len(text))
    return [(start, end) for start, end in pairwise(cuts) if start < end]


def _literal(value: str | None, original: str) -> str:
    if value is None:
        return original
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _named(text: str) -> str:
    """The name that ``IDENTIFIER('a' || '.b')`` spells; ``text`` where that is not plain."""
    match = _IDENTIFIER.fullmatch(text)
    pieces = [literal(piece.strip()) for piece in match[1].split("||")] if match else [None]
    spelt = "".join(piece for piece in pieces if piece is not None)
    if None in pieces or not re.fullmatch(r"(?:[\w -]+|`[^`]+`)(?:\.(?:[\w -]+|`[^`]+`))*", spelt):
        return text
    parts = re.findall(r"`[^`]+`|[\w -]+", spelt)
    return ".".join(part if part.startswith("`") else quoted(part) for part in parts)
