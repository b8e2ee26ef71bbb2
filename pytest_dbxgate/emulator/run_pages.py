"""The page of a run, as ``runs/export`` gives it: HTML with the notebook's model in it.

The model is undocumented. That it is base64 of URL-encoded JSON, and the names in it, is what
public programs read of it [report]; what stands in the fields that nobody reads is [fake].
"""

from __future__ import annotations

import base64
import html
import json
import uuid
from typing import Any
from urllib.parse import quote

from pytest_dbxgate.emulator.values import Json

SKIPPED = "Command skipped"
"""What the cells after a failed one show, as failed ones themselves [report]."""

_STATES = {"finished": "finished", "error": "error", "skipped": "error", "": "input"}
_NAMESPACE = uuid.UUID("8f4ea4e0-1c7b-4d0e-9c49-0e1a4be1a6b3")


def page(name: str, cells: list[Json]) -> str:
    """``cells``: as :class:`~pytest_dbxgate.emulator.executing.RanCell` has them."""
    model = {
        "version": "NotebookV1",
        "name": name,
        "language": "python",
        "commands": [_command(name, number, cell) for number, cell in enumerate(cells, start=1)],
    }
    coded = base64.b64encode(quote(json.dumps(model)).encode()).decode()
    return (
        "<!DOCTYPE html>\n<html>\n<head><title>"
        + html.escape(name)
        + "</title></head>\n<body>\n<script>var __DATABRICKS_NOTEBOOK_MODEL = '"
        + coded
        + "';</script>\n</body>\n</html>\n"
    )


def _command(name: str, number: int, cell: Json) -> dict[str, Any]:
    state = _STATES.get(cell["state"], "finished")
    is_bad = cell["state"] == "error"
    return {
        "version": "CommandV1",
        "guid": str(uuid.uuid5(_NAMESPACE, f"{name} {number}")),
        "subtype": "command",
        "commandType": "auto",
        "position": float(number),
        "command": cell["source"],
        "state": state,
        "results": _results(cell["output"]) if cell["output"] else None,
        "errorSummary": _summary(cell["summary"]) if is_bad else _skipped(cell),
        "errorTraceType": "html" if is_bad else None,
        "error": _trace(cell["trace"]) if is_bad and cell["trace"] else None,
        "startTime": cell["start"],
        "submitTime": cell["start"],
        "finishTime": cell["end"],
        "commandTitle": "",
        "showCommandTitle": False,
        "hideCommandCode": False,
        "hideCommandResult": False,
    }


def _skipped(cell: Json) -> str | None:
    return SKIPPED if cell["state"] == "skipped" else None


def _summary(text: str) -> str:
    """HTML, with the class of the exception in colour [report]."""
    kind, colon, rest = text.partition(":")
    return f"<span class='ansi-red-fg'>{html.escape(kind)}</span>{colon}{html.escape(rest)}"


def _trace(text: str) -> str:
    return f'<div class="ansiout">{html.escape(text)}</div>'


def _results(output: str) -> dict[str, Any]:
    printed: dict[str, Any] = {
        "type": "ansi",
        "data": output,
        "name": None,
        "arguments": {},
        "metadata": {},
    }
    return {"type": "listResults", "data": [printed], "arguments": {}, "metadata": {}}
