"""Reads YAML as the Databricks CLI does: ``yes`` and ``on`` are strings, merge keys are merged.

The parser's events are put together here, with a stack of our own: the depth is bounded, and an
anchor that holds itself or an alias within an alias within an alias costs nothing.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from typing import Any

from pytest_dbxgate.project.jobs.nodes import (
    Entry,
    Mark,
    Node,
    Plain,
    Scalar,
    Sequence,
    Table,
    Trouble,
)

MAX_DEPTH = 100
_FLOW = re.compile(r""" "(\\.|[^"\\])*" | '[^']*' | [][{}] """, re.VERBOSE)
_SIMPLE = re.compile(
    r"(?P<int>[-+]?[0-9]+)|(?P<float>[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)"
)
_WORDS: dict[str, Plain] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_STRING_TAGS = ("!", "tag:yaml.org,2002:str")


class BrokenError(ValueError):
    """The text cannot be read; ``trouble`` says where and why."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.message)
        self.trouble = trouble


def read(file: str, text: str, troubles: list[Trouble]) -> Node | None:
    """The first document of ``text``; None where it is empty. Keys that stand twice are added to
    ``troubles``. Raises :class:`BrokenError`."""
    builder = _Builder(file, troubles)
    try:
        for event in _events(file, text):
            builder.take(event)
            if builder.done:
                break
    except _LookAheadError as error:
        place = _place(file, text, _too_deep(text, builder.offset, builder.depth, error.offset))
        raise BrokenError(_nested(place)) from None
    return builder.root


class _LookAheadError(ValueError):
    """The parser's own bound on depth was met, up to a line ahead of the events it gave out."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


def _too_deep(text: str, start: int, depth: int, end: int) -> int:
    """Where between two offsets the depth passes ``MAX_DEPTH``: the events of what the parser
    looked ahead at were never seen. All of it is flow style: no block is looked ahead at."""
    for match in _FLOW.finditer(text, start, end):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        if depth > MAX_DEPTH:
            return match.start()
    return end


def _events(file: str, text: str) -> Iterator[Any]:
    yaml: Any = importlib.import_module("yaml")
    loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        yield from yaml.parse(text, Loader=loader)
    except yaml.reader.ReaderError as error:
        place = _place(file, text, error.position)
        raise BrokenError(_broken(place, "a character that YAML does not allow")) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if mark and "nesting depth" in (error.problem or ""):  # of libyaml since PyYAML 6.0.4
            raise _LookAheadError(mark.index) from None
        place = Mark(file, mark.line + 1, mark.column + 1) if mark else Mark(file, 1, 1)
        raise BrokenError(_broken(place, error.problem or "no YAML", text)) from None
    except yaml.YAMLError as error:
        raise BrokenError(_broken(Mark(file, 1, 1), str(error).partition("\n")[0])) from None


def _broken(mark: Mark, problem: str, text: str = "") -> Trouble:
    lines = text.split("\n")
    line = lines[mark.line - 1] if 0 < mark.line <= len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())] or "\\t" in problem:
        return Trouble(
            "DBX420", mark, "a tab where YAML takes blanks alone", "replace the tab by blanks"
        )
    return Trouble(
        "DBX420", mark, f"no valid YAML: {problem}", "mend the line; the file was not checked"
    )


def _place(file: str, text: str, offset: int) -> Mark:
    before = text[:offset]
    return Mark(file, before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)


class _Open:
    """A mapping or a list whose end has not come yet."""

    __slots__ = ("anchor", "entries", "items", "key", "mark", "merges")

    def __init__(self, mark: Mark, anchor: str | None, is_table: bool) -> None:
        self.mark = mark
        self.anchor = anchor
        self.entries: dict[str, Entry] | None = {} if is_table else None
        self.items: list[Node] = []
        self.key: tuple[str, Mark] | None = None
        self.merges: list[Node] = []


