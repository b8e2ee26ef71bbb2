"""``python -m pytest_dbxgate.execution.kernel.forkserver``: imports what notebooks need, and forks.

Its arguments are the numbers of two connected datagram sockets: what is sent through the second
comes out of the first. Each message brings three pipes: standard input and output of a new fork,
and one for news of it (see :mod:`pytest_dbxgate.execution.forks`). The fork reads a line that says
where and as what it runs, then goes on as :mod:`pytest_dbxgate.execution.kernel` does. The server
ends with its standard input.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import gc
import importlib
import json
import os
import select
import signal
import site
import socket
import sys
import sysconfig
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NoReturn

from pytest_dbxgate.execution.forks import MARK, NUMBER, ROOM_FOR_MARKS, start_fork
from pytest_dbxgate.execution.kernel import __main__ as kernel
from pytest_dbxgate.execution.kernel import ahead, own_modules
from pytest_dbxgate.execution.starting import Start

_KERNEL = "pytest_dbxgate.execution.kernel.kernel"
_SPARK = ("pyspark.sql.functions", "pyspark.sql.connect.session")


def main() -> NoReturn:
    requests, asking = (socket.socket(fileno=int(each)) for each in sys.argv[1:3])
    for each in (requests, asking):
        each.set_inheritable(False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    own_modules.leave_out_this_folder()
    with contextlib.suppress(ImportError):
        importlib.import_module(_KERNEL)
    ahead.load(_SPARK)
    # What is known now stays: collecting it would copy its pages into each fork.
    gc.collect()
    gc.freeze()
    _Server(requests, functools.partial(start_fork, asking)).serve()
    os._exit(0)


class _Server:
    """Forks on demand, and tells of each fork's end."""

    def __init__(self, requests: socket.socket, start: Start) -> None:
        self._requests = requests
        self._start = start
        self._news: dict[int, int] = {}
        """Pid of a fork that runs -> where its end is told."""
        self._woken, self._waking = os.pipe()
        for each in (self._woken, self._waking):
            os.set_blocking(each, False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self._waking)

    def serve(self) -> None:
        """Until standard input ends."""
        requests = self._requests.fileno()
        while True:
            ready = select.select([requests, self._woken, 0], [], [])[0]
            if 0 in ready:
                break
            if self._woken in ready:
                os.read(self._woken, 4096)
                self._tell_ends()
            if requests in ready:
                # Whoever asked makes do with a new Python where no fork comes about.
                with contextlib.suppress(OSError):
                    _, pipes, _, _ = socket.recv_fds(self._requests, 16, 3)
                    if len(pipes) == 3:
                        self._fork(*pipes)
                    else:
                        _close(pipes)
        for pid in self._news:
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)

    def _fork(self, stdin: int, stdout: int, news: int) -> None:
        try:
            with warnings.catch_warnings():
                # Threads of libraries, that wait for work, are no loss.
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
        except OSError:
            _close((stdin, stdout, news))
            raise
        if pid == 0:
            own = (self._woken, self._waking, self._requests.fileno())
            _become((stdin, stdout, news), (*self._news.values(), *own), self._start)
        self._news[pid] = news
        _close((stdin, stdout))

    def _tell_ends(self) -> None:
        while self._news:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            if (told := self._news.pop(pid, None)) is not None:
                # Whoever asked may be gone.
                with contextlib.suppress(OSError):
                    os.write(told, NUMBER.pack(os.waitstatus_to_exitcode(status)))
                os.close(told)


def _become(pipes: tuple[int, int, int], others: tuple[int, ...], start: Start) -> NoReturn:
    """In the fork: be the process that was asked for."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setsid()
        stdin, stdout, news = pipes
        for number, pipe in ((0, stdin), (1, stdout), (2, stdout)):
            os.dup2(pipe, number)
        os.write(news, NUMBER.pack(os.getpid()))
        _close((*pipes, *others))
        begin = json.loads(sys.stdin.readline())
        _set_out(begin["folder"], begin["environment"])
        code = kernel.main(start)
    except BaseException:
        traceback.print_exc()
    finally:
        kernel.leave(code)


def _close(handles: Iterable[int]) -> None:
    for each in handles:
        os.close(each)


def _set_out(folder: str, environment: Mapping[str, str]) -> None:
    os.chdir(folder)
    _mark(environment.get(MARK, ""))
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    tempfile.tempdir = None
    site.USER_BASE = site.USER_SITE = None
    sysconfig.get_config_vars()["userbase"] = site.getuserbase()
    site.getusersitepackages()
    if process := sys.modules.get("multiprocessing.process"):
        process.current_process().authkey = os.urandom(32)
    if numpy := sys.modules.get("numpy"):
        # Python's own generator does so by itself.
        numpy.random.seed()


def _mark(mark: str) -> None:
    """Write the mark where ``/proc`` shows the variables that a process began with."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        at = (
            Path("/proc/self/environ").read_bytes().index(f"{MARK}={'-' * ROOM_FOR_MARKS}".encode())
        )
        # Field 50 of proc(5), ``env_start``; the name, field 2, may hold blanks.
        fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        begin, value = int(fields[50 - 3]), mark.encode()[-ROOM_FOR_MARKS:]
        if begin:
            ctypes.memmove(begin + at + len(MARK) + 1, value, len(value))


if __name__ == "__main__":
    main()
