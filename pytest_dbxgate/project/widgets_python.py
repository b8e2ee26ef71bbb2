"""Widgets in Python cells, by their syntax trees."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from pytest_dbxgate.languages.sql.lexing import place
from pytest_dbxgate.notebook.model import Cell
from pytest_dbxgate.project.facts import Spot, Widget
from pytest_dbxgate.project.literal_names import Literals, Names, texts_of
from pytest_dbxgate.project.trees import Tree, Trees
from pytest_dbxgate.project.widget_facts import KINDS, OPTIONAL, Found

_CALLS = ("widgets", "getArgument")
_HANDED_ON = re.compile(r"(?<![\w.])dbutils\s*(?:[,)]|$)", re.MULTILINE)
_HARMLESS = re.compile(r"^[^\S\n]*(?:(?:from|import|def)\b|#)[^\n]*", re.MULTILINE)
_WORDS = ("dbutils", "conf.set(", "${", "aram", "idget", "etArg", "et_arg")
_FILLED_IN = re.compile(r"\$\{(\w+)\}")
_IN_MAGIC = re.compile(r"^[^\S\n]*[%!].*\bwidgets\.get\(\s*[\"']([^\"'\n]+)", re.MULTILINE)
_STANDING_IN = re.compile(r"(?:aram|idget|etArg|et_arg)\w*\(\s*\\?[\"']([^\"'\\\n]+)")
"""A call of a function of the team's own, or of ``getArgument`` in SQL."""
_SETTING = re.compile(
    r"\bconf\.set\(\s*(?:[rR]?([\"'])(?P<name>[^\"'\n]*)\1|(?P<other>[A-Za-z_]\w*\b))"
)
_OUTSIDE = ("getCurrentBindings", "getNotebookWidgets")


def may_be_in(code: str) -> bool:
    """A quick look: False where :func:`read` finds nothing."""
    return any(word in code for word in _WORDS)


def read(cell: Cell, trees: Trees, found: Found) -> None:
    """Add what a Python cell says."""
    code = cell.code
    _in_text(cell, found)
    if "conf.set(" in code:
        _settings(cell, found)
    if "dbutils" in code:
        if any(word in code for word in _OUTSIDE):
            found.reads_any = True
        if _HANDED_ON.search(_HARMLESS.sub("", code)):
            # Whoever gets it may do anything with widgets.
            found.anything()
    if any(word in code for word in _CALLS):
        tree = trees.of(cell)
        if tree is None:
            found.anything()
            return
        try:
            _Reader(tree, Literals(trees), found).visit(tree.module)
        except RecursionError:
            found.anything()


def _spot(cell: Cell, start: int, end: int) -> Spot:
    line, column = cell.code_place(*place(cell.code, start))
    return Spot(cell.number, line, column, line, column + end - start)


def _in_text(cell: Cell, found: Found) -> None:
    """Reads in texts, such as ``spark.sql("... ${x}")``: whether a widget is meant, nobody can
    tell."""
    for pattern, word in ((_FILLED_IN, "${"), (_IN_MAGIC, "widgets.get"), (_STANDING_IN, "(")):
        if word in cell.code:
            for match in pattern.finditer(cell.code):
                found.read(match[1], _spot(cell, *match.span(1)), OPTIONAL)


def _settings(cell: Cell, found: Found) -> None:
    for match in _SETTING.finditer(cell.code):
        # A dot in the name: it cannot be mistaken for a widget. A prefix makes it no name: f"...".
        if "." not in (match["name"] or "") and match["other"] not in ("f", "F"):
            found.setting(match["name"] or "*", _spot(cell, *match.span()))


