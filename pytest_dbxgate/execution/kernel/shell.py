"""IPython as it runs cells here: nothing of the user's, nothing on disk, no colours."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any

from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

NO_INPUT = "a notebook that is run has nobody to answer"


class _Compiler(CachingCompiler):
    """Names code after its cell."""

    naming: Callable[[str], str] | None = None

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
        if _Compiler.naming is None:
            return str(super().get_code_name(raw_code, transformed_code, number))
        return _Compiler.naming(raw_code)


class _Output(DisplayHook):
    """Prints a cell's last value without ``Out[1]:``."""

    def write_output_prompt(self) -> None:
        pass

    def quiet(self) -> bool:
        """A semicolon at the end hides the value. IPython looks into its history for it."""
        return bool(self.semicolon_at_end_of_expression(getattr(self.shell, "code", "")))  # type: ignore[no-untyped-call]


class Shell(InteractiveShell):
    """Tells of errors by its results only: what a failure looks like is decided elsewhere."""

    displayhook_class = Type(_Output)
    code = ""
    """What runs."""

    shown: BaseException | None = None
    """What a magic such as ``%%time`` or ``%%capture`` would only have shown."""

    def showtraceback(self, *args: Any, **kwargs: Any) -> None:
        self.shown = sys.exc_info()[1] or self.shown

    def showsyntaxerror(self, *args: Any, **kwargs: Any) -> None:
        pass

    def showindentationerror(self) -> None:
        pass

    def show_usage_error(self, exc: BaseException) -> None:
        pass

    def run(self, code: str) -> BaseException | None:
        """Run a cell's code; what it failed of."""
        self.code, self.shown = code, None
        result: Any = self.run_cell(code, store_history=False)  # type: ignore[no-untyped-call]
        error: BaseException | None = result.error_before_exec or result.error_in_exec
        return error or self.shown

    def forget(self) -> None:
        """Forget all names, as a new Python would."""
        self.reset(new_session=False)  # type: ignore[no-untyped-call]
        self.compile.reset_compiler_flags()

    def ask_exit(self) -> None:
        """``exit`` and ``quit``."""
        raise SystemExit


class _NoInput:
    """Standard input of a process that nobody sits before."""

    encoding = "utf-8"
    errors = "strict"
    closed = False

    def isatty(self) -> bool:
        return False

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 0

    def close(self) -> None:
        pass

    def read(self, size: int = -1) -> str:
        raise StdinNotImplementedError(NO_INPUT)

    readline = readlines = read

    def __iter__(self) -> _NoInput:
        return self

    def __next__(self) -> str:
        return self.read()


def make(naming: Callable[[str], str]) -> Shell:
    """The shell of this process. ``naming`` gives the code of a cell its file name."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "NoColor"
    config.InteractiveShell.xmode = "Plain"
    warnings.filterwarnings("ignore", message="To exit: use 'exit'")
    sys.stdin = _NoInput()
    shell = Shell.instance(config=config)
    _Compiler.naming = staticmethod(naming)
    shell.compiler_class = _Compiler
    shell.compile = _Compiler()  # type: ignore[no-untyped-call]
    # Otherwise every bracket that is not closed is "incomplete input".
    shell.compile.reset_compiler_flags()
    shell.user_ns_hidden.clear()
    return shell
