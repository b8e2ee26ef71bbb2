"""One member of a ``.dbc``: NotebookV1 JSON to cells."""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pytest_dbxgate.notebook.ipynb_language import NOTEBOOK_KEY, find_language
from pytest_dbxgate.notebook.ipynb_layout import shown
from pytest_dbxgate.notebook.json_spans import JsonError, load
from pytest_dbxgate.notebook.magics import split_cell
from pytest_dbxgate.notebook.model import Cell, Language, Notebook, Problem

STORED = (
    "results",
    "error",
    "errorSummary",
    "latestUser",
    "latestUserId",
    "submitTime",
    "startTime",
    "finishTime",
)
"""What a command may keep of a run. ``Cell.metadata`` says True for those that are there; the
values, which may be huge or personal, are not kept."""

_KEPT = ("guid", "nuid", "commandType", "state")
_NOTHING = '<div class="ansiout"></div>'
"""The result of a command that printed nothing."""

_GZIP = b"\x1f\x8b"


class MemberError(Exception):
    """The member is no notebook that can be read; ``code`` says in which way."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def read_member(blank: Notebook, limit: int) -> Notebook:
    """Fill in a notebook from its ``data``. Raises :class:`MemberError`.

    ``limit`` is how many bytes a wrapped member may inflate to.
    """
    document = _document(_unwrapped(blank.data, limit))
    language, unknown = _language(document, blank.language)
    cells: list[Cell] = []
    problems = [unknown] if unknown else []
    for number, command in enumerate(_sorted(document.pop("commands")), start=1):
        cell = _cell(number, command, language)
        cells.append(cell)
        if not isinstance(command, dict) or not isinstance(command.get("command"), str):
            problems.append(Problem("DBX123", "the command holds no text", cell=number))
    return replace(
        blank,
        language=language,
        cells=tuple(cells),
        problems=(*blank.problems, *problems),
        metadata=document,
    )


def commands(notebook: Notebook, limit: int) -> list[object]:
    """The objects that the cells were made of, in the order of the cells, with their results,
    which a :class:`Cell` does not keep. Raises :class:`MemberError`."""
    return _sorted(_document(_unwrapped(notebook.data, limit))["commands"])


def _unwrapped(data: bytes, limit: int) -> bytes:
    """The JSON in ``data``, which may be wrapped by gzip, base64 or both."""
    if not data.lstrip().startswith((b"{", b"[", _GZIP)):
        try:
            data = base64.b64decode(b"".join(data.split()), validate=True)
        except binascii.Error:
            return data
    return _inflated(data, limit) if data.startswith(_GZIP) else data


def _inflated(data: bytes, limit: int) -> bytes:
    stream = zlib.decompressobj(wbits=31)
    try:
        inflated = stream.decompress(data, limit + 1)
    except zlib.error as error:
        raise MemberError("DBX123", f"its gzip stream is damaged: {error}") from None
    if len(inflated) > limit:
        raise MemberError("DBX121", "it inflates to more than is read of an archive")
    if not stream.eof:
        raise MemberError("DBX123", "its gzip stream ends too early")
    return inflated


def _document(data: bytes) -> dict[str, Any]:
    try:
        document = load(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise MemberError("DBX123", "it is neither JSON nor packed JSON") from None
    except JsonError as error:
        raise MemberError("DBX123", f"it is not JSON: {error.message}") from None
    if not isinstance(document, dict) or not isinstance(document.get("commands"), list):
        version = document.get("version") if isinstance(document, dict) else None
        named = f": {version[:40]!a}" if isinstance(version, str) else ""
        raise MemberError("DBX123", f"it is not a notebook{named}")
    return document


def _language(document: Mapping[str, Any], by_ending: Language) -> tuple[Language, Problem | None]:
    if not document.get("language"):
        return by_ending, None
    return find_language({NOTEBOOK_KEY: {"language": document["language"]}})


def _sorted(commands: list[object]) -> list[object]:
    """The commands by ``position``; one without stays behind the one it is stored behind."""
    keyed: list[tuple[float, object]] = []
    last = -math.inf
    for command in commands:
        last = _position(command, last)
        keyed.append((last, command))
    return [command for _, command in sorted(keyed, key=lambda pair: pair[0])]


def _position(command: object, otherwise: float) -> float:
    position = command.get("position") if isinstance(command, dict) else None
    if isinstance(position, bool) or not isinstance(position, (int, float)):
        return otherwise
    return otherwise if math.isnan(position) else position


def _cell(number: int, command: object, language: Language) -> Cell:
    fields = command if isinstance(command, dict) else {}
    text = fields.get("command")
    source = shown(text) if isinstance(text, str) else ""
    title = fields.get("commandTitle") if fields.get("showCommandTitle") else None
    code = split_cell(source, language)
    return Cell(
        number=number,
        source=source,
        title=shown(title) if isinstance(title, str) and title else None,
        metadata=dict(_light(fields)),
        language=code.language,
        code=code.code,
        code_line=code.code_line,
        code_column=code.code_column,
        magic=code.magic,
    )


def _light(fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key in _KEPT:
        if isinstance(fields.get(key), str):
            yield key, fields[key]
    for key in STORED:
        value = fields.get(key)
        # Commands that printed nothing keep an empty frame of a result.
        held = value.get("data", value) if isinstance(value, dict) else value
        if held and held != _NOTHING:
            yield key, True
