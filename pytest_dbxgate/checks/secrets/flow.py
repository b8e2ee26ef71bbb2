"""Where the values of a secret scope go in Python: through assignments, up to what shows them.

Simple on purpose: what is handed to a function, kept in an object or read back from one is not
followed, and no finding.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_READERS = frozenset({"get", "getBytes"})
_SHOWING = frozenset({"print", "display", "displayHTML", "pprint", "pp"})
_LOGGING = frozenset({"debug", "info", "warning", "warn", "error", "exception", "critical", "log"})
_LOGGER = re.compile(r"log", re.IGNORECASE)
_ASKING = """
    startswith endswith isdigit isalpha isalnum isascii isspace islower isupper count find index
    rfind rindex isidentifier isnumeric isprintable
"""
_QUESTIONS = frozenset(_ASKING.split())
"""Methods that tell something about a string but not the string."""

_FORMS = """
    str repr ascii format bytes bytearray list tuple set sorted reversed iter enumerate b64encode
    b64decode urlsafe_b64encode standard_b64encode hexlify quote quote_plus dumps pformat
"""
_SAME = frozenset(_FORMS.split())
"""Functions that return what they were given, in another form."""

_FILLING = frozenset({"format", "join", "replace", "format_map"})


class Leak(NamedTuple):
    """``line`` is 1-based, ``column`` counts bytes from 0."""

    shown_by: str
    line: int
    column: int


class Flow:
    """The names that hold secrets, from cell to cell."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._holders: set[str] = set()
        """Names of lists, tuples and dicts with a secret among their values: as a whole they show
        it, while one of the values may be another."""
        self._sources: set[str] = set()
        """Functions of the notebook that return secrets."""

    def concerns(self, code: str) -> bool:
        """Whether ``code`` may show or change what is known; no means no."""
        return any(name in code for name in (*self._names, *self._holders, *self._sources))

    def leaks(self, tree: ast.Module) -> list[Leak]:
        """What the statements of a cell show; the names are up to date afterwards."""
        return list(self._block(tree.body))

    def _block(self, body: Iterable[ast.stmt]) -> Iterator[Leak]:
        for statement in body:
            yield from self._statement(statement)

    def _statement(self, node: ast.stmt) -> Iterator[Leak]:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from self._function(node)
            return
        if isinstance(node, ast.ClassDef):
            yield from self._inside(node.body)
            return
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.expr, ast.withitem)):
                yield from self._shown(child)
        self._bind(node)
        yield from self._branches(node)

    def _branches(self, node: ast.stmt) -> Iterator[Leak]:
        """A name that holds a secret on one way through may hold it afterwards."""
        blocks = [getattr(node, field, []) for field in ("body", "orelse", "finalbody")]
        blocks += [handler.body for handler in getattr(node, "handlers", [])]
        blocks += [case.body for case in getattr(node, "cases", [])]
        before, after = set(self._names), set(self._names)
        changed = False
        for block in blocks:
            if block:
                self._names = set(before)
                yield from self._block(block)
                after = after | self._names if changed or not _always(node) else set(self._names)
                changed = True
        self._names = after

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Leak]:
        own = {argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)}
        returned: list[bool] = []
        yield from self._inside(node.body, without=own, returned=returned)
        self._names.discard(node.name)
        self._sources.discard(node.name)
        if any(returned):
            self._sources.add(node.name)

    def _inside(
        self,
        body: list[ast.stmt],
        without: Iterable[str] = (),
        returned: list[bool] | None = None,
    ) -> Iterator[Leak]:
        inner = Flow()
        inner._names = self._names - set(without)
        inner._sources = set(self._sources)
        yield from inner._block(body)
        if returned is not None:
            found = (item for part in body for item in ast.walk(part))
            returned += [
                inner.holds(item.value)
                for item in found
                if isinstance(item, ast.Return) and item.value is not None
            ]

    def _bind(self, node: ast.stmt) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._assign(target, value)
            case ast.AnnAssign(target=target, value=value) if value is not None:
                self._assign(target, value)
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                if self.holds(value):
                    self._names.add(name)
            case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
                self._set(target, self.holds(value))
            case ast.With(items=items) | ast.AsyncWith(items=items):
                for entered in items:
                    if entered.optional_vars is not None:
                        self._set(entered.optional_vars, False)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                self._names -= {(alias.asname or alias.name).split(".")[0] for alias in names}
            case ast.Delete(targets=targets):
                for target in targets:
                    self._set(target, False)
        for child in ast.iter_child_nodes(node):
            for item in ast.walk(child) if isinstance(child, ast.expr) else ():
                if isinstance(item, ast.NamedExpr):
                    self._assign(item.target, item.value)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        pairs = (ast.Tuple, ast.List)
        if (
            isinstance(target, pairs)
            and isinstance(value, pairs)
            and len(target.elts) == len(value.elts)
        ):
            held = [self.holds(item) for item in value.elts]
            for part, holds in zip(target.elts, held, strict=True):
                self._set(part, holds)
            return
        if isinstance(target, ast.Name):
            self._sources.discard(target.id)
            if isinstance(value, ast.Lambda) and self.holds(value.body):
                self._sources.add(target.id)
        exposes = not self.holds(value) and self._exposes(value)
        self._set(target, self.holds(value))
        if exposes and isinstance(target, ast.Name):
            self._holders.add(target.id)

    def _set(self, target: ast.expr, holds: bool) -> None:
        for item in ast.walk(target):
            if isinstance(item, ast.Name) and not isinstance(item.ctx, ast.Load):
                self._holders.discard(item.id)
                if holds:
                    self._names.add(item.id)
                else:
                    self._names.discard(item.id)

    def _shown(self, node: ast.AST) -> Iterator[Leak]:
        for item in ast.walk(node):
            if isinstance(item, ast.Call):
                by = _shower(item)
                if by and any(self._exposes(value) for value in _given(item)):
                    yield Leak(by, item.lineno, item.col_offset)

    def _exposes(self, node: ast.expr) -> bool:
        match node:
            case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
                return any(map(self._exposes, items))
            case ast.Dict(values=values):
                return any(map(self._exposes, values))
            case ast.Name(id=name) if name in self._holders:
                return True
        return self.holds(node)

    def holds(self, node: ast.expr) -> bool:
        """Whether the value of an expression is a secret, or has one in it as text."""
        match node:
            case ast.Name(id=name):
                return name in self._names
            case ast.Call():
                return self._returns(node)
            case ast.BinOp(left=left, right=right):
                return self._exposes(left) or self._exposes(right)
            case ast.JoinedStr(values=values) | ast.BoolOp(values=values):
                return any(map(self.holds, values))
            case ast.IfExp(body=body, orelse=other):
                return self.holds(body) or self.holds(other)
            case (
                ast.ListComp(elt=item, generators=loops)
                | ast.GeneratorExp(elt=item, generators=loops)
            ):
                return self._collects(item, loops)
            case (
                ast.FormattedValue(value=value)
                | ast.Subscript(value=value)
                | ast.NamedExpr(value=value)
                | ast.Starred(value=value)
                | ast.Await(value=value)
            ):
                return self.holds(value)
        return False

    def _returns(self, call: ast.Call) -> bool:
        function = call.func
        if isinstance(function, ast.Name):
            if function.id in self._sources:
                return True
            return function.id in _SAME and any(map(self._exposes, call.args))
        if not isinstance(function, ast.Attribute):
            return False
        if _is_reader(function):
            return True
        if self.holds(function.value):
            return function.attr not in _QUESTIONS
        filling = function.attr in _FILLING and isinstance(function.value, (ast.Constant, ast.Name))
        return (filling or function.attr in _SAME) and any(map(self._exposes, _given(call)))

    def _collects(self, item: ast.expr, loops: list[ast.comprehension]) -> bool:
        inner = Flow()
        inner._names, inner._sources = set(self._names), self._sources
        for loop in loops:
            inner._set(loop.target, inner.holds(loop.iter))
        return inner.holds(item)


def _always(node: ast.stmt) -> bool:
    """Whether one of the statement's blocks runs in any case."""
    if isinstance(node, (ast.With, ast.AsyncWith)):
        return True
    return isinstance(node, ast.If) and bool(node.orelse)


def _is_reader(function: ast.Attribute) -> bool:
    match function:
        case ast.Attribute(attr=name, value=ast.Attribute(attr="secrets", value=owner)):
            owned = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
            return name in _READERS and "dbutils" in owned.lower()
    return False


def _given(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(word.value for word in call.keywords)]


def _shower(call: ast.Call) -> str:
    """What a call that shows its arguments is called; empty for any other."""
    match call.func:
        case ast.Name(id=name) if name in _SHOWING:
            return "" if any(word.arg == "file" for word in call.keywords) else name
        case ast.Attribute(attr="exit", value=ast.Attribute(attr="notebook")):
            return "dbutils.notebook.exit"
        case ast.Attribute(attr="write", value=ast.Attribute(attr="stdout" | "stderr" as stream)):
            return f"sys.{stream}.write"
        case ast.Attribute(attr=name, value=owner) if name in _LOGGING:
            owned = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
            return f"{owned}.{name}" if _LOGGER.search(owned) else ""
    return ""
