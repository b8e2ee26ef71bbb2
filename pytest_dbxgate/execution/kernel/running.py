"""One notebook from its first cell to its end."""

from __future__ import annotations

import os
import re
import shlex
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_dbxgate.execution.kernel import commands, pip, spark
from pytest_dbxgate.execution.kernel.dbutils import DBUtils
from pytest_dbxgate.execution.kernel.errors import (
    CellEnded,
    NeedsClusterError,
    NotebookExit,
    NotebookRunError,
)
from pytest_dbxgate.execution.kernel.failing import Places, state_of
from pytest_dbxgate.execution.kernel.notebooks import Notebooks
from pytest_dbxgate.execution.kernel.redacting import Redacting
from pytest_dbxgate.execution.kernel.shell import Shell
from pytest_dbxgate.execution.kernel.showing import display, display_html
from pytest_dbxgate.execution.kernel.sqlcells import SqlCells, StatementError
from pytest_dbxgate.execution.kernel.telling import End, Teller
from pytest_dbxgate.execution.kernel.widgets import Widgets
from pytest_dbxgate.execution.outcome import CellPlace, RunState
from pytest_dbxgate.execution.spec import Spec
from pytest_dbxgate.notebook.model import Cell, Language, Notebook, NotebookKey
from pytest_dbxgate.project.runs import find_runs
from pytest_dbxgate.project.trees import Trees

_PASSED_OVER = frozenset({"skip", "environment"})
"""Magics whose cell is nothing to run."""
_DEEPEST = 50
"""How deep ``%run`` may go. Python's own limit would end it without a word."""


def run(spec: Spec, teller: Teller) -> End:
    """Run the notebook of ``spec``. Never raises for what it does."""
    notebooks = Notebooks(Path(spec.tree), spec.workspace_roots)
    notebook = notebooks.read(NotebookKey(spec.path, spec.member))
    if notebook is None or notebook.unreadable is not None:
        teller.start("")
        return End(RunState.PLATFORM, f"{spec.path} cannot be read as a notebook")
    teller.start(notebook.digest)
    if spec.digest and notebook.digest != spec.digest:
        return End(RunState.PLATFORM, f"{spec.path} is not what was checked: run again")
    streams = [Redacting(stream, spec.secrets.values()) for stream in (sys.stdout, sys.stderr)]
    sys.stdout, sys.stderr = streams  # type: ignore[assignment]
    try:
        return Kernel(spec, teller, notebooks).run(notebook)
    except KeyboardInterrupt:
        return End(RunState.CANCELLED, "it was cancelled")
    except Exception as error:
        # What is left is the engine's or ours.
        return End(RunState.PLATFORM, f"{type(error).__name__}: {error}"[:2000])
    finally:
        for stream in streams:
            stream.end()


