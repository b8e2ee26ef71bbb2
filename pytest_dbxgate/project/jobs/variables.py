"""What references such as ``${var.x}`` mean in a job file. What is not known offline is Unknown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pytest_dbxgate.project.jobs.model import JobKind
from pytest_dbxgate.project.jobs.nodes import (
    Mark,
    Node,
    Plain,
    Scalar,
    Table,
    Unknown,
    string,
    table,
)

FILES = "\0files"
"""Stands for ``${workspace.file_path}``, where a bundle's files are in the workspace. NUL cannot
stand in a file of YAML."""
ROOT = "\0root"
"""Stands for ``${workspace.root_path}``, the folder above it."""

_WORD = r"[^\W\d_]+(?:[-_]*[^\W_]+)*"
_REFERENCE = re.compile(rf"\$\{{({_WORD}(?:\.{_WORD}(?:\[[0-9]+\])*)*(?:\[[0-9]+\])*)\}}")
_PLACEHOLDER = re.compile(
    r"\$\{|\$\(|\{\{|\{%|#\{|<[A-Za-z][^<>]*>|__[A-Za-z]\w*?__|%[A-Z_]+%|\bFILL_|^@|@\{"
)
_MAX_DEPTH = 10
_MAX_LENGTH = 10_000
_DEFINITION = frozenset({"default", "lookup", "type", "description"})


@dataclass(frozen=True)
class Scope:
    """The references that are known at a place."""

    kind: JobKind
    variables: Mapping[str, Node | None] = field(default_factory=dict)
    """The bundle's variables; None where the value is not known."""
    known: Mapping[str, str] = field(default_factory=dict)
    """What other references of a bundle mean, such as ``bundle.target``."""

    def see(self, node: Node) -> Node:
        """``node`` with the references of its own text filled in; what lies below it is left."""
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            return node
        if self.kind is JobKind.BUNDLE:
            return self._resolve(node, 0)
        return Unknown(node.mark) if _PLACEHOLDER.search(node.value) else node

    def value(self, node: Node | None) -> str | None:
        """The string that ``node`` is; None where it is another value or not known."""
        text = None if node is None else string(self.see(node))
        return None if text is None or "\0" in text else text

    def _resolve(self, node: Scalar, depth: int) -> Node:
        text = str(node.value)
        if "${" in text:
            match = _REFERENCE.fullmatch(text)
            if match is not None:
                return self._meant(match[1], node.mark, depth)
            for reference in set(_REFERENCE.findall(text)):
                meant = self._meant(reference, node.mark, depth)
                if not isinstance(meant, Scalar) or len(text) > _MAX_LENGTH:
                    return Unknown(node.mark)
                text = text.replace(f"${{{reference}}}", meant.text)
        if "${" in text or "{{" in text:
            return Unknown(node.mark)
        return node if text == node.value else Scalar(node.mark, text)

    def _meant(self, reference: str, mark: Mark, depth: int) -> Node:
        if reference in self.known:
            return Scalar(mark, self.known[reference])
        head, _, name = reference.partition(".")
        value = self.variables.get(name) if head == "var" else None
        if value is None or depth >= _MAX_DEPTH:
            return Unknown(mark)
        if not isinstance(value, Scalar):
            return value
        here = Scalar(mark, value.value)
        return self._resolve(here, depth + 1) if isinstance(value.value, str) else here


def values(definitions: Node | None, overrides: Node | None) -> dict[str, Node | None]:
    """The variables of a bundle by ``variables`` of the whole and ``variables`` of a target."""
    found: dict[str, Node | None] = {}
    for name, entry in table(definitions).items():
        found[name] = _default(entry.value)
    for name, entry in table(overrides).items():
        value = entry.value
        # A target may give the value itself.
        plain = not isinstance(value, Table) or not _DEFINITION.issuperset(value.entries)
        found[name] = value if plain else _default(value)
    return found


def _default(definition: Node) -> Node | None:
    default = definition.get("default") if isinstance(definition, Table) else None
    return None if isinstance(default, Scalar) and default.value is None else default


class Reference(NamedTuple):
    """A variable that a text refers to."""

    name: str
    mark: Mark


def references(node: Scalar) -> Iterator[Reference]:
    """The variables (``${var.name}``) in a text."""
    text = str(node.value)
    for match in _REFERENCE.finditer(text):
        parts = re.split(r"[.\[]", match[1])
        if parts[0] == "var" and len(parts) > 1:
            yield Reference(parts[1], _within(node.mark, node.value, match))


def _within(mark: Mark, value: Plain, match: re.Match[str]) -> Mark:
    """The place of ``match`` where the file has the text as it is, but for quotes."""
    quotes = mark.end_column - mark.column - len(str(value))
    if mark.end_line != mark.line or quotes not in (0, 2):
        return mark
    start = mark.column + quotes // 2 + match.start()
    return Mark(mark.file, mark.line, start, mark.line, start + len(match[0]))
