"""What ruff's findings in one expansion mean for the notebooks in it."""

from __future__ import annotations

import difflib
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from pytest_dbxgate.checks.python.ruff import Diagnostic
from pytest_dbxgate.checks.references import star_exports
from pytest_dbxgate.checks.references.bindings import (
    Function,
    bound_at,
    function_of,
    lines_of,
    may_run_later,
)
from pytest_dbxgate.checks.references.expansion import Expansion, Placed
from pytest_dbxgate.checks.references.sheets import Sheet
from pytest_dbxgate.codes import UNDEFINED_NAME
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.facts import Spot

UNDEFINED = UNDEFINED_NAME
TOO_EARLY = "DBX321"
LOST = "DBX322"

MOST_PER_CELL = 200
"""Uses of undefined names that are told of one cell; one more says that there are others."""

_NAME = re.compile(r"Undefined name `([^`]+)`")
_HISTORY = re.compile(r"_\d+|_i+\d*|_[iod]h|_exit_code")
"""IPython's names of what was entered and printed."""

_CONSTANTS = {
    **dict.fromkeys(("true", "TRUE"), "True"),
    **dict.fromkeys(("false", "FALSE"), "False"),
    **dict.fromkeys(("null", "NULL", "none", "nil", "undefined"), "None"),
}
"""What other languages call Python's own."""

_LONG = 100_000
_QUOTES = ("'", '"')

_NEWER = "Consider specifying"
"""ruff says so of a builtin that the oldest supported Python does not have."""


Nearest = dict[tuple[NotebookKey, str], str]
"""What was found to be meant by a name in a notebook; all roots share it."""


class Fault(NamedTuple):
    """A name that is not there when it is used."""

    key: NotebookKey
    spot: Spot
    name: str
    code: str
    message: str
    hint: str = ""
    dormant: bool = False
    """Whether it stands in a function that nothing calls which runs with this root."""


class Verdict(NamedTuple):
    """What one root shows."""

    faults: tuple[Fault, ...] = ()
    unused: tuple[tuple[NotebookKey, tuple[int, int, int]], ...] = ()
    """The imports that nobody uses: notebook, then cell, cell line and cell column."""


class Found(NamedTuple):
    """ruff's findings in a run of an expansion's cells."""

    start: int
    """The index of its first cell."""
    items: Sequence[Diagnostic]


def judge(
    expansion: Expansion,
    whole: Found,
    segments: Iterable[Found],
    *,
    sheet_of: Callable[[NotebookKey], Sheet | None],
    provided: Callable[[NotebookKey], frozenset[str]],
    nearest: Nearest,
) -> Verdict:
    """``whole`` holds what was found in all cells, ``segments`` in those of each process of Python;
    ``provided`` are the names that exist in every cell of a notebook."""
    judge = _Judge(expansion, sheet_of, provided, nearest)
    missing = list(judge.uses(whole, 0, len(expansion.placed)))
    count: Counter[int] = Counter()
    faults: list[Fault] = []
    for use in missing:
        count[use.at] += 1
        if count[use.at] > MOST_PER_CELL:
            faults.append(_fault(use, UNDEFINED, "more undefined names in this cell are not shown"))
        elif (fault := judge.undefined(use)) is not None:
            faults.append(fault)
    everywhere = {(use.at, use.spot) for use in missing}
    ends = dict(expansion.segments())
    for found in segments:
        for use in judge.uses(found, found.start, ends[found.start]):
            fault = judge.lost(use, found.start)
            if fault is not None and (use.at, use.spot) not in everywhere:
                faults.append(fault)
    return Verdict(tuple(dict.fromkeys(faults)), tuple(judge.unused(whole)))


class _Use(NamedTuple):
    """The use of a name that ruff calls undefined."""

    at: int
    """The index of its cell."""
    placed: Placed
    line: int
    """In the text that ruff read."""
    follows: str
    """The character behind it."""
    spot: Spot
    name: str


