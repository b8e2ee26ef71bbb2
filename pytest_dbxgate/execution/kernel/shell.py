"""IPython without a terminal: it runs cells, keeps no history and prints no tracebacks."""

from __future__ import annotations

from typing import Any

from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config


class _Compiler(CachingCompiler):  # type: ignore[misc]
    """Names the code of a cell after its place."""

    place = "<cell>"

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
        return self.place


class _Hook(DisplayHook):  # type: ignore[misc]
    """Shows the last value of a cell as it is, without ``Out[1]:``."""

    def write_output_prompt(self) -> None:
        return


class Shell(InteractiveShell):  # type: ignore[misc]
    """One for the whole run. ``%run`` targets run in it, too."""

    displayhook_class = Type(_Hook)
    compiler_class = Type(_Compiler)

    @classmethod
    def make(cls, namespace: dict[str, Any]) -> Shell:
        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "NoColor"
        config.InteractiveShell.xmode = "Plain"
        shell: Shell = cls.instance(config=config, user_ns=namespace)
        return shell

    def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
        """The report tells it, with the cell's own place."""

    def showtraceback(self, *args: Any, **kwargs: Any) -> None:
        """The report tells it."""

    def showsyntaxerror(self, *args: Any, **kwargs: Any) -> None:
        """The report tells it."""

    def showindentationerror(self) -> None:
        """The report tells it."""

    def run(self, code: str, name: str) -> BaseException | None:
        """Run a cell's code. What it raised, with its traceback; None where nothing was."""
        self.compile.place = name
        result = self.run_cell(code, store_history=False)
        error: BaseException | None = result.error_before_exec or result.error_in_exec
        return error
