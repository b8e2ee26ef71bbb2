"""Where the values of a JSON text stand, without changing or re-serialising the text.

Offsets count code points from 0; a span's end is exclusive. What is accepted is what
:func:`json.loads` accepts, ``NaN`` included, but to any depth.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from pytest_dbxgate.notebook.model import Place

JSONValue: TypeAlias = "bool | int | float | str | list[JSONValue] | dict[str, JSONValue] | None"

_BLANK = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)"
)
_TOKEN = re.compile(
    r'[ \t\n\r]*(?:([\[{\]},:])|("(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")'
    r"|((?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)|true|false|null|NaN|-?Infinity))"
)


class JsonError(ValueError):
    """The text is not JSON; ``offset`` is where it breaks (its length, where it ends early)."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


class Run(NamedTuple):
    """From ``decoded`` (an index of the decoded string) on, its characters stand one by one
    from ``offset`` on."""

    decoded: int
    offset: int


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a JSON text and its span. What lies below it is scanned when asked for."""

    text: str = field(repr=False)
    start: int
    end: int
    children: tuple[tuple[str, Node], ...] | None = field(default=None, repr=False)
    """Members with their names, or elements with empty names; None: not looked into yet."""

    @property
    def raw(self) -> str:
        return self.text[self.start : self.end]

    @property
    def kind(self) -> str:
        """The first character: ``{ [ "``, or that of a number or a literal."""
        return self.text[self.start]

    def value(self) -> JSONValue:
        """The decoded value. Raises :class:`JsonError` where it is nested too deeply."""
        return _decode(self.text, self.start)[0]

    def members(self) -> tuple[tuple[str, Node], ...]:
        """The members in the order of the text, repeated names included; () if no object."""
        return self._children() if self.kind == "{" else ()

    def items(self) -> tuple[Node, ...]:
        """The elements of an array; () if it is none."""
        return tuple(node for _, node in self._children()) if self.kind == "[" else ()

    def get(self, *path: str | int) -> Node | None:
        """The value at ``path``; of members of one name the last, as in :func:`json.loads`."""
        node: Node | None = self
        for step in path:
            if node is None:
                return None
            node = node._step(step)
        return node

    def runs(self) -> list[Run]:
        """How a string's decoded characters map to offsets.

        The character after the last one maps to the closing quote.
        """
        runs = [Run(0, self.start + 1)]
        if "\\" not in self.raw:
            return runs
        decoded, offset = runs[0]
        for match in _ESCAPE.finditer(self.text, self.start + 1, self.end - 1):
            decoded += match.start() - offset + 1
            offset = match.end()
            runs.append(Run(decoded, offset))
        return runs

    def _children(self) -> tuple[tuple[str, Node], ...]:
        if self.children is not None:
            return self.children
        return _scan(self.text, self.start, 1).children or ()

    def _step(self, step: str | int) -> Node | None:
        if isinstance(step, int):
            items = self.items()
            return items[step] if 0 <= step < len(items) else None
        return next((node for name, node in reversed(self.members()) if name == step), None)


class Lines:
    """The lines of a text, to turn offsets into 1-based places."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def place(self, offset: int) -> Place:
        line = bisect_right(self._starts, offset)
        return Place(line, offset - self._starts[line - 1] + 1)


def load(text: str) -> JSONValue:
    """Decode a whole JSON text. Raises :class:`JsonError`, also where it is nested too deeply."""
    start = _skip_blank(text, 0)
    value, end = _decode(text, start)
    _expect_end(text, end)
    return value


def scan(text: str, depth: int = 3) -> Node:
    """Locate the values of a JSON text.

    ``depth`` levels of children are found at once; deeper ones are only skipped, and scanned
    when a :class:`Node` is asked for them. Raises :class:`JsonError`.
    """
    node = _scan(text, _skip_blank(text, 0), depth)
    _expect_end(text, node.end)
    return node


def _scan(text: str, start: int, depth: int) -> Node:
    opening = text[start : start + 1]
    if depth == 0 or opening not in ("{", "["):
        return Node(text, start, _end_of_value(text, start))
    closing = "}" if opening == "{" else "]"
    children: list[tuple[str, Node]] = []
    at = _skip_blank(text, start + 1)
    while children or text[at : at + 1] != closing:
        name = ""
        if opening == "{":
            name, at = _name(text, at)
        node = _scan(text, at, depth - 1)
        children.append((name, node))
        at = _skip_blank(text, node.end)
        if text[at : at + 1] == closing:
            break
        if text[at : at + 1] != ",":
            raise _error(f"',' or '{closing}' expected", text, at)
        at = _skip_blank(text, at + 1)
    return Node(text, start, at + 1, tuple(children))


def _name(text: str, at: int) -> tuple[str, int]:
    """A member's name and the offset of its value."""
    if text[at : at + 1] != '"':
        raise _error("a name in double quotes expected", text, at)
    name, end = _decode(text, at)
    at = _skip_blank(text, end)
    if text[at : at + 1] != ":":
        raise _error("':' expected", text, at)
    return str(name), _skip_blank(text, at + 1)


def _end_of_value(text: str, start: int) -> int:
    try:
        return _decode(text, start)[1]
    except _TooDeepError:
        return _walk(text, start)


def _decode(text: str, start: int) -> tuple[JSONValue, int]:
    try:
        return _decode_with(_DECODER, text, start)
    except json.JSONDecodeError as error:
        # Only the end of the text leaves a string open: a line end in it is an error before.
        cut = error.msg.startswith("Unterminated string")
        raise _error(error.msg, text, len(text) if cut else error.pos) from None
    except RecursionError:
        raise _TooDeepError("nested too deeply", start) from None


def _decode_with(decoder: json.JSONDecoder, text: str, start: int) -> tuple[JSONValue, int]:
    try:
        value, end = decoder.raw_decode(text, start)
    except json.JSONDecodeError:
        raise
    except ValueError:
        # Python refuses integers of more than some thousand digits; JSON does not.
        value, end = json.JSONDecoder(parse_int=float).raw_decode(text, start)
    return value, end


class _TooDeepError(JsonError):
    pass


def _walk(text: str, start: int) -> int:
    """The end of the value at ``start`` without recursion; slower than the decoder."""
    expected, at = "value", start
    closers: list[str] = []
    while True:
        match = _TOKEN.match(text, at)
        if match is None:
            raise _error(f"{expected} expected", text, _skip_blank(text, at))
        mark, string, literal = match.groups()
        if mark in ("[", "{") and "value" in expected:
            closers.append("]" if mark == "[" else "}")
            expected = "value or close" if mark == "[" else "name or close"
        elif mark in ("]", "}") and "close" in expected and closers[-1] == mark:
            closers.pop()
            expected = "comma or close"
        elif mark == "," and "comma" in expected:
            expected = "value" if closers[-1] == "]" else "name"
        elif mark == ":" and expected == "colon":
            expected = "value"
        elif string and "name" in expected:
            expected = "colon"
        elif (string or literal) and "value" in expected:
            expected = "comma or close"
        else:
            raise _error(f"{expected} expected", text, match.start(match.lastindex or 0))
        at = match.end()
        if not closers:
            return at


def _skip_blank(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _expect_end(text: str, at: int) -> None:
    at = _skip_blank(text, at)
    if at < len(text):
        raise _error("text after the end of the JSON value", text, at)


def _error(message: str, text: str, offset: int) -> JsonError:
    if _skip_blank(text, offset) >= len(text):
        return JsonError("the text ends too early", len(text))
    return JsonError(message[0].lower() + message[1:], offset)