class Kernel:
    """Where a notebook's cells run: names, widgets and the Spark session, shared with all that it
    brings in by ``%run``."""

    def __init__(self, spec: Spec, teller: Teller, notebooks: Notebooks) -> None:
        self._spec = spec
        self._teller = teller
        self._notebooks = notebooks
        self._places = Places(Path(spec.tree))
        self._widgets = Widgets(spec.parameters)
        self._stack: list[CellPlace] = []
        """The cells that are running, those whose ``%run`` led to the last one first."""
        self._children = 0
        self._spark = spark.session(spec, teller)
        self._position = spark.Position(self._spark, is_shared=bool(spec.session))
        self._sql = SqlCells(lambda: self._spark, self._widgets)
        self._pip = pip.Policy(spec.pip, Path(spec.packages), teller.notice)
        self._dbutils = DBUtils(
            spec, teller, self._widgets, self._run_notebook, self._restart_python
        )
        sys.stdin = commands.NobodyThere()
        folder = Path(spec.tree, spec.path).parent
        os.chdir(folder)
        roots = [str(Path(spec.tree, root)) for root in spec.module_roots]
        sys.path[:0] = [str(folder), *(root for root in roots if root != str(folder))]
        self._shell = Shell.make(self._names())
        for name, magic in {
            "pip": self._pip_magic,
            "run": self._run_magic,
            "sh": commands.shell,
            "fs": lambda line: commands.files(line, self._dbutils.fs),
            "restart_python": lambda line="": self._restart_python(),
            "conda": lambda line: teller.notice("%conda was passed over"),
        }.items():
            self._shell.register_magic_function(magic, magic_kind="line", magic_name=name)

    def run(self, notebook: Notebook) -> End:
        """Run all cells. The end says what came of them."""
        try:
            self._cells(notebook)
        except NotebookExit as end:
            return End(RunState.PASSED, exit_value=end.value)
        except CellEnded as end:
            return End(end.state, end.message, end.failure)
        finally:
            self._position.restore()
        return End(RunState.PASSED)

    def _names(self) -> dict[str, Any]:
        return {
            "spark": self._spark,
            "dbutils": self._dbutils,
            "display": display,
            "displayHTML": display_html,
            "getArgument": self._widgets.getArgument,
            "sql": self._spark.sql,
            "table": self._spark.table,
            "udf": _udf(),
            "sc": spark.NoContext(),
            "sqlContext": spark.SqlContext(self._spark),
            "_sqldf": None,
        }

    # -- cells -----------------------------------------------------------------------------

    def _cells(self, notebook: Notebook) -> None:
        for cell in notebook.cells:
            if cell.is_blank or cell.language is Language.MARKDOWN:
                continue
            place = CellPlace(notebook.path, cell.number, 1, notebook.member)
            self._teller.cell(place, self._stack)
            self._stack.append(place)
            began = time.monotonic()
            try:
                self._cell(notebook, cell, place)
            finally:
                self._stack.pop()
                sys.stdout.flush()
            self._teller.cell_done(time.monotonic() - began)

    def _cell(self, notebook: Notebook, cell: Cell, place: CellPlace) -> None:
        try:
            self._by_language(notebook, cell, place)
        except (CellEnded, NotebookExit):
            raise
        except StatementError as error:
            cause = error.__cause__ or error
            self._fail(cause, cell, place, error.line, statement=error.text)
        except KeyboardInterrupt as error:
            self._fail(error, cell, place)
        except Exception as error:
            line = None if cell.language is Language.PYTHON else cell.code_line
            self._fail(error, cell, place, line)

    def _by_language(self, notebook: Notebook, cell: Cell, place: CellPlace) -> None:
        magic = cell.magic.name if cell.magic is not None else ""
        match cell.language:
            case Language.PYTHON:
                self._python(cell, place, cell.code, cell.code_line)
            case Language.SQL:
                self._shell.user_ns["_sqldf"] = self._sql.run(cell)
            case Language.RUN:
                self._run_cell(notebook, cell)
            case Language.SHELL:
                commands.shell(cell.code)
            case Language.FS:
                for line in filter(str.strip, cell.code.split("\n")):
                    commands.files(line, self._dbutils.fs)
            case Language.SCALA | Language.R:
                raise NeedsClusterError(f"a cell of {cell.language.value} needs a cluster")
            case _ if magic in _PASSED_OVER:
                return
            case _:
                self._python(cell, place, cell.source, 1)

    def _python(self, cell: Cell, place: CellPlace, code: str, first_line: int) -> None:
        # IPython leaves blank lines ahead of the code away, and its lines count from there.
        blank = len(code) - len(code.lstrip("\n"))
        name = self._places.name(place, cell.source, first_line + blank)
        error = self._shell.run(code, name)
        if error is None:
            return
        if isinstance(error, (CellEnded, NotebookExit)):
            raise error
        if isinstance(error, StatementError):
            error = error.__cause__ or error
        self._fail(error, cell, place)

    def _fail(
        self,
        error: BaseException,
        cell: Cell,
        place: CellPlace,
        line: int | None = None,
        *,
        statement: str = "",
    ) -> None:
        """End the run: the cell's error was caught by nobody."""
        state, why = state_of(error, statement)
        chain = self._stack[:-1]
        failure = self._places.failure(error, place, cell.source, chain, line)
        raise CellEnded(state, failure, why)

    # -- other notebooks -------------------------------------------------------------------

    def _run_cell(self, notebook: Notebook, cell: Cell) -> None:
        for run in find_runs(replace(notebook, cells=(cell,)), Trees(notebook)):
            parameters = {each.name: each.value or "" for each in run.parameters}
            self._bring_in(run.target, parameters)

    def _run_magic(self, line: str) -> None:
        words = shlex.split(line, posix=os.name != "nt")
        pairs = (word[1:].partition("=") for word in words[1:] if word.startswith("$"))
        self._bring_in(words[0] if words else "", {name: value for name, _, value in pairs})

    def _bring_in(self, target: str, parameters: Mapping[str, str]) -> None:
        """What ``%run`` does: the target's cells run here and now."""
        callers = [place.key for place in self._stack]
        key = self._notebooks.find(target, callers[-1:])
        found = None if key is None else self._notebooks.read(key)
        if found is None:
            raise FileNotFoundError(f"Notebook not found: {target}")
        if found.key in callers:
            raise RecursionError(f"%run of {found.key}, which is running already")
        if len(self._stack) > _DEEPEST:
            raise RecursionError(f"%run is more than {_DEEPEST} notebooks deep")
        with self._widgets.passing(parameters):
            self._cells(found)

    def _run_notebook(self, path: str, timeout: float, arguments: Mapping[str, str]) -> str:
        """What ``dbutils.notebook.run`` does: a run of its own, which sees the same tables."""
        from pytest_dbxgate.execution.process import run_child

        key = self._notebooks.find(path, [place.key for place in self._stack])
        if key is None:
            raise NotebookRunError(f"Notebook not found: {path}")
        if self._spec.depth >= _DEEPEST:
            raise NotebookRunError(f"dbutils.notebook.run is more than {_DEEPEST} runs deep")
        self._children += 1
        folder = Path(self._spec.events_file).parent / f"child-{self._children}"
        spec = replace(
            self._spec,
            path=key.path,
            member=key.member,
            digest="",
            parameters=arguments,
            workspace_path=_beside(self._spec, key),
            depth=self._spec.depth + 1,
        )
        end = run_child(spec, folder, timeout=timeout or None)
        if end.output:
            print(end.output, end="" if end.output.endswith("\n") else "\n")
        for notice in end.notices:
            self._teller.notice(notice)
        if end.state is RunState.PASSED:
            return end.exit_value or ""
        words = _told(end.message, end.failure)
        if end.state is RunState.UNSUPPORTED:
            raise NeedsClusterError(words)
        raise NotebookRunError(f"{path}: {words}")

    # -- the rest --------------------------------------------------------------------------

    def _pip_magic(self, line: str) -> None:
        pip.run(line, self._pip)

    def _restart_python(self) -> None:
        """The names go; widgets, files and the Spark session stay."""
        namespace = self._shell.user_ns
        for name in [each for each in namespace if not re.fullmatch(r"_.*|In|Out", each)]:
            if name not in self._shell.user_ns_hidden or name in self._names():
                namespace.pop(name, None)
        namespace.update(self._names())


def _udf() -> Any:
    from pyspark.sql.functions import udf

    return udf


def _beside(spec: Spec, key: NotebookKey) -> str:
    """The workspace path of another notebook of the same tree."""
    own = spec.path.rpartition(".")[0]
    if not spec.workspace_path.endswith(own):
        return ""
    return spec.workspace_path[: len(spec.workspace_path) - len(own)] + key.path.rpartition(".")[0]


def _told(message: str, failure: Any) -> str:
    if failure is None:
        return message or "it failed"
    place = failure.place
    words = f"{failure.error}: {failure.message}" if failure.message else failure.error
    return message or f"{words} ({place.path} cell {place.cell}, line {place.line})"
