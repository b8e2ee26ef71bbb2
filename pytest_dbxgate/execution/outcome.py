"""What came of running a notebook, as plain immutable values. Nothing here runs anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from pytest_dbxgate.notebook.model import NotebookKey


class RunState(str, Enum):
    """How a run of a notebook ended. Only PASSED is green."""

    PASSED = "passed"
    FAILED = "failed"
    """The notebook's own failure: an error in a cell, an exit value that was not expected."""
    TIMED_OUT = "timed out"
    UNSUPPORTED = "unsupported"
    """The engine of this run cannot do what the notebook asks: it needs a cluster."""
    PLATFORM = "platform"
    """The cluster, the workspace or the engine failed; the notebook did nothing wrong."""
    CANCELLED = "cancelled"
    """Stopped from outside before it ended."""
    NOT_STARTED = "not started"
    """A cell does not parse, or a notebook that it depends on failed."""

    @property
    def is_red(self) -> bool:
        return self is not RunState.PASSED


class RunKey(NamedTuple):
    """One run: a notebook with one set of parameters."""

    notebook: NotebookKey
    case: str = ""
    """The name of the parameter set; empty where there is only one."""

    @property
    def item(self) -> str:
        """The name of its test item: ``run`` or ``run[case]``."""
        return f"run[{self.case}]" if self.case else "run"

    def __str__(self) -> str:
        return f"{self.notebook}::{self.item}"


class CellPlace(NamedTuple):
    """A cell of a notebook, with a line in it."""

    path: str
    """Of the file, relative to the root of the run, with ``/``."""
    cell: int
    """From 1; 0 where it is not known."""
    line: int = 1
    """1-based, in the cell's source as the editor shows it."""
    member: str | None = None

    @property
    def key(self) -> NotebookKey:
        return NotebookKey(self.path, self.member)


@dataclass(frozen=True, slots=True)
class CellFailure:
    """The cell that ended a run."""

    place: CellPlace
    error: str
    """The class of the exception, such as ``ValueError``; ``exit`` where the process ended."""
    message: str
    """Without stack; of Spark its own message."""
    condition: str = ""
    """Spark's error condition, such as ``TABLE_OR_VIEW_NOT_FOUND``."""
    chain: tuple[CellPlace, ...] = ()
    """The cells whose ``%run`` led there, the outermost first."""
    traceback: tuple[str, ...] = ()
    """Its lines without those of the tools around it, the innermost last."""
    source: str = ""
    """The cell's source as it ran."""


class CellTime(NamedTuple):
    """How long a cell took."""

    place: CellPlace
    seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one run."""

    key: RunKey
    state: RunState
    digest: str = ""
    """SHA-256, in hex, of the notebook's bytes that ran."""
    message: str = ""
    """Why it ended as it did, where no cell says so: a time-out, the platform's words."""
    failure: CellFailure | None = None
    unexpected: bool = False
    """It ended with another error than the settings expect; ``message`` says with which."""
    exit_value: str | None = None
    """What ``dbutils.notebook.exit`` was given; None where it was not called."""
    output: str = ""
    """The last of what it printed."""
    notices: tuple[str, ...] = ()
    """What was done otherwise than on a cluster: a statement acknowledged, a ``%pip`` skipped."""
    seconds: float = 0.0
    cells: tuple[CellTime, ...] = ()
    attempts: int = 1
    url: str = ""
    """The page of the run in the workspace."""
    engine: str = ""
    """What ran it, with its version: ``sail 0.7.2``, ``cluster adb-1.2``."""
    task_values: Mapping[str, Any] = field(default_factory=dict)
    """What ``dbutils.jobs.taskValues.set`` was given, by name."""
