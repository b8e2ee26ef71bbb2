"""Calls of ``dbutils.notebook.run``: by their trees in Python, by literals in Scala and R."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_dbxgate.notebook.model import Cell, Language
from pytest_dbxgate.project.facts import Argument, NotebookRun, Spot
from pytest_dbxgate.project.trees import Tree

_CALL = re.compile(r"\bdbutils\s*\.\s*notebook\s*\.\s*run\s*\(\s*(?:path\s*=\s*)?")
_STRING = r'"(?P<{}>[^"\\\n]*)"'
_PATH = re.compile(_STRING.format("path") + r"\s*(?=[,)])")
_TIMEOUT = re.compile(r"\s*,\s*(?:[A-Za-z_]\w*\s*=\s*)?[\w.]+\s*")
_MAP = re.compile(
    r"\s*,\s*(?:arguments\s*=\s*)?(?:scala\.collection\.immutable\.)?(?:Map|list)\s*\("
)
_PAIRS = {
    Language.SCALA: re.compile(
        r"\s*"
        + _STRING.format("name")
        + r"\s*->\s*(?:"
        + _STRING.format("value")
        + r"|[^,()\"\n]+)"
    ),
    Language.R: re.compile(
        r"\s*(?:[\"`](?P<quoted>[^\"`\n]*)[\"`]|(?P<name>[\w.]+))\s*=\s*(?:"
        + _STRING.format("value")
        + r"|[^,()\"\n]+)"
    ),
}
_NEXT = re.compile(r"\s*(,|\))")
_NUMBER = re.compile(r"[\d.]+[LlDdFf]?|true|false|TRUE|FALSE|NULL|null")


def python_calls(tree: Tree) -> Iterator[NotebookRun]:
    """The calls in a cell of Python, in order."""
    calls = [node for node in ast.walk(tree.module) if isinstance(node, ast.Call)]
    calls = [call for call in calls if _is_notebook_run(call.func)]
    for call in sorted(calls, key=lambda each: (each.lineno, each.col_offset)):
        path = _given(call, 0, "path")
        literal = _literal(path) if path is not None else None
        spot = tree.spot(path if path is not None else call)
        yield NotebookRun(literal, spot, _python_arguments(tree, call))


def _is_notebook_run(node: ast.expr) -> bool:
    """``dbutils.notebook.run``, whatever ``dbutils`` belongs to."""
    match node:
        case ast.Attribute(attr="run", value=ast.Attribute(attr="notebook", value=owner)):
            match owner:
                case ast.Name(id=name) | ast.Attribute(attr=name):
                    return "dbutils" in name.lower()
    return False


def _given(call: ast.Call, position: int, name: str) -> ast.expr | None:
    """An argument of a call; None where it is not there, or nobody can tell."""
    before = call.args[: position + 1]
    if any(isinstance(each, ast.Starred) for each in before):
        return None
    if len(before) > position:
        return before[position]
    return next((each.value for each in call.keywords if each.arg == name), None)


def _literal(node: ast.expr) -> str | None:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=[ast.Constant(value=str(text))]):
            return text
    return None


def _python_arguments(tree: Tree, call: ast.Call) -> tuple[Argument, ...] | None:
    given = _given(call, 2, "arguments")
    if given is None:
        hidden = any(isinstance(each, ast.Starred) for each in call.args)
        return None if hidden or any(each.arg is None for each in call.keywords) else ()
    pairs: list[tuple[str | None, ast.expr | ast.keyword | None, ast.expr]]
    match given:
        case ast.Dict(keys=keys, values=values):
            pairs = [
                (_literal(key) if key else None, key, value)
                for key, value in zip(keys, values, strict=True)
            ]
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords):
            pairs = [(each.arg, each, each.value) for each in keywords]
        case _:
            return None
    found: list[Argument] = []
    for name, place, value in pairs:
        if name is None or place is None:
            return None
        start, end = tree.spot(place), tree.spot(value)
        spot = Spot(start.cell, start.line, start.column, end.end_line, end.end_column)
        found.append(Argument(name, _literal(value), spot, not _is_no_string(value)))
    return tuple(found)


def _is_no_string(node: ast.expr) -> bool:
    """Whether a value is known to be no string."""
    match node:
        case ast.Constant(value=value):
            return not isinstance(value, str)
        case ast.UnaryOp(operand=ast.Constant()):
            return True
    return isinstance(node, ast.List | ast.Tuple | ast.Dict | ast.Set)


def text_calls(cell: Cell) -> Iterator[NotebookRun]:
    """The calls in a cell of Scala or R, in order."""
    for match in _CALL.finditer(cell.code):
        if _is_comment(cell, match.start()):
            continue
        path = _PATH.match(cell.code, match.end())
        if path is None:
            yield NotebookRun(None, _spot(cell, match.start(), match.end()), None)
            continue
        spot = _spot(cell, path.start("path") - 1, path.end("path") + 1)
        yield NotebookRun(path["path"], spot, _text_arguments(cell, path.end()))


def _is_comment(cell: Cell, offset: int) -> bool:
    above = cell.code[:offset]
    line = above[above.rfind("\n") + 1 :]
    if cell.language is Language.R:
        return "#" in line
    return "//" in line or above.rfind("/*") > above.rfind("*/")


def _text_arguments(cell: Cell, offset: int) -> tuple[Argument, ...] | None:
    """The pairs of a ``Map(...)`` or ``list(...)``; None where they are not all plain."""
    code = cell.code
    timeout = _TIMEOUT.match(code, offset)
    offset = timeout.end() if timeout else offset
    if code.startswith(")", offset):
        return ()
    opening = _MAP.match(code, offset)
    if opening is None:
        return None
    found: list[Argument] = []
    offset = opening.end()
    if code.startswith(")", offset):
        return ()
    while pair := _PAIRS[cell.language].match(code, offset):
        groups = pair.groupdict()
        value = groups["value"]
        text = pair[0].rpartition("->" if cell.language is Language.SCALA else "=")[2].strip()
        start = pair.end() - len(pair[0].lstrip())
        spot = _spot(cell, start, start + len(pair[0].strip()))
        name = groups.get("quoted") or groups["name"] or ""
        found.append(Argument(name, value, spot, not _NUMBER.fullmatch(text)))
        after = _NEXT.match(code, pair.end())
        if after is None:
            return None
        if after[1] == ")":
            return tuple(found)
        offset = after.end()
    return None


def _spot(cell: Cell, start: int, end: int) -> Spot:
    return Spot(cell.number, *_place(cell, start), *_place(cell, end))


def _place(cell: Cell, offset: int) -> tuple[int, int]:
    line = cell.code.count("\n", 0, offset) + 1
    column = offset - (cell.code.rfind("\n", 0, offset) + 1) + 1
    return cell.code_place(line, column)
