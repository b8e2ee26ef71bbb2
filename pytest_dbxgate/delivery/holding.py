"""Working under the lock: taken at the beginning, renewed meanwhile, released at the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pytest_dbxgate.delivery.lease import Lease, LostLeaseError, acquire
from pytest_dbxgate.delivery.lock import Chain, Lock
from pytest_dbxgate.delivery.means import Means, new_name
from pytest_dbxgate.delivery.places import shown
from pytest_dbxgate.delivery.run import Run
from pytest_dbxgate.delivery.store import Store
from pytest_dbxgate.delivery.target import Target
from pytest_dbxgate.errors import IncompleteError
from pytest_dbxgate.workspace.model import Workspace

_TICK = 5.0


@contextmanager
def held(
    workspace: Workspace,
    store: Store,
    target: Target,
    project: str,
    means: Means,
    owner: str,
    build_url: str,
) -> Iterator[Run]:
    """A run under the lock. Raises RefusedError ``locked`` where it cannot be had.

    After an :class:`IncompleteError` the lock is left to expire: a request that is still on its
    way then takes effect before anybody else begins.
    """
    lock = Lock(
        new_name(means, workspace.server_time()), owner=shown(owner), build_url=shown(build_url)
    )
    lease = acquire(Chain(store), workspace, means, lock, wait=target.lock_wait)
    run = Run(workspace, store, means, lease, target, project, lease.operation)
    stop = threading.Event()
    ticker = threading.Thread(target=_tick, args=(lease, stop), name="dbxgate lock", daemon=True)
    ticker.start()
    try:
        yield run
    except (IncompleteError, LostLeaseError):
        _end(ticker, stop)
        raise
    except BaseException:
        _end(ticker, stop)
        lease.release()
        raise
    _end(ticker, stop)
    lease.release()


def _tick(lease: Lease, stop: threading.Event) -> None:
    # Each write renews the lock by itself; this is for the long reads between them.
    while not stop.wait(_TICK):
        lease.beat()


def _end(ticker: threading.Thread, stop: threading.Event) -> None:
    stop.set()
    ticker.join()
