"""What a child process is asked to run, and what it tells: the two sides of one protocol.

The parent writes a :class:`Spec` as one line of JSON to the child's standard input and closes it.
The child appends an :class:`Event` a line to ``events_file`` and flushes each, so that whatever
kills it leaves what it told. Standard output and error belong to the notebook alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pytest_dbxgate.execution.outcome import CellFailure, CellPlace


@dataclass(frozen=True, slots=True)
class Spec:
    """One notebook to run. Every folder is an absolute path of this machine."""

    tree: str
    """The folder that holds copies of the repository's files: the run may change them."""
    path: str
    """The notebook's file, relative to ``tree``, with ``/``."""
    member: str | None = None
    """The notebook of an archive (``.dbc``)."""
    digest: str = ""
    """What the notebook's bytes must be (SHA-256, hex); empty: not compared."""
    events_file: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Values of widgets, as a job passes them."""
    remote: str = ""
    """The Spark Connect address, ``sc://host:port/;token=...``; empty: Databricks Connect's own
    settings in ``connect``."""
    engine: str = "sail"
    """``sail``, ``pyspark`` or ``connect``: whose SQL it is."""
    connect: Mapping[str, str] = field(default_factory=dict)
    """For ``databricks-connect``: host, token, cluster_id or serverless."""
    warehouse: str = ""
    """The folder for managed tables; empty where the engine has its own."""
    catalogs: tuple[str, ...] = ()
    """The catalogs that exist."""
    files: str = ""
    """The folder that stands for ``dbfs:/``, ``/Volumes`` and ``/dbfs``."""
    module_roots: tuple[str, ...] = (".",)
    """Folders of ``tree`` that modules are imported from, besides the notebook's own."""
    workspace_roots: Mapping[str, str] = field(default_factory=dict)
    """Folder of the workspace -> folder of ``tree``, for absolute paths of ``%run``."""
    workspace_path: str = ""
    """The notebook's path in the workspace, as its context tells it."""
    pip: str = "skip"
    """What becomes of a requirement that is not satisfied: ``skip``, ``install``, ``fail``."""
    packages: str = ""
    """The folder that ``install`` installs into."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """``scope/key`` -> value."""
    task_values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Of earlier tasks: task key -> name -> value."""
    context: Mapping[str, str] = field(default_factory=dict)
    """What the notebook's context tells: ``jobId``, ``runId``, ``user``, ``apiUrl``."""
    depth: int = 0
    """How many ``dbutils.notebook.run`` lie above."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Further variables of the process; a grandchild gets them too."""
    session: str = ""
    """The id of the Spark session (a UUID); runs of one id see each other's tables. Who shares one
    must not stop it."""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Spec:
        values = json.loads(text)
        for name in ("catalogs", "module_roots"):
            values[name] = tuple(values.get(name, ()))
        return cls(**values)


class Kind:
    """The kinds of events, in the order they come: START, then CELL, CELL_DONE, NOTICE,
    TASK_VALUE any number of times, then END, but for a process that died. CELL_STOPPED comes where
    it was asked to end."""

    START = "start"
    """``digest``."""
    CELL = "cell"
    """A cell begins: ``path``, ``member``, ``cell``, ``chain``."""
    CELL_DONE = "cell-done"
    """``seconds``; of the cell that began last and has not ended."""
    CELL_STOPPED = "cell-stopped"
    """Where a cell was when the process was asked to end: ``path``, ``member``, ``cell`` and
    ``line``, from 1."""
    NOTICE = "notice"
    """``text``."""
    TASK_VALUE = "task-value"
    """``name``, ``value``."""
    END = "end"
    """``state`` (of :class:`RunState`), ``message``, ``failure``, ``exit_value``."""


Event = Mapping[str, Any]
"""``kind``, ``time`` (seconds since 1970), and what :class:`Kind` says."""


def events(text: str) -> Iterator[Event]:
    """The events in a file's text. A last line that is torn, or what a notebook wrote in between,
    is left out."""
    for line in text.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and isinstance(event.get("kind"), str):
            yield event


def failure_values(failure: CellFailure) -> dict[str, Any]:
    """A failure as an event holds it."""
    return asdict(failure)


def failure_of(values: Mapping[str, Any]) -> CellFailure:
    """The failure again. Raises KeyError, TypeError or ValueError for values that are none."""
    return CellFailure(
        place=CellPlace(*values["place"]),
        error=str(values["error"]),
        message=str(values["message"]),
        condition=str(values.get("condition", "")),
        chain=tuple(CellPlace(*each) for each in values.get("chain", ())),
        traceback=tuple(map(str, values.get("traceback", ()))),
        source=str(values.get("source", "")),
    )
