"""Names that stand in the code as literals: written out, kept in a constant, or looped over."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping

from pytest_dbxgate.project.trees import Trees

Names = tuple[str, ...] | None
"""What an expression may be; None where that is not known."""


class Literals:
    """Looks names up in one notebook. Cells are parsed only where a name is looked up."""

    def __init__(self, trees: Trees) -> None:
        self._trees = trees
        self._constants: dict[str, ast.expr | None] = {}

    def names(self, node: ast.expr, bound: Mapping[str, Names]) -> Names:
        """The strings ``node`` may be; ``bound`` are the variables of the loops around it."""
        if isinstance(node, ast.Constant):
            return (node.value,) if isinstance(node.value, str) else None
        if not isinstance(node, ast.Name):
            return None
        if node.id in bound:
            return bound[node.id]
        constant = self._constant(node.id)
        return self.names(constant, bound) if isinstance(constant, ast.Constant) else None

    def loop(self, target: ast.expr, source: ast.expr) -> dict[str, Names]:
        """What the variables of ``for target in source`` may be."""
        variables = {node.id: None for node in ast.walk(target) if isinstance(node, ast.Name)}
        bound: dict[str, Names] = dict(variables)
        method, source = _view(source)
        if isinstance(source, ast.Name):
            source = self._constant(source.id) or source
        first = target.elts[0] if isinstance(target, ast.Tuple) and target.elts else target
        if not isinstance(first, ast.Name):
            return bound
        if isinstance(source, ast.Dict):
            if (method == "items") == (first is not target) and method != "values":
                bound[first.id] = _all_texts(source.keys)
        elif isinstance(source, (ast.List, ast.Tuple, ast.Set)) and not method:
            elements = source.elts if first is target else [_first(row) for row in source.elts]
            bound[first.id] = _all_texts(elements)
        return bound

    def _constant(self, name: str) -> ast.expr | None:
        """What the notebook assigns to ``name``, where it does so once and outside of all else."""
        if name not in self._constants:
            values: list[ast.expr | None] = []
            for tree in self._trees.holding(name):
                stored = sum(_stores(node, name) for node in ast.walk(tree.module))
                values += [value for node in tree.module.body for value in _value(node, name)]
                values += [None] * (stored - len(values))
            self._constants[name] = values[0] if len(values) == 1 else None
        return self._constants[name]


def texts_of(node: ast.expr) -> Names:
    """The strings of a literal list, tuple or set."""
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return _all_texts(node.elts)
    return None


def _all_texts(nodes: Iterable[ast.expr | None]) -> Names:
    texts = []
    for node in nodes:
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            return None
        texts.append(node.value)
    return tuple(texts)


def _first(node: ast.expr) -> ast.expr | None:
    return node.elts[0] if isinstance(node, (ast.Tuple, ast.List)) and node.elts else None


def _view(node: ast.expr) -> tuple[str, ast.expr]:
    """The method and the owner of ``x.items()``, ``x.keys()`` and ``x.values()``."""
    match node:
        case ast.Call(func=ast.Attribute(attr="items" | "keys" | "values" as method, value=owner)):
            return method, owner
    return "", node


def _stores(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load)


def _value(node: ast.stmt, name: str) -> list[ast.expr]:
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        return [node.value] if _stores(node.targets[0], name) else []
    if isinstance(node, ast.AnnAssign) and node.value is not None:
        return [node.value] if _stores(node.target, name) else []
    return []
