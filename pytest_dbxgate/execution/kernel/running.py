"""A notebook's cells, one after the other."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pytest_dbxgate.execution.kernel import commands
from pytest_dbxgate.execution.kernel.dbutils_fs import FileUtils
from pytest_dbxgate.execution.kernel.display import display
from pytest_dbxgate.execution.kernel.failures import Failures
from pytest_dbxgate.execution.kernel.places import Places, Step
from pytest_dbxgate.execution.kernel.shell import Shell
from pytest_dbxgate.execution.kernel.signals import (
    CellError,
    NeedsClusterError,
    NotebookExit,
    PythonRestart,
    RunCancelled,
)
from pytest_dbxgate.execution.kernel.spark import Spark, mentions
from pytest_dbxgate.execution.kernel.sqlcells import SqlCells
from pytest_dbxgate.execution.kernel.targets import TargetError, Targets
from pytest_dbxgate.execution.kernel.telling import Teller
from pytest_dbxgate.execution.kernel.widgets import WidgetValues
from pytest_dbxgate.execution.outcome import CellPlace
from pytest_dbxgate.notebook.magics import LANGUAGES, comment_prefix
from pytest_dbxgate.notebook.model import Cell, Language, Notebook, NotebookKey
from pytest_dbxgate.project.facts import Run, RunProblem
from pytest_dbxgate.project.runs import find_runs
from pytest_dbxgate.project.trees import Trees

_SAYS = {
    RunProblem.NO_PATH: "%run names no notebook: a path cannot be a variable",
    RunProblem.UNCLOSED_QUOTE: "a quote of the %run is not closed",
    RunProblem.NOT_ALONE: "%run must stand alone in its cell",
}
_NO_CODE = ("skip", "environment")


class RunError(Exception):
    """A ``%run`` that cannot be done."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What running needs."""

    shell: Shell
    spark: Spark
    teller: Teller
    places: Places
    failures: Failures
    targets: Targets
    widgets: WidgetValues
    sql: SqlCells
    fs: FileUtils
    restart: Callable[[], None]


class Runner:
    """Runs notebooks in this process. Raises CellError for a cell that fails, NotebookExit,
    and RunCancelled."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._process = os.getpid()
        self._open: list[NotebookKey] = []

    @property
    def current(self) -> NotebookKey:
        """The notebook whose cell runs: paths are relative to it."""
        return self._open[-1]

    def run(self, notebook: Notebook, chain: tuple[CellPlace, ...] = ()) -> None:
        """Run all cells."""
        self._open.append(notebook.key)
        try:
            for cell in notebook.cells:
                if not cell.is_blank and cell.language is not Language.MARKDOWN:
                    self._run_cell(notebook, cell, chain)
        finally:
            self._open.pop()

    def _run_cell(self, notebook: Notebook, cell: Cell, chain: tuple[CellPlace, ...]) -> None:
        parts = self._parts
        place = CellPlace(notebook.path, cell.number, 1, notebook.member)
        step = Step(place, cell.source, chain)
        parts.teller.cell(place, chain)
        started = time.monotonic()
        parts.places.enter(step)
        try:
            self._try(notebook, cell, step)
        except RunCancelled as error:
            # The cell does not count as done: it is the one that took too long.
            parts.teller.cell_stopped(parts.failures.place(error, step, _first_line(cell)))
            raise
        except BaseException:
            parts.teller.cell_done(place, time.monotonic() - started)
            raise
        finally:
            parts.places.leave()
        parts.teller.cell_done(place, time.monotonic() - started)

    def _try(self, notebook: Notebook, cell: Cell, step: Step) -> None:
        parts = self._parts
        try:
            self._do(notebook, cell, step)
        except (CellError, NotebookExit, RunCancelled):
            raise
        except PythonRestart:
            parts.restart()
        except BaseException as error:
            raise CellError(*parts.failures.describe(error, step, _first_line(cell))) from None
        finally:
            if os.getpid() != self._process:
                # A fork of the notebook's has no cells to run.
                os._exit(0)

    def _do(self, notebook: Notebook, cell: Cell, step: Step) -> None:
        parts = self._parts
        match cell.language:
            case Language.PYTHON:
                self._python(_python_of(cell))
            case Language.SQL:
                parts.sql.run(cell.code)
            case Language.RUN:
                self._run_target(notebook, cell, step)
            case Language.SHELL:
                commands.shell(cell.code)
            case Language.FS:
                display(commands.files(cell.code, parts.fs))
            case Language.SCALA | Language.R:
                if not _is_comment(cell):
                    name = "Scala" if cell.language is Language.SCALA else "R"
                    raise NeedsClusterError(f"a cell in {name} needs a cluster")
            case _:
                if cell.magic is None or cell.magic.name not in _NO_CODE:
                    self._python(cell.source)

    def _python(self, code: str) -> None:
        parts = self._parts
        if mentions(code):
            parts.spark.session()
        error = parts.shell.run(code)
        if error is not None:
            raise error

    def _run_target(self, notebook: Notebook, cell: Cell, step: Step) -> None:
        parts = self._parts
        run = next((run for run in _runs(notebook) if run.spot.cell == cell.number), None)
        if run is None or run.problem is not None:
            raise RunError(_SAYS[run.problem if run and run.problem else RunProblem.NO_PATH])
        try:
            key = parts.targets.find(notebook.key, run.target)
            target = parts.targets.read(key)
        except TargetError as error:
            raise RunError(str(error)) from None
        if key in self._open:
            circle = " -> ".join(str(each) for each in [*self._open[self._open.index(key) :], key])
            raise RunError(f"%run leads back to a notebook that runs already: {circle}")
        here = step.place._replace(line=run.spot.line)
        with parts.widgets.given(_parameters(run)):
            self.run(target, (*step.chain, here))


def _first_line(cell: Cell) -> int:
    """The line of the cell that line 1 of its code is."""
    return 1 if cell.language is Language.PYTHON else cell.code_line


def _runs(notebook: Notebook) -> tuple[Run, ...]:
    return find_runs(notebook, Trees(notebook))


def _parameters(run: Run) -> Mapping[str, str]:
    return {each.name: each.value for each in run.parameters if each.value is not None}


def _python_of(cell: Cell) -> str:
    """The part of a cell of Python that IPython gets."""
    magic = cell.magic
    if magic is None or (not magic.double and magic.name not in LANGUAGES):
        return cell.code
    lines = cell.source.split("\n")
    if magic.name not in LANGUAGES:
        return "\n".join(lines[magic.line - 1 :])
    return cell.code if magic.argument else "\n".join(lines[magic.line :])


def _is_comment(cell: Cell) -> bool:
    prefix = comment_prefix(cell.language)
    return all(
        not line.strip() or line.lstrip().startswith(prefix) for line in cell.code.split("\n")
    )
