"""Read what to run, run it, tell what came of it."""

from __future__ import annotations

import contextlib
import os
import sys

from pytest_dbxgate.execution.kernel.kernel import Kernel
from pytest_dbxgate.execution.spec import Spec


def main() -> int:
    line = sys.stdin.readline()
    try:
        spec = Spec.from_json(line)
    except (TypeError, ValueError) as error:
        print(f"what to run is not understood: {error}", file=sys.stderr)
        return 2
    # What the notebook starts must not wait for input either.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    Kernel(spec).run()
    return 0


if __name__ == "__main__":
    code = main()
    # Threads that the notebook left behind do not keep the process alive.
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
