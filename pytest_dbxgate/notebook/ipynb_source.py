"""Writing the source of one ``.ipynb`` cell in the style the file already has."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from pytest_dbxgate.notebook.ipynb_layout import LINE_END, Layout, SourceMap, joined, shown
from pytest_dbxgate.notebook.json_spans import Node

_LOW = re.compile("[\x80-\uffff]")
_HIGH = re.compile("[\U00010000-\U0010ffff]")
_LOW_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\u((?!00[0-7]|[dD][89a-fA-F])[0-9a-fA-F]{4})")
_HIGH_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\u([dD][89abAB][0-9a-fA-F]{2})")


class Edit(NamedTuple):
    """A span of the text and what is to stand there instead."""

    start: int
    end: int
    replacement: str


class _Chunk(NamedTuple):
    """Whole lines of a source and the span they have in the text."""

    text: str
    start: int
    end: int


class _Style(NamedTuple):
    """What stands ahead of, between and behind the chunks of a source."""

    opening: str
    separator: str
    closing: str
    quoted: bool
    """True where each chunk is a string of its own."""


_STRING = _Style('"', "", '"', quoted=False)


def splice(found: Layout, number: int, new: str) -> Edit | None:
    """The edit that gives a cell the source ``new``; None where it has no source to edit.

    The lines at both ends that stay, and any line the cell already had, keep their raw text.
    """
    source = found.source(number)
    if source is None:
        return None
    node = _whole_cell_string(source) or source
    text = joined(node.value()) or ""
    chunks = _string_chunks(node) if node.kind == '"' else _list_chunks(node)
    if "".join(chunk.text for chunk in chunks) != shown(text):
        chunks = []  # a line end that two elements share
    head, tail = _kept(chunks, new)
    kept_tail = chunks[len(chunks) - tail :]
    begin = sum(len(chunk.text) for chunk in chunks[:head])
    end = len(new) - sum(len(chunk.text) for chunk in kept_tail)
    style = _list_style(found, node) if node.kind == "[" else _STRING
    known = {chunk.text: node.text[chunk.start : chunk.end] for chunk in chunks}
    line_end = _line_end(text)
    parts = [
        _span(node, chunks[:head]),
        *(
            known.get(line) or _encoded(found, node, line.replace("\n", line_end), style)
            for line in re.findall(r"[^\n]*\n|[^\n]+", new[begin:end])
        ),
        _span(node, kept_tail),
    ]
    body = style.separator.join(part for part in parts if part)
    if not body and style.quoted:
        return Edit(node.start, node.end, "[]")
    return Edit(node.start, node.end, f"{style.opening}{body}{style.closing}")


def _whole_cell_string(source: Node) -> Node | None:
    """The element of a list that holds all lines of a cell, as some converters write it."""
    items = source.items()
    if len(items) == 1 and "\n" in shown(str(items[0].value())).removesuffix("\n"):
        return items[0]
    return None


def _string_chunks(node: Node) -> list[_Chunk]:
    source = SourceMap(node)
    chunks: list[_Chunk] = []
    begin = 0
    for end in [*(match.end() for match in LINE_END.finditer(source.text)), len(source.text)]:
        if end > begin:
            text = shown(source.text[begin:end])
            chunks.append(_Chunk(text, source.at(begin), source.at(end)))
        begin = end
    return chunks


def _list_chunks(node: Node) -> list[_Chunk]:
    """The elements; those that end in the middle of a line go with the ones behind them."""
    chunks: list[_Chunk] = []
    text, start = "", None
    items = node.items()
    for item in items:
        start = item.start if start is None else start
        text += str(item.value())
        if text.endswith(("\r", "\n")) or item is items[-1]:
            chunks.append(_Chunk(shown(text), start, item.end))
            text, start = "", None
    return chunks


def _kept(chunks: Sequence[_Chunk], new: str) -> tuple[int, int]:
    """How many chunks at the beginning and at the end of a source ``new`` leaves as they are."""
    head = tail = begin = 0
    for text, _, _ in chunks:
        after = begin + len(text)
        if not new.startswith(text, begin) or not (text.endswith("\n") or after == len(new)):
            break
        head, begin = head + 1, after
    end = len(new)
    for text, _, _ in reversed(chunks[head:]):
        before = end - len(text)
        at_line_start = before == 0 or new[before - 1 : before] == "\n"
        if before < begin or not at_line_start or not new.startswith(text, before):
            break
        tail, end = tail + 1, before
    return head, tail


def _span(node: Node, chunks: Sequence[_Chunk]) -> str:
    return node.text[chunks[0].start : chunks[-1].end] if chunks else ""


def _line_end(text: str) -> str:
    """The commonest line end of a cell."""
    return max(("\n", "\r\n", "\r"), key=LINE_END.findall(text).count)


def _encoded(found: Layout, node: Node, line: str, style: _Style) -> str:
    quoted = json.dumps(line, ensure_ascii=False)
    if not line.isascii():
        quoted = _escaped(quoted, _escapes(node.raw), _escapes(found.root.text))
    return quoted if style.quoted else quoted[1:-1]


class _Escapes(NamedTuple):
    """How a text writes the characters below and above U+FFFF that are not ASCII.

    ``str``: as themselves; a function of the escape's text: as an escape; None: it has none.
    """

    low: Callable[[str], str] | None
    high: Callable[[str], str] | None


@lru_cache(maxsize=16)
def _escapes(text: str) -> _Escapes:
    return _Escapes(_habit(text, _LOW, _LOW_ESCAPE), _habit(text, _HIGH, _HIGH_ESCAPE))


def _habit(
    text: str, literal: re.Pattern[str], escape: re.Pattern[str]
) -> Callable[[str], str] | None:
    if not text.isascii() and literal.search(text):
        return _literally
    found = escape.search(text)
    if found is None:
        return None
    return _upper if found[1] != found[1].lower() else _lower


def _escaped(quoted: str, cell: _Escapes, file: _Escapes) -> str:
    low = cell.low or file.low or _literally
    high = cell.high or file.high or low
    return _LOW.sub(lambda found: low(found[0]), _HIGH.sub(lambda found: high(found[0]), quoted))


def _literally(character: str) -> str:
    return character


def _lower(character: str) -> str:
    return json.dumps(character)[1:-1]


def _upper(character: str) -> str:
    return _lower(character).upper().replace("U", "u")


def _list_style(found: Layout, node: Node) -> _Style:
    own = _style_of(node)
    if own and own.separator:
        return own
    others = (other.get("source") for other in found.cells)
    lists = [other for other in others if other is not None and other.kind == "["]
    styles = [style for style in map(_style_of, lists) if style]
    whole = next((style for style in styles if style.separator), None)
    if own:
        blank = own.opening[1:] or (whole.separator[1:] if whole else " ")
        return own._replace(separator=f",{blank}")
    return whole or _Style("[", ", ", "]", quoted=True)


def _style_of(node: Node) -> _Style | None:
    """The style of a list that has elements; with one element its separator is unknown."""
    items = node.items()
    if not items:
        return None
    opening = node.text[node.start : items[0].start]
    separator = node.text[items[0].end : items[1].start] if len(items) > 1 else ""
    return _Style(opening, separator, node.text[items[-1].end : node.end], quoted=True)
