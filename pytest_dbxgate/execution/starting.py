"""How a notebook's process comes about: a new Python, or a fork of one that is ready."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

LOST = -1000
"""The exit code of a process of which nobody knows how it ended."""

KERNEL = ("-m", "pytest_dbxgate.execution.kernel")


class Child(Protocol):
    """A process as :class:`subprocess.Popen` shows it."""

    @property
    def pid(self) -> int:
        """Also the number of its process group."""

    @property
    def stdin(self) -> IO[bytes] | None: ...

    @property
    def stdout(self) -> IO[bytes] | None:
        """What it writes, errors too."""

    @property
    def returncode(self) -> int | Any:
        """Below zero for a signal; None while it runs."""

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int:
        """Raises :class:`subprocess.TimeoutExpired` after ``timeout`` seconds."""


Start = Callable[[Path, Mapping[str, str]], Child]
"""Takes the process's working directory and its environment. Raises OSError."""


def start_python(
    folder: Path, environment: Mapping[str, str], command: Sequence[str] = KERNEL
) -> Child:
    """A new Python, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=sys.platform != "win32",
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )
