"""Which cell, and which of its lines, a frame of a traceback belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pytest_dbxgate.execution.outcome import CellPlace


class Step(NamedTuple):
    """A cell that runs."""

    place: CellPlace
    source: str
    """The whole cell, as the editor shows it."""
    chain: tuple[CellPlace, ...]


@dataclass(frozen=True, slots=True)
class _Compiled:
    step: Step
    above: int
    """How many lines of the cell stand above what was compiled."""


class Places:
    """Names for the code of cells, and the way back."""

    def __init__(self) -> None:
        self._steps: list[Step] = []
        self._compiled: dict[str, _Compiled] = {}

    @property
    def current(self) -> Step | None:
        return self._steps[-1] if self._steps else None

    def enter(self, step: Step) -> None:
        self._steps.append(step)

    def leave(self) -> None:
        self._steps.pop()

    def name(self, code: str) -> str:
        """A file name for code that is about to be compiled: IPython's own tell nothing."""
        step = self.current
        number = len(self._compiled) + 1
        if step is None:
            return f"<code {number}>"
        where = step.place.path if step.place.member is None else step.place.member
        name = f"<{where} cell {step.place.cell} #{number}>"
        self._compiled[name] = _Compiled(step, _lines_above(step.source, code))
        return name

    def find(self, file: str, line: int) -> CellPlace | None:
        """The cell and the line in it; None where the file is no cell."""
        found = self._compiled.get(file)
        if found is not None:
            return found.step.place._replace(line=found.above + line)
        step = self.current
        if step is not None and file in ("<timed exec>", "<timed eval>"):
            return step.place._replace(line=_magic_line(step.source) + line)
        return None

    def text(self, place: CellPlace, file: str) -> str:
        """The line of source at ``place``."""
        found = self._compiled.get(file)
        step = found.step if found is not None else self.current
        lines = step.source.split("\n") if step is not None else []
        return lines[place.line - 1].strip() if 0 < place.line <= len(lines) else ""


def _lines_above(source: str, code: str) -> int:
    code = code.strip("\n")
    at = source.find(code) if code else -1
    if at < 0:
        # The indent of a cell as a whole is taken away before it is compiled.
        first = code.split("\n", 1)[0].strip()
        at = source.find(first) if first else -1
    return source.count("\n", 0, at) if at > 0 else 0


def _magic_line(source: str) -> int:
    """The line of the ``%%magic`` whose body runs."""
    lines = source.split("\n")
    return next((n for n, line in enumerate(lines, 1) if line.lstrip().startswith("%%")), 0)
