"""Changing one area of a project: finding a place by seed, changing it, marking where it shows."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from project_areas import Area
from project_files import MARK, File, Files, Notebook

CALLS = r"(?:%run|notebook\.run\(|notebook_path|notebookPath)"
"""What names a notebook, in whatever file."""


@dataclass(frozen=True)
class Kind:
    """A kind of defect; ``codes`` are those that tell it."""

    name: str
    codes: tuple[str, ...]
    plant: Callable[[Draft], None]
    """Changes one area and marks the lines where a finding says so: all that are wrong then. A
    finding on any of them is right, a finding elsewhere is not."""


class NoPlaceError(Exception):
    """A kind of defect found nothing to be planted in."""


@dataclass(frozen=True)
class Place:
    """What a pattern matched in a cell, or in a file without cells (``cell`` is 0)."""

    path: str
    cell: int
    match: re.Match[str]

    @property
    def word(self) -> str:
        """The first group that took part."""
        return self.match[self.group]

    @property
    def group(self) -> int:
        return self.match.lastindex or 0


@dataclass
class Draft:
    """The files of a project while a defect is planted in one of its areas."""

    files: Files
    area: Area
    rng: random.Random

    def places(self, pattern: str, within: str = "") -> list[Place]:
        """Where ``pattern`` matches in the area; ``within`` is searched in the paths."""
        return [
            Place(path, number, match)
            for path in self.own_paths(within)
            for number, text in enumerate(_texts(self.files[path]))
            for match in re.finditer(pattern, text, re.MULTILINE)
        ]

    def pick(self, pattern: str, within: str = "") -> Place:
        """One of :meth:`places`. Raises NoPlaceError."""
        found = self.places(pattern, within)
        if not found:
            raise NoPlaceError(f"{self.area.name}: nothing matches {pattern!r}")
        return self.rng.choice(found)

    def put(self, place: Place, text: str, *, mark: bool = True) -> None:
        """Write ``text`` for the word of ``place``; ``mark`` its line."""
        start, end = place.match.span(place.group)
        old = place.match.string
        new = old[:start] + text + old[end:]
        if mark:
            at = new.find("\n", start)
            at = len(new) if at < 0 else at
            new = new[:at] + MARK + new[at:]
        self.set(place.path, place.cell, new)

    def set(self, path: str, cell: int, text: str) -> None:
        """Replace the text of a cell."""
        file = self.files[path]
        if isinstance(file, str):
            self.files[path] = text
        else:
            self.cells(path, (*file.cells[:cell], text, *file.cells[cell + 1 :]))

    def cells(self, path: str, cells: tuple[str, ...]) -> None:
        """Replace all cells of a notebook."""
        self.files[path] = replace(self.notebook(path), cells=cells)

    def insert(self, path: str, cell: int, text: str) -> None:
        """A new cell before the one of this number, from 0."""
        cells = self.notebook(path).cells
        self.cells(path, (*cells[:cell], text, *cells[cell:]))

    def notebook(self, path: str) -> Notebook:
        file = self.files[path]
        assert isinstance(file, Notebook)
        return file

    def mark(self, pattern: str, within: str = "") -> None:
        """Mark the lines of the area in which ``pattern`` is found."""
        for path in self.own_paths(within):
            for number, text in enumerate(_texts(self.files[path])):
                self.set(path, number, marked(text, pattern))

    def move(self, path: str, target: str) -> None:
        """Move a file; its own relative ``%run`` and calls break, and are marked."""
        self.files[target] = self.files.pop(path)
        if isinstance(self.files[target], Notebook):
            self.mark(r"^%run|notebook\.run\(", re.escape(target))

    def python(self) -> list[str]:
        """The area's Python notebooks."""
        return [
            path
            for path in self.own_paths()
            if isinstance(file := self.files[path], Notebook) and file.language == "python"
        ]

    def own_paths(self, within: str = "") -> list[str]:
        name = self.area.name
        own = re.compile(rf"(?:^|/){name}[/.]|/{name}_lib/")
        return sorted(path for path in self.files if own.search(path) and re.search(within, path))


def swap(
    pattern: str, change: Callable[[str, Draft], str], within: str = ""
) -> Callable[[Draft], None]:
    """Plants by changing the word that the group of ``pattern`` catches."""

    def plant(draft: Draft) -> None:
        place = draft.pick(pattern, within)
        draft.put(place, change(place.word, draft))

    return plant


def slip(word: str, draft: Draft) -> str:
    """The word misspelt."""
    return misspelt(word, draft.rng)


def other(_: str, draft: Draft) -> str:
    """A word that nothing in the project is called."""
    return draft.rng.choice(("scope_of_work", "verbosity", "owner"))


def marked(text: str, pattern: str) -> str:
    """``text`` with the lines marked that ``pattern`` is found in."""
    return "\n".join(
        line + MARK if MARK not in line and re.search(pattern, line) else line
        for line in text.split("\n")
    )


def bound_names(text: str) -> set[str]:
    """The names that a Python cell of ours defines at its top level."""
    found = set(re.findall(r"^(?:def|class) (\w+)", text, re.MULTILINE))
    found.update(re.findall(r"^(\w+) = ", text, re.MULTILINE))
    for names in re.findall(r"^(?:from [\w.]+ )?import (.+)$", text, re.MULTILINE):
        found.update(each.split()[-1].rpartition(".")[2] for each in names.split(","))
    return found


def any_of(names: set[str]) -> str:
    """A pattern of any of ``names``; nothing matches it where there are none."""
    return rf"\b(?:{'|'.join(sorted(names))})\b" if names else r"(?!)"


def misspelt(word: str, rng: random.Random) -> str:
    """``word`` with two letters swapped, one left out or one doubled."""
    spots = [at for at in range(1, len(word) - 1) if word[at] != word[at + 1]]
    at = rng.choice(spots)
    return rng.choice(
        (
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            word[:at] + word[at + 1 :],
            word[: at + 1] + word[at:],
        )
    )


def _texts(file: File) -> tuple[str, ...]:
    return (file,) if isinstance(file, str) else file.cells
