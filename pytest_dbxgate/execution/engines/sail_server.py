"""``python -m pytest_dbxgate.execution.engines.sail_server``: serve until the parent ends.

The catalogs stand in the environment, where Sail looks for them as it starts.
"""

from __future__ import annotations

import os
import sys

from pytest_dbxgate.execution.engines import watching


def main() -> int:
    from pysail.spark import SparkConnectServer  # type: ignore[import-untyped]

    server = SparkConnectServer(ip="127.0.0.1", port=0)
    server.start(background=True)
    address = server.listening_address
    if address is None:
        print("Sail does not listen", flush=True)
        return 1
    watching.say_address(*address)
    watching.wait_for_parent()
    # Its own end waits for the queries that run; nobody is there any more to want them.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
