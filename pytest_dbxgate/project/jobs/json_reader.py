"""Reads JSON with the place of every key and value, and without recursion."""

from __future__ import annotations

import json
import re

from pytest_dbxgate.notebook import json_spans
from pytest_dbxgate.notebook.json_spans import JsonError, Lines
from pytest_dbxgate.project.jobs.nodes import Entry, Mark, Node, Scalar, Sequence, Table, Trouble
from pytest_dbxgate.project.jobs.yaml_reader import MAX_DEPTH, BrokenError, twice

_TOKEN = re.compile(
    r'[ \t\n\r]*(?:([{}\[\],:])|("[^"\\]*(?:\\.[^"\\]*)*")|([-+.0-9A-Za-z]+))', re.DOTALL
)


class _Open:
    __slots__ = ("entries", "items", "key", "start")

    def __init__(self, start: int, is_table: bool) -> None:
        self.start = start
        self.entries: dict[str, Entry] | None = {} if is_table else None
        self.items: list[Node] = []
        self.key: tuple[str, Mark] | None = None


def read(file: str, text: str, troubles: list[Trouble]) -> Node:
    """The value of ``text``. Keys that stand twice are added to ``troubles``. Raises
    :class:`~pytest_dbxgate.project.jobs.yaml_reader.BrokenError`."""
    lines = Lines(text)
    _validate(file, text, lines)
    opened: list[_Open] = []
    for match in _TOKEN.finditer(text):
        sign, quoted, literal = match.groups()
        start = match.start(match.lastindex or 0)
        if sign in ("{", "["):
            if len(opened) >= MAX_DEPTH:
                raise BrokenError(_broken(_mark(file, lines, start), "nested too deeply"))
            opened.append(_Open(start, sign == "{"))
            continue
        if sign in (",", ":"):
            continue
        node: Node
        if sign:
            done = opened.pop()
            mark = _mark(file, lines, done.start)
            node = (
                Sequence(mark, tuple(done.items))
                if done.entries is None
                else Table(mark, done.entries)
            )
        else:
            mark = _mark(file, lines, start, match.end())
            value = _decode(quoted or literal)
            holder = opened[-1] if opened else None
            if holder is not None and holder.entries is not None and holder.key is None:
                holder.key = (str(value), mark)
                continue
            node = Scalar(mark, value)
        if not opened:
            return node
        _add(opened[-1], node, troubles)
    raise BrokenError(_broken(Mark(file, 1, 1), "the text is empty"))


def _validate(file: str, text: str, lines: Lines) -> None:
    """The tokens are trusted afterwards: json itself says whether the text is right."""
    try:
        json_spans.load(text)
    except JsonError as error:
        raise BrokenError(_broken(_mark(file, lines, error.offset), error.message)) from None


def _add(holder: _Open, node: Node, troubles: list[Trouble]) -> None:
    if holder.entries is None:
        holder.items.append(node)
        return
    assert holder.key is not None
    (name, mark), holder.key = holder.key, None
    if name in holder.entries:
        troubles.append(twice(name, mark, holder.entries[name].key))
    holder.entries[name] = Entry(mark, node)


def _decode(token: str) -> str | int | float | bool | None:
    try:
        value: str | int | float | bool | None = json.loads(token)
    except ValueError:
        # json_spans takes integers of any length, Python does not.
        return float(token)
    return value


def _mark(file: str, lines: Lines, start: int, end: int | None = None) -> Mark:
    line, column = lines.place(start)
    if end is None:
        return Mark(file, line, column)
    return Mark(file, line, column, line, column + end - start)


def _broken(mark: Mark, problem: str) -> Trouble:
    return Trouble(
        "DBX420", mark, f"no valid JSON: {problem}", "mend the line; the file was not checked"
    )
