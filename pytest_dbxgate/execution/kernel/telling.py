"""What a child tells its parent: a line of JSON an event, each on disk before it goes on."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pytest_dbxgate.execution.outcome import CellFailure, CellPlace, RunState
from pytest_dbxgate.execution.spec import Kind


@dataclass(frozen=True, slots=True)
class End:
    """How the notebook ended."""

    state: RunState
    message: str = ""
    failure: CellFailure | None = None
    exit_value: str | None = None


class Teller:
    """Appends events to a file. Safe to use from several threads."""

    def __init__(self, file: str) -> None:
        self._descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._lock = threading.Lock()

    def start(self, digest: str) -> None:
        self._tell(Kind.START, digest=digest)

    def cell(self, place: CellPlace, chain: Sequence[CellPlace]) -> None:
        self._tell(
            Kind.CELL, path=place.path, member=place.member, cell=place.cell, chain=list(chain)
        )

    def cell_done(self, seconds: float) -> None:
        self._tell(Kind.CELL_DONE, seconds=seconds)

    def notice(self, text: str) -> None:
        self._tell(Kind.NOTICE, text=text)

    def task_value(self, name: str, value: Any) -> None:
        self._tell(Kind.TASK_VALUE, name=name, value=value)

    def end(self, end: End) -> None:
        self._tell(
            Kind.END,
            state=end.state.value,
            message=end.message,
            failure=asdict(end.failure) if end.failure is not None else None,
            exit_value=end.exit_value,
        )

    def _tell(self, kind: str, **more: Any) -> None:
        line = json.dumps({"kind": kind, "time": time.time(), **more}, default=str) + "\n"
        # A notebook may have started a line of its own there.
        with self._lock:
            os.write(self._descriptor, line.encode("utf-8", "backslashreplace"))
