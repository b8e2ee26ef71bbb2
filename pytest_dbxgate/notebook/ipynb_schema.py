"""nbformat's own schema. Slower than reading, so only the metadata check asks for it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from pytest_dbxgate.notebook.ipynb_layout import Layout, layout, shown
from pytest_dbxgate.notebook.json_spans import load
from pytest_dbxgate.notebook.model import Notebook, Problem
from pytest_dbxgate.quiet import quiet

_MESSAGE = 160
"""Characters of a schema's message that are kept: it may quote whole outputs."""


def validate(notebook: Notebook) -> tuple[Problem, ...]:
    """What of an ``.ipynb`` breaks the schema of its nbformat, one problem per kind of breach.

    Cells the reader has named already are left out. Nothing is changed, nothing printed.
    """
    if notebook.unreadable:
        return ()
    known = {problem.cell for problem in notebook.problems if problem.code == "DBX112"}
    breaches: dict[str, list[_Breach]] = {}
    for breach in _breaches(load(notebook.text), known):
        breaches.setdefault(breach.message, []).append(breach)
    found = layout(notebook.text)
    return tuple(_problem(found, message, same) for message, same in breaches.items())


class _Breach(NamedTuple):
    path: tuple[str | int, ...]
    message: str

    @property
    def cell(self) -> int | None:
        if len(self.path) > 1 and self.path[0] == "cells" and isinstance(self.path[1], int):
            return self.path[1] + 1
        return None


def _breaches(document: Any, known: Container[int | None]) -> Iterator[_Breach]:
    from nbformat import validator

    schema: Any = validator  # it carries no annotations
    minor = document.get("nbformat_minor")
    if isinstance(minor, bool) or not isinstance(minor, int) or minor < 0:
        yield _Breach(("nbformat_minor",), "it is not a whole number from 0")
        minor = document["nbformat_minor"] = 0
    left = [index for index in range(len(document["cells"])) if index + 1 not in known]
    document["cells"] = [document["cells"][index] for index in left]
    with quiet():
        try:
            for error in schema.iter_validate(document, version=4, version_minor=minor):
                yield _Breach(_path(error.relative_path, left), _short(error.message))
        except Exception as error:
            # nbformat itself stumbles over some invalid types, and over deep nesting.
            yield _Breach((), f"nbformat could not check it ({type(error).__name__})")


def _path(path: Iterable[str | int], left: Sequence[int]) -> tuple[str | int, ...]:
    """The path in the file of a path in a document that has only the cells ``left``."""
    steps = tuple(path)
    if len(steps) > 1 and steps[0] == "cells" and isinstance(steps[1], int):
        return ("cells", left[steps[1]], *steps[2:])
    return steps


def _short(message: str) -> str:
    return message if len(message) <= _MESSAGE else f"{message[:_MESSAGE]}..."


def _problem(found: Layout, message: str, same: list[_Breach]) -> Problem:
    first = same[0]
    where = shown("/".join(map(str, first.path))) or "the notebook"
    others = f" (and {len(same) - 1} more like it)" if len(same) > 1 else ""
    line, column = found.lines.place(_offset(found, first.path))
    return Problem(
        "DBX112",
        f"{where}: {message}{others}",
        line,
        column,
        cell=first.cell,
        hint="save the notebook again in Jupyter or Databricks",
    )


def _offset(found: Layout, path: tuple[str | int, ...]) -> int:
    """Where the value at ``path`` stands, or the nearest one around it that the text has."""
    for length in range(len(path), 0, -1):
        node = found.root.get(*path[:length])
        if node is not None:
            return node.start
    return found.root.start
