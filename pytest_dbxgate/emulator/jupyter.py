"""The .ipynb form, read from anywhere and written as Databricks writes it [doc, fake]."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from pytest_dbxgate.emulator.cells import COMMENT, Cell, Notebook
from pytest_dbxgate.emulator.values import Json, invalid

NOTEBOOK_KEY = "application/vnd.databricks.v1+notebook"
CELL_KEY = "application/vnd.databricks.v1+cell"

_MARKDOWN = re.compile(r"%md(-sandbox)?(?:[ \t]*\n|[ \t]+|$)")
_KEPT = ("widgets", "dashboards", "environmentMetadata", "notebookMetadata", "computePreferences")


def parse(data: bytes) -> Notebook:
    """The cells of an .ipynb; raises an :class:`ApiError` [fake] for what is none."""
    try:
        document = json.loads(data.decode("utf-8-sig"))
        cells = tuple(_cell(cell) for cell in document["cells"])
        metadata = document.get("metadata", {})
        if int(document["nbformat"]) < 4:
            raise ValueError
        extras = metadata.get(NOTEBOOK_KEY, {})
        return Notebook(_language(metadata), cells, {k: extras[k] for k in _KEPT if k in extras})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise invalid("The notebook is not a valid IPython notebook.") from None


def write(notebook: Notebook, name: str) -> bytes:
    """A notebook as .ipynb, without outputs."""
    cells = [_written(cell, number) for number, cell in enumerate(notebook.cells)]
    own = {
        "dashboards": [],
        "language": notebook.language.lower(),
        "notebookMetadata": {"pythonIndentUnit": 4},
        "notebookName": name,
        "widgets": {},
        **notebook.extras,
    }
    metadata: Json = {NOTEBOOK_KEY: own}
    if notebook.language == "PYTHON":
        metadata["language_info"] = {"name": "python"}
    document = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 0}
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def _language(metadata: Json) -> str:
    candidates = (
        metadata.get(NOTEBOOK_KEY, {}).get("language"),
        metadata.get("language_info", {}).get("name"),
        metadata.get("kernelspec", {}).get("language"),
    )
    named = next((str(name).upper() for name in candidates if name), "PYTHON")
    return named if named in COMMENT else "PYTHON"


def _cell(cell: Any) -> Cell:
    source = cell["source"]
    text = source if isinstance(source, str) else "".join(source)
    text = text.replace("\r\n", "\n").rstrip("\n")
    own = cell.get("metadata", {}).get(CELL_KEY, {})
    if cell["cell_type"] == "markdown":
        magic = "%md-sandbox" if own.get("isMarkdownSandbox") else "%md"
        text = f"{magic}\n{text}".rstrip("\n")
    return Cell(text, own.get("title") or "", bool(own.get("showTitle")))


def _written(cell: Cell, number: int) -> Json:
    text = cell.text
    own: Json = {
        "cellMetadata": {},
        "inputWidgets": {},
        "nuid": _nuid(number, text),
        "showTitle": bool(cell.title) and cell.shows_title,
        "title": cell.title,
    }
    markdown = _MARKDOWN.match(text)
    if markdown:
        own["isMarkdownSandbox"] = bool(markdown[1])
        text = text[markdown.end() :]
    written: Json = {"cell_type": "markdown" if markdown else "code", "metadata": {CELL_KEY: own}}
    if not markdown:
        written |= {"execution_count": 0, "outputs": []}
    return {**written, "source": text.splitlines(keepends=True)}


def _nuid(number: int, text: str) -> str:
    digest = hashlib.sha256(f"{number}:{text}".encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"
