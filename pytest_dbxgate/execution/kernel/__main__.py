"""The process itself: one notebook in, events out, an end that nothing of the notebook delays."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time

from pytest_dbxgate.execution.kernel.telling import Teller
from pytest_dbxgate.execution.spec import Spec


def main() -> None:
    spec = Spec.from_json(sys.stdin.readline())
    teller = Teller(spec.events_file)
    _end_with(os.getppid())
    signal.signal(signal.SIGTERM, _interrupt)
    # Late, so that what is wrong with an import is told as such.
    from pytest_dbxgate.execution.kernel.running import run

    end = run(spec, teller)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    teller.end(end)
    # Threads that the notebook has left must not keep the process.
    os._exit(0)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _end_with(parent: int) -> None:
    """End when the parent does: nobody would read what comes of it."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    if sys.platform != "win32":
        threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    main()
