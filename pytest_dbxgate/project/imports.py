"""The imports of a notebook that may mean the repository's own modules.

Most cells import nothing but Python's own and well-known packages
(:mod:`~pytest_dbxgate.project.known_packages`). One regular expression tells, and only a cell
with another import is parsed. The imports of well-known packages are left out of the result.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pytest_dbxgate.notebook.model import Language, Notebook
from pytest_dbxgate.project import module_reads
from pytest_dbxgate.project.facts import Import, Name
from pytest_dbxgate.project.known_packages import is_known
from pytest_dbxgate.project.module_reads import Reads
from pytest_dbxgate.project.search_paths import find as find_search_paths
from pytest_dbxgate.project.trees import Tree, Trees

_IMPORT = re.compile(
    r"(?:^|[;:])[^\S\n]*"
    r"(?:from[^\S\n]+(\.*[\w.]*)[^\S\n]*import\b|import[^\S\n]+([^\n;#]+))",
    re.MULTILINE,
)
_FROM = re.compile(r"from[^\S\n]+(\.*[^\W\d][\w.]*|\.+)")
_WRITTEN = re.compile(r"""([\w-]+)\.py["']\s*,\s*(?:mode\s*=\s*)?["'][wxa]""")
_FAILURES = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


def find(notebook: Notebook, trees: Trees) -> tuple[tuple[Import, ...], tuple[str, ...]]:
    """The imports of all Python cells, in order, and what is added to ``sys.path``
    (:func:`pytest_dbxgate.project.search_paths.find`)."""
    found: list[_Found] = []
    for cell in notebook.cells:
        if cell.language is Language.PYTHON and _may_be_own(cell.code):
            tree = trees.of(cell)
            if tree is not None:
                found += _of_cell(tree)
    search_paths = find_search_paths(notebook, trees)
    if not found:
        return (), search_paths
    written = _written(notebook)
    chains = {item.chain for item in found if item.chain}
    names = {spelt for item in found for spelt, _ in item.spelt}
    reads = module_reads.find(chains, names, trees)
    return tuple(_completed(item, reads, written) for item in found), search_paths


class _Found(NamedTuple):
    item: Import
    chain: tuple[str, ...] = ()
    """How the module is spelt in code: ``import a.b`` is ``a.b``, ``import a.b as c`` is ``c``.
    Empty for ``from``."""
    spelt: tuple[tuple[str, str], ...] = ()
    """Of ``from``: how each name is spelt in code, and the name; only what may be a module."""


def _completed(found: _Found, reads: Reads, written: frozenset[str]) -> Import:
    item = found.item
    if found.chain:
        item = item._replace(uses=reads.get(found.chain, ()))
    elif found.spelt:
        uses = (
            Name(f"{name}.{read.name}", read.spot)
            for spelt, name in found.spelt
            for read in reads.get((spelt,), ())
        )
        item = item._replace(uses=tuple(sorted(uses, key=lambda use: use.spot)))
    if written and not written.isdisjoint(item.module.split(".")):
        # What the notebook writes itself is not what stands in the repository.
        item = item._replace(guarded=True)
    return item


def _may_be_own(code: str) -> bool:
    if "import" not in code:
        return False
    for module, several in _IMPORT.findall(code):
        for name in several.split(",") if several else (module,):
            words = name.split(None, 1)
            if words and not is_known(words[0]):
                return True
    return False


def _written(notebook: Notebook) -> frozenset[str]:
    """The modules that the notebook writes itself."""
    names: set[str] = set()
    for cell in notebook.cells:
        if cell.magic is not None and cell.magic.name == "writefile":
            path = cell.magic.argument.split()[-1:]
            names.update(each.rpartition("/")[2].strip("\"'").removesuffix(".py") for each in path)
        elif cell.language is Language.PYTHON and ".py" in cell.code:
            names.update(_WRITTEN.findall(cell.code))
    return frozenset(names)


def _of_cell(tree: Tree) -> list[_Found]:
    found: list[_Found] = []
    for statement, guarded in import_statements(tree.module.body):
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                if not is_known(alias.name):
                    spelt = (alias.asname,) if alias.asname else tuple(alias.name.split("."))
                    spot = tree.spot(alias)
                    found.append(_Found(Import(alias.name, spot, guarded=guarded), spelt))
        elif statement.level or not is_known(statement.module or ""):
            item = _from(tree, statement, guarded=guarded)
            found.append(_Found(item, spelt=_modules_in(statement)))
    return sorted(found, key=lambda each: each.item.spot)


def _from(tree: Tree, statement: ast.ImportFrom, *, guarded: bool) -> Import:
    star = any(alias.name == "*" for alias in statement.names)
    return Import(
        statement.module or "",
        tree.spot(_module_of(tree, statement)),
        statement.level,
        () if star else tuple(Name(each.name, tree.spot(each)) for each in statement.names),
        star,
        guarded=guarded,
    )


def _modules_in(statement: ast.ImportFrom) -> tuple[tuple[str, str], ...]:
    """What of a ``from`` may be a module: those have no capitals."""
    return tuple(
        (alias.asname or alias.name, alias.name)
        for alias in statement.names
        if alias.name.islower()
    )


def _module_of(tree: Tree, statement: ast.ImportFrom) -> ast.stmt | ast.expr:
    """A node that stands where the module's name does: the tree has none for it."""
    line = tree.lines[statement.lineno - 1].encode()
    match = _FROM.match(line[statement.col_offset :].decode(errors="replace"))
    if match is None:
        return statement
    start = statement.col_offset + len(match[0][: match.start(1)].encode())
    return ast.Name(
        match[1],
        ast.Load(),
        lineno=statement.lineno,
        col_offset=start,
        end_lineno=statement.lineno,
        end_col_offset=start + len(match[1].encode()),
    )


def import_statements(
    body: Iterable[ast.stmt],
) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """Every import below ``body``, in no order, and whether its failure is caught."""
    waiting: list[tuple[ast.AST, bool]] = [(node, False) for node in body]
    while waiting:
        node, guarded = waiting.pop()
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node, guarded
        elif isinstance(node, ast.Try):
            caught = guarded or any(map(_catches, node.handlers))
            waiting += [(child, caught) for child in (*node.body, *node.handlers)]
            waiting += [(child, guarded) for child in (*node.orelse, *node.finalbody)]
        elif isinstance(node, (ast.stmt, ast.excepthandler, ast.match_case)):
            inner = guarded or _guards(node)
            waiting += [
                (child, inner)
                for child in ast.iter_child_nodes(node)
                if isinstance(child, (ast.stmt, ast.excepthandler, ast.match_case))
            ]


def _catches(handler: ast.excepthandler) -> bool:
    if not isinstance(handler, ast.ExceptHandler):
        return False
    kinds = handler.type
    if kinds is None:
        return True
    listed = kinds.elts if isinstance(kinds, ast.Tuple) else [kinds]
    return any(_last_name(each) in _FAILURES for each in listed)


def _guards(node: ast.AST) -> bool:
    """Whether what stands in ``node`` may fail, or never runs."""
    if isinstance(node, ast.With):
        calls = [item.context_expr for item in node.items]
        return any(
            isinstance(each, ast.Call) and _last_name(each.func) == "suppress" for each in calls
        )
    return isinstance(node, ast.If) and _last_name(node.test) == "TYPE_CHECKING"


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
