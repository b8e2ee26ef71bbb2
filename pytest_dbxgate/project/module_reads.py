"""What a notebook reads of the modules it imports: the attributes of their names."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TypeAlias

from pytest_dbxgate.project.facts import Name
from pytest_dbxgate.project.trees import Tree, Trees

Chain: TypeAlias = "tuple[str, ...]"
"""How a module is spelt in code: ``("a", "b")`` for ``a.b``."""
Reads: TypeAlias = "Mapping[Chain, tuple[Name, ...]]"


def find(chains: Collection[Chain], names: Collection[str], trees: Trees) -> Reads:
    """By the spelling of a module: what is read of it, each name where it is read first.

    ``chains`` come from plain imports, ``names`` from ``from x import name``. Nothing of a name
    that the notebook binds to something else, too, and no attribute that it sets itself.
    """
    # Most of what comes by ``from`` is no module: nothing is read of it.
    names = {name for name in names if trees.hold(f"{name}.")}
    reads: dict[Chain, dict[str, Name]] = {
        chain: {} for chain in (*chains, *((name,) for name in names))
    }
    if not reads:
        return {}
    origins: dict[str, set[Origin]] = defaultdict(set)
    stored: set[tuple[Chain, str]] = set()
    for tree in trees.holding(*{chain[0] for chain in reads}):
        for node in ast.walk(tree.module):
            if type(node) in _BINDING:
                for name, origin in _bound(node):
                    origins[name].add(origin)
            elif isinstance(node, ast.Attribute):
                chain = _chain(node.value)
                if chain not in reads:
                    continue
                if not isinstance(node.ctx, ast.Load):
                    stored.add((chain, node.attr))
                elif node.attr not in reads[chain] or _earlier(tree, node, reads[chain]):
                    reads[chain][node.attr] = Name(node.attr, tree.spot(node))
    return {
        chain: tuple(sorted(_kept(chain, found, stored), key=lambda name: name.spot))
        for chain, found in reads.items()
        if len(origins[chain[0]]) == 1 and _OTHER not in origins[chain[0]]
    }


def _earlier(tree: Tree, node: ast.Attribute, names: dict[str, Name]) -> bool:
    # A tree is not walked in the order of its text.
    known = names[node.attr].spot
    return known.cell == tree.cell.number and tree.spot(node) < known


def _kept(chain: Chain, names: dict[str, Name], stored: set[tuple[Chain, str]]) -> Iterator[Name]:
    return (name for name in names.values() if (chain, name.name) not in stored)


Origin: TypeAlias = "tuple[int, str, str]"
"""Of an import: its level, the module, the name in it."""

_OTHER = (-1, "", "")
"""The origin of all that is not imported."""

_BINDING = frozenset(
    {
        *(ast.Name, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.arg),
        *(ast.Import, ast.ImportFrom),
    }
)


def _bound(node: ast.AST) -> Iterable[tuple[str, Origin]]:
    """The names that ``node`` binds, and to what."""
    match node:
        case ast.Name(id=name, ctx=context):
            return () if isinstance(context, ast.Load) else ((name, _OTHER),)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return ((name, _OTHER),)
        case ast.arg(arg=name):
            return ((name, _OTHER),)
        case ast.Import(names=aliases):
            return [_imported(alias) for alias in aliases]
        case ast.ImportFrom(names=aliases):
            module, level = node.module or "", node.level
            return [(each.asname or each.name, (level, module, each.name)) for each in aliases]
    return ()


def _imported(alias: ast.alias) -> tuple[str, Origin]:
    if alias.asname:
        return alias.asname, (0, alias.name, "")
    top = alias.name.partition(".")[0]
    return top, (0, top, "")


def _chain(node: ast.expr) -> Chain:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ()
    return (node.id, *reversed(parts))
