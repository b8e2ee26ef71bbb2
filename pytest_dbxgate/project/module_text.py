"""What a Python module binds and imports, read from its text; nothing is ever executed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_dbxgate.languages.python.tree import parse
from pytest_dbxgate.project.imports import import_statements

_DYNAMIC = re.compile(r"\b(?:exec|globals|locals|vars|__getattr__|__path__|sys\.modules)\b")
_NAMESPACES = frozenset({"globals", "locals", "vars"})
_READING = frozenset({"copy", "get", "items", "keys", "values"})


@dataclass(frozen=True, slots=True)
class ModuleImport:
    """One import of a module."""

    module: str
    level: int = 0
    names: tuple[str, ...] = ()
    star: bool = False


@dataclass(frozen=True, slots=True)
class ModuleText:
    """What stands in a module."""

    names: frozenset[str] = frozenset()
    """Bound at its top level, in any branch."""
    listed: frozenset[str] | None = None
    """``__all__``; None where there is none."""
    imports: tuple[ModuleImport, ...] = ()
    open: bool = False
    """Whether it may bind more."""
    open_list: bool = False
    """Whether ``__all__`` is worked out at run time."""


UNREADABLE = ModuleText(open=True)


def read(text: str) -> ModuleText:
    """What stands in ``text``; :data:`UNREADABLE` where it is no Python."""
    module = parse(text)
    if module is None:
        return UNREADABLE
    names: set[str] = set()
    for node in _own_nodes(module):
        names.update(_bound(node))
    for node in ast.walk(module):
        if isinstance(node, ast.Global):
            names.update(node.names)
    listed, open_list = _all(module)
    return ModuleText(
        frozenset(names),
        listed,
        tuple(_imports(module)),
        open=_DYNAMIC.search(text) is not None and _is_dynamic(module),
        open_list=open_list,
    )


def _own_nodes(module: ast.Module) -> Iterator[ast.AST]:
    """Every node that runs in the module's own scope."""
    waiting: list[ast.AST] = list(module.body)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            # A walrus in a decorator or a default binds here, but nobody writes one.
            continue
        if not isinstance(node, ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


def _bound(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Store):
            yield node.id
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, ast.Import):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from (alias.asname or alias.name for alias in node.names if alias.name != "*")
    elif isinstance(node, ast.ExceptHandler):
        # Gone after the handler: it cannot be imported.
        return
    elif isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name:
        yield node.name
    elif isinstance(node, ast.MatchMapping) and node.rest:
        yield node.rest


def _imports(module: ast.Module) -> Iterator[ModuleImport]:
    top = {id(node) for node in _own_nodes(module)}
    for statement, _ in import_statements(module.body):
        if isinstance(statement, ast.Import):
            yield from (ModuleImport(alias.name) for alias in statement.names)
            continue
        names = tuple(alias.name for alias in statement.names if alias.name != "*")
        star = not names and id(statement) in top
        yield ModuleImport(statement.module or "", statement.level, names, star)


def _is_dynamic(module: ast.Module) -> bool:
    """Whether the module may bind names, or find submodules, in a way nobody can follow."""
    own = {id(node) for node in _own_nodes(module)}
    waiting: set[int] = set()
    read_only: set[int] = set()
    for node in ast.walk(module):
        match node:
            case ast.Call(func=ast.Name(id="exec")) | ast.Name(id="__path__"):
                return True
            case ast.FunctionDef(name="__getattr__") | ast.Name(id="__getattr__"):
                if id(node) in own:
                    return True
            case ast.Call(func=ast.Name(id=name), args=[]) if name in _NAMESPACES:
                if name == "globals" or id(node) in own:
                    waiting.add(id(node))
            case ast.Attribute(value=value, attr=name) if name in _READING:
                read_only.add(id(value))
            case ast.Subscript(value=value, slice=key, ctx=context):
                if _is_sys_modules(value) and _is_own_name(key, context):
                    return True
                if isinstance(context, ast.Load):
                    read_only.add(id(value))
            case ast.Compare(comparators=values):
                read_only.update(map(id, values))
    return not waiting <= read_only


def _is_sys_modules(node: ast.expr) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id="sys"), attr="modules"):
            return True
    return False


def _is_own_name(key: ast.expr, context: ast.expr_context) -> bool:
    return not isinstance(context, ast.Load) or (isinstance(key, ast.Name) and key.id == "__name__")


def _all(module: ast.Module) -> tuple[frozenset[str] | None, bool]:
    """``__all__``, and whether it is more than a list of literals."""
    listed: frozenset[str] | None = None
    for node in _own_nodes(module):
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id="__all__"), value=ast.expr() as value):
                pass
            case ast.AugAssign(target=ast.Name(id="__all__"), value=value):
                pass
            case ast.Attribute(value=ast.Name(id="__all__")):
                return listed, True
            case _:
                continue
        names = _literals(value)
        if names is None:
            return listed, True
        listed = names | (listed or frozenset())
    return listed, False


def _literals(node: ast.expr) -> frozenset[str] | None:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    if isinstance(value, (list, tuple, set)) and all(isinstance(each, str) for each in value):
        return frozenset(value)
    return None
