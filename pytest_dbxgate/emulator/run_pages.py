"""The page of a run, as ``runs/export`` gives it [report]: HTML with the notebook's model in it."""

from __future__ import annotations

import base64
import html
import json
from typing import Any
from urllib.parse import quote

from pytest_dbxgate.emulator.values import Json


def page(name: str, cells: list[Json]) -> str:
    """``cells``: as :class:`~pytest_dbxgate.emulator.executing.RanCell` has them."""
    model = {
        "name": name,
        "language": "python",
        "commands": [_command(number, cell) for number, cell in enumerate(cells, start=1)],
    }
    coded = base64.b64encode(quote(json.dumps(model)).encode()).decode()
    return (
        "<!DOCTYPE html>\n<html>\n<head><title>"
        + html.escape(name)
        + "</title></head>\n<body>\n<script>var __DATABRICKS_NOTEBOOK_MODEL = '"
        + coded
        + "';</script>\n</body>\n</html>\n"
    )


def _command(number: int, cell: Json) -> dict[str, Any]:
    return {
        "version": "CommandV1",
        "position": float(number),
        "command": cell["source"],
        "commandType": "auto",
        "state": cell["state"] or "finished",
        "startTime": cell["start"],
        "finishTime": cell["end"],
        "errorSummary": html.escape(cell["summary"]) or None,
        "error": html.escape(cell["trace"]) or None,
        "results": {"type": "ansi", "data": html.escape(cell["output"])}
        if cell["output"]
        else None,
    }
