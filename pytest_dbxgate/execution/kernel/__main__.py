"""Read what to run, run it, tell what came of it."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
import time
from typing import NoReturn

from pytest_dbxgate.execution.kernel import ahead, own_modules
from pytest_dbxgate.execution.spec import Spec
from pytest_dbxgate.execution.starting import KERNEL, Start, start_python


def _end_with_parent() -> None:
    """End when whoever started this is gone: nobody would read what comes of it."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    if sys.platform != "win32":
        threading.Thread(target=watch, daemon=True).start()


def main(start: Start = start_python) -> int:
    """``start`` is how the processes of notebooks that this one runs come about."""
    _end_with_parent()
    line = sys.stdin.readline()
    try:
        spec = Spec.from_json(line)
    except (TypeError, ValueError) as error:
        print(f"what to run is not understood: {error}", file=sys.stderr)
        return 2
    if ahead.meets(own_modules.roots(spec)):
        _begin_anew(line)
    try:
        from pytest_dbxgate.execution.kernel.kernel import Kernel
    except ModuleNotFoundError as error:
        print(
            f"{error.name} is not installed, which running notebooks needs: "
            'python -m pip install "pytest-dbxgate[local]"',
            file=sys.stderr,
        )
        return 2
    # What the notebook starts must not wait for input either.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    Kernel(spec, start).run()
    return 0


def _begin_anew(line: str) -> NoReturn:
    """Be a new Python, which has imported nothing."""
    with tempfile.TemporaryFile() as file:
        file.write(line.encode("utf-8", "surrogatepass"))
        file.seek(0)
        os.dup2(file.fileno(), 0)
    os.execv(sys.executable, [sys.executable, *KERNEL])


def leave(code: int) -> NoReturn:
    """End at once: threads that the notebook left behind do not keep the process alive."""
    for stream in (sys.stdout, sys.stderr):
        # A notebook may have put anything in their place.
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main())
