"""A notebook's child process: started with little, read while it runs, ended with all it started.

It is no sandbox: what a notebook runs as is the user who runs pytest.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from pytest_dbxgate import programs
from pytest_dbxgate.execution.forks import MARK
from pytest_dbxgate.execution.outcome import CellFailure, CellPlace, CellTime, RunState
from pytest_dbxgate.execution.spec import Event, Kind, Spec, events, failure_of
from pytest_dbxgate.execution.starting import LOST, Child, Start, start_python

OUTPUT_BYTES = 64_000
"""How much of the end of what a notebook prints is kept."""
EVENT_BYTES = 64_000_000
"""How much is read of what a child tells."""
GRACE = 2.0
"""Seconds between asking a process to end and ending it."""

_POLL = 0.05


@dataclass(frozen=True, slots=True)
class ChildEnd:
    """How a child ended, and what it told before."""

    state: RunState
    message: str = ""
    failure: CellFailure | None = None
    exit_value: str | None = None
    digest: str = ""
    output: str = ""
    notices: tuple[str, ...] = ()
    cells: tuple[CellTime, ...] = ()
    task_values: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


def run_child(
    spec: Spec,
    folder: Path,
    *,
    timeout: float | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    start: Start = start_python,
) -> ChildEnd:
    """Run ``spec`` in a process of its own and wait for its end.

    ``folder`` is the run's own: its HOME and temporary files are made there. ``timeout`` in
    seconds. Never raises for what the notebook does.
    """
    mark = uuid.uuid4().hex
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "events.jsonl"
    spec = replace(spec, events_file=str(file))
    started = time.monotonic()
    try:
        process = start(folder, child_environment(folder, spec.environment, mark))
    except OSError as error:
        return ChildEnd(RunState.PLATFORM, f"the process could not be started: {error}")
    assert process.stdout is not None
    tail = _Tail(process.stdout)
    try:
        _send(process, spec)
        why = _wait(process, started, timeout, cancelled)
        stopped = time.time()
    finally:
        _end(process, mark)
        tail.close()
    told = _told(file)
    if why is not None:
        # Which cell ran is what was told before it was asked to end, and where it was then.
        told = [
            event
            for event in told
            if event.get("time", 0) <= stopped or event["kind"] == Kind.CELL_STOPPED
        ]
    end = _ended(told, process.returncode, why, timeout, tail.text)
    return replace(end, output=tail.text, seconds=time.monotonic() - started)


def child_environment(folder: Path, more: Mapping[str, str], mark: str = "") -> dict[str, str]:
    """What a child sees: no token, no folder of the user's; folders below ``folder`` are made in
    their place."""
    home, temporary = folder / "home", folder / "tmp"
    for each in (home, temporary):
        each.mkdir(parents=True, exist_ok=True)
    seen = programs.environment(os.environ)
    own = ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "XDG_CONFIG_HOME")
    seen |= {name: str(home) for name in own if name in seen or name == "HOME"}
    seen |= {name: str(temporary) for name in ("TMPDIR", "TEMP", "TMP")}
    return {
        **seen,
        "PYTHONIOENCODING": "utf-8:replace",
        "PYTHONUNBUFFERED": "1",
        # Nothing here has a screen.
        "MPLBACKEND": "Agg",
        "NO_COLOR": "1",
        **more,
        # A notebook that this one runs carries both.
        MARK: "/".join(filter(None, (os.environ.get(MARK), mark))),
    }


def _send(process: Child, spec: Spec) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        process.stdin.write(spec.to_json().encode("utf-8") + b"\n")
        process.stdin.flush()
    with contextlib.suppress(OSError):
        process.stdin.close()


def _wait(
    process: Child,
    started: float,
    timeout: float | None,
    cancelled: Callable[[], bool],
) -> RunState | None:
    """Wait for the end; why it was not waited for longer, else None."""
    while True:
        try:
            process.wait(_POLL)
            return None
        except subprocess.TimeoutExpired:
            if cancelled():
                return RunState.CANCELLED
            if timeout is not None and time.monotonic() - started > timeout:
                return RunState.TIMED_OUT


def _end(process: Child, mark: str) -> None:
    """End the process and whatever it started, also what went on without it."""
    if sys.platform == "win32":
        if process.poll() is None:
            command = ["taskkill", "/PID", str(process.pid), "/T", "/F"]
            subprocess.run(command, capture_output=True, check=False)
        process.wait()
        return
    if process.poll() is None:
        _signal_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()
    for pid in _marked(mark):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def _signal_group(pid: int, number: int) -> None:
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            os.killpg(pid, number)


def _marked(mark: str) -> list[int]:
    """The processes that were started by the child and left its group; on Linux only."""
    name, wanted = f"{MARK}=".encode(), mark.encode()
    found = []
    for each in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            known = each.read_bytes().split(b"\0")
            if any(line.startswith(name) and wanted in line for line in known):
                found.append(int(each.parent.name))
    return found


class _Tail:
    """Reads what a process prints, and keeps the end of it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._kept = b""
        self._dropped = 0
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        # A pipe that is closed from here, or by the other side, ends it.
        with contextlib.suppress(OSError, ValueError):
            while data := os.read(self._stream.fileno(), 1 << 16):
                kept = self._kept + data
                if len(kept) > 2 * OUTPUT_BYTES:
                    self._dropped += len(kept) - OUTPUT_BYTES
                    kept = kept[-OUTPUT_BYTES:]
                self._kept = kept

    def close(self) -> None:
        self._thread.join(GRACE)
        if not self._thread.is_alive():
            self._stream.close()

    @property
    def text(self) -> str:
        kept = self._kept
        dropped = self._dropped + max(0, len(kept) - OUTPUT_BYTES)
        text = kept[-OUTPUT_BYTES:].decode("utf-8", "replace").replace("\r\n", "\n")
        return f"[{dropped:,} bytes before this are left out]\n{text}" if dropped else text


