"""Reading the page of a run: its cells as they ran, and the one that failed. Pure.

The page holds the notebook as ``__DATABRICKS_NOTEBOOK_MODEL = '<base64 of URL-encoded JSON>'``,
which is undocumented [report]. It is nobody's promise, and a notebook writes into it: whatever is
not as expected is left out, and nothing of it raises.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote

MOST_BYTES = 64_000_000
"""Of a page that is read: a notebook's output has 30 MB at most [doc]."""
_PASSED_OVER = "Command skipped"
"""What the cells behind the one that failed say [report]: they did not run."""
MOST_OUTPUT = 4000
"""Characters of what a notebook printed that are kept: the last ones."""

_MODEL = re.compile(r"__DATABRICKS_NOTEBOOK_MODEL\s*=\s*(['\"])([A-Za-z0-9+/=_%-]+)\1")
_TAG = re.compile(
    r"</?(?:a|b|br|code|div|em|font|i|li|p|pre|span|strong|t[dhr]|table|tbody|thead|u|ul)\b[^<>]*>",
    re.IGNORECASE,
)
"""Not what a traceback writes in such brackets: ``<command-12>``, ``<module>``."""
_BREAK = re.compile(r"<br\s*/?>|</(?:div|p|pre|tr|li)>", re.IGNORECASE)
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")


class ExportedCell(NamedTuple):
    """A cell as it ran."""

    number: int
    """From 1, as the cells follow each other."""
    source: str
    has_failed: bool = False
    summary: str = ""
    """Such as ``ValueError: no rows``."""
    trace: str = ""
    output: str = ""
    seconds: float = 0.0


def cells(page: str) -> tuple[ExportedCell, ...]:
    """The cells of a run's page, in order; none where they cannot be read."""
    model = _model(page)
    commands = model.get("commands") if isinstance(model, Mapping) else None
    if not isinstance(commands, list):
        return ()
    known = [each for each in commands if isinstance(each, Mapping)]
    known.sort(key=_position)
    return tuple(_cell(number, command) for number, command in enumerate(known, start=1))


def failed(found: Sequence[ExportedCell]) -> ExportedCell | None:
    """The cell that ended the run: the last that failed, for a notebook that goes on after an
    error says so of the later one."""
    return next((cell for cell in reversed(found) if cell.has_failed), None)


def printed(found: Sequence[ExportedCell]) -> str:
    """The last of what the cells printed."""
    return "".join(cell.output for cell in found if cell.output)[-MOST_OUTPUT:]


def plain(text: str) -> str:
    """HTML as text: no tags, no entities, no colours."""
    if "<" in text or "&" in text:
        text = html.unescape(_TAG.sub("", _BREAK.sub("\n", text)))
    return uncoloured(text).strip("\n")


def uncoloured(text: str) -> str:
    """Text without what a terminal would obey."""
    return _ANSI.sub("", text).replace("\r\n", "\n")


def _model(page: str) -> object:
    found = _MODEL.search(page) if len(page) <= MOST_BYTES else None
    if found is None:
        return None
    try:
        data = base64.b64decode(unquote(found[2]), validate=True)
        return json.loads(unquote(data.decode("utf-8", "replace")))
    except (binascii.Error, ValueError, RecursionError):
        return None


def _position(command: Mapping[str, Any]) -> float:
    value = command.get("position")
    return float(value) if isinstance(value, int | float) else float("inf")


def _cell(number: int, command: Mapping[str, Any]) -> ExportedCell:
    summary = plain(_text(command.get("errorSummary")))
    trace = plain(_text(command.get("error")))
    began, ended = command.get("startTime"), command.get("finishTime")
    timed = isinstance(began, int | float) and isinstance(ended, int | float)
    return ExportedCell(
        number,
        _text(command.get("command")).replace("\r\n", "\n"),
        summary != _PASSED_OVER and (command.get("state") == "error" or bool(summary or trace)),
        summary,
        trace,
        "".join(_outputs(command.get("results"))),
        max(0.0, (float(ended) - float(began)) / 1000) if timed and began and ended else 0.0,
    )


def _outputs(results: object) -> Iterator[str]:
    """What a cell printed; tables and pictures are left out."""
    if not isinstance(results, Mapping):
        return
    data = results.get("data")
    if isinstance(data, str) and results.get("type") in ("html", "ansi", "text"):
        # Only of HTML is "<" the begin of a tag.
        text = plain(data) if results["type"] == "html" else uncoloured(data).strip("\n")
        yield f"{text}\n" if text else ""
    for each in data if isinstance(data, list) else ():
        yield from _outputs(each)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
