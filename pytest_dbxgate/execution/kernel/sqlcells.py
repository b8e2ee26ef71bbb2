"""Cells of SQL: their statements, their parameters, what they show."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from typing import Any

from pytest_dbxgate.execution.kernel.statements import LINE, STATEMENT, is_query
from pytest_dbxgate.execution.kernel.widgets import WidgetValues
from pytest_dbxgate.languages.sql import parameters
from pytest_dbxgate.languages.sql.lexing import Statement, statements

_TEXT = re.compile(
    r"""(?<!\\)\$(?:\{\s*(?:getArgument\(\s*(?P<quote>["'])(?P<argument>.+?)(?P=quote)\s*\)
        |(?P<braced>[^\W\d][\w.]*))\s*\}|(?P<bare>[^\W\d]\w*))""",
    re.VERBOSE,
)
_CALL = re.compile(
    r"""\bgetArgument\(\s*(["'])(?P<name>.+?)\1\s*(?:,\s*(["'])(?P<default>.*?)\3\s*)?\)""",
    re.IGNORECASE,
)
_NAMED = re.compile(r":([^\W\d]\w*)")


class SqlCells:
    """Runs the statements of a cell one by one."""

    def __init__(
        self,
        widgets: WidgetValues,
        session: Callable[[], Any],
        show: Callable[[Any], None],
        keep: Callable[[Any], None],
    ) -> None:
        self._widgets = widgets
        self._session = session
        self._show = show
        self._keep = keep

    def run(self, code: str) -> None:
        """Run a cell's code; the rows of the last query are kept as ``_sqldf``, and shown."""
        found = statements(code)
        last = max((n for n, each in enumerate(found) if is_query(each.text)), default=-1)
        for number, statement in enumerate(found):
            with _located(code, statement):
                text = self._filled_in(statement.text)
                if self._widgets.execute(text):
                    continue
                result = self._session().sql(text, self._arguments(text) or None)
                if number == last:
                    self._keep(result)
                    self._show(result)
                elif is_query(text):
                    # It may fail, too, though nobody sees its rows.
                    with redirect_stdout(StringIO()):
                        self._show(result)

    def _arguments(self, statement: str) -> dict[str, str]:
        """The values of the parameters ``:name``; one without a widget is left to the engine."""
        if ":" not in statement:
            return {}
        spots = parameters.prepare(statement).spots
        names = [name for spot in spots for name in _names(spot.original)]
        found = {name: self._widgets.find(name) for name in names}
        return {name: value for name, value in found.items() if value is not None}

    def _filled_in(self, code: str) -> str:
        """``${name}``, ``$name`` and ``getArgument('name')`` are replaced before anything is
        parsed, in strings, too."""
        if "$" in code:
            code = _TEXT.sub(self._text, code).replace("\\$", "$")
        return _CALL.sub(self._call, code) if "getargument" in code.lower() else code

    def _text(self, match: re.Match[str]) -> str:
        name = match["argument"] or match["braced"] or match["bare"]
        value = self._widgets.find(name)
        if value is None and match["braced"] is not None:
            value = self._setting(name)
        return match[0] if value is None else value

    def _setting(self, name: str) -> str | None:
        """``${day}`` may be what ``SET day = ...`` has set."""
        try:
            value = self._session().conf.get(name, None)
        except Exception:
            # The engine does not know the key: then nothing was set.
            return None
        return None if value is None else str(value)

    def _call(self, match: re.Match[str]) -> str:
        value = self._widgets.argument(match["name"], match["default"])
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"


@contextmanager
def _located(code: str, statement: Statement) -> Iterator[None]:
    """Let an error tell the statement that raised it, and its line."""
    try:
        yield
    except Exception as error:
        setattr(error, LINE, code.count("\n", 0, statement.start) + 1)
        setattr(error, STATEMENT, statement.text)
        raise


def _names(text: str) -> list[str]:
    if text.startswith(":"):
        return [text[1:]]
    return _NAMED.findall(text) if text[:10].upper() == "IDENTIFIER" else []
