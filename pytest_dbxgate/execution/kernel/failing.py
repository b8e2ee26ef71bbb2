"""What went wrong in a cell, in the notebook's own terms."""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Sequence
from pathlib import Path

from pytest_dbxgate.execution.kernel.errors import NeedsClusterError
from pytest_dbxgate.execution.outcome import CellFailure, CellPlace, RunState

MOST_WORDS = 2000
"""Characters of a message."""
_MOST_LINES = 15
_STACK = ("JVM stacktrace:", "\tat ", "== SQL", "Driver stacktrace:")


class Places:
    """The cells by the names their code was compiled under."""

    def __init__(self, tree: Path) -> None:
        self._tree = tree.resolve()
        self._cells: dict[str, tuple[CellPlace, int, str]] = {}

    def name(self, place: CellPlace, source: str, first_line: int) -> str:
        """The name for a cell's code, whose first line is this one of its source."""
        member = "" if place.member is None else f"::{place.member}"
        name = f"<{place.path}{member} cell {place.cell}>"
        self._cells[name] = (place, first_line, source)
        return name

    def failure(
        self,
        error: BaseException,
        current: CellPlace,
        source: str,
        chain: Sequence[CellPlace],
        line: int | None = None,
    ) -> CellFailure:
        """The failure of the ``current`` cell. ``line``: of its source, where that is known."""
        name, first, _ = self._of(current)
        if line is None:
            line = _syntax_line(error, name)
            line = self._line(error, name) if line is None else line
            line = first if line is None else line + first - 1
        return CellFailure(
            place=current._replace(line=max(1, line)),
            error=_name(error),
            message=_message(error),
            condition=_condition(error),
            chain=tuple(chain),
            traceback=tuple(self._lines(error)),
            source=source,
        )

    def _of(self, place: CellPlace) -> tuple[str, int, str]:
        for name, (known, first, source) in self._cells.items():
            if known[:2] == place[:2] and known.member == place.member:
                return name, first, source
        return "", 1, ""

    def _line(self, error: BaseException, name: str) -> int | None:
        """The line of the cell's code that the error came through."""
        found = None
        for frame, number in traceback.walk_tb(error.__traceback__):
            if frame.f_code.co_filename == name:
                found = number
        return found

    def _lines(self, error: BaseException) -> list[str]:
        """The frames of cells and of the repository's own modules."""
        lines: list[str] = []
        for frame, number in traceback.walk_tb(error.__traceback__):
            file = frame.f_code.co_filename
            where = self._shown(file, number)
            if where:
                lines.append(f"{where}, in {frame.f_code.co_name}")
                text = self._text(file, number).strip()
                if text:
                    lines.append(f"    {text}")
        return lines

    def _shown(self, file: str, number: int) -> str:
        known = self._cells.get(file)
        if known is not None:
            place, first, _ = known
            member = "" if place.member is None else f"::{place.member}"
            return f"{place.path}{member} cell {place.cell}, line {number + first - 1}"
        if file.startswith("<"):
            return ""
        try:
            return f"{Path(file).resolve().relative_to(self._tree).as_posix()}, line {number}"
        except ValueError:
            return ""

    def _text(self, file: str, number: int) -> str:
        known = self._cells.get(file)
        if known is None:
            return linecache.getline(file, number)
        lines = known[2].split("\n")
        index = number + known[1] - 2
        return lines[index] if 0 <= index < len(lines) else ""


def state_of(error: BaseException, statement: str = "") -> tuple[RunState, str]:
    """What an error that nobody caught makes of the run, and why where that is not its own."""
    from pytest_dbxgate.execution.sql import limit_of

    if isinstance(error, NeedsClusterError):
        return RunState.UNSUPPORTED, str(error)
    if isinstance(error, KeyboardInterrupt):
        return RunState.CANCELLED, "it was cancelled"
    why = limit_of(error, statement) if _is_spark(error) else ""
    return (RunState.UNSUPPORTED, why) if why else (RunState.FAILED, "")


def _is_spark(error: BaseException) -> bool:
    return type(error).__module__.startswith(("pyspark.", "grpc"))


def _syntax_line(error: BaseException, name: str) -> int | None:
    if isinstance(error, SyntaxError) and error.filename in (name, "<unknown>", None):
        return error.lineno
    return None


def _name(error: BaseException) -> str:
    kind = type(error)
    if kind.__module__ in ("builtins", "__main__") or kind.__module__.startswith("pytest_dbxgate."):
        return kind.__qualname__
    if kind.__module__.startswith("pyspark."):
        return kind.__name__
    return f"{kind.__module__}.{kind.__qualname__}"


def _condition(error: BaseException) -> str:
    for name in ("getCondition", "getErrorClass"):
        ask = getattr(error, name, None)
        if callable(ask) and _is_spark(error):
            try:
                return str(ask() or "")
            except Exception:
                return ""
    return ""


def _message(error: BaseException) -> str:
    try:
        if isinstance(error, SyntaxError):
            text = error.msg or str(error)
        elif isinstance(error, SystemExit):
            text = f"sys.exit({error.code!r}): to end a notebook use dbutils.notebook.exit"
        else:
            text = str(error)
    except Exception:
        text = "(its message cannot be read)"
    lines = []
    for line in text.strip().split("\n"):
        if line.startswith(_STACK) or len(lines) >= _MOST_LINES:
            break
        lines.append(line.rstrip())
    return "\n".join(lines).strip()[:MOST_WORDS]
