"""What a failure of a cell looks like: without the frames of the tools around it."""

from __future__ import annotations

import contextlib
import re
import traceback
from pathlib import Path
from types import TracebackType

from pytest_dbxgate.execution.kernel.places import Places, Step
from pytest_dbxgate.execution.kernel.signals import EngineError, NeedsClusterError
from pytest_dbxgate.execution.kernel.statements import LINE, limit_of
from pytest_dbxgate.execution.outcome import CellFailure, CellPlace, RunState

_MOST_LINES = 20
_MOST_CHARACTERS = 2_000
_MOST_FRAMES = 30
_STACK = ("\n\nJVM stacktrace:", "\nJVM stacktrace:", "\n\tat org.apache.spark", "\n\tat scala.")
_ABSENT = {
    "NOT_IMPLEMENTED",
    "JVM_ATTRIBUTE_NOT_SUPPORTED",
    "ATTRIBUTE_NOT_SUPPORTED",
    "UNSUPPORTED_OPERATION",
    "ONLY_SUPPORTED_WITH_SPARK_CLASSIC",
    "CANNOT_CONFIGURE_SPARK_CONNECT_MASTER",
}
"""Spark's conditions that mean: Spark Connect has not what a cluster has."""
_CONDITION = re.compile(r"\[([A-Z][A-Z0-9]*_[A-Z0-9_.]+)\]")
_GONE = (
    "StatusCode.UNAVAILABLE",
    "failed to connect to all addresses",
    "Connection refused",
    "Socket closed",
    "RETRIES_EXCEEDED",
)


class Failures:
    """Describes errors that end cells."""

    def __init__(self, places: Places, tree: str) -> None:
        self._places = places
        self._tree = Path(tree).resolve()

    def describe(
        self, error: BaseException, step: Step, code_line: int = 1
    ) -> tuple[RunState, CellFailure]:
        """Whose fault ``error`` is, and what to show of it. ``code_line`` is the cell line on
        which the code of a cell that is no Python begins."""
        frames = [frame for frame in _frames(error) if self._is_shown(frame[0])]
        state, message = _judged(error)
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

    def _is_shown(self, file: str) -> bool:
        if self._places.find(file, 1) is not None:
            return True
        if file.startswith("<"):
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
            name = "" if function in ("<module>", "<cell line: 1>") else f", in {function}"
            found.append(f"  {where}{'' if name.startswith(', in <cell line') else name}")
            if text:
                found.append(f"    {text}")
        if found:
            found.append(f"{type(error).__name__}: {message}" if message else type(error).__name__)
        return found


def condition_of(error: BaseException) -> str:
    """Spark's own name for an error; empty where there is none."""
    if not _is_of_spark(error):
        return ""
    found = ""
    for name in ("getCondition", "getErrorClass"):
        getter = getattr(error, name, None)
        if not found and callable(getter):
            with contextlib.suppress(Exception):
                found = str(getter() or "")
    # Sail names the condition in the message alone.
    named = _CONDITION.search(str(error))
    return found or (named[1] if named else "")


def _judged(error: BaseException) -> tuple[RunState, str]:
    """The state that an error means, and its message."""
    if isinstance(error, SystemExit):
        return RunState.FAILED, (
            f"the notebook called exit({'' if error.code is None else repr(error.code)}), which "
            "fails a run; dbutils.notebook.exit(value) ends it early"
        )
    message = _message(error)
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, NeedsClusterError):
            return RunState.UNSUPPORTED, message
        if isinstance(seen, EngineError) or _is_gone(seen):
            return RunState.PLATFORM, message
        if condition_of(seen) in _ABSENT:
            return RunState.UNSUPPORTED, f"{message} (it needs a cluster)"
        reason = limit_of(seen) if _is_of_spark(seen) else ""
        if reason:
            return RunState.UNSUPPORTED, f"{reason} ({message})"
        seen = seen.__cause__
    return RunState.FAILED, message


def _is_of_spark(error: BaseException) -> bool:
    return type(error).__module__.startswith(("pyspark.", "grpc"))


def _is_gone(error: BaseException) -> bool:
    return _is_of_spark(error) and any(each in str(error) for each in _GONE)


def _message(error: BaseException) -> str:
    """What an error says, without the stack that Spark's server sends along."""
    if isinstance(error, SyntaxError):
        return error.msg or str(error)
    if isinstance(error, KeyError) and len(error.args) == 1:
        return repr(error.args[0])
    try:
        text = str(error)
    except Exception:
        return "its message cannot be shown"
    for mark in _STACK:
        text = text.partition(mark)[0]
    lines = text.strip().split("\n")
    text = "\n".join([*lines[:_MOST_LINES], *(["..."] if len(lines) > _MOST_LINES else [])])
    return text if len(text) <= _MOST_CHARACTERS else text[:_MOST_CHARACTERS] + " ..."


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
