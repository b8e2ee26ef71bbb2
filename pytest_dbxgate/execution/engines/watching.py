"""In a server's process: say where it listens, and end when the parent does."""

from __future__ import annotations

import json
import sys


def say_address(host: str, port: int) -> None:
    """Tell the parent where the server listens."""
    print(json.dumps({"address": f"{host}:{port}"}), flush=True)


def wait_for_parent() -> None:
    """Come back when standard input ends: the parent closed it or is no more."""
    while sys.stdin.buffer.read(4096):
        pass
