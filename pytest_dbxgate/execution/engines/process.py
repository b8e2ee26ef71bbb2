"""A server in a child process: start it, know its address, notice its end, end it.

The child says ``{"address": "127.0.0.1:43219"}`` in a line of its own on its standard output once
it listens. It ends when its standard input does, and so with this process.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from pytest_dbxgate import programs
from pytest_dbxgate.errors import PlatformError

_LINES = 40
"""Lines kept of what a server writes."""

_GRACE = 5.0
"""Seconds between asking a server to end and ending it."""


class Supervised:
    """A running server; satisfies :class:`model.Running`."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        version: str,
        default_catalog: str,
        patience: float,
    ) -> None:
        """Start ``command`` in ``folder`` and wait up to ``patience`` seconds for its address.

        Raises PlatformError where it does not come.
        """
        self.version = version
        self.default_catalog = default_catalog
        self._lines: deque[str] = deque(maxlen=_LINES)
        self._address: queue.Queue[str] = queue.Queue()
        self._process = _started(command, folder, environment)
        self._reader = threading.Thread(target=self._read, name="spark-engine", daemon=True)
        self._reader.start()
        address: str | None = None
        try:
            address = self._address.get(timeout=patience)
        except queue.Empty:
            pass
        except BaseException:
            self.stop()
            raise
        if not address:
            self.stop()
            why = "ended as it started"
            if address is None:
                # Its output has not ended, so it has not either.
                why = f"did not answer within {patience:.0f} s"
            raise PlatformError(
                f"the Spark engine ({version}) {why}\n{self.last_words()}".rstrip(),
                next_step="run it again; if it stays so, report these lines",
            )
        self.remote = f"sc://{address}"

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def last_words(self) -> str:
        return "\n".join(self._lines)

    def stop(self) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            pass
        finally:
            _end_group(self._process)
        self._reader.join(_GRACE)

    def _read(self) -> None:
        """Keep what it writes, so that its pipe never fills; the address goes to who waits."""
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for raw in lines:
                line = raw.decode(errors="replace").rstrip()
                if not (address := _address(line)):
                    self._lines.append(line[:1000])
                else:
                    self._address.put(address)
        self._address.put("")


def _address(line: str) -> str:
    if not line.startswith("{"):
        return ""
    try:
        said = json.loads(line)
    except ValueError:
        return ""
    address = said.get("address") if isinstance(said, dict) else None
    return address if isinstance(address, str) else ""


def _started(
    command: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """The process, in a group of its own: Ctrl-C is for us, who still have runs to end."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return subprocess.Popen(
            command,
            cwd=folder,
            env={**programs.environment(os.environ), **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=sys.platform != "win32",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
    except OSError as error:
        raise PlatformError(
            f"the Spark engine cannot be started: {error}",
            next_step="look at the memory and the processes of this machine",
        ) from error


def _end_group(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        if process.poll() is None:
            subprocess.run(
                ["taskkill", "/F", "/T", "/PID", str(process.pid)],
                capture_output=True,
                check=False,
            )
    else:
        # What it started may outlive it, in the group that has its number.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE)
