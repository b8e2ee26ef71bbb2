"""Widgets in SQL cells: ``CREATE WIDGET`` and the parameters."""

from __future__ import annotations

import re

from pytest_dbxgate.languages.sql.lexing import blanked, place, tokens
from pytest_dbxgate.languages.sql.parameters import prepare
from pytest_dbxgate.notebook.model import Cell
from pytest_dbxgate.project.facts import Spot, Widget
from pytest_dbxgate.project.widget_facts import OPTIONAL, SQL_CALL, Found

_MARKER = re.compile(r"(?<!:):[^\W\d]")
_WORDS = ("widget", "getargument", "set ")
_STRING = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"
_CREATE = re.compile(
    r"\bCREATE\s+WIDGET\s+(?P<kind>TEXT|DROPDOWN|COMBOBOX|MULTISELECT)\s+"
    rf"(?P<name>{_STRING}|`[^`\n]+`|[\w.-]+)(?:\s+DEFAULT\s+(?P<default>{_STRING}|[\w.-]+))?",
    re.IGNORECASE,
)
_VALUE = rf"(?:\(\s*(?:{_STRING})\s*\)|{_STRING})"
_CHOICES = re.compile(
    r"\s+CHOICES\s+SELECT\s+(?:DISTINCT\s+)?(?:\*|\w+)\s+FROM\s*(?P<open>\()?\s*VALUES\s*"
    rf"(?P<values>{_VALUE}(?:\s*,\s*{_VALUE})*)\s*(?(open)\))"
    r"(?:\s*(?:AS\s+)?\w+(?:\s*\(\s*\w+\s*\))?)?\s*(?:;|\Z)",
    re.IGNORECASE,
)
_PIECE = re.compile(_STRING)
_GET = re.compile(rf"\bgetArgument\s*\(\s*(?P<name>{_STRING})\s*(?P<end>[,)])", re.IGNORECASE)
_SETTING = re.compile(r"^\s*SET\s+(?!VAR\b|VARIABLE\b)(\w+)\s*=", re.IGNORECASE | re.MULTILINE)
_FILLED_IN = re.compile(r"(?<!\\)\$(?:\{([^\W\d]\w*)\}|([^\W\d]\w*))")
_IN_BRACES = re.compile(rf"\$\{{\s*(?:([^\W\d]\w*)|getArgument\(\s*({_STRING})\s*\))\s*\}}")
_WORD_BEFORE = re.compile(r"[\w)\]`]")
_SCRIPT = re.compile(r"\bBEGIN\b(?!\s*(?:;|TRAN|WORK|\Z))|\bDECLARE\b", re.IGNORECASE)


def may_be_in(code: str) -> bool:
    """A quick look: False where :func:`read` finds nothing."""
    if "$" in code or _MARKER.search(code):
        return True
    lower = code.lower()
    return any(word in lower for word in _WORDS)


def read(cell: Cell, found: Found, *, in_pipeline: bool) -> None:
    """Add what a SQL cell says. ``in_pipeline``: what fills ``${x}`` in may be no widget."""
    code = cell.code
    if "getargument" in code.lower() or "widget" in code.lower():
        _calls(cell, found)
    for match in _SETTING.finditer(code):
        found.setting(match[1], _spot(cell, match.start(1), match.end(1)))
    # In a script a variable may be meant.
    in_script = _SCRIPT.search(code) is not None
    _Parameters(cell, found, in_pipeline, in_script).read(code, 0)
    if "$" in code:
        _in_literals(cell, found, in_pipeline=in_pipeline)


class _Parameters:
    """The parameters that stand in the code itself."""

    def __init__(self, cell: Cell, found: Found, in_pipeline: bool, in_script: bool) -> None:
        self._cell = cell
        self._found = found
        self._text = OPTIONAL if in_pipeline else ""
        self._marker = OPTIONAL if in_script else ""

    def read(self, code: str, offset: int) -> None:
        for spot in prepare(code).spots:
            start = offset + spot.start
            text = spot.original
            if text.startswith(":"):
                # ``raw:a:b`` reaches deeper into a JSON value.
                if spot.start == 0 or not _WORD_BEFORE.match(code[spot.start - 1]):
                    self._add(text[1:], start, text, self._marker or ":x")
            elif text.startswith("${"):
                inside = _IN_BRACES.fullmatch(text)
                if inside is not None:
                    name = inside[1] or inside[2][1:-1]
                    self._add(name, start, text, self._text or ("${x}" if inside[1] else SQL_CALL))
            elif text.startswith("$"):
                self._add(text[1:], start, text, self._text or "$x")
            elif text[:10].upper() == "IDENTIFIER":
                self.read(text[11:-1], start + 11)

    def _add(self, name: str, start: int, text: str, form: str) -> None:
        self._found.read(name, _spot(self._cell, start, start + len(text)), form)


def _calls(cell: Cell, found: Found) -> None:
    code = _without_comments(cell.code)
    for match in _CREATE.finditer(code):
        default = match["default"]
        found.widgets.append(
            Widget(
                match["name"].strip("\"'`"),
                match["kind"].lower(),
                _spot(cell, match.start("name"), match.end("name")),
                default[1:-1] if default and default[0] in "\"'" else None,
                _choices(code, match),
            )
        )
    for match in _GET.finditer(code):
        form = OPTIONAL if match["end"] == "," else SQL_CALL
        found.read(match["name"][1:-1], _spot(cell, match.start("name"), match.end("name")), form)


def _choices(code: str, create: re.Match[str]) -> tuple[str, ...] | None:
    """The choices of a widget where a query of nothing but literals gives them."""
    found = _CHOICES.match(code, create.end())
    if found is None or create["kind"].upper() == "TEXT" or "\\" in found["values"]:
        return None
    return tuple(literal[1:-1] for literal in _PIECE.findall(found["values"]))


def _in_literals(cell: Cell, found: Found, *, in_pipeline: bool) -> None:
    """Text is filled in before anything is parsed, and so in strings, too."""
    for token in tokens(cell.code):
        if token.kind not in ("string", "quoted", "body") or "$" not in token.text:
            continue
        for match in _FILLED_IN.finditer(token.text):
            start = token.start + match.start()
            # Without braces it may be anything: a price, a path in a JSON document.
            certain = match[1] and token.kind != "body" and not in_pipeline
            form = "${x}" if certain else OPTIONAL
            found.read(match[1] or match[2], _spot(cell, start, start + len(match[0])), form)


def _without_comments(code: str) -> str:
    for token in tokens(code):
        if token.kind == "comment":
            code = blanked(code, token.start, len(token.text))
    return code


def _spot(cell: Cell, start: int, end: int) -> Spot:
    line, column = cell.code_place(*place(cell.code, start))
    end_line, end_column = cell.code_place(*place(cell.code, end))
    return Spot(cell.number, line, column, end_line, end_column)
