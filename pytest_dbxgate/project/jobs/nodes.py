"""A YAML or JSON text as a tree of immutable values that know where they stand.

Lines and columns are 1-based and count code points; ends are exclusive, 0 where a value spans
several lines. An alias of YAML is the very node of its anchor: a tree may hold one node many times,
so whoever walks a tree remembers the nodes that were seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from pytest_dbxgate.project.facts import Spot

Plain: TypeAlias = "str | int | float | bool | None"


class Mark(NamedTuple):
    """Where something stands."""

    file: str
    """Relative to the root of the run, with ``/``."""
    line: int
    column: int
    end_line: int = 0
    end_column: int = 0

    @property
    def spot(self) -> Spot:
        return Spot(0, *self[1:])


@dataclass(frozen=True, slots=True, eq=False)
class Scalar:
    """A string, a number, true, false or null."""

    mark: Mark
    value: Plain

    @property
    def text(self) -> str:
        """The value as a string, as Databricks' own tools spell it."""
        if isinstance(self.value, bool):
            return "true" if self.value else "false"
        return "" if self.value is None else str(self.value)


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """A list."""

    mark: Mark
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A mapping; of keys that stand twice it holds the last."""

    mark: Mark
    entries: Mapping[str, Entry]

    def get(self, *path: str) -> Node | None:
        """The node at ``path``, without a look at variables."""
        node: Node | None = self
        for step in path:
            if not isinstance(node, Table):
                return None
            entry = node.entries.get(step)
            node = None if entry is None else entry.value
        return node


@dataclass(frozen=True, slots=True, eq=False)
class Unknown:
    """A value nobody knows before the run."""

    mark: Mark


Node: TypeAlias = "Scalar | Sequence | Table | Unknown"


class Entry(NamedTuple):
    """A key of a :class:`Table` and its value."""

    key: Mark
    value: Node


class Trouble(NamedTuple):
    """Something wrong with a job file that shows while it is read."""

    code: str
    mark: Mark
    message: str
    hint: str


def string(node: Node | None) -> str | None:
    """The value of a scalar that is a string; None for all else."""
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return node.value
    return None


def table(node: Node | None) -> Mapping[str, Entry]:
    """The entries of a mapping; of all else none."""
    return node.entries if isinstance(node, Table) else {}


def items(node: Node | None) -> tuple[Node, ...]:
    """The elements of a list; of all else none."""
    return node.items if isinstance(node, Sequence) else ()


def is_null(node: Node | None) -> bool:
    return node is None or (isinstance(node, Scalar) and node.value is None)


def strings_below(node: Node) -> Iterator[Scalar]:
    """Every scalar at or below ``node`` that is a string, each once."""
    seen: set[int] = set()
    waiting: list[Node] = [node]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Scalar):
            if isinstance(node.value, str):
                yield node
        elif isinstance(node, Table):
            waiting += [entry.value for entry in node.entries.values()]
        elif isinstance(node, Sequence):
            waiting += node.items
