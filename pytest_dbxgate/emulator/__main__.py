"""``python -m pytest_dbxgate.emulator --data DIR --port N``."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType


def main(arguments: list[str] | None = None) -> int:
    """Serve until a signal comes. 2: it could not be started."""
    parser = argparse.ArgumentParser(
        prog="python -m pytest_dbxgate.emulator",
        description="Serve an embedded Databricks workspace on this machine.",
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder that keeps its state")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    options = parser.parse_args(arguments)
    try:
        from pytest_dbxgate.emulator import server, store
    except ModuleNotFoundError as error:
        print(f"{error.name} is missing: pip install 'pytest-dbxgate[emulator]'", file=sys.stderr)
        return 2
    try:
        running = server.start(options.data, port=options.port, lasting=True)
    except (OSError, store.StoreInUseError) as error:
        print(f"the embedded workspace cannot be started: {error}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _interrupt)
    with running:
        print(f"listening on {running.host}", flush=True)
        try:
            running.wait()
        except KeyboardInterrupt:
            return 0
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
