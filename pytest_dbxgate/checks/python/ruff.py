"""Running ruff: the executable, its environment, its limits, and its JSON typed at the border."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

from pytest_dbxgate import programs
from pytest_dbxgate.checks.python import ruff_diff
from pytest_dbxgate.checks.python.ruff_diff import CellDiff
from pytest_dbxgate.codes import INVALID_SYNTAX
from pytest_dbxgate.errors import ToolError

TIMEOUT = 300.0
"""Seconds one ruff process may take; over 1,800 notebooks it takes less than one."""

_MEMORY_NEEDED = 1 << 30
"""Bytes that must be free in a folder in memory; a copy of 2,000 notebooks takes some 50 MB."""
_STACK = str(256 * 1024 * 1024)
"""Bytes of stack of each of ruff's threads: its default overflows on 20,000 chained operators."""

_FILE_FAILED = re.compile(r"^error: Failed to ", re.MULTILINE)


class Position(NamedTuple):
    """A 1-based line and column (code points)."""

    line: int
    column: int


class Safety(str, Enum):
    """How far ruff trusts one of its fixes."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    DISPLAY = "display"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding of ruff's. Positions count in the cell; the end is exclusive."""

    file: str
    cell: int
    """From 1, every cell of the file counted."""
    code: str
    message: str
    start: Position
    end: Position
    url: str = ""
    fix: str = ""
    """What ruff's fix would do; empty where it has none."""
    safety: Safety | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One process that ended by itself, and the files it was given."""

    files: Sequence[str]
    output: Path
    errors: str


@dataclass(frozen=True, slots=True)
class Ruff:
    """ruff's executable and a folder for its arguments and output."""

    executable: str
    scratch: Path
    timeout: float = TIMEOUT

    def check(
        self,
        files: Sequence[str],
        *options: str,
        folder: Path,
        aborted: Callable[[str], None],
    ) -> Iterator[Diagnostic]:
        """The findings in ``files`` (absolute paths), in ruff's order, read as they are needed.

        ``aborted`` is told each file that makes ruff abort; the others are still checked.
        Raises :class:`ToolError` where ruff itself fails.
        """
        command = ("check", "--no-cache", "--no-fix", "--output-format", "json-lines", *options)
        for run in self.runs(command, files, folder=folder, aborted=aborted):
            with run.output.open(encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    yield _diagnostic(line)

    def format(
        self,
        files: Sequence[str],
        *options: str,
        folder: Path,
        aborted: Callable[[str], None],
    ) -> Iterator[CellDiff]:
        """What the formatter changes in the cells of ``files``, by absolute path. Of a file that
        ruff cannot format there is nothing.

        Raises :class:`ToolError` where ruff itself fails.
        """
        command = ("format", "--no-cache", "--diff", *options)
        for run in self.runs(command, files, folder=folder, aborted=aborted):
            diff = run.output.read_bytes().decode("utf-8", "replace")
            try:
                for cell in ruff_diff.read(diff):
                    yield replace(cell, file=str(folder / cell.file))
            except ValueError as error:
                raise ToolError("ruff", f"ruff format: {error}", next_step="run it again") from None

    def runs(
        self,
        command: Sequence[str],
        files: Sequence[str],
        *,
        folder: Path,
        aborted: Callable[[str], None],
    ) -> Iterator[Run]:
        """Run ``command`` over ``files`` in as few processes as it takes to have them all done.

        An abort loses the output of a whole process: halves are tried until the file that
        causes it stands alone.
        """
        if not files:
            return
        run = self._run(command, files, folder)
        if run is not None:
            yield run
        elif len(files) == 1:
            aborted(files[0])
        else:
            middle = len(files) // 2
            for half in (files[:middle], files[middle:]):
                yield from self.runs(command, half, folder=folder, aborted=aborted)

    def _run(self, command: Sequence[str], files: Sequence[str], folder: Path) -> Run | None:
        """One process over ``files``; None where it aborted."""
        arguments, output = self.scratch / "ruff-arguments", self.scratch / "ruff-output"
        if len(files) == 1:
            # A lone file is checked on ruff's main thread, whose stack RUST_MIN_STACK does not
            # raise: results would depend on how many files there are.
            company = folder / "dbxgate_company.pyi"
            company.touch()
            arguments.write_text(f"{files[0]}\n{company}", encoding="utf-8", newline="")
        else:
            arguments.write_text("\n".join(files), encoding="utf-8", newline="")
        try:
            with output.open("wb") as stdout:
                done = subprocess.run(
                    [self.executable, *command, f"@{arguments}"],
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=subprocess.PIPE,
                    cwd=folder,
                    env=environment(),
                    timeout=self.timeout,
                    check=False,
                )
        except subprocess.TimeoutExpired:
            raise ToolError(
                "ruff",
                f"ruff {command[0]} did not end within {self.timeout:g} s",
                next_step="run it again, or exclude notebooks to find the one that hangs it",
            ) from None
        except OSError as error:
            raise ToolError(
                "ruff",
                f"{self.executable} cannot be started: {error}",
                next_step="python -m pip install --force-reinstall ruff",
            ) from None
        errors = done.stderr.decode("utf-8", errors="replace")
        if done.returncode in (0, 1):
            return Run(files, output, errors)
        if done.returncode == 2:
            if command[0] == "format" and _FILE_FAILED.search(errors):
                return Run(files, output, errors)
            raise ToolError("ruff", errors.strip() or f"ruff {command[0]} failed without a word")
        return None


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder of our own for as long as it is needed. Raises :class:`ToolError` where it, or
    what is to stand in it, cannot be written."""
    try:
        with tempfile.TemporaryDirectory(
            prefix="dbxgate-", dir=_memory(), ignore_cleanup_errors=True
        ) as name:
            # ruff prints real paths: a temporary folder may stand behind a link.
            yield Path(name).resolve()
    except OSError as error:
        raise ToolError(
            "ruff",
            f"the copy it works on cannot be written: {error}",
            next_step="make room in the folder for temporary files, or point TMPDIR elsewhere",
        ) from error


def _memory() -> str | None:
    """A folder in memory where Linux has one with room to spare, unless TMPDIR says otherwise.

    Thousands of small files that live for a second take ten times longer on a disk.
    """
    folder = "/dev/shm"
    if "TMPDIR" in os.environ or not os.access(folder, os.W_OK | os.X_OK):
        return None
    try:
        return folder if shutil.disk_usage(folder).free >= _MEMORY_NEEDED else None
    except OSError:
        return None


def find() -> str:
    """The path of ruff's executable: the installed package's, else the one on the PATH."""
    try:
        from ruff import find_ruff_bin  # type: ignore[import-untyped]
    except ImportError:
        try:
            # Where older versions keep it.
            from ruff.__main__ import find_ruff_bin  # type: ignore[import-untyped]
        except ImportError:
            return _on_path()
    try:
        return os.fsdecode(find_ruff_bin())
    except FileNotFoundError:
        return _on_path()


def _on_path() -> str:
    found = programs.find("ruff")
    if found is None:
        raise ToolError("ruff", "it is not installed", next_step="python -m pip install ruff")
    return found


def environment() -> dict[str, str]:
    """The environment of a ruff process: nothing in it decides what ruff finds."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith("RUFF_")
        and name.upper() not in ("FORCE_COLOR", "CLICOLOR_FORCE", "RUST_LOG", "RUST_BACKTRACE")
    }
    return {**kept, "RUST_MIN_STACK": _STACK, "NO_COLOR": "1"}


