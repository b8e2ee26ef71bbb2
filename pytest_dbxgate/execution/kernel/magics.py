"""The magics that IPython lacks, or that mean something else in Databricks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import NoReturn

from IPython.core.error import UsageError

from pytest_dbxgate.execution.kernel.shell import Shell
from pytest_dbxgate.execution.kernel.signals import NeedsClusterError, PythonRestart


def register(shell: Shell, pip: Callable[[str], None]) -> None:
    """Make them known to IPython, automagic included."""

    def restart_python(line: str = "") -> NoReturn:
        raise PythonRestart

    def run(line: str = "") -> NoReturn:
        raise UsageError(f"%run {line} must stand alone in its cell")

    def conda(line: str = "") -> NoReturn:
        raise NeedsClusterError("%conda needs a cluster")

    plots = shell.find_line_magic("matplotlib")  # type: ignore[no-untyped-call]

    def matplotlib(line: str = "") -> None:
        # Notebooks that draw begin with it; what they draw is not shown anyway.
        with contextlib.suppress(ModuleNotFoundError):
            plots(line)

    for function, name in (
        (pip, "pip"),
        (restart_python, "restart_python"),
        (run, "run"),
        (conda, "conda"),
        (matplotlib, "matplotlib"),
    ):
        shell.register_magic_function(function, "line", name)  # type: ignore[arg-type]
