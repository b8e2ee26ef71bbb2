"""Notebooks' processes as forks: what each would import is imported once.

Importing pyspark, pandas and IPython costs a second of a processor; forking, a hundredth. A server
process imports them and forks on demand (:mod:`pytest_dbxgate.execution.kernel.forkserver`); it
runs no notebook itself, so that no two share more than imported modules. On Linux only: elsewhere
libraries of the system may not survive a fork.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from pytest_dbxgate.execution.starting import LOST, Child, start_python

SERVER = ("-m", "pytest_dbxgate.execution.kernel.forkserver")
NUMBER = struct.Struct("<q")
"""What is told of a fork: its pid, then its exit code, below zero for a signal."""
MARK = "DBXGATE_RUN"
"""The variable that tells whose process it is, so that those which left the group are found."""
ROOM_FOR_MARKS = 512
"""Bytes that the server keeps free for it: what stands in ``/proc`` is what a process began with,
and cannot grow."""

_PATIENCE = 60.0
"""Seconds until the first fork; it takes one or two."""
_GRACE = 2.0


class Forks:
    """Starts forks of one server. May be called from several threads."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """``environment`` is what every fork begins with; each gets its own in its place."""
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        # Notebooks that run notebooks ask for forks, too.
        ends = (theirs.fileno(), self._requests.fileno())
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, *SERVER, *map(str, ends)],
                cwd=folder,
                env={**environment, MARK: "-" * ROOM_FOR_MARKS},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=ends,
                start_new_session=True,
            )

    def start(self, folder: Path, environment: Mapping[str, str]) -> Child:
        """A process in a group of its own; a new Python where the server does not answer."""
        if self._server.poll() is not None:
            return start_python(folder, environment)
        return start_fork(self._requests, folder, environment)

    def stop(self) -> None:
        """End the server and with it all forks. May be called again."""
        self._requests.close()
        assert self._server.stdin is not None
        with contextlib.suppress(OSError):
            self._server.stdin.close()
        try:
            self._server.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()


def start_fork(requests: socket.socket, folder: Path, environment: Mapping[str, str]) -> Child:
    """Ask for a fork, and get a new Python where none comes."""
    with contextlib.suppress(OSError):
        fork = _fork(requests)
        if fork is not None and fork.begin(folder, environment):
            return fork
    return start_python(folder, environment)


def _fork(requests: socket.socket) -> Fork | None:
    pipes = [os.pipe() for _ in range(3)]
    (their_in, our_in), (our_out, their_out), (our_news, their_news) = pipes
    fork = Fork(os.fdopen(our_in, "wb"), os.fdopen(our_out, "rb"), our_news)
    try:
        socket.send_fds(requests, [b"fork"], [their_in, their_out, their_news])
    except BaseException:
        fork.give_up()
        raise
    finally:
        for each in (their_in, their_out, their_news):
            os.close(each)
    if not fork.comes_about():
        fork.give_up()
        return None
    return fork


class Fork:
    """A process that the server forked."""

    def __init__(self, stdin: IO[bytes], stdout: IO[bytes], news: int) -> None:
        self.stdin = stdin
        self.stdout = stdout
        self.returncode: int | None = None
        self.pid = 0
        self._news = news

    def comes_about(self) -> bool:
        """Wait until it is there."""
        self.pid = _number(self._news, _PATIENCE) or 0
        return self.pid > 0

    def begin(self, folder: Path, environment: Mapping[str, str]) -> bool:
        """Tell it where and as what it runs; whether it could be told."""
        told = json.dumps({"folder": str(folder), "environment": dict(environment)})
        try:
            self.stdin.write(told.encode("utf-8", "surrogatepass") + b"\n")
            self.stdin.flush()
        except OSError:
            self.give_up()
            return False
        return True

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            code = _number(self._news, timeout)
            if code is None:
                raise subprocess.TimeoutExpired("fork", timeout or 0)
            self.returncode = code
            os.close(self._news)
        return self.returncode

    def give_up(self) -> None:
        """Let go of what was never begun; should it come about yet, it finds nothing to do."""
        for stream in (self.stdin, self.stdout):
            with contextlib.suppress(OSError):
                stream.close()
        os.close(self._news)


def _number(news: int, timeout: float | None) -> int | None:
    """The next number told; None where it did not come within ``timeout`` seconds."""
    poll = select.poll()
    poll.register(news, select.POLLIN)
    if not poll.poll(None if timeout is None else timeout * 1000):
        return None
    told = os.read(news, NUMBER.size)
    # The server is gone, and its forks do not outlive it.
    return int(NUMBER.unpack(told)[0]) if told else LOST