class _Builder:
    def __init__(self, file: str, troubles: list[Trouble]) -> None:
        self.root: Node | None = None
        self.done = False
        self.offset = 0
        """Of the text's characters, how many the events taken so far cover."""
        self._file = file
        self._troubles = troubles
        self._open: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}
        """None while the anchor's own node is open."""

    @property
    def depth(self) -> int:
        return len(self._open)

    def take(self, event: Any) -> None:
        self.offset = event.end_mark.index
        kind = type(event).__name__
        if kind == "ScalarEvent":
            self._scalar(event)
        elif kind == "AliasEvent":
            self._alias(event)
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            self._start(event, kind == "MappingStartEvent")
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            self._end()
        elif kind == "DocumentEndEvent":
            self.done = True

    def _scalar(self, event: Any) -> None:
        mark = _mark(self._file, event)
        holder = self._open[-1] if self._open else None
        if holder is not None and holder.entries is not None and holder.key is None:
            holder.key = (event.value, mark)
            if event.anchor:
                self._anchors[event.anchor] = Scalar(mark, event.value)
            return
        plain = event.implicit[0] and event.tag not in _STRING_TAGS
        node = Scalar(mark, _value(event.value) if plain else event.value)
        if event.anchor:
            self._anchors[event.anchor] = node
        self._add(node)

    def _alias(self, event: Any) -> None:
        mark = _mark(self._file, event)
        node = self._anchors.get(event.anchor)
        if node is None:
            what = "holds itself" if event.anchor in self._anchors else "is not defined above"
            raise BrokenError(
                Trouble(
                    "DBX420", mark, f"the anchor `{event.anchor}` {what}", "write the value itself"
                )
            )
        holder = self._open[-1] if self._open else None
        if holder is not None and holder.entries is not None and holder.key is None:
            if not isinstance(node, Scalar):
                raise BrokenError(_no_key(mark))
            holder.key = (node.text, mark)
            return
        self._add(node)

    def _start(self, event: Any, is_table: bool) -> None:
        mark = Mark(self._file, event.start_mark.line + 1, event.start_mark.column + 1)
        holder = self._open[-1] if self._open else None
        if holder is not None and holder.entries is not None and holder.key is None:
            raise BrokenError(_no_key(mark))
        if len(self._open) >= MAX_DEPTH:
            raise BrokenError(_nested(mark))
        if event.anchor:
            self._anchors[event.anchor] = None
        self._open.append(_Open(mark, event.anchor, is_table))

    def _end(self) -> None:
        opened = self._open.pop()
        node: Node
        if opened.entries is None:
            node = Sequence(opened.mark, tuple(opened.items))
        else:
            node = Table(opened.mark, _merged(opened.entries, opened.merges))
        if opened.anchor:
            self._anchors[opened.anchor] = node
        self._add(node)

    def _add(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        holder = self._open[-1]
        if holder.entries is None:
            holder.items.append(node)
            return
        assert holder.key is not None
        (name, mark), holder.key = holder.key, None
        if name == "<<":
            holder.merges += node.items if isinstance(node, Sequence) else (node,)
            return
        if name in holder.entries:
            self._troubles.append(twice(name, mark, holder.entries[name].key))
        holder.entries[name] = Entry(mark, node)


def twice(name: str, mark: Mark, first: Mark) -> Trouble:
    """A key that stands twice."""
    return Trouble(
        "DBX421",
        mark,
        f"`{name}` stands twice; line {first.line} has it already",
        "remove one: which of the two counts depends on the reader",
    )


def _nested(mark: Mark) -> Trouble:
    return Trouble("DBX420", mark, f"nested more than {MAX_DEPTH} deep", "the file was not checked")


def _no_key(mark: Mark) -> Trouble:
    return Trouble("DBX420", mark, "a key that is no string", "mend the line; quote the key")


def _merged(entries: dict[str, Entry], merges: list[Node]) -> dict[str, Entry]:
    if not merges:
        return entries
    merged = dict(entries)
    for node in merges:
        if isinstance(node, Table):
            for name, entry in node.entries.items():
                merged.setdefault(name, entry)
    return merged


def _mark(file: str, event: Any) -> Mark:
    start, end = event.start_mark, event.end_mark
    if start.line != end.line:
        return Mark(file, start.line + 1, start.column + 1)
    return Mark(file, start.line + 1, start.column + 1, end.line + 1, end.column + 1)


def _value(text: str) -> Plain:
    if text in _WORDS:
        return _WORDS[text]
    match = _SIMPLE.fullmatch(text)
    if match is None or len(text) > 40:
        return text
    return int(text) if match["int"] else float(text)
