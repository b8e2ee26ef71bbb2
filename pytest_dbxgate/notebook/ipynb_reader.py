"""Reading an ``.ipynb``: bytes to a Notebook. Never raises; what is wrong becomes a Problem."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from pytest_dbxgate.notebook.ipynb_language import find_language
from pytest_dbxgate.notebook.ipynb_layout import has_half_pair, joined, layout, shown
from pytest_dbxgate.notebook.json_spans import JsonError, Lines, load
from pytest_dbxgate.notebook.magics import CellCode, split_cell
from pytest_dbxgate.notebook.model import Cell, Format, Language, Notebook, Problem
from pytest_dbxgate.notebook.source import LFS_POINTER, lfs_problem

CELL_KEY = "application/vnd.databricks.v1+cell"
"""Where Databricks keeps what it knows about a cell, in the cell's metadata."""
BOM = b"\xef\xbb\xbf"

_UTF_16 = (b"\xff\xfe", b"\xfe\xff", b"{\0", b"\0{")
_CONFLICT = ("<<<<<<<", "=======", ">>>>>>>")


def read(path: str, data: bytes) -> Notebook:
    """Read the bytes of an ``.ipynb``; ``path`` is relative to the root of the run.

    Where the cells cannot be read the notebook has none, and one fatal problem.
    """
    blank = Notebook(
        path=path,
        format=Format.IPYNB,
        language=Language.PYTHON,
        cells=(),
        data=data,
        digest=hashlib.sha256(data).hexdigest(),
    )
    problem = _undecodable(data)
    if problem:
        return replace(blank, problems=(problem,))
    text = data.decode("utf-8-sig")
    marked = (_BYTE_ORDER_MARK,) if data.startswith(BOM) else ()
    document = _document(text)
    if isinstance(document, Problem):
        return replace(blank, text=text, problems=(*marked, document))
    metadata = document["metadata"]
    language, unknown = find_language(metadata)
    cells = [
        _cell(number, value, language) for number, value in enumerate(document["cells"], start=1)
    ]
    return replace(
        blank,
        text=text,
        language=language,
        cells=tuple(read_cell.cell for read_cell in cells),
        metadata=metadata,
        problems=(*marked, *((unknown,) if unknown else ()), *_located(text, cells)),
    )


def _undecodable(data: bytes) -> Problem | None:
    if data.startswith(LFS_POINTER):
        return lfs_problem()
    if data.startswith(_UTF_16):
        return _fatal("DBX101", "the file is UTF-16, not UTF-8", hint="save it as UTF-8")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return _not_utf_8(data, error)
    return None


_BYTE_ORDER_MARK = Problem(
    "DBX102",
    "the file begins with a byte-order mark",
    hint="save it as UTF-8 without a byte-order mark",
)


class _Read(NamedTuple):
    cell: Cell
    damage: str
    """What is wrong with the cell's object; empty where nothing is."""


def _document(text: str) -> dict[str, Any] | Problem:
    try:
        document = load(text)
    except JsonError as error:
        return _not_json(text, error)
    reason = _not_a_notebook(document)
    if reason:
        hint = "open it in Jupyter or Databricks and save it as a notebook of nbformat 4"
        return _fatal("DBX111", reason, hint=hint)
    assert isinstance(document, dict)
    return document


def _not_a_notebook(document: object) -> str:
    if not isinstance(document, dict):
        return "the JSON is not an object"
    version = document.get("nbformat")
    if isinstance(version, bool) or not isinstance(version, int):
        return "the notebook names no nbformat"
    if version != 4:
        return f"the notebook is of nbformat {version}, not 4"
    for key, kind in (("cells", list), ("metadata", dict)):
        if not isinstance(document.get(key), kind):
            state = "cannot be read" if key in document else "is missing"
            return f'the notebook\'s "{key}" {state}'
    return ""


def _cell(number: int, value: object, language: Language) -> _Read:
    if not isinstance(value, dict):
        return _Read(Cell(number, Language.OTHER, "", ""), "the cell is not a JSON object")
    text = joined(value.get("source"))
    kind = value.get("cell_type")
    damage = _damage(text, kind)
    source = shown(text or "")
    if kind == "code":
        code = split_cell(source, language)
    else:
        plain = Language.MARKDOWN if kind == "markdown" else Language.OTHER
        code = CellCode(plain, source, 1, 1, None)
    cell = Cell(
        number=number,
        source=source,
        title=_title(value.get("metadata")),
        metadata={key: item for key, item in value.items() if key != "source"},
        language=code.language,
        code=code.code,
        code_line=code.code_line,
        code_column=code.code_column,
        magic=code.magic,
    )
    return _Read(cell, damage)


def _damage(text: str | None, kind: object) -> str:
    if text is None:
        return "the cell's source is neither a string nor a list of strings"
    if kind not in ("code", "markdown", "raw"):
        named = f"{kind[:40]!a}" if isinstance(kind, str) else "not a string"
        return f"the cell's type is {named}; known: code, markdown, raw"
    if has_half_pair(text):
        return "the cell's source holds half of a surrogate pair"
    return ""


def _title(metadata: object) -> str | None:
    own = metadata.get(CELL_KEY) if isinstance(metadata, dict) else None
    if not isinstance(own, dict) or not own.get("showTitle"):
        return None
    title = own.get("title")
    return shown(title) if isinstance(title, str) and title else None


def _located(text: str, cells: Sequence[_Read]) -> tuple[Problem, ...]:
    """The damaged cells as problems. Only they need the text to be scanned."""
    damaged = [(read_cell.cell.number, read_cell.damage) for read_cell in cells if read_cell.damage]
    return tuple(_damaged_cell(text, number, damage) for number, damage in damaged)


def _damaged_cell(text: str, number: int, damage: str) -> Problem:
    found = layout(text)
    line, column = found.lines.place(found.cell(number).start)
    hint = "open the notebook in Jupyter or Databricks and write the cell anew"
    return Problem("DBX112", damage, line, column, cell=number, hint=hint)


def _not_json(text: str, error: JsonError) -> Problem:
    if not text.strip():
        return _fatal("DBX110", "the file is empty", hint="delete it or restore it from git")
    hint = "restore the file from git or save it again in Jupyter or Databricks"
    if "\0" in text:
        line, column = Lines(text).place(text.index("\0"))
        return _fatal("DBX109", "the file holds NUL bytes", line, column, hint=hint)
    line, column = Lines(text).place(error.offset)
    if any(row.startswith(_CONFLICT) for row in text.split("\n")[max(line - 2, 0) : line + 1]):
        hint = "resolve the merge conflict, then save the notebook again"
    return _fatal("DBX110", f"the file is not JSON: {error.message}", line, column, hint=hint)


def _not_utf_8(data: bytes, error: UnicodeDecodeError) -> Problem:
    head = data[: error.start]
    line_start = head.rfind(b"\n") + 1
    return _fatal(
        "DBX101",
        f"the file is not UTF-8: byte 0x{data[error.start]:02x}",
        head.count(b"\n") + 1,
        len(head[line_start:].decode("utf-8-sig")) + 1,
        hint="save it as UTF-8",
    )


def _fatal(code: str, message: str, line: int = 1, column: int = 1, *, hint: str = "") -> Problem:
    return Problem(code, message, line, column, hint=hint, fatal=True)