def _told(file: Path) -> list[Event]:
    try:
        with file.open("rb") as stream:
            return list(events(stream.read(EVENT_BYTES).decode("utf-8", "replace")))
    except OSError:
        return []


def _ended(
    told: list[Event], code: int, why: RunState | None, timeout: float | None, output: str
) -> ChildEnd:
    """What the events and the end of the process mean together."""
    kinds = [event["kind"] for event in told]
    if Kind.START not in kinds:
        if why is RunState.CANCELLED:
            return ChildEnd(why, "it was cancelled before it began")
        last = output.strip().rpartition("\n")[2]
        return ChildEnd(RunState.PLATFORM, f"the process ended before the notebook began: {last}")
    seen = _seen(told)
    ends = [event for event in told if event["kind"] == Kind.END]
    how = _died(code)
    if ends and why is None:
        end = _as_told(ends[-1], seen)
        if end.state is not RunState.CANCELLED:
            return end
        # Nobody here has asked for it: the notebook did, or somebody outside.
        how = "was asked to end (SIGTERM)"
    running = _running(told)
    if why is RunState.TIMED_OUT:
        message = f"it did not end within {timeout:g} s"
        failure = None if running is None else replace(running, error="timeout", message=message)
        return replace(seen, state=why, message=message, failure=failure)
    if why is RunState.CANCELLED:
        return replace(seen, state=why, message="it was cancelled")
    if code == LOST:
        return replace(
            seen,
            state=RunState.PLATFORM,
            message="the process that notebooks are forked from ended, and this one with it",
        )
    message = f"the process {how} before the notebook was done"
    failure = None if running is None else replace(running, error="exit", message=message)
    return replace(seen, state=RunState.FAILED, message=message, failure=failure)


def _seen(told: list[Event]) -> ChildEnd:
    """What was told on the way."""
    digest, notices, cells = "", [], []
    values: dict[str, Any] = {}
    open_cells: list[CellPlace | None] = []
    for event in told:
        match event["kind"]:
            case Kind.START:
                digest = str(event.get("digest", ""))
            case Kind.CELL:
                open_cells.append(_place(event))
            case Kind.CELL_DONE if open_cells:
                # A cell of %run holds those of its target.
                place = open_cells.pop()
                with contextlib.suppress(TypeError, ValueError):
                    if place is not None:
                        cells.append(CellTime(place, float(event.get("seconds", 0))))
            case Kind.NOTICE:
                notices.append(str(event.get("text", "")))
            case Kind.TASK_VALUE:
                values[str(event.get("name", ""))] = event.get("value")
    unique = tuple(dict.fromkeys(notices))
    return ChildEnd(
        RunState.FAILED, digest=digest, notices=unique, cells=tuple(cells), task_values=values
    )


def _running(told: list[Event]) -> CellFailure | None:
    """The cell that had not ended, as a failure without words."""
    open_cells: list[Event] = []
    for event in told:
        if event["kind"] == Kind.CELL:
            open_cells.append(event)
        elif event["kind"] == Kind.CELL_DONE and open_cells:
            open_cells.pop()
    place = _place(open_cells[-1]) if open_cells else None
    if place is None:
        return None
    for event in told:
        line = event.get("line")
        if event["kind"] == Kind.CELL_STOPPED and _place(event) == place and isinstance(line, int):
            place = place._replace(line=line)
            break
    chain = open_cells[-1].get("chain") or ()
    with contextlib.suppress(TypeError):
        return CellFailure(place, "", "", chain=tuple(CellPlace(*each) for each in chain))
    return None


def _place(event: Event) -> CellPlace | None:
    path, cell, member = event.get("path"), event.get("cell"), event.get("member")
    if not isinstance(path, str) or not isinstance(cell, int):
        return None
    return CellPlace(path, cell, 1, member if isinstance(member, str) else None)


def _as_told(event: Event, seen: ChildEnd) -> ChildEnd:
    try:
        state = RunState(str(event.get("state")))
        failure = failure_of(event["failure"]) if event.get("failure") else None
    except (KeyError, TypeError, ValueError):
        return replace(seen, state=RunState.PLATFORM, message="what the process told is damaged")
    value = event.get("exit_value")
    return replace(
        seen,
        state=state,
        message=str(event.get("message") or ""),
        failure=failure,
        exit_value=None if value is None else str(value),
    )


def _died(code: int) -> str:
    if code >= 0:
        return f"ended by itself (exit code {code})"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
