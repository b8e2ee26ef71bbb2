"""``%sh`` and ``%fs``, and a standard input that nobody stands behind."""

from __future__ import annotations

import io
import os
import shlex
import shutil
import subprocess
import sys

from pytest_dbxgate.execution.kernel.errors import NeedsClusterError
from pytest_dbxgate.execution.kernel.files import FileSystem


class NobodyThere(io.TextIOBase):
    """What ``input()`` reads from."""

    def readable(self) -> bool:
        return True

    def readline(self, size: int | None = -1) -> str:  # type: ignore[override]
        raise EOFError("a notebook that is run has nobody to answer it")

    def read(self, size: int | None = -1) -> str:
        return self.readline()


class ShellError(Exception):
    """``%sh -e`` ended with an exit code other than 0."""


def shell(code: str) -> None:
    """Run a script. As on Databricks its exit code counts only with ``-e`` ahead of it [doc].

    Raises :class:`NeedsClusterError` where there is no shell.
    """
    first, _, rest = code.lstrip().partition("\n")
    words = first.split(None, 1)
    is_strict = bool(words) and words[0] == "-e"
    script = ("\n".join([*words[1:], rest])) if is_strict else code
    program = shutil.which("bash") or shutil.which("sh")
    if program is None:
        raise NeedsClusterError("%sh needs a shell, and this machine has none")
    command = [program, *(["-e"] if is_strict else []), "-c", script]
    sys.stdout.flush()
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    # By way of Python, so that secrets in it are not shown.
    print(done.stdout.decode("utf-8", "replace"), end="")
    if is_strict and done.returncode:
        raise ShellError(f"the shell script ended with exit code {done.returncode}")


def files(line: str, fs: FileSystem) -> None:
    """One command of ``%fs``, such as ``ls /landing``."""
    words = shlex.split(line, posix=os.name != "nt")
    if not words:
        return
    name, arguments = words[0], [word for word in words[1:] if not word.startswith("-")]
    options = {"recurse": True} if {"-r", "--recurse"} & set(words[1:]) else {}
    found = getattr(fs, name)(*arguments, **options)
    if isinstance(found, list):
        for each in found:
            print(f"{each.size:>12}  {each.path}" if hasattr(each, "size") else each)
    elif isinstance(found, str):
        print(found)
