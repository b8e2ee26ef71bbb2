"""The events of a run, written as they happen."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from json import dumps
from pathlib import Path
from typing import Any

from pytest_dbxgate.execution.outcome import CellFailure, CellPlace, RunState
from pytest_dbxgate.execution.spec import Kind, failure_values

Redact = Callable[[str], str]


class Teller:
    """Appends events to a file. A process that was forked off tells nothing."""

    def __init__(self, file: str, redact: Redact = str) -> None:
        self._stream = Path(file).open("ab") if file else None  # noqa: SIM115 - kept to the end
        self._redact = redact
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._said: set[str] = set()

    def start(self, digest: str) -> None:
        self._tell(Kind.START, digest=digest)

    def cell(self, place: CellPlace, chain: tuple[CellPlace, ...]) -> None:
        self._tell(
            Kind.CELL,
            path=place.path,
            member=place.member,
            cell=place.cell,
            chain=[list(each) for each in chain],
        )

    def cell_done(self, place: CellPlace, seconds: float) -> None:
        self._tell(
            Kind.CELL_DONE,
            seconds=round(seconds, 4),
            path=place.path,
            member=place.member,
            cell=place.cell,
        )

    def cell_stopped(self, place: CellPlace) -> None:
        self._tell(
            Kind.CELL_STOPPED,
            path=place.path,
            member=place.member,
            cell=place.cell,
            line=place.line,
        )

    def notice(self, text: str) -> None:
        """Tell it once, however often it is said."""
        if text not in self._said:
            self._said.add(text)
            self._tell(Kind.NOTICE, text=self._redact(text))

    def task_value(self, name: str, value: Any) -> None:
        self._tell(Kind.TASK_VALUE, name=name, value=value)

    def end(
        self,
        state: RunState,
        *,
        message: str = "",
        failure: CellFailure | None = None,
        exit_value: str | None = None,
    ) -> None:
        self._tell(
            Kind.END,
            state=state.value,
            message=self._redact(message),
            failure=None if failure is None else failure_values(failure),
            exit_value=exit_value,
        )

    def _tell(self, kind: str, **values: Any) -> None:
        if self._stream is None or os.getpid() != self._process:
            return
        line = dumps({"kind": kind, "time": time.time(), **values}) + "\n"
        with self._lock:
            self._stream.write(line.encode("utf-8"))
            self._stream.flush()
