"""Writing a notebook as a source file, for the members of a ``.dbc``: one import each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pytest_dbxgate.notebook import source
from pytest_dbxgate.notebook.canonical import notebook_digest
from pytest_dbxgate.notebook.header import delimiter_of, header_of
from pytest_dbxgate.notebook.magics import comment_prefix
from pytest_dbxgate.notebook.model import Cell, Language, Notebook

_WRITTEN = (Language.PYTHON, Language.SQL, Language.SCALA, Language.R)


class UnwritableError(ValueError):
    """The notebook cannot be written as source so that it reads back the same."""


def source_of(notebook: Notebook) -> bytes:
    """The notebook as Databricks exports it as source, with its titles.

    Raises :class:`UnwritableError`, for example where a line of a cell is itself a delimiter.
    """
    language = notebook.language
    if language not in _WRITTEN:
        raise UnwritableError(f"its language is {language.value}")
    wanted = replace(notebook, cells=tuple(map(_with_plain_title, notebook.cells)))
    prefix = comment_prefix(language)
    texts = ["\n".join(_lines(cell, prefix)) for cell in wanted.cells]
    body = f"\n\n{delimiter_of(language)}\n\n".join(texts)
    data = f"{header_of(language)}\n{body}\n".encode("utf-8", "surrogatepass")
    if notebook_digest(source.read("", data, language)) != notebook_digest(wanted):
        raise UnwritableError("a line of a cell would be read as a mark of the source format")
    return data


def _with_plain_title(cell: Cell) -> Cell:
    """A title stands on one line."""
    return replace(cell, title=" ".join((cell.title or "").split()) or None)


def _lines(cell: Cell, prefix: str) -> Iterator[str]:
    if cell.title:
        yield f"{prefix} DBTITLE 1,{cell.title}"
    for line in cell.source.split("\n"):
        if cell.magic is None:
            yield line
        else:
            yield f"{prefix} MAGIC {line}" if line else f"{prefix} MAGIC"
