"""What a notebook runs: every ``%run``, and every call of ``dbutils.notebook.run``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pytest_dbxgate.notebook.magics import line_magics
from pytest_dbxgate.notebook.model import Cell, Language, Magic, Notebook
from pytest_dbxgate.project.facts import Argument, NotebookRun, Run, RunProblem, Spot
from pytest_dbxgate.project.notebook_calls import python_calls, text_calls
from pytest_dbxgate.project.trees import Trees

_TEXT = frozenset({Language.MARKDOWN, Language.SHELL, Language.OTHER})
"""Cells in which a line that looks like ``%run`` is an example or a command's input."""

_WORD = re.compile(r"[^\S\n]*(%%?run)\b[^\S\n]*")
_COMMENT = re.compile(r"\s*(#|--|//|$)")
_TRAILING_COMMENT = re.compile(r"\s+(?:#|--|//)\s.*")
_REFERENCE = re.compile(r"\$\{?\w")
_VARIABLE = re.compile(rf"{_REFERENCE.pattern}|\{{[^{{}}]*\}}")
_PARAMETERS = re.compile(r"\s+\$[^\W\d]")
_ASSIGNMENT = re.compile(r"\$\w[\w.-]*\s*=")
_PARAMETER = re.compile(
    r"""[\s,]*\$(?P<name>\w[\w.-]*)
        (?P<given>\s*=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s]*)))?""",
    re.VERBOSE,
)


def find_runs(notebook: Notebook, trees: Trees) -> tuple[Run, ...]:
    """Every ``%run`` in order, also those that do not open their cell."""
    return tuple(run for cell in notebook.cells if "%run" in cell.source for run in _runs_of(cell))


def find_notebook_runs(notebook: Notebook, trees: Trees) -> tuple[NotebookRun, ...]:
    """Every call of ``dbutils.notebook.run``, in order within Python, then Scala and R."""
    found = [run for tree in trees.holding("notebook.run") for run in python_calls(tree)]
    for cell in notebook.cells:
        if cell.language in (Language.SCALA, Language.R) and "notebook.run" in cell.code:
            found += text_calls(cell)
    return tuple(found)


def _runs_of(cell: Cell) -> Iterator[Run]:
    if cell.language in _TEXT:
        return
    magics = [
        magic for magic in line_magics(cell) if magic.name == "run" and not _is_comment(cell, magic)
    ]
    lines = cell.source.split("\n")
    for index, magic in enumerate(magics):
        run = _parse(cell.number, magic.line, lines[magic.line - 1])
        # One word about a cell is enough: at its second %run, or at the only one.
        apart = index == 1 if len(magics) > 1 else not _is_alone(lines, magic)
        if apart and run.problem is None:
            run = run._replace(problem=RunProblem.NOT_ALONE)
        yield run


def _is_alone(lines: list[str], run: Magic) -> bool:
    """Whether only comments stand beside it."""
    return all(
        number == run.line or _COMMENT.match(line) for number, line in enumerate(lines, start=1)
    )


def _is_comment(cell: Cell, magic: Magic) -> bool:
    """Whether a magic's line stands inside ``/* ... */``."""
    if cell.language not in (Language.SCALA, Language.SQL) or "/*" not in cell.source:
        return False
    above = "\n".join(cell.source.split("\n")[: magic.line - 1])
    return above.rfind("/*") > above.rfind("*/")


class _Target(NamedTuple):
    """The first part of what follows ``%run``; ``start`` and ``end`` are offsets of ``text``."""

    text: str
    start: int
    end: int
    rest: int
    """Where the parameters may begin."""
    problem: RunProblem | None = None


def _parse(cell: int, number: int, line: str) -> Run:
    """The ``%run`` on a line of a cell."""
    word = _WORD.match(line)
    begin, start = (word.start(1), word.end()) if word else (0, 0)
    line = line.rstrip()
    found = _target(line, start)
    parameters, unclosed = _parameters(cell, number, line, found.rest)
    problem = found.problem
    if problem is None and unclosed:
        problem = RunProblem.UNCLOSED_QUOTE
    if not found.text:
        spot = Spot(cell, number, begin + 1, number, max(len(line), begin + 1) + 1)
    else:
        spot = Spot(cell, number, found.start + 1, number, found.end + 1)
    return Run(found.text, spot, parameters, problem)


def _target(line: str, start: int) -> _Target:
    if start >= len(line):
        return _Target("", start, start, start, RunProblem.NO_PATH)
    quote = line[start]
    if quote in "\"'":
        end = line.find(quote, start + 1)
        if end < 0:
            return _unquoted(line, start + 1, RunProblem.UNCLOSED_QUOTE)
        return _checked(line, start + 1, end, end + 1)
    if _ASSIGNMENT.match(line, start):
        return _Target("", start, start, start, RunProblem.NO_PATH)
    return _unquoted(line, start)


def _unquoted(line: str, start: int, problem: RunProblem | None = None) -> _Target:
    """A target that may hold blanks reaches to the first parameter."""
    parameters = _PARAMETERS.search(line, start)
    end = parameters.start() if parameters else len(line)
    comment = _TRAILING_COMMENT.search(line, start, end)
    end = comment.start() if comment else end
    if line.count('"', start, end) % 2:
        problem = RunProblem.UNCLOSED_QUOTE
    found = _checked(line, start, end, end)
    return found if problem is None else found._replace(problem=problem)


def _checked(line: str, start: int, end: int, rest: int) -> _Target:
    text = line[start:end].strip().strip('"')
    # %run is resolved before any code runs, so there is nothing a variable could stand for.
    missing = not text or _VARIABLE.search(text)
    start = line.find(text, start) if text else start
    problem = RunProblem.NO_PATH if missing else None
    return _Target(text, start, start + len(text), rest, problem)


def _parameters(cell: int, number: int, line: str, start: int) -> tuple[tuple[Argument, ...], bool]:
    """The parameters, and whether a quote of one is not closed."""
    found: list[Argument] = []
    unclosed = False
    while match := _PARAMETER.match(line, start):
        start = match.end()
        spot = Spot(cell, number, match.start(1), number, match.end() + 1)
        value = next((each for each in match.group("double", "single", "bare") if each), "")
        unclosed = unclosed or (match["bare"] or "").startswith(("'", '"'))
        known = match["given"] is not None and not unclosed and not _REFERENCE.search(value)
        found.append(Argument(match["name"], value if known else None, spot))
    return tuple(found), unclosed
