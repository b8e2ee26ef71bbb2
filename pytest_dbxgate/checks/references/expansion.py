"""What runs when a notebook runs: its own cells and those of all that its ``%run`` bring in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from pytest_dbxgate.checks.references.sheets import Piece, Sheet
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.facts import NotebookFacts
from pytest_dbxgate.project.graph import names_path

MOST_NOTEBOOKS = 500
"""Notebooks of a closure; what a larger one defines is not known."""

MOST_CELLS = 5_000
"""Python cells of an expansion; what a longer one defines is not known."""

Resolve = Callable[[NotebookKey, str], NotebookKey | None]
"""The notebook that a target means in a notebook; None where it cannot be known."""


class Call(NamedTuple):
    """A ``%run``."""

    key: NotebookKey
    cell: int


class Placed(NamedTuple):
    """A Python cell where it runs."""

    piece: Piece
    via: tuple[Call, ...]
    """The ``%run`` that brought it in, from the root's own on."""


class Cut(NamedTuple):
    """A restart of Python."""

    start: int
    """The index of the first cell that runs in the new process."""
    call: Call
    """The cell that restarts."""
    repeats: bool
    """Whether that cell has code below the restart; it is at ``start`` then."""


@dataclass
class Expansion:
    """The Python cells of a root in the order in which they run. Indices count from 0."""

    root: NotebookKey
    placed: list[Placed] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)
    """From each of these on, names may be there that nobody sees."""
    open_runs: list[int] = field(default_factory=list)
    """Ahead of these something runs that is not known; it may use every name there is."""
    cuts: list[Cut] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    """Names that code may bind which nobody reads."""
    circular: bool = False
    """Whether a notebook brings itself in: what comes first is anybody's guess."""

    def segments(self) -> Iterator[tuple[int, int]]:
        """The first and the last index (exclusive) of the cells of each process of Python."""
        starts = [0, *(cut.start for cut in self.cuts)]
        ends = [*(cut.start + cut.repeats for cut in self.cuts), len(self.placed)]
        return zip(starts, ends, strict=True)

    def unknown_from(self, start: int, end: int) -> int | None:
        """The first index in a range from which on names are not known."""
        return min((index for index in self.unknown if start <= index <= end), default=None)


class Closure(NamedTuple):
    """A root and everything that its ``%run`` bring in."""

    keys: tuple[NotebookKey, ...]
    """In the order in which they are first run."""
    is_whole: bool
    """False where there were too many of them."""


class Expander:
    """Follows the ``%run`` of a project."""

    def __init__(self, facts: Mapping[NotebookKey, NotebookFacts], resolve: Resolve) -> None:
        self._facts = facts
        self._resolve = resolve
        self._targets: dict[NotebookKey, Mapping[int, list[NotebookKey | None]]] = {}
        self.flat = cache(self._flat)
        """What every ``%run`` of a notebook runs, in order."""

    def targets(self, key: NotebookKey) -> Mapping[int, list[NotebookKey | None]]:
        """What each cell runs, in order; None for what is not known."""
        known = self._targets.get(key)
        if known is None:
            known = self._targets[key] = self._find_targets(key)
        return known

    def _flat(self, key: NotebookKey) -> list[NotebookKey | None]:
        return [each for found in self.targets(key).values() for each in found]

    def _find_targets(self, key: NotebookKey) -> Mapping[int, list[NotebookKey | None]]:
        targets: dict[int, list[NotebookKey | None]] = {}
        facts = self._facts.get(key)
        for run in facts.runs if facts else ():
            target = self._resolve(key, run.target) if names_path(run) else None
            found = target if target in self._facts else None
            targets.setdefault(run.spot.cell, []).append(found)
        return targets

    def closure(self, root: NotebookKey) -> Closure:
        """Everything that runs with ``root``, itself first."""
        seen: dict[NotebookKey, None] = {root: None}
        waiting = [self._following(root)]
        while waiting:
            key = next(waiting[-1], None)
            if key is None:
                waiting.pop()
            elif key not in seen:
                if len(seen) >= MOST_NOTEBOOKS:
                    return Closure(tuple(seen), is_whole=False)
                seen[key] = None
                waiting.append(self._following(key))
        return Closure(tuple(seen), is_whole=True)

    def _following(self, key: NotebookKey) -> Iterator[NotebookKey]:
        return (each for each in self.flat(key) if each is not None)

    def expand(
        self, root: NotebookKey, sheet_of: Callable[[NotebookKey], Sheet | None]
    ) -> Expansion | None:
        """The expansion of ``root``; None where it is too long, or cannot be read."""
        sheet = sheet_of(root)
        return None if sheet is None else _Walk(self, root, sheet_of).expansion(sheet)


@dataclass
class _Frame:
    """A notebook that is being run."""

    key: NotebookKey
    sheet: Sheet
    via: tuple[Call, ...]
    cells: Iterator[int]
    cell: int = 0
    targets: list[NotebookKey | None] = field(default_factory=list)
    """What is still to be run by the current cell ahead of its own code, the next one last."""


class _Walk:
    """One expansion in the making. Chains of ``%run`` may be deeper than Python's own stack."""

    def __init__(
        self,
        expander: Expander,
        root: NotebookKey,
        sheet_of: Callable[[NotebookKey], Sheet | None],
    ) -> None:
        self._expander = expander
        self._sheet_of = sheet_of
        self._found = Expansion(root)
        self._done: set[NotebookKey] = set()
        """What has run in this process of Python: a second time brings nothing new."""
        self._frames: list[_Frame] = []

    def expansion(self, sheet: Sheet) -> Expansion | None:
        self._enter(self._found.root, sheet, ())
        while self._frames:
            frame = self._frames[-1]
            if frame.targets:
                self._run(frame, frame.targets.pop())
            elif not self._place(frame):
                return None
        return self._found

    def _enter(self, key: NotebookKey, sheet: Sheet, via: tuple[Call, ...]) -> None:
        self._done.add(key)
        self._found.hidden |= sheet.hidden
        cells = sorted({*sheet.pieces, *self._expander.targets(key)})
        self._frames.append(_Frame(key, sheet, via, iter(cells)))
        self._next_cell(self._frames[-1])

    def _next_cell(self, frame: _Frame) -> None:
        frame.cell = next(frame.cells, 0)
        if not frame.cell:
            self._frames.pop()
            return
        frame.targets = self._expander.targets(frame.key).get(frame.cell, [])[::-1]

    def _run(self, frame: _Frame, target: NotebookKey | None) -> None:
        if target is not None:
            if target in self._done:
                if any(each.key == target for each in self._frames):
                    self._found.circular = True
                return
            sheet = self._sheet_of(target)
            if sheet is not None:
                self._enter(target, sheet, (*frame.via, Call(frame.key, frame.cell)))
                return
        self._found.unknown.append(len(self._found.placed))
        self._found.open_runs.append(len(self._found.placed))

    def _place(self, frame: _Frame) -> bool:
        """Put the current cell's own code in its place; False where there is no room."""
        found, sheet, number = self._found, frame.sheet, frame.cell
        piece = sheet.pieces.get(number)
        if piece is not None:
            if len(found.placed) >= MOST_CELLS:
                return False
            if number in sheet.opaque:
                found.unknown.append(len(found.placed))
            found.placed.append(Placed(piece, frame.via))
            if number in sheet.restarts:
                repeats = sheet.restarts[number]
                start = len(found.placed) - repeats
                found.cuts.append(Cut(start, Call(frame.key, number), repeats))
                # What runs now is not run again from its own cells.
                self._done = {each.key for each in self._frames}
        self._next_cell(frame)
        return True
