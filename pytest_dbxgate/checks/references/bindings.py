"""What a cell binds at its top level, and where in it functions stand."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from pytest_dbxgate.languages.python.cells import without_magics
from pytest_dbxgate.languages.python.tree import parse

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_PARTS = (ast.stmt, ast.excepthandler, ast.match_case)


class Function(NamedTuple):
    """A function or method, by its lines; what stands in it is part of it."""

    first: int
    last: int
    name: str
    """By which a caller knows it: for ``__init__`` and the like that of the class."""
    is_method: bool


class Outline(NamedTuple):
    """What a cell binds and holds."""

    bound: Mapping[str, int]
    """Name -> the first line (from 1) that binds it at the top level."""
    functions: tuple[Function, ...]
    is_known: bool = True
    """False where it does not parse."""


def bound_at(text: str, name: str) -> int:
    """The first line (from 1) of a cell that binds ``name`` at its top level; 0 if none does."""
    return outline(text).bound.get(name, 0) if name in text else 0


def may_run_later(text: str, line: int) -> bool:
    """Whether a line of a cell may run later than the cell: it stands in a function."""
    found = outline(text)
    return (
        not found.is_known
        or function_of(text, line) is not None
        or "lambda" in lines_of(text)[line - 1]
    )


@lru_cache(maxsize=8)
def lines_of(text: str) -> tuple[str, ...]:
    """The lines of a cell. Ruff may find something on each of them."""
    return tuple(text.split("\n"))


def function_of(text: str, line: int) -> Function | None:
    """The function or method around a line."""
    functions = outline(text).functions
    return next((each for each in functions if each.first <= line <= each.last), None)


@lru_cache(maxsize=512)
def outline(text: str) -> Outline:
    """The outline of a cell's code."""
    module = parse(without_magics(text))
    if module is None:
        return Outline({}, (), is_known=False)
    bound: dict[str, int] = {}
    functions: list[Function] = []
    for node, owner in _statements(module):
        names = _bound(node) if not owner else ()
        if isinstance(node, _FUNCTIONS):
            called = owner if node.name.startswith("__") and owner else node.name
            last = node.end_lineno or node.lineno
            functions.append(Function(node.lineno, last, called, called != owner and bool(owner)))
        for name in names:
            bound[name] = min(node.lineno, bound.get(name, node.lineno))
    if "global " in text or ":=" in text:
        for name, line in _from_within(module):
            bound.setdefault(name, line)
    return Outline(bound, tuple(functions))


def _statements(module: ast.Module) -> Iterator[tuple[ast.stmt, str]]:
    """Every statement outside of functions, and the class that it belongs to."""
    waiting: list[tuple[ast.AST, str]] = [(node, "") for node in reversed(module.body)]
    while waiting:
        node, owner = waiting.pop()
        if isinstance(node, ast.stmt):
            yield node, owner
        if isinstance(node, ast.ClassDef):
            owner = owner or node.name
        if not isinstance(node, _FUNCTIONS):
            children = ast.iter_child_nodes(node)
            waiting += [(child, owner) for child in children if isinstance(child, _PARTS)]


def _bound(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Import(names=names):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in names)
        case ast.ImportFrom(names=names):
            yield from (alias.asname or alias.name for alias in names)
        case ast.Assign(targets=targets):
            for target in targets:
                yield from _stored(target)
        case ast.AnnAssign(target=target, value=ast.expr()) | ast.AugAssign(target=target):
            yield from _stored(target)
        case ast.For(target=target) | ast.AsyncFor(target=target):
            yield from _stored(target)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            for item in items:
                if item.optional_vars is not None:
                    yield from _stored(item.optional_vars)
        case ast.Match(cases=cases):
            for case in cases:
                yield from _captured(case.pattern)


def _stored(target: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, (ast.Tuple, ast.List)):
        for each in target.elts:
            yield from _stored(each)
    elif isinstance(target, ast.Starred):
        yield from _stored(target.value)


def _captured(pattern: ast.pattern) -> Iterator[str]:
    for node in ast.walk(pattern):
        match node:
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name
            case ast.MatchMapping(rest=str(name)):
                yield name


def _from_within(module: ast.Module) -> Iterator[tuple[str, int]]:
    """What expressions bind, and functions for the whole notebook."""
    for node in ast.walk(module):
        if isinstance(node, ast.Global):
            yield from ((name, node.lineno) for name in node.names)
        elif isinstance(node, ast.NamedExpr):
            yield node.target.id, node.lineno
