"""A notebook's cells, and its SOURCE form: header, delimiters, titles, magics."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

COMMENT = {"PYTHON": "#", "SQL": "--", "SCALA": "//", "R": "#"}
ENDING = {"PYTHON": ".py", "SQL": ".sql", "SCALA": ".scala", "R": ".r"}
LANGUAGE = {ending: language for language, ending in ENDING.items()}

_TITLE = re.compile(r"^\S+ DBTITLE ([01]),(.*)$")


class Cell(NamedTuple):
    """A cell as a person sees it: ``%sql`` and its kind stand in the first line, unprefixed."""

    text: str
    title: str = ""
    shows_title: bool = True


class Notebook(NamedTuple):
    """A notebook, whatever it was imported from."""

    language: str
    cells: tuple[Cell, ...]
    extras: dict[str, Any]
    """What only an .ipynb holds: widgets, environment."""


def header(language: str) -> str:
    return f"{COMMENT[language]} Databricks notebook source"


def has_header(data: bytes, language: str) -> bool:
    """True where the first line is exactly the header [live]; a byte-order mark is stripped."""
    line = data.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].rstrip(b"\r")
    return line == header(language).encode()


def normalise(data: bytes, language: str) -> bytes:
    """SOURCE as an import leaves it, which is also how it is exported.

    The header is added where there is none [live]. Line ends become LF [fake], one blank line
    stands on both sides of a delimiter [fake], the last newline is lost [report].
    """
    return _join(_chunks(data, language), language)


def parse(data: bytes, language: str) -> Notebook:
    """The cells of a SOURCE text."""
    cells = tuple(_cell(chunk, COMMENT[language]) for chunk in _chunks(data, language))
    return Notebook(language, cells, {})


def write(notebook: Notebook) -> bytes:
    """A notebook as SOURCE."""
    comment = COMMENT[notebook.language]
    return _join([_chunk(cell, comment) for cell in notebook.cells], notebook.language)


def is_magic(text: str) -> bool:
    """True where a cell begins with a magic."""
    return text.lstrip().startswith("%")


def _chunks(data: bytes, language: str) -> list[str]:
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if lines[0] == header(language):
        lines = lines[1:]
    delimiter = f"{COMMENT[language]} COMMAND ----------"
    chunks: list[list[str]] = [[]]
    for line in lines:
        if line.rstrip() == delimiter:
            chunks.append([])
        else:
            chunks[-1].append(line)
    return ["\n".join(_without_blank_ends(chunk)) for chunk in chunks]


def _without_blank_ends(lines: list[str]) -> list[str]:
    start, end = 0, len(lines)
    while start < end and not lines[start].strip():
        start += 1
    while end > start and not lines[end - 1].strip():
        end -= 1
    return lines[start:end]


def _join(chunks: list[str], language: str) -> bytes:
    delimiter = f"\n\n{COMMENT[language]} COMMAND ----------\n\n"
    return f"{header(language)}\n{delimiter.join(chunks)}".rstrip("\n").encode()


def _cell(chunk: str, comment: str) -> Cell:
    lines = chunk.split("\n")
    match = _TITLE.match(lines[0])
    title, shown = "", True
    if match and lines[0].startswith(f"{comment} DBTITLE "):
        shown, title = match[1] == "1", match[2]
        lines = lines[1:]
    return Cell(_without_prefix(lines, comment), title, shown)


def _without_prefix(lines: list[str], comment: str) -> str:
    prefix = f"{comment} MAGIC"
    plain = "\n".join(lines)
    if not all(line.startswith(prefix) for line in lines):
        return plain
    text = "\n".join(line[len(prefix) :].removeprefix(" ") for line in lines)
    return text.rstrip("\n") if is_magic(text) else plain


def _chunk(cell: Cell, comment: str) -> str:
    text = cell.text
    if is_magic(text):
        text = "\n".join(f"{comment} MAGIC {line}".rstrip() for line in text.split("\n"))
    if cell.title:
        text = f"{comment} DBTITLE {int(cell.shows_title)},{cell.title}\n{text}"
    return text
