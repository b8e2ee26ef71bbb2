"""Widgets in Scala and R cells, by the look of the calls: their string literals."""

from __future__ import annotations

import re

from pytest_dbxgate.languages.sql.lexing import place
from pytest_dbxgate.notebook.model import Cell, Language
from pytest_dbxgate.project.facts import Spot, Widget
from pytest_dbxgate.project.widget_facts import KINDS, OPTIONAL, Found

_STRING = r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\''
_SCALA_STRING = r'"""[\s\S]*?"""|"(?:[^"\\\n]|\\.)*"'
_COMMENTS = {
    Language.SCALA: re.compile(_SCALA_STRING + r"|(//[^\n]*|/\*[\s\S]*?(?:\*/|\Z))"),
    Language.R: re.compile(_STRING + r"|(\#[^\n]*)"),
}
_CALL = re.compile(
    r"\bdbutils\s*\.\s*widgets\s*\.\s*(?P<method>\w+)\s*\(?"
    r"|(?<![\w.])(?P<old>getArgument)\s*\("
    r"|\bdbutils\s*\.\s*widgets\b|[(,]\s*dbutils\s*[,)]|\bgetCurrentBindings\b"
)
_ARGUMENT = re.compile(
    r"\s*(?:[A-Za-z_]\w*\s*=\s*)?(?:(?P<string>" + _STRING + r")"
    r"|(?:Seq|List|Array|Vector|list|c)(?:\[String\])?\s*\("
    r"(?P<several>\s*(?:" + _STRING + r")(?:\s*,\s*(?:" + _STRING + r"))*\s*)\)"
    r"|(?P<number>-?\d[\w.]*))\s*(?P<end>[,)])"
)
_PIECE = re.compile(_STRING)


def may_be_in(code: str) -> bool:
    """A quick look: False where :func:`read` finds nothing."""
    return "dbutils" in code or "getArgument" in code


def read(cell: Cell, found: Found) -> None:
    """Add what a Scala or R cell says."""
    code = _COMMENTS[cell.language].sub(_blank, cell.code)
    for match in _CALL.finditer(code):
        method = match["method"] or match["old"]
        if method is None:
            found.anything()
        elif method in KINDS:
            _declare(cell, code, match, found)
        elif method in ("get", "getArgument"):
            _read(cell, code, match, found)
        elif method == "getAll":
            found.reads_any = True


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0]) if match[1] else match[0]


def _read(cell: Cell, code: str, call: re.Match[str], found: Found) -> None:
    name = _ARGUMENT.match(code, call.end())
    if name is None or name["string"] is None:
        found.reads_any = True
        return
    form = "get" if call["method"] == "get" else "getArgument"
    found.read(_plain(name["string"]), _spot(cell, name), OPTIONAL if name["end"] == "," else form)


def _declare(cell: Cell, code: str, call: re.Match[str], found: Found) -> None:
    name = _ARGUMENT.match(code, call.end())
    if name is None or name["string"] is None:
        found.declares_any = True
        return
    default = _next(code, name)
    choices = _next(code, default) if call["method"] != "text" else None
    several = choices["several"] if choices is not None else None
    found.widgets.append(
        Widget(
            _plain(name["string"]),
            call["method"],
            _spot(cell, name),
            _plain(default["string"]) if default is not None and default["string"] else None,
            tuple(_plain(text) for text in _PIECE.findall(several)) if several else None,
            default_is_string=default is None or not default["number"],
        )
    )


def _next(code: str, argument: re.Match[str] | None) -> re.Match[str] | None:
    if argument is None or argument["end"] != ",":
        return None
    return _ARGUMENT.match(code, argument.end())


def _plain(literal: str) -> str:
    return literal[1:-1]


def _spot(cell: Cell, argument: re.Match[str]) -> Spot:
    line, column = cell.code_place(*place(cell.code, argument.start("string")))
    return Spot(cell.number, line, column, line, column + len(argument["string"]))
