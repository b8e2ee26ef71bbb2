"""SQL cells: parameters filled in, statements one by one, the last result shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pytest_dbxgate.execution.kernel.showing import display
from pytest_dbxgate.execution.kernel.widgets import Widgets
from pytest_dbxgate.execution.sql import split
from pytest_dbxgate.languages.sql import parameters
from pytest_dbxgate.languages.sql.lexing import place
from pytest_dbxgate.notebook.model import Cell
from pytest_dbxgate.project import widgets_sql
from pytest_dbxgate.project.widget_facts import Found

_LEGACY = re.compile(r"\$\{\s*([^\W\d][\w.-]*)\s*\}|\$([^\W\d]\w*)")
_CALL = re.compile(r"\bgetArgument\s*\(\s*(['\"])([^'\"]+)\1\s*\)", re.IGNORECASE)
_REMOVE = re.compile(r"\s*REMOVE\s+WIDGET\s+[`'\"]?([\w.-]+)[`'\"]?\s*", re.IGNORECASE)
_CREATE = re.compile(r"\s*CREATE\s+WIDGET\b", re.IGNORECASE)
_QUERY = re.compile(
    r"[\s(]*(?:SELECT|WITH|VALUES|SHOW|DESC|DESCRIBE|EXPLAIN|TABLE|FROM|LIST)\b", re.I
)


class StatementError(Exception):
    """A statement that failed, with the line of the cell's source it begins on."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line
        self.text = text


class SqlCells:
    """Runs the SQL cells of a notebook."""

    def __init__(self, spark: Callable[[], Any], widgets: Widgets) -> None:
        self._spark = spark
        self._widgets = widgets

    def run(self, cell: Cell) -> Any:
        """The DataFrame of the last statement; None where there is none.

        Raises :class:`StatementError` from whatever a statement raised.
        """
        last: Any = None
        for statement in split(cell.code):
            line, _ = place(cell.code, statement.start)
            try:
                last = self._one(cell, statement.text)
            except Exception as error:
                raise StatementError(line + cell.code_line - 1, statement.text) from error
        if last is not None and last.columns:
            display(last)
        return last

    def _one(self, cell: Cell, text: str) -> Any:
        bare = text.rstrip().rstrip(";").rstrip()
        if _CREATE.match(bare):
            return self._create(cell, bare)
        removed = _REMOVE.fullmatch(bare)
        if removed:
            return self._widgets.remove(removed[1])
        values = self._widgets.values()
        filled = self._filled(bare, values)
        named = {
            name: values[name]
            for spot in parameters.prepare(filled).spots
            for name in re.findall(r"(?<!:):([^\W\d]\w*)", spot.original)
            if name in values
        }
        made = self._spark().sql(filled, named) if named else self._spark().sql(filled)
        return made if _QUERY.match(bare) else None

    def _filled(self, text: str, values: Mapping[str, str]) -> str:
        """Legacy parameters are put in as text, before anything parses it."""

        def legacy(match: re.Match[str]) -> str:
            name = match[1] or match[2]
            if name in values:
                return values[name]
            found = self._conf(name) if "." in name else None
            return match[0] if found is None else found

        if "$" in text:
            text = _LEGACY.sub(legacy, text)
        return _CALL.sub(lambda match: _literal(self._widgets.get(match[2])), text)

    def _conf(self, name: str) -> str | None:
        try:
            found: str | None = self._spark().conf.get(name, None)
        except Exception:
            # A key that the engine does not know stays as it stands.
            return None
        return found

    def _create(self, cell: Cell, text: str) -> None:
        found = Found()
        widgets_sql.read(replace(cell, code=text, source=text), found, in_pipeline=False)
        for widget in found.widgets:
            self._widgets.text(widget.name, widget.default or "")


def _literal(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
