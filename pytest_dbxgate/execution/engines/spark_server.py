"""``python -m pytest_dbxgate.execution.engines.spark_server COMMAND``: Java until the parent ends.

``COMMAND`` is a JSON list. Java does not look at its standard input; this process does, and ends
Java when its own parent is no more.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import threading

from pytest_dbxgate.execution.engines import watching

_STARTED = re.compile(r"Spark Connect server started at:? \S*?:(\d+)\b")


def main(arguments: list[str]) -> int:
    java = subprocess.Popen(
        json.loads(arguments[0]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    threading.Thread(target=_end_with_parent, args=(java,), daemon=True).start()
    assert java.stdout is not None
    with java.stdout as lines:
        for raw in lines:
            line = raw.decode(errors="replace").rstrip()
            started = _STARTED.search(line)
            if started is not None:
                watching.say_address("127.0.0.1", int(started[1]))
            else:
                print(line, flush=True)
    return java.wait()


def _end_with_parent(java: subprocess.Popen[bytes]) -> None:
    watching.wait_for_parent()
    with contextlib.suppress(OSError):
        java.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
