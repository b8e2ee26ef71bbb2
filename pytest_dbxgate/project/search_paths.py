"""What a notebook adds to ``sys.path``."""

from __future__ import annotations

import ast
import posixpath

from pytest_dbxgate.notebook.model import Language, Notebook
from pytest_dbxgate.project.trees import Trees

UNKNOWN = "?"
"""Stands for a folder that is not known before the run."""

_SAME = frozenset({"abspath", "realpath", "normpath", "fspath", "str", "Path", "PurePath"})
_SAME_METHODS = frozenset({"resolve", "absolute", "as_posix"})


def find(notebook: Notebook, trees: Trees) -> tuple[str, ...]:
    """The folders given to ``sys.path.append``, ``insert`` and the like, as they are written.

    A relative one counts from the notebook's folder, which is the working directory on
    Databricks. :data:`UNKNOWN` where a folder is not known before the run.
    """
    found: list[str] = []
    for cell in notebook.cells:
        if cell.language is Language.PYTHON and "sys.path" in cell.code:
            tree = trees.of(cell)
            found += [UNKNOWN] if tree is None else _added(tree.module)
    return tuple(dict.fromkeys(found))


def _added(module: ast.Module) -> list[str]:
    found: list[str] = []
    for node in ast.walk(module):
        given: list[ast.expr] = []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if _is_sys_path(node.func.value):
                given = _of_call(node.func.attr, node.args)
        elif isinstance(node, (ast.AugAssign, ast.Assign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(map(_is_path_target, targets)):
                given = _of_list(node.value)
        found += [_value(each) or UNKNOWN for each in given]
    return found


def _is_sys_path(node: ast.expr) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id="sys"), attr="path"):
            return True
    return False


def _is_path_target(node: ast.expr) -> bool:
    return _is_sys_path(node.value if isinstance(node, ast.Subscript) else node)


def _of_call(method: str, arguments: list[ast.expr]) -> list[ast.expr]:
    if method == "append":
        return arguments[:1]
    if method == "insert":
        return arguments[1:2]
    return _of_list(arguments[0]) if method == "extend" and arguments else []


def _of_list(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node]


def _value(node: ast.expr) -> str | None:
    """The path that ``node`` makes of literals and the working directory; None: unknown."""
    match node:
        case ast.Constant(value=str(text)):
            return text or "."
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return _joined([left, right])
        case ast.Attribute(value=value, attr="parent"):
            return _parent(_value(value))
        case ast.Attribute(value=ast.Name(id="os"), attr="pardir"):
            return ".."
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return _called(name, node)
    return None


def _called(name: str, node: ast.Call) -> str | None:
    if name in ("getcwd", "cwd") and not node.args:
        return "."
    if name == "join":
        return _joined(node.args)
    if name == "dirname" and len(node.args) == 1:
        return _parent(_value(node.args[0]))
    if name in _SAME and len(node.args) == 1:
        return _value(node.args[0])
    if name in _SAME_METHODS and isinstance(node.func, ast.Attribute):
        return _value(node.func.value)
    return None


def _joined(nodes: list[ast.expr]) -> str | None:
    parts = [_value(node) for node in nodes]
    known = [part for part in parts if part is not None]
    return posixpath.join(*known) if known and len(known) == len(parts) else None


def _parent(path: str | None) -> str | None:
    return None if path is None else posixpath.normpath(posixpath.join(path, ".."))
