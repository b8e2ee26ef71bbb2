"""Cells of ``%sh`` and ``%fs``."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from typing import Any

from pytest_dbxgate import programs
from pytest_dbxgate.execution.kernel.dbutils_fs import ExecutionError, FileUtils
from pytest_dbxgate.execution.kernel.signals import NeedsClusterError

_STOP = re.compile(r"\s*-e\b[^\S\n]*")
_COMMANDS = ("ls", "head", "put", "cp", "mv", "rm", "mkdirs")


def shell(code: str) -> None:
    """Run a cell of ``%sh`` in bash. As on a cluster its exit code matters after ``-e`` only
    [spec]; then CalledProcessError is raised."""
    bash = programs.find("bash")
    if bash is None:
        raise NeedsClusterError("%sh needs bash, which is not on the PATH here: it needs a cluster")
    option = _STOP.match(code)
    stops = option is not None
    script = code[option.end() :] if option else code
    sys.stdout.flush()
    sys.stderr.flush()
    command = [bash, *(["-e"] if stops else []), "-c", script.replace("\r\n", "\n")]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, check=False)
    if stops and done.returncode:
        raise subprocess.CalledProcessError(done.returncode, "bash -e")


def files(code: str, fs: FileUtils) -> Any:
    """Run a cell of ``%fs``: one command of ``dbutils.fs`` a line; the last one's result."""
    result: Any = None
    for line in code.strip().split("\n"):
        words = shlex.split(line, comments=True)
        if not words:
            continue
        name, arguments = words[0], words[1:]
        if name not in _COMMANDS:
            getattr(fs, name)  # what needs a cluster says so
            raise ExecutionError(f"%fs has no command {name}; it has {', '.join(_COMMANDS)}")
        flags = {each for each in arguments if each in ("-r", "--recurse", "--overwrite")}
        arguments = [each for each in arguments if each not in flags]
        options: dict[str, Any] = {}
        if flags:
            options = {"overwrite": True} if name == "put" else {"recurse": True}
        if len(arguments) > 2:
            options = {"recurse": arguments.pop().lower() == "true"}
        try:
            result = getattr(fs, name)(*arguments, **options)
        except TypeError as error:
            raise ExecutionError(f"%fs {line}: {error}") from None
    return result
