"""An embedded workspace: ``with start(Path("data")) as running: running.host, running.token``.

From a shell: ``python -m pytest_dbxgate.emulator --data DIR --port 0``.

Faults, edits, the request log and the dump of the store are methods of what :func:`start` returns
(:class:`~pytest_dbxgate.emulator.control.Control`), for example::

    with start(tmp_path, clock=fake) as running:
        running.add_faults({"match": {"route": "workspace/import", "nth": 3}, "do": "lose-answer"})
        ...
        assert running.dump().objects["/Shared/a"].content == b"..."
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import uvicorn

from pytest_dbxgate.emulator.app import App
from pytest_dbxgate.emulator.connections import Connections
from pytest_dbxgate.emulator.control import Control
from pytest_dbxgate.emulator.executing import Executor
from pytest_dbxgate.emulator.objects import Sizes, Unknowns
from pytest_dbxgate.emulator.scopes import secrets_of
from pytest_dbxgate.emulator.service import Service
from pytest_dbxgate.emulator.store import Store
from pytest_dbxgate.emulator.tree import Object

USER = "developer@example.com"
ADDRESS = "127.0.0.1"
CONNECTION_FILE = "connection.json"
STORE_FILE = "workspace.sqlite3"

SIZES = Sizes()
UNKNOWNS = Unknowns()

_PATIENCE = 10.0
"""Seconds to wait for the server's thread to begin or to end."""


class Running(Control):
    """A workspace that serves. Stop it, or use it as a context."""

    def __init__(
        self,
        service: Service,
        server: _Server,
        thread: threading.Thread,
        *,
        host: str,
        token: str,
        data: Path,
    ) -> None:
        super().__init__(service)
        self._server = server
        self._thread = thread
        self._data = data
        self._stopped = False
        self.host = host
        """``http://127.0.0.1:PORT``."""
        self.token = token
        self.user_name = service.users[token]

    def __repr__(self) -> str:
        return f"Running(host={self.host!r})"

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Close all connections and the store. What was answered stays on disk."""
        if self._stopped:
            return
        self._stopped = True
        self._server.finish()
        self._thread.join(_PATIENCE)
        self._service.runs.driver.close()
        (self._data / CONNECTION_FILE).unlink(missing_ok=True)
        with self._lock:
            self._service.store.close()

    def wait(self) -> None:
        """Wait until it is stopped by another thread or a signal."""
        # Not the thread's join: a signal there makes Python 3.11 take the thread for ended.
        while not self._server.ended.wait(0.5):
            pass


def start(
    data: Path,
    *,
    port: int = 0,
    token: str | None = None,
    user: str = USER,
    sizes: Sizes = SIZES,
    unknowns: Unknowns = UNKNOWNS,
    clock: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
    lasting: bool = False,
    executor: Callable[[Contents], Executor] | None = None,
) -> Running:
    """Serve the workspace kept in the folder ``data`` on loopback, in a thread.

    ``port`` 0 takes a free one. ``token`` is random unless given. ``clock`` gives seconds since
    1970, ``monotonic`` is for the rate limits. ``lasting``: it serves others until it is stopped,
    which the file with its address says. ``executor`` makes what runs the notebooks of jobs;
    by default each runs in a process of its own.

    Raises OSError where the port is taken, and
    :class:`~pytest_dbxgate.emulator.store.StoreInUseError` where the folder is served already.
    """
    data.mkdir(parents=True, exist_ok=True)
    store = Store(data / STORE_FILE)
    try:
        listener = socket.create_server((ADDRESS, port))
    except OSError:
        store.close()
        raise
    token = token or "dapi" + secrets.token_hex(16)
    contents = Contents()
    service = Service(
        store,
        {token: user},
        sizes=sizes,
        unknowns=unknowns,
        clock=clock,
        monotonic=monotonic,
        executor=(executor or notebooks)(contents),
    )
    contents.service = service
    _furnish(service, user)
    with store.lock, store.writing():
        service.runs.driver.wake()
    port = listener.getsockname()[1]
    connections = Connections()
    app = App(
        service,
        Control(service),
        token=token,
        hosts=frozenset({f"{ADDRESS}:{port}", f"localhost:{port}"}),
        cut=connections.cut,
    )
    server = _Server(app, connections)
    thread = threading.Thread(
        target=server.run, args=([listener],), name="embedded workspace", daemon=True
    )
    thread.start()
    server.ready.wait(_PATIENCE)
    host = f"http://{ADDRESS}:{port}"
    _write_connection(data / CONNECTION_FILE, host, token, lasting=lasting)
    return Running(service, server, thread, host=host, token=token, data=data)


class Contents:
    """What an executor reads of the workspace. Takes its lock."""

    service: Service

    def objects(self) -> list[Object]:
        with self.service.store.lock:
            return list(self.service.tree.below("/"))

    def secrets(self) -> dict[str, str]:
        with self.service.store.lock:
            return secrets_of(self.service.store)


def notebooks(contents: Contents) -> Executor:
    """The executor that runs notebooks for real; nothing is started before the first."""
    from pytest_dbxgate.emulator.notebook_executor import NotebookExecutor

    return NotebookExecutor(contents)


class _Server(uvicorn.Server):
    """Tells when it is ready, and stops when it is told to."""

    def __init__(self, app: App, connections: Connections) -> None:
        config = uvicorn.Config(
            app,
            http=connections.protocol(),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            date_header=False,
            server_header=False,
            # A connection that closes while a client is about to use it would be a fault that
            # nobody asked for.
            timeout_keep_alive=3600,
            timeout_graceful_shutdown=2,
        )
        super().__init__(config)
        self.ready = threading.Event()
        self.ended = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end = asyncio.Event()

    def finish(self) -> None:
        """Stop serving; called from another thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._end.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self.ready.set()

    async def main_loop(self) -> None:
        # Ten looks a second at whether to stop would cost each test a tenth of one.
        await self._end.wait()
        self.ended.set()


def _furnish(service: Service, user: str) -> None:
    with service.store.lock, service.store.writing():
        for path in ("/Shared", "/Repos", f"/Users/{user}"):
            service.tree.make_folder(path)


def _write_connection(file: Path, host: str, token: str, *, lasting: bool) -> None:
    """``lasting``: whoever finds the file may use the workspace."""
    found = {"host": host, "token": token, "pid": os.getpid(), "lasting": lasting}
    text = json.dumps(found)
    # mkstemp makes a file that only its owner may read.
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".connection.")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text + "\n")
    Path(name).replace(file)