class _Reader(ast.NodeVisitor):
    """Walks one cell; knows the loops and the ``try`` around it."""

    def __init__(self, tree: Tree, literals: Literals, found: Found) -> None:
        self._tree = tree
        self._literals = literals
        self._found = found
        self._guarded = False
        self._bound: dict[str, Names] = {}

    def visit_Call(self, node: ast.Call) -> None:
        method = _method(node.func)
        if method is None:
            self.generic_visit(node)
            return
        self._call(method, node)
        for argument in (*node.args, *(word.value for word in node.keywords)):
            self.visit(argument)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        # ``get = dbutils.widgets.get`` and ``w = dbutils.widgets`` may go anywhere.
        if _is_widgets(node):
            self._found.anything()
        elif _is_widgets(node.value):
            if node.attr in KINDS:
                self._found.declares_any = True
            else:
                self._found.reads_any = True
        else:
            self.generic_visit(node)

    def visit_Try(self, node: ast.Try) -> None:
        before, self._guarded = self._guarded, self._guarded or bool(node.handlers)
        self._visit_all(node.body)
        self._guarded = before
        self._visit_all([*node.handlers, *node.orelse, *node.finalbody])

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        before = dict(self._bound)
        self._bound.update(self._literals.loop(node.target, node.iter))
        self._visit_all(node.body)
        self._bound = before
        self._visit_all(node.orelse)

    visit_AsyncFor = visit_For  # noqa: N815

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> None:
        self._comprehension(node.generators, [node.elt])

    visit_SetComp = visit_ListComp  # noqa: N815
    visit_GeneratorExp = visit_ListComp  # noqa: N815

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._comprehension(node.generators, [node.key, node.value])

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        given = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
        before = dict(self._bound)
        self._bound.update((argument.arg, None) for argument in given)
        self.generic_visit(node)
        self._bound = before

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def _comprehension(self, parts: list[ast.comprehension], results: list[ast.expr]) -> None:
        before = dict(self._bound)
        for part in parts:
            self.visit(part.iter)
            self._bound.update(self._literals.loop(part.target, part.iter))
            self._visit_all(part.ifs)
        self._visit_all(results)
        self._bound = before

    def _visit_all(self, nodes: Sequence[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)

    def _call(self, method: str, node: ast.Call) -> None:
        name = _argument(node, 0, "name")
        if method in KINDS:
            names = None if name is None else self._names(name)
            if name is None or names is None:
                self._found.declares_any = True
            else:
                self._declare(method, node, name, names)
        elif method in ("get", "getArgument"):
            names = None if name is None else self._names(name)
            if name is None or names is None:
                self._found.reads_any = True
                return
            has_default = method == "getArgument" and len(node.args) + len(node.keywords) > 1
            form = OPTIONAL if self._guarded or has_default else method
            for text in names:
                self._found.read(text, self._tree.spot(name), form)
        elif method in ("getAll", "get_all"):
            self._found.reads_any = True

    def _declare(self, kind: str, node: ast.Call, name: ast.expr, names: tuple[str, ...]) -> None:
        default = _argument(node, 1, "defaultValue")
        choices = None if kind == "text" else _argument(node, 2, "choices")
        value = default.value if isinstance(default, ast.Constant) else None
        for text in names:
            self._found.widgets.append(
                Widget(
                    text,
                    kind,
                    self._tree.spot(name),
                    value if isinstance(value, str) else None,
                    None if choices is None else texts_of(choices),
                    default_is_string=not _is_no_string(default),
                )
            )

    def _names(self, node: ast.expr) -> Names:
        return self._literals.names(node, self._bound)


def _is_widgets(node: ast.expr) -> bool:
    """``dbutils.widgets``, ``self.dbutils.widgets``, ``get_dbutils().widgets``."""
    if not isinstance(node, ast.Attribute) or node.attr != "widgets":
        return False
    owner = node.value.func if isinstance(node.value, ast.Call) else node.value
    name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
    return str(name).lower().endswith("dbutils")


def _method(function: ast.expr) -> str | None:
    """The method of ``dbutils.widgets`` that is called."""
    if isinstance(function, ast.Name):
        return "getArgument" if function.id == "getArgument" else None
    if isinstance(function, ast.Attribute) and _is_widgets(function.value):
        return function.attr
    return None


def _argument(call: ast.Call, index: int, name: str) -> ast.expr | None:
    """An argument by place or by name; None where it is not there, or behind a ``*``."""
    ahead = call.args[: index + 1]
    if any(isinstance(argument, ast.Starred) for argument in ahead):
        return None
    if len(ahead) > index:
        return ahead[index]
    return next((word.value for word in call.keywords if word.arg == name), None)


def _is_no_string(node: ast.expr | None) -> bool:
    """Whether a value is known to be something else than a string."""
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    if isinstance(node, ast.Constant):
        return node.value is not None and not isinstance(node.value, str)
    return isinstance(node, (ast.List, ast.Tuple, ast.Dict, ast.Set))
