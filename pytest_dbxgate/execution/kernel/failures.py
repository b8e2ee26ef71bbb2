"""What a failure of a cell looks like: without the frames of the tools around it."""

from __future__ import annotations

import traceback
from collections.abc import Collection
from pathlib import Path
from types import TracebackType

from pytest_dbxgate.execution.kernel.judging import condition_of, judged
from pytest_dbxgate.execution.kernel.places import Places, Step
from pytest_dbxgate.execution.kernel.statements import LINE
from pytest_dbxgate.execution.outcome import CellFailure, CellPlace, RunState

_MOST_FRAMES = 30


class Failures:
    """Describes errors that end cells."""

    def __init__(self, places: Places, tree: str, skipped: Collection[str] = ()) -> None:
        self._places = places
        self._tree = Path(tree).resolve()
        self._skipped = skipped

    def describe(
        self, error: BaseException, step: Step, code_line: int = 1
    ) -> tuple[RunState, CellFailure]:
        """Whose fault ``error`` is, and what to show of it. ``code_line`` is the cell line on
        which the code of a cell that is no Python begins."""
        frames = self._shown_frames(error)
        state, message = judged(error, self._skipped)
        failure = CellFailure(
            place=self._place(error, frames, step, code_line),
            error=type(error).__name__,
            message=message,
            condition=condition_of(error),
            chain=step.chain,
            traceback=tuple(self._lines(frames, error, message)),
            source=step.source,
        )
        return state, failure

    def place(self, error: BaseException, step: Step, code_line: int = 1) -> CellPlace:
        """The line of the cell that ``error`` comes from."""
        return self._place(error, self._shown_frames(error), step, code_line)

    def _shown_frames(self, error: BaseException) -> list[tuple[str, int, str]]:
        return [frame for frame in _frames(error) if self._is_shown(frame[0])]

    def _is_shown(self, file: str) -> bool:
        if self._places.find(file, 1) is not None:
            return True
        if file.startswith("<") or not Path(file).is_absolute():
            return False
        path = Path(file).resolve()
        return path.is_relative_to(self._tree) and "site-packages" not in path.parts

    def _place(
        self, error: BaseException, frames: list[tuple[str, int, str]], step: Step, code_line: int
    ) -> CellPlace:
        if isinstance(error, SyntaxError) and error.filename and error.lineno:
            found = self._places.find(error.filename, error.lineno)
            if found is not None and found[:2] == step.place[:2]:
                return found
        line = getattr(error, LINE, None)
        if line is not None:
            return step.place._replace(line=code_line + line - 1)
        for file, number, _ in reversed(frames):
            found = self._places.find(file, number)
            if found is not None and found._replace(line=1) == step.place._replace(line=1):
                return found
        return step.place._replace(line=code_line)

    def _lines(
        self, frames: list[tuple[str, int, str]], error: BaseException, message: str
    ) -> list[str]:
        found: list[str] = []
        for file, number, function in frames[-_MOST_FRAMES:]:
            place = self._places.find(file, number)
            if place is not None:
                where = f"{place.path} cell {place.cell}, line {place.line}"
                text = self._places.text(place, file)
            else:
                where = f"{_relative(Path(file).resolve(), self._tree)}, line {number}"
                text = _line_of(file, number)
            # IPython calls the code of a cell ``<cell line: 1>``.
            is_cell = function.startswith(("<module>", "<cell line"))
            found.append(f"  {where}" if is_cell else f"  {where}, in {function}")
            if text:
                found.append(f"    {text}")
        if found:
            found.append(f"{type(error).__name__}: {message}" if message else type(error).__name__)
        return found


def _frames(error: BaseException) -> list[tuple[str, int, str]]:
    """File, line and function of each frame, the outermost first."""
    found: list[tuple[str, int, str]] = []
    at: TracebackType | None = error.__traceback__
    while at is not None:
        code = at.tb_frame.f_code
        found.append((code.co_filename, at.tb_lineno, code.co_name))
        at = at.tb_next
    return found


def _relative(path: Path, tree: Path) -> str:
    return path.relative_to(tree).as_posix() if path.is_relative_to(tree) else path.name


def _line_of(file: str, number: int) -> str:
    summary = traceback.FrameSummary(file, number, "", lookup_line=True)
    return (summary.line or "").strip()
