"""What of a notebook counts when contents are compared: not what the workspace's import rewrites.

Its language, its cells with their titles and, where the format keeps them, its widgets count. Line
ends, the final newline, blank lines round the delimiters, outputs and ids do not, and neither does
whether it is kept as source or as ``.ipynb``: the workspace may export either. [live] for the
header and the ending, [report] for line ends and blank lines.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from pytest_dbxgate.notebook import formats
from pytest_dbxgate.notebook.ipynb_language import NOTEBOOK_KEY
from pytest_dbxgate.notebook.model import Cell, Format, Language, Notebook

_HEADERS = (
    (b"# Databricks notebook source", ".py"),
    (b"-- Databricks notebook source", ".sql"),
    (b"// Databricks notebook source", ".scala"),
)


def sha256(data: bytes) -> str:
    """Of the bytes as they are, in hex."""
    return hashlib.sha256(data).hexdigest()


def digest(data: bytes, name: str) -> str:
    """The canonical digest of a notebook's bytes, in hex.

    ``name`` carries its ending, which tells its language; without one the bytes tell it, and a
    notebook in R is then taken for Python.
    """
    if PurePosixPath(name).suffix.lower() not in formats.SUFFIXES:
        name += _guessed_ending(data)
    notebooks = formats.parse(name, data)
    if len(notebooks) != 1 or notebooks[0].unreadable:
        return sha256(b"text\0" + _normalised(data))
    return notebook_digest(notebooks[0])


def notebook_digest(notebook: Notebook) -> str:
    """The canonical digest of a notebook that was read, in hex."""
    return sha256(b"notebook\0" + _canonical(notebook))


def _canonical(notebook: Notebook) -> bytes:
    cells = [_cell(cell) for cell in notebook.cells]
    while cells and cells[-1] == _EMPTY:
        cells.pop()
    document: dict[str, Any] = {"language": notebook.language.value, "cells": cells}
    widgets = dict(_widgets(notebook))
    if widgets:
        document["widgets"] = widgets
    # Escapes keep half surrogate pairs, which UTF-8 cannot hold.
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode("ascii")


_EMPTY = ["", "", ""]


def _cell(cell: Cell) -> list[str]:
    kind, text = "", cell.source
    if cell.language is Language.MARKDOWN and (cell.magic is None or cell.magic.name == "md"):
        # A Markdown cell of an .ipynb becomes one with the magic in a source file.
        kind, text = "md", cell.code
    elif cell.magic is None and cell.language is Language.OTHER:
        kind = "raw"
    lines = text.split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    while lines and not lines[0].strip():
        del lines[0]
    return [kind, cell.title or "", "\n".join(lines)]


def _widgets(notebook: Notebook) -> Iterator[tuple[str, Any]]:
    """What was declared of each widget; its current value and ids are a person's session."""
    own = notebook.metadata.get(NOTEBOOK_KEY) if notebook.format is Format.IPYNB else None
    widgets = own.get("widgets") if isinstance(own, Mapping) else None
    for name, widget in widgets.items() if isinstance(widgets, Mapping) else ():
        info = widget.get("widgetInfo") if isinstance(widget, Mapping) else None
        if not isinstance(info, Mapping):
            info = {}
        options = info.get("options")
        choices = options.get("choices") if isinstance(options, Mapping) else None
        yield (
            str(name),
            [info.get("widgetType"), info.get("defaultValue"), info.get("label"), choices],
        )


def _guessed_ending(data: bytes) -> str:
    if data.lstrip().startswith(b"{"):
        return ".ipynb"
    return next((ending for header, ending in _HEADERS if data.startswith(header)), ".py")


def _normalised(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip(b"\n")
