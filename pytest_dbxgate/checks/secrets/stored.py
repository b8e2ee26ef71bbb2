"""What a notebook keeps besides the text of its cells, as texts in which secrets may stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pytest_dbxgate.notebook import dbc_member
from pytest_dbxgate.notebook.dbc import MAX_MEMBER_BYTES
from pytest_dbxgate.notebook.dbc_member import STORED
from pytest_dbxgate.notebook.ipynb_language import NOTEBOOK_KEY
from pytest_dbxgate.notebook.model import Cell, Format, Notebook

_NO_TEXT = ("image/", "audio/", "video/", "font/", "application/pdf", "application/javascript")
_PROGRAMS = ("plotly", "bokeh", "vega", "holoviews")
"""Kinds of output that hold drawings, with the program that draws them."""

_ELSEWHERE = frozenset({"outputs", "attachments", "id"})
"""Of a cell's object: what is looked at by itself, and what holds no text."""

_RESULTS = frozenset({"results", "error", "errorSummary", "errorDetails", "diffInserts"})
_HOLDS_TEXT = (str, list, dict)
"""The types of parsed JSON; exact, because a table of results may have a million cells."""


class Stored(NamedTuple):
    """A text, and in which words a message says where it stands."""

    cell: Cell | None
    where: str
    text: str


def texts(notebook: Notebook) -> Iterator[Stored]:
    """Every such text of ``notebook``: titles, outputs, results, widgets, metadata."""
    for cell in notebook.cells:
        if cell.title:
            yield Stored(cell, "in the title of the cell", cell.title)
    if notebook.format is Format.IPYNB:
        for cell in notebook.cells:
            yield from _outputs(cell)
            yield from _of_cell(cell)
        own = _table(notebook.metadata, NOTEBOOK_KEY)
        yield from _widgets(_table(own, "widgets"))
        rest = {key: value for key, value in own.items() if key != "widgets"}
        others = {key: value for key, value in notebook.metadata.items() if key != NOTEBOOK_KEY}
        yield Stored(None, "in the notebook's metadata", flat([rest, others]))
    elif notebook.format is Format.DBC:
        yield from _results(notebook)
        yield from _widgets(_table(notebook.metadata, "inputWidgets"))
        rest = {key: value for key, value in notebook.metadata.items() if key != "inputWidgets"}
        yield Stored(None, "in the notebook's metadata", flat(rest))


def flat(value: object) -> str:
    """The strings of a JSON value, one to a line, each behind its name: ``"name": value``.

    Names tell a password from other words. Numbers and the like are left out.
    """
    lines: list[str] = []
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        name, item = waiting.pop()
        kind = type(item)
        if kind is str:
            lines.append(_line(name, item))
        elif kind is list:
            texts = [below for below in item if type(below) in _HOLDS_TEXT]
            if all(type(below) is str for below in texts):
                lines += [_line(name, below) for below in texts] if name else texts
            else:
                waiting += [(name, below) for below in reversed(texts)]
        elif kind is dict:
            pairs = [pair for pair in item.items() if type(pair[1]) in _HOLDS_TEXT]
            waiting += reversed(pairs)
    return "\n".join(lines)


def _line(name: str, value: str) -> str:
    if not name or "\n" in value:
        return value
    quote = '"' if '"' not in value else '"""'
    return f'"{name}": {quote}{value}{quote}'


def _outputs(cell: Cell) -> Iterator[Stored]:
    outputs = cell.metadata.get("outputs")
    parts = [
        text
        for output in (outputs if isinstance(outputs, list) else [])
        if isinstance(output, Mapping)
        for text in _of_output(output)
    ]
    if parts:
        yield Stored(cell, "in the output of the cell", "\n".join(parts))


def _of_output(output: Mapping[str, Any]) -> Iterator[str]:
    for key in ("text", "ename", "evalue", "traceback"):
        if key in output:
            yield _joined(output[key], "\n" if key == "traceback" else "")
    data = _table(output, "data")
    for kind, value in data.items():
        if not str(kind).startswith(_NO_TEXT) and not any(name in str(kind) for name in _PROGRAMS):
            yield _joined(value, "")
    metadata = output.get("metadata")
    if metadata:
        yield flat(metadata)


def _joined(value: object, separator: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return separator.join(value)
    return flat(value)


def _of_cell(cell: Cell) -> Iterator[Stored]:
    rest = {key: value for key, value in cell.metadata.items() if key not in _ELSEWHERE}
    text = flat(rest)
    if text:
        yield Stored(cell, "in the metadata of the cell", text)


def _results(notebook: Notebook) -> Iterator[Stored]:
    """The results of commands, which a cell does not keep: read once more."""
    if not any(cell.metadata.get(key) for cell in notebook.cells for key in STORED):
        return
    commands = dbc_member.commands(notebook, MAX_MEMBER_BYTES)
    for cell, command in zip(notebook.cells, commands, strict=True):
        if isinstance(command, dict):
            text = "\n".join(flat(command[key]) for key in _RESULTS & command.keys())
            if text.strip():
                yield Stored(cell, "in the stored results of the cell", text)


def _widgets(widgets: Mapping[str, Any]) -> Iterator[Stored]:
    for name, widget in widgets.items():
        values = [text for text in flat(widget).split("\n") if text]
        # What a widget is called says what its value is.
        named = [_line(str(name), value) for value in _values(widget)]
        yield Stored(None, f"in the value of widget `{str(name)[:60]}`", "\n".join(named + values))


def _values(widget: object) -> Iterator[str]:
    for table in (widget, *(_table(widget, key) for key in ("widgetInfo", "typedWidgetInfo"))):
        if isinstance(table, Mapping):
            for key in ("currentValue", "defaultValue"):
                if isinstance(table.get(key), str):
                    yield table[key]


def _table(parent: object, key: str) -> Mapping[str, Any]:
    value = parent.get(key) if isinstance(parent, Mapping) else None
    return value if isinstance(value, Mapping) else {}
