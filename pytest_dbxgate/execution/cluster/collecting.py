"""The outcome of a task that has ended: one call for its output, one more for a failure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from pytest_dbxgate.execution.cluster import export
from pytest_dbxgate.execution.cluster.export import ExportedCell
from pytest_dbxgate.execution.cluster.plan import PlannedTask
from pytest_dbxgate.execution.cluster.states import meaning
from pytest_dbxgate.execution.outcome import CellFailure, CellPlace, CellTime, Outcome, RunState
from pytest_dbxgate.notebook.model import Notebook
from pytest_dbxgate.workspace.model import NotFoundError, Workspace, WorkspaceError
from pytest_dbxgate.workspace.run_model import RemoteTask, TaskOutput

_ERROR = re.compile(r"(?P<name>[A-Za-z_][\w.]*)(?::\s*|\s*$)(?P<words>.*)", re.DOTALL)
_CONDITION = re.compile(r"\[([A-Z][A-Z0-9_]*(?:\.[A-Z0-9_]+)*)\]")
_LINE = re.compile(r"(?:<command-[^>]*>|Cell In\[\d+\]|\bcell \d+)[,:]? ?(?:line )?(\d+)")
_ARROW = re.compile(r"^-+> ?(\d+) ", re.MULTILINE)
_LOOKS = 3
_MOST_TRACE = 200
"""Lines of a traceback that are kept: the last ones."""


@dataclass(frozen=True, slots=True)
class Collector:
    """Makes outcomes."""

    workspace: Workspace
    engine: str
    sleep: Callable[[float], None]
    copy: str
    """The folder of the workspace that holds the copy of the repository."""

    @classmethod
    def of(
        cls, workspace: Workspace, host: str, sleep: Callable[[float], None], copy: str
    ) -> Collector:
        name = urlsplit(host).hostname or host
        engine = f"cluster {name.removesuffix('.azuredatabricks.net')}"
        return cls(workspace, engine, sleep, copy)

    def outcome(self, planned: PlannedTask, task: RemoteTask, notebook: Notebook | None) -> Outcome:
        """What came of a task; ``notebook``: the one that was uploaded, to name its cells."""
        state = meaning(task.state)
        made = self._outcome(planned, task, state)
        if state is RunState.NOT_STARTED:
            return replace(made, message="a notebook that it depends on did not pass")
        if state is RunState.CANCELLED:
            return made
        try:
            output = self._output(task.run_id)
        except WorkspaceError as error:
            if state is not RunState.PASSED:
                output = TaskOutput()
            else:
                # Whether the exit value is the expected one is not known.
                return replace(
                    made,
                    state=RunState.PLATFORM,
                    message=f"it succeeded, but its output cannot be read: {error.message}",
                )
        made = replace(made, exit_value=output.result)
        if output.truncated:
            made = replace(made, notices=("the workspace cut the exit value short",))
        if state is not RunState.FAILED:
            return made
        return self._failed(made, task, output, notebook)

    def without_task(
        self, planned: PlannedTask, state: RunState, message: str, *, url: str = ""
    ) -> Outcome:
        """The outcome of a task of which nothing more is known."""
        work = planned.work
        return Outcome(
            work.key, state, work.digest, message=message, url=url, engine=self.engine, attempts=0
        )

    def _output(self, run_id: int) -> TaskOutput:
        """A task's output. One that is not there may be a read of before it was."""
        for attempt in range(_LOOKS - 1):
            try:
                return self.workspace.task_output(run_id)
            except NotFoundError:
                self.sleep(1.0 + attempt)
        return self.workspace.task_output(run_id)

    def _in_repository(self, text: str) -> str:
        """With the paths of the copy as those of the repository."""
        return text.replace(f"/Workspace{self.copy}/", "").replace(f"{self.copy}/", "")

    def _outcome(self, planned: PlannedTask, task: RemoteTask, state: RunState) -> Outcome:
        seconds = max(0.0, task.ended - task.started) if task.started and task.ended else 0.0
        return Outcome(
            planned.work.key,
            state,
            planned.work.digest,
            message="" if state is RunState.PASSED else _words(task),
            seconds=seconds,
            attempts=task.attempt + 1,
            url=task.url,
            engine=self.engine,
        )

    def _failed(
        self, made: Outcome, task: RemoteTask, output: TaskOutput, notebook: Notebook | None
    ) -> Outcome:
        try:
            found = export.cells(self.workspace.export_run(task.run_id))
        except WorkspaceError:
            found = ()
        path, member = made.key.notebook
        bad = export.failed(found)
        if bad is None:
            if not (output.error or output.trace):
                return made
            place = CellPlace(path, 0, member=member)
            told = map(self._in_repository, (output.error, output.trace))
            return replace(made, failure=_failure(place, *told))
        number = _number(bad, notebook)
        summary = self._in_repository(bad.summary or output.error)
        trace = self._in_repository(bad.trace or output.trace)
        place = CellPlace(path, number, _line(bad, trace), member)
        return replace(
            made,
            failure=_failure(place, summary, trace, bad.source),
            output=export.printed(found),
            cells=tuple(
                CellTime(CellPlace(path, _number(cell, notebook), 1, member), cell.seconds)
                for cell in found
                if cell.seconds
            ),
        )


def _words(task: RemoteTask) -> str:
    words = task.state.message or str(task.state)
    return f"{words} ({task.state.code})" if task.state.code not in ("", *words.split()) else words


def _number(cell: ExportedCell, notebook: Notebook | None) -> int:
    """The number of the cell in the file: by its source where that is unique, for a page may
    number otherwise. 0 where the page's number cannot be right."""
    if notebook is None:
        return cell.number
    wanted = cell.source.strip()
    if cell.number <= len(notebook.cells):
        at_number = notebook.cell(cell.number)
        if at_number.source.strip() == wanted or "%run" in at_number.source:
            return cell.number
    same = [each.number for each in notebook.cells if each.source.strip() == wanted]
    if len(same) == 1:
        return same[0]
    return cell.number if cell.number <= len(notebook.cells) and not same else 0


def _line(cell: ExportedCell, trace: str) -> int:
    """The line of the cell that the traceback names first; 1 where it names none."""
    found = _LINE.search(trace) or _ARROW.search(trace)
    line = int(found[1]) if found and len(found[1]) < 9 else 1
    return line if 1 <= line <= cell.source.count("\n") + 1 else 1


def _failure(place: CellPlace, summary: str, trace: str, source: str = "") -> CellFailure:
    summary, trace = export.uncoloured(summary), export.uncoloured(trace)
    lines = trace.splitlines()
    told = summary or next((line for line in reversed(lines) if line.strip()), "")
    found = _ERROR.fullmatch(told)
    error, words = (found["name"], found["words"]) if found else ("", told)
    # Java's stack, 200 lines of it, follows Spark's own message.
    message = words.partition("\n\nJVM stacktrace:")[0].strip()
    condition = _CONDITION.match(message)
    return CellFailure(
        place,
        error.rpartition(".")[2],
        message,
        condition=condition[1] if condition else "",
        traceback=tuple(lines[-_MOST_TRACE:]),
        source=source,
    )
