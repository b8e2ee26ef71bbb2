"""The widgets a notebook declares and reads, in every language of its cells."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pytest_dbxgate.notebook.model import Cell, Format, Language, Notebook
from pytest_dbxgate.project import widgets_python, widgets_sql, widgets_text
from pytest_dbxgate.project.facts import Spot, Widget
from pytest_dbxgate.project.trees import Trees
from pytest_dbxgate.project.widget_facts import OPTIONAL, STORED, Found, WidgetFacts

__all__ = ["WidgetFacts", "find"]

_PASSED_ON = re.compile(r"=\s*[\"']?\$\{?([^\W\d]\w*)")
_PIPELINE = re.compile(
    r"\bimport\s+dlt\b|\bpyspark\.pipelines\b|\bfrom\s+pyspark\s+import\s+pipelines\b"
    r"|\b(?:LIVE|STREAMING)\s+(?:TABLE|VIEW)\b|\bMATERIALIZED\s+VIEW\b|\bAPPLY\s+CHANGES\s+INTO\b",
    re.IGNORECASE,
)


def find(notebook: Notebook, trees: Trees) -> WidgetFacts:
    """What the cells of ``notebook`` and its metadata say about widgets."""
    found = Found()
    cells_of_sql: list[Cell] = []
    for cell in notebook.cells:
        if cell.language is Language.PYTHON:
            if widgets_python.may_be_in(cell.code):
                widgets_python.read(cell, trees, found)
        elif cell.language is Language.SQL:
            if widgets_sql.may_be_in(cell.code):
                cells_of_sql.append(cell)
        elif cell.language in (Language.SCALA, Language.R):
            if widgets_text.may_be_in(cell.code):
                widgets_text.read(cell, found)
        elif cell.language is Language.RUN and "$" in cell.source:
            _passed_on(cell, found)
    if cells_of_sql:
        # The settings of a pipeline are filled in where widgets would be.
        in_pipeline = any(_PIPELINE.search(cell.code) for cell in notebook.cells)
        for cell in cells_of_sql:
            widgets_sql.read(cell, found, in_pipeline=in_pipeline)
    _stored(notebook, found)
    return found.facts()


def _passed_on(cell: Cell, found: Found) -> None:
    """``%run ./x $a=$b`` reads the widget ``b``."""
    for match in _PASSED_ON.finditer(cell.source):
        line = cell.source.count("\n", 0, match.start(1)) + 1
        column = match.start(1) - cell.source.rfind("\n", 0, match.start(1))
        found.read(
            match[1], Spot(cell.number, line, column, line, column + len(match[1])), OPTIONAL
        )


def _stored(notebook: Notebook, found: Found) -> None:
    for name in _stored_names(notebook):
        found.widgets.append(Widget(name, STORED, Spot(0, 1, 1)))


def _stored_names(notebook: Notebook) -> list[str]:
    if notebook.format is Format.SOURCE:
        return []
    metadata = notebook.metadata
    own = metadata.get("application/vnd.databricks.v1+notebook")
    widgets = own.get("widgets") if isinstance(own, Mapping) else metadata.get("inputWidgets")
    return [str(name) for name in widgets] if isinstance(widgets, Mapping) else []
