"""The cells of the fault matrix: a call, what befalls it, and what a person does meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

from faults.oracle import MARKER
from faults.world import PLACES, ROOT

ATTEMPTS = 8
"""Of the client's budget."""


class Fault(Enum):
    """What befalls a call."""

    NONE = "none"
    S429 = "429 once"
    S500 = "500 once"
    S502 = "502 once"
    S503 = "503 once"
    S504 = "504 once"
    BEYOND = "503 beyond the budget"
    DENIED = "403 from here on"
    CUT = "cut before it is processed"
    LOST = "answer lost, repeated"
    LOST_FOR_GOOD = "answer lost for good"
    LATE = "applied late"
    STALE = "stale read"
    OUTAGE = "outage to the end"
    KILL_BEFORE = "killed before it"
    KILL_AFTER = "killed after it"


KILLED = (Fault.KILL_BEFORE, Fault.KILL_AFTER)


class Moment(Enum):
    """When a person edits."""

    NEVER = "never"
    BEFORE_CALL = "right before the call"
    BEFORE_READ = "before the last read of the object"
    IN_GAP = "between that read and the write"
    AFTER_IMPORT = "right after the write"
    ROLLBACK = "during the roll-back"
    BEFORE_HEAL = "before the next run"


class Call(NamedTuple):
    """A request of the undisturbed deployment."""

    number: int
    method: str
    route: str
    path: str

    @property
    def kind(self) -> str:
        """The class that CI takes one cell of."""
        own = self.path.removeprefix(f"{ROOT}/.dbxgate/")
        area = "" if own == self.path else own.partition("/")[0]
        return f"{self.method} {self.route} {area}".strip()


class Cell(NamedTuple):
    """One deployment to be disturbed."""

    call: Call
    fault: Fault
    moment: Moment = Moment.NEVER
    edited: str = ""
    """Which of :data:`PLACES`."""

    @property
    def name(self) -> str:
        edit = f", {self.edited} edited {self.moment.value}" if self.edited else ""
        return f"#{self.call.number} {self.call.kind} {self.call.path}: {self.fault.value}{edit}"

    @property
    def marker(self) -> str:
        return f"{MARKER} {self.edited}"

    def rules(self) -> list[Mapping[str, Any]]:
        """For the embedded workspace."""
        return [*_edits(self), *_fault(self)]


def calls_of(log: Sequence[Any]) -> list[Call]:
    return [Call(entry.number, entry.method, entry.route, entry.path) for entry in log]


def faults_alone(calls: Sequence[Call]) -> Iterator[Cell]:
    """Every call meets every fault. Nothing but a read can be stale."""
    for call in calls:
        for fault in Fault:
            if fault is Fault.NONE or (fault is Fault.STALE and call.method != "GET"):
                continue
            yield Cell(call, fault)


def edits_alone(calls: Sequence[Call]) -> Iterator[Cell]:
    """A person edits each kind of object right before each call."""
    for call in calls:
        for edited in PLACES:
            yield Cell(call, Fault.NONE, Moment.BEFORE_CALL, edited)


def faults_and_edits(calls: Sequence[Call]) -> Iterator[Cell]:
    """Every call meets every fault while a person edits each kind of object at each moment."""
    moments = [each for each in Moment if each not in (Moment.NEVER, Moment.BEFORE_CALL)]
    for cell in faults_alone(calls):
        for moment in moments:
            for edited in PLACES:
                yield cell._replace(moment=moment, edited=edited)


def one_of_each_kind(cells: Iterator[Cell]) -> Iterator[Cell]:
    """The first cell of each kind of call, fault, moment and object."""
    seen = set()
    for cell in cells:
        key = (cell.call.kind, cell.fault, cell.moment, cell.edited)
        if key not in seen:
            seen.add(key)
            yield cell


def edit_of(cell: Cell) -> Mapping[str, Any]:
    """What the person does: a new notebook, or other content in place of what stands there."""
    path = f"{ROOT}/{PLACES[cell.edited]}"
    # Where nothing stands the ending makes it a notebook.
    content = f"# Databricks notebook source\nprint('{cell.marker}')\n"
    return {"path": path, "content": content}


def _edits(cell: Cell) -> Iterator[Mapping[str, Any]]:
    if not cell.edited:
        return
    path = f"{ROOT}/{PLACES[cell.edited]}"
    rule = {"do": "edit", "edits": [edit_of(cell)], "when": "before"}
    if cell.moment is Moment.BEFORE_CALL:
        yield {**rule, "number": cell.call.number}
    elif cell.moment is Moment.BEFORE_READ:
        yield {**rule, "method": "GET", "route": "workspace/export", "path": path}
    elif cell.moment is Moment.IN_GAP:
        yield {**rule, "method": "POST", "path": path}
    elif cell.moment is Moment.AFTER_IMPORT:
        yield {**rule, "method": "POST", "path": path, "when": "after"}
    elif cell.moment is Moment.ROLLBACK:
        # The first read of the whole after the fault is that of the roll-back.
        after = cell.call.number + 1
        yield {**rule, "method": "GET", "route": "workspace/list", "path": ROOT, "number": after}


def _fault(cell: Cell) -> Iterator[Mapping[str, Any]]:
    call, fault = cell.call, cell.fault
    here: dict[str, Any] = {"number": call.number}
    same = {**here, "method": call.method, "route": call.route, "path": call.path or "*"}
    if fault.value.endswith(" once"):
        yield {**here, "do": "status", "status": int(fault.value[:3])}
    elif fault is Fault.BEYOND:
        yield {**same, "do": "status", "status": 503, "times": ATTEMPTS}
    elif fault is Fault.DENIED:
        yield {**here, "do": "status", "status": 403, "times": -1}
    elif fault is Fault.CUT:
        yield {**here, "do": "cut-before"}
    elif fault is Fault.LOST:
        yield {**here, "do": "lose-answer"}
    elif fault is Fault.LOST_FOR_GOOD:
        yield {**same, "do": "lose-answer", "times": ATTEMPTS}
    elif fault is Fault.LATE:
        yield {**here, "do": "late", "after": 4}
    elif fault is Fault.STALE:
        yield {**here, "do": "stale"}
    elif fault in (Fault.OUTAGE, Fault.KILL_BEFORE):
        # A process that was killed sends nothing more: the workspace sees an outage.
        yield {**here, "do": "outage"}
    elif fault is Fault.KILL_AFTER:
        yield {**here, "do": "lose-answer"}
        yield {"number": call.number + 1, "do": "outage"}
