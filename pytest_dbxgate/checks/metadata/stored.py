"""What a run or a person left in the file: outputs, counts, values, names, times.

Messages count; they never show a value or a name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.rules import at_cell, at_file, number_list
from pytest_dbxgate.notebook.formats import MEGABYTE
from pytest_dbxgate.notebook.ipynb_language import NOTEBOOK_KEY
from pytest_dbxgate.notebook.ipynb_reader import CELL_KEY
from pytest_dbxgate.notebook.model import Cell, Format, Notebook

_WIDGET_HINTS = {
    True: "--dbx-fix sets the default; change a secret that was ever stored there",
    False: "reset the widgets and export again; change a secret that was ever stored there",
}
_TIMES = ("startTime", "submitTime", "finishTime")
_RESULTS = ("results", "error", "errorSummary")
_USERS = ("latestUser", "latestUserId")


def check(notebook: Notebook) -> list[Finding]:
    """Findings about stored data, at most one of a rule in a notebook."""
    if notebook.format is Format.IPYNB:
        found = (*_outputs(notebook), *_counts(notebook), *_times(notebook))
    elif notebook.format is Format.DBC:
        found = (*_results(notebook), *_users(notebook), *_times(notebook))
    else:
        return []
    return [*found, *_widgets(notebook)]


def _outputs(notebook: Notebook) -> Iterator[Finding]:
    cells = [cell for cell in notebook.cells if cell.metadata.get("outputs")]
    if cells:
        size = sum(_size(cell.metadata["outputs"]) for cell in cells)
        yield at_cell(
            notebook,
            cells[0],
            "DBX201",
            f"outputs stored in {number_list(_numbers(cells))} ({_shown(size)})",
            hint="--dbx-fix clears them",
        )


def _counts(notebook: Notebook) -> Iterator[Finding]:
    cells = [cell for cell in notebook.cells if cell.metadata.get("execution_count")]
    if cells:
        yield at_cell(
            notebook,
            cells[0],
            "DBX202",
            f"execution counts stored in {number_list(_numbers(cells))}",
            hint="clear all outputs before committing",
        )


def _results(notebook: Notebook) -> Iterator[Finding]:
    cells = [cell for cell in notebook.cells if any(cell.metadata.get(key) for key in _RESULTS)]
    if cells:
        yield at_cell(
            notebook,
            cells[0],
            "DBX204",
            f"results stored in {number_list(_numbers(cells))}",
            hint="clear the results in the workspace and export again, or keep source files",
        )


def _users(notebook: Notebook) -> Iterator[Finding]:
    cells = [cell for cell in notebook.cells if any(cell.metadata.get(key) for key in _USERS)]
    if cells:
        yield at_cell(
            notebook,
            cells[0],
            "DBX205",
            f"who ran it is stored in {number_list(_numbers(cells))}",
            hint="export as source files: an archive keeps who ran each cell",
        )


def _times(notebook: Notebook) -> Iterator[Finding]:
    cells = [cell for cell in notebook.cells if _has_times(notebook, cell)]
    if cells:
        yield at_cell(
            notebook,
            cells[0],
            "DBX206",
            f"times of a run stored in {number_list(_numbers(cells))}",
            hint="remove startTime, submitTime and finishTime: they change at each run",
        )


def _has_times(notebook: Notebook, cell: Cell) -> bool:
    if notebook.format is Format.DBC:
        return any(cell.metadata.get(key) for key in _TIMES)
    own = _table(_table(cell.metadata, "metadata"), CELL_KEY)
    return any(own.get(key) for key in _TIMES)


def _widgets(notebook: Notebook) -> Iterator[Finding]:
    if notebook.format is Format.DBC:
        widgets = _table(notebook.metadata, "inputWidgets")
    else:
        widgets = _table(_table(notebook.metadata, NOTEBOOK_KEY), "widgets")
    names = [name for name, widget in widgets.items() if _is_personal(widget)]
    if names:
        # The name of a widget is code; its value may be a secret.
        shown = ", ".join(json.dumps(str(name)[:40]) for name in names[:5])
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        yield at_file(
            notebook,
            "DBX203",
            f"a value other than the default is stored for widget {shown}{more}",
            hint=_WIDGET_HINTS[notebook.format is Format.IPYNB],
        )


def _is_personal(widget: object) -> bool:
    if not isinstance(widget, Mapping):
        return False
    value = widget.get("currentValue")
    defaults = [
        info["defaultValue"]
        for info in (_table(widget, "widgetInfo"), _table(widget, "typedWidgetInfo"))
        if "defaultValue" in info
    ]
    return value not in (None, "", []) and value not in defaults


def _table(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """``parent[key]`` where that is an object; an empty one where it is anything else."""
    value = parent.get(key)
    return value if isinstance(value, Mapping) else {}


def _numbers(cells: list[Cell]) -> list[int]:
    return [cell.number for cell in cells]


def _size(value: object) -> int:
    """Bytes of a JSON value, blanks between tokens left out."""
    if not value:
        return 0
    try:
        return len(
            json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        )
    except (RecursionError, TypeError, ValueError):
        return 0


def _shown(size: int) -> str:
    if size < 1024:
        return f"{size} bytes"
    if size < MEGABYTE:
        return f"{size / 1024:.0f} KB"
    return f"{size / MEGABYTE:.1f} MB"
