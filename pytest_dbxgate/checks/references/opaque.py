"""Code that binds names, or forgets them, in a way that no linter follows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_dbxgate.languages.python.cells import magic_lines, without_magics
from pytest_dbxgate.languages.python.tree import parse

WORDS = (
    *("exec(", "globals(", "locals(", "vars(", "get_ipython", "builtins"),
    *("__main__", "sys.modules", "%load", "%pylab", "%store"),
)
"""Where none of these stands in a text, nothing in it binds names unseen."""

_BINDING_MAGIC = re.compile(r"%{1,2}(?:load|loadpy|pylab|store)\b(?!_)")

_NAMESPACES = frozenset({"globals", "locals", "vars"})
_READS = frozenset({"get", "keys", "values", "items", "copy", "__contains__", "__getitem__"})
_READERS = frozenset(
    {"dict", "eval", "filter", "id", "len", "list", "map", "print", "set", "sorted", "str", "type"}
)
_SHELL_RUNS = frozenset({"run_line_magic", "run_cell_magic", "magic"})
_SHELL_BINDS = frozenset({"run_cell", "ex", "push", "user_ns", "user_global_ns", "safe_execfile"})
_HARMLESS_MAGICS = frozenset(
    {"autoreload", "conda", "config", "load_ext", "matplotlib", "pip", "reload_ext", "sh", "system"}
)
_MAIN = frozenset({"builtins", "__builtins__", "__main__"})

_RESTART_MAGIC = re.compile(r"[^\S\n]*%{1,2}restart_python\b")


def mentions(text: str, words: tuple[str, ...]) -> bool:
    """Whether one of ``words`` stands in ``text``."""
    # Every cell comes by here: a generator would take twice as long.
    for word in words:  # noqa: SIM110
        if word in text:
            return True
    return False


def binds_unseen(text: str) -> bool:
    """Whether the code of a cell may bind names that do not stand in it."""
    if not mentions(text, WORDS):
        return False
    if any(map(_BINDING_MAGIC.match, magic_lines(text))):
        return True
    module = parse(without_magics(text))
    if module is None:
        return True
    harmless = set(_only_read(module))
    return any(_binds(node) for node in ast.walk(module) if id(node) not in harmless)


def _only_read(module: ast.Module) -> Iterator[int]:
    """The ids of the nodes that stand where a namespace is merely looked at."""
    for node in ast.walk(module):
        match node:
            case ast.Compare(comparators=seen):
                yield from map(id, seen)
            case ast.Subscript(value=seen, ctx=ast.Load()):
                yield id(seen)
            case ast.Attribute(value=seen, attr=attribute) if attribute in _READS:
                yield id(seen)
            case ast.keyword(arg=None, value=seen) | ast.BinOp(op=ast.Mod(), right=seen):
                yield id(seen)
            case ast.Call(func=ast.Name(id=name), args=seen) if name in _READERS:
                yield from map(id, seen)
            case ast.For(iter=seen) | ast.comprehension(iter=seen) | ast.FormattedValue(value=seen):
                yield id(seen)


def _binds(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id="exec")):
            return True
        case ast.Call(func=ast.Name(id=name), args=[]) if name in _NAMESPACES:
            return True
        case ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")), attr=attribute):
            return attribute in _SHELL_BINDS
        case ast.Call(
            func=ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")), attr=attribute),
            args=arguments,
        ) if attribute in _SHELL_RUNS:
            return not _is_harmless(arguments)
        case ast.Attribute(value=ast.Name(id=name), ctx=ast.Store()) if name in _MAIN:
            return True
        case ast.Call(func=ast.Name(id="setattr"), args=[ast.Name(id=name), *_]) if name in _MAIN:
            return True
        case ast.Subscript(
            value=ast.Attribute(value=ast.Name(id="sys"), attr="modules"),
            slice=ast.Name(id="__name__") | ast.Constant(value="__main__"),
        ):
            return True
        case ast.Import(names=names):
            return any(alias.name == "__main__" for alias in names)
    return False


def _is_harmless(arguments: list[ast.expr]) -> bool:
    match arguments:
        case [ast.Constant(value=str(magic)), *_]:
            return magic.split(" ")[0] in _HARMLESS_MAGICS
    return False


def restart(text: str) -> bool | None:
    """Whether code stands below the statement of a cell that restarts Python in any case; None
    where there is no such statement.

    ``%pip install`` is none: since runtime 13.0 Python goes on as it is.
    """
    if "restart" not in text:
        return None
    module = parse(without_magics(text))
    if module is None:
        return None
    lines = text.split("\n")
    body = module.body
    last = next((n for n in reversed(range(len(body))) if _restarts(body[n], lines)), None)
    if last is None:
        return None
    return any(not isinstance(statement, ast.Pass) for statement in body[last + 1 :])


def _restarts(statement: ast.stmt, lines: list[str]) -> bool:
    match statement:
        case ast.Pass():
            return _RESTART_MAGIC.match(lines[statement.lineno - 1]) is not None
        case ast.Expr(
            value=ast.Call(
                func=ast.Attribute(
                    value=ast.Attribute(value=ast.Name(id="dbutils"), attr="library"),
                    attr="restartPython",
                )
            )
        ):
            return True
    return False