class _Judge:
    def __init__(
        self,
        expansion: Expansion,
        sheet_of: Callable[[NotebookKey], Sheet | None],
        provided: Callable[[NotebookKey], frozenset[str]],
        nearest: Nearest,
    ) -> None:
        self._expansion = expansion
        self._sheet_of = sheet_of
        self._provided = provided
        self._nearest = nearest
        self._is_uncalled = cache(self._find_uncalled)

    def uses(self, found: Found, start: int, end: int) -> Iterator[_Use]:
        """The uses that count: nothing unseen may have defined the name."""
        expansion = self._expansion
        unknown = expansion.unknown_from(start, end)
        told: Counter[int] = Counter()
        for item in found.items:
            match = _NAME.match(item.message)
            index = found.start + item.cell - 1
            if item.code != "F821" or match is None or not index < len(expansion.placed):
                continue
            placed, name = expansion.placed[index], match[1]
            piece = placed.piece
            sheet = self._sheet_of(piece.key)
            if (
                name in expansion.hidden
                or name in self._provided(piece.key)
                or name in self._provided(expansion.root)
                or _HISTORY.fullmatch(name)
                or _NEWER in item.message
                or (sheet is not None and sheet.exempt)
                or told[index] > MOST_PER_CELL
            ):
                continue
            line = item.start.line
            before, after = _around(piece.text, item)
            if before in _QUOTES:
                # An annotation in quotes is never evaluated.
                continue
            if unknown is not None and (index >= unknown or may_run_later(piece.text, line)):
                continue
            told[index] += 1
            yield _Use(index, placed, line, after, piece.spot(item.start, item.end), name)

    def undefined(self, use: _Use) -> Fault | None:
        """Nothing above defines the name: perhaps something below does. None where a circle, which
        is told by itself, leaves open what stands above."""
        placed = self._expansion.placed
        later = bound_at(use.placed.piece.text, use.name)
        if later > use.line:
            line = use.placed.piece.spot((later, 1), (later, 1)).line
            return _fault(
                use, TOO_EARLY, f"`{use.name}` is used above line {line}, which defines it"
            )
        for other in placed[use.at + 1 :]:
            if bound_at(other.piece.text, use.name):
                if self._expansion.circular and other.piece.key != use.placed.piece.key:
                    return None
                return _fault(use, TOO_EARLY, f"`{use.name}` is used above {_defining(use, other)}")
        fault = _fault(use, UNDEFINED, f"undefined name `{use.name}`")
        return fault._replace(hint=self._hint(use), dormant=self._is_dormant(use))

    def _hint(self, use: _Use) -> str:
        if use.follows == "(":
            home = star_exports.home_of(use.name)
            if home:
                return f"from {home} import {use.name}"
        if use.follows == "." and use.name in sys.stdlib_module_names:
            return f"import {use.name}"
        if use.name in _CONSTANTS:
            return f"did you mean `{_CONSTANTS[use.name]}`?"
        place = (use.placed.piece.key, use.name)
        if place not in self._nearest:
            self._nearest[place] = self._near(use)
        near = self._nearest[place]
        return f"did you mean `{near}`?" if near else ""

    def _near(self, use: _Use) -> str:
        """A name that the same notebook defines and that is spelt almost alike."""
        key = use.placed.piece.key
        # Words that begin alike; whatever is longer is a picture.
        pattern = re.compile(
            rf"\b{use.name[0]}\w{{{max(0, len(use.name) - 3)},{len(use.name) + 1}}}\b"
        )
        words = {
            word
            for placed in self._expansion.placed
            if placed.piece.key == key and len(placed.piece.text) < _LONG
            for word in pattern.findall(placed.piece.text)
        }
        close = difflib.get_close_matches(use.name, sorted(words - {use.name}), n=3, cutoff=0.8)
        return next(filter(self._is_bound, close), "")

    def _is_bound(self, name: str) -> bool:
        return any(bound_at(placed.piece.text, name) for placed in self._expansion.placed)

    def _is_dormant(self, use: _Use) -> bool:
        if use.placed.piece.key == self._expansion.root:
            return False
        piece = use.placed.piece
        function = function_of(piece.text, use.line)
        return function is not None and self._is_uncalled(piece.text, function)

    def _find_uncalled(self, home: str, function: Function) -> bool:
        # Without a boundary ahead of it the search is ten times as fast.
        word = re.compile(rf"{function.name}\b")
        for placed in self._expansion.placed:
            text = placed.piece.text
            if function.name not in text:
                continue
            for match in word.finditer(text):
                before = text[match.start() - 1 : match.start()]
                if before == "_" or before.isalnum() or (before == "." and not function.is_method):
                    continue
                if text[text.rfind("\n", 0, match.start()) + 1 :].lstrip().startswith("#"):
                    continue
                line = text.count("\n", 0, match.start()) + 1
                if text is not home or not function.first <= line <= function.last:
                    return False
        return True

    def lost(self, use: _Use, start: int) -> Fault | None:
        """The name was there until Python was restarted, if it was."""
        expansion = self._expansion
        cut = next((cut for cut in expansion.cuts if cut.start == start), None)
        if cut is None or (cut.repeats and use.at == start):
            return None
        for index in range(start - 1, -1, -1):
            piece = expansion.placed[index].piece
            if bound_at(piece.text, use.name):
                cut = next(cut for cut in expansion.cuts if cut.start + cut.repeats > index)
                own = use.placed.piece.key
                where = _cell(cut.call.key, cut.call.cell, own)
                if cut.call.key == piece.key != own:
                    where = f"cell {cut.call.cell} there"
                message = (
                    f"`{use.name}` was defined in {_cell(piece.key, piece.cell.number, own)} "
                    f"and lost when {where} restarted Python"
                )
                return _fault(use, LOST, message)._replace(dormant=self._is_dormant(use))
        return None

    def unused(self, whole: Found) -> Iterator[tuple[NotebookKey, tuple[int, int, int]]]:
        """The imports that nobody uses, whatever runs after them."""
        expansion = self._expansion
        asked_for = max(expansion.open_runs, default=0)
        reports: Counter[tuple[NotebookKey, tuple[int, int, int]]] = Counter()
        for item in whole.items:
            index = whole.start + item.cell - 1
            if item.code == "F401" and asked_for <= index < len(expansion.placed):
                piece = expansion.placed[index].piece
                spot = piece.spot(item.start, item.end)
                reports[piece.key, (spot.cell, spot.line, spot.column)] += 1
        if not reports:
            return
        copies = Counter((each.piece.key, each.piece.cell.number) for each in expansion.placed)
        for (key, place), count in reports.items():
            if count >= copies[key, place[0]]:
                yield key, place


def _fault(use: _Use, code: str, message: str) -> Fault:
    return Fault(use.placed.piece.key, use.spot, use.name, code, message)


def _around(text: str, item: Diagnostic) -> tuple[str, str]:
    """The characters ahead of a finding and behind it."""
    line = lines_of(text)[item.start.line - 1]
    start, end = item.start.column - 2, item.end.column - 1
    return line[start : start + 1] if start >= 0 else "", line[end : end + 1]


def _defining(use: _Use, other: Placed) -> str:
    """The cell that defines a name, as the reader of the use would look for it."""
    own, definer = use.placed.piece.key, other.piece
    if definer.key == own:
        return f"cell {definer.cell.number}, which defines it"
    for call in other.via:
        if call.key == own:
            return f"cell {call.cell}, where `%run` brings it from `{definer.key}`"
    return f"{_cell(definer.key, definer.cell.number, own)}, which defines it"


def _cell(key: NotebookKey, number: int, own: NotebookKey) -> str:
    return f"cell {number}" if key == own else f"cell {number} of `{key}`"