def _diagnostic(line: str) -> Diagnostic:
    raw = _loads(line)
    match raw:
        case {
            "filename": str(file),
            "message": str(message),
            "location": {"row": int(row), "column": int(column)},
        }:
            pass
        case _:
            raise _not_understood(line)
    cell, code, url = raw.get("cell"), raw.get("code"), raw.get("url")
    safety, fix = _fix(raw.get("fix"))
    return Diagnostic(
        file=file,
        cell=cell if isinstance(cell, int) else 1,
        code=code if isinstance(code, str) else INVALID_SYNTAX,
        message=message.removeprefix("SyntaxError: "),
        start=Position(row, column),
        end=_position(raw.get("end_location"), Position(row, column)),
        url=url if isinstance(url, str) else "",
        fix=fix,
        safety=safety,
    )


def _fix(raw: object) -> tuple[Safety | None, str]:
    match raw:
        case {"applicability": str(safety), "message": message}:
            known = Safety(safety) if safety in set(Safety) else Safety.DISPLAY
            return known, message if isinstance(message, str) else ""
    return None, ""


def _position(raw: object, default: Position) -> Position:
    match raw:
        case {"row": int(row), "column": int(column)}:
            return Position(row, column)
    return default


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise _not_understood(text) from None


def _not_understood(text: str) -> ToolError:
    return ToolError(
        "ruff",
        f"its output is not understood: {text[:200]!r}",
        next_step='python -m pip install "ruff>=0.16,<0.18"',
    )


@dataclass(frozen=True, slots=True)
class Edit:
    """A replacement. Positions count in all cells of the file joined by line feeds."""

    start: Position
    end: Position
    content: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The edits that belong to one diagnostic: the one of the same index of the same run.

    The JSON of ``--output-format json-lines`` gives an edit's place in *a* cell without saying
    in which; ``rdjson`` gives places in the whole file, from which the cell follows.
    """

    file: str
    start: Position
    edits: tuple[Edit, ...]


def suggestions(output: Path) -> list[Suggestion]:
    """Parse what ``--output-format rdjson`` printed."""
    raw = _loads(output.read_text(encoding="utf-8", errors="replace"))
    match raw:
        case {"diagnostics": list(found)}:
            return [_suggestion(item) for item in found]
    raise _not_understood(str(raw))


def _suggestion(raw: object) -> Suggestion:
    match raw:
        case {"location": {"path": str(file), "range": place}, "suggestions": list(edits)}:
            return Suggestion(file, _range(place)[0], tuple(_edit(item) for item in edits))
        case {"location": {"path": str(file), "range": place}}:
            return Suggestion(file, _range(place)[0], ())
    raise _not_understood(str(raw))


def _edit(raw: object) -> Edit:
    match raw:
        case {"range": place, "text": str(text)}:
            start, end = _range(place)
            return Edit(start, end, text)
    raise _not_understood(str(raw))


def _range(raw: object) -> tuple[Position, Position]:
    match raw:
        case {
            "start": {"line": int(line), "column": int(column)},
            "end": {"line": int(end_line), "column": int(end_column)},
        }:
            return Position(line, column), Position(end_line, end_column)
    raise _not_understood(str(raw))
