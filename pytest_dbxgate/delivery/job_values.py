"""A job's node as plain JSON values, with the references of a target filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_dbxgate.project.jobs.model import JobKind
from pytest_dbxgate.project.jobs.nodes import Mark, Node, Scalar, Sequence, Table, Unknown
from pytest_dbxgate.project.jobs.variables import FILES, ROOT, Scope

_REFERENCE = re.compile(r"\$\{([^\s${}]+)\}")
_MAX_DEPTH = 10
_MAX_NODES = 200_000
_MAX_LENGTH = 1_000_000


class BadJobError(ValueError):
    """A job that cannot be published. ``name`` is that of the refusal."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class _Given(str):
    """A value of the target: it is taken as it stands, whatever it looks like."""

    __slots__ = ()


@dataclass
class Filler:
    """Fills in the references of one job.

    ``given``: values of the target, by a variable's name or by a whole reference such as
    ``workspace.host``; they win over the bundle's own and are taken as they stand.
    ``${workspace.file_path}`` becomes ``files``, ``${workspace.root_path}`` ``root``. Dynamic
    values, ``{{...}}``, are left alone: the workspace fills them in.
    """

    scope: Scope
    given: Mapping[str, str]
    files: str
    root: str
    _left: int = field(default=_MAX_NODES, repr=False)

    def value(self, node: Node) -> Any:
        """The node's value. Raises :class:`BadJobError`."""
        return self._value(node, 0)

    def seen(self, node: Node) -> Node:
        """The node that ``node`` stands for, where it is nothing but a reference."""
        return self._followed(node, 0)[0]

    def _value(self, node: Node, depth: int) -> Any:
        node, depth = self._followed(node, depth)
        self._left -= 1
        if self._left < 0:
            # An alias of YAML may stand for any number of nodes.
            raise BadJobError("job-too-large", f"{at(node.mark)}: the job has too many values")
        if isinstance(node, Table):
            return {name: self._value(entry.value, depth) for name, entry in node.entries.items()}
        if isinstance(node, Sequence):
            return [self._value(item, depth) for item in node.items]
        if isinstance(node, Unknown):
            raise BadJobError("unknown-reference", f"{at(node.mark)}: the value is not known")
        if isinstance(node.value, _Given):
            return str(node.value)
        if isinstance(node.value, str):
            return self._text(node.value, node.mark, depth)
        return node.value

    def _followed(self, node: Node, depth: int) -> tuple[Node, int]:
        """Through references that are the whole text: they keep their type."""
        while isinstance(node, Scalar) and isinstance(node.value, str):
            if isinstance(node.value, _Given):
                break
            match = _REFERENCE.fullmatch(node.value)
            if match is None:
                break
            node = self._meant(match[1], node.mark)
            depth += 1
            if depth > _MAX_DEPTH:
                raise BadJobError("unknown-reference", f"{at(node.mark)}: references in a circle")
        return node, depth

    def _text(self, text: str, mark: Mark, depth: int) -> str:
        def filled(match: re.Match[str]) -> str:
            value = self._value(self._meant(match[1], mark), depth + 1)
            if isinstance(value, (dict, list)):
                reference = match[0][:80]
                raise BadJobError(
                    "unknown-reference", f"{at(mark)}: {reference} is no text to put into another"
                )
            return Scalar(mark, value).text

        if depth > _MAX_DEPTH:
            raise BadJobError("unknown-reference", f"{at(mark)}: references in a circle")
        text = _REFERENCE.sub(filled, text)
        if len(text) > _MAX_LENGTH:
            raise BadJobError("job-too-large", f"{at(mark)}: a text of {len(text)} characters")
        files, root = self.files, self.root
        return text.replace(f"{ROOT}/files", files).replace(FILES, files).replace(ROOT, root)

    def _meant(self, reference: str, mark: Mark) -> Node:
        head, _, name = reference.partition(".")
        for key in (reference, name if head == "var" else ""):
            if key and key in self.given:
                return Scalar(mark, _Given(self.given[key]))
        if self.scope.kind is JobKind.BUNDLE:
            if reference in self.scope.known:
                return Scalar(mark, self.scope.known[reference])
            found = self.scope.variables.get(name) if head == "var" else None
            if found is not None:
                return found
        raise BadJobError(
            "unknown-reference", f"{at(mark)}: ${{{reference[:80]}}} is not known for this target"
        )


def at(mark: Mark) -> str:
    """A place for a message."""
    return f"{mark.file}:{mark.line}"
