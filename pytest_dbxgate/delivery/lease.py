"""Holding the lock: taking it, renewing it, and knowing in time when it is lost."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import NamedTuple

from pytest_dbxgate.delivery.lock import LEASE, Chain, Lock
from pytest_dbxgate.delivery.log import Event
from pytest_dbxgate.delivery.means import Means
from pytest_dbxgate.delivery.places import shown
from pytest_dbxgate.errors import GateError, RefusedError
from pytest_dbxgate.workspace.model import Workspace, WorkspaceError

BEAT = 30.0
"""Seconds between renewals."""
MARGIN = 30.0
"""Seconds before the lease's end from which on nothing is written any more: a request that was
sent may take effect that much later."""
POLL = 5.0

LOCKED = "locked"


class LostLeaseError(GateError):
    """Somebody else may hold the lock by now: nothing more may be written."""


class Seen(NamedTuple):
    """A lock as a watcher saw it."""

    epoch: int
    data: bytes
    since: float
    """By the watcher's clock: when it was first seen as it is."""


def is_expired(lock: Lock | None, *, unchanged: float, server_time: float | None) -> bool:
    """Whether the holder is gone. ``unchanged``: seconds that the lock was watched and not renewed.

    The workspace's clock alone never decides: a holder that lives renews its lock within
    :data:`BEAT`, so it is watched for a little longer than that. Clocks that are wrong, here or
    there, then cost time and nothing else.
    """
    lease = LEASE if lock is None else lock.lease
    if unchanged >= lease:
        return True
    if lock is None or not lock.renewed_at or server_time is None:
        return False
    return server_time > lock.renewed_at + lease and unchanged >= BEAT + MARGIN / 2


class Lease:
    """A lock that is ours. Several threads may use it."""

    def __init__(
        self, chain: Chain, workspace: Workspace, means: Means, epoch: int, lock: Lock, sent: float
    ) -> None:
        self._chain = chain
        self._workspace = workspace
        self._means = means
        self._epoch = epoch
        self._lock = lock
        self._renewed = sent
        self._lost = ""
        self._mutex = threading.Lock()

    @property
    def operation(self) -> str:
        """The id of what is done under the lock. It begins with the lock's number, so ids sort in
        the order of deployments whatever any clock says."""
        return self._lock.holder

    def check(self) -> None:
        """To be called before each write. Renews the lock when it is time to.

        Raises :class:`LostLeaseError` where the lock may be somebody else's.
        """
        self.beat()
        if not self._lost and self._means.clock() > self._renewed + LEASE - MARGIN:
            self._lost = "it could not be renewed in time"
        if self._lost:
            raise LostLeaseError(f"the lock on the target was lost: {self._lost}")

    def beat(self) -> None:
        """Renew the lock if it is time to; a failure shows in the next :meth:`check`."""
        now = self._means.clock()
        if self._lost or now < self._renewed + BEAT or now > self._renewed + LEASE - MARGIN:
            return
        if not self._mutex.acquire(blocking=False):
            return
        try:
            self._renew()
        except WorkspaceError:
            # The lease still runs; the next check tries again.
            pass
        finally:
            self._mutex.release()

    def release(self) -> None:
        """Give the lock up. A failure is no harm: it expires."""
        try:
            if not self._lost and self._chain.is_highest(self._epoch):
                self._chain.write(self._epoch, replace(self._lock, released=True))
                self._chain.tidy(self._epoch)
        except GateError:
            self._means.tell(
                Event("lock", "the lock could not be released; it expires within two minutes")
            )

    def _renew(self) -> None:
        sent = self._means.clock()
        # The list comes first: it shows a later number, and its answer brings the time.
        highest = self._chain.highest()
        if highest > self._epoch:
            self._lost = "somebody else took it, or --dbx-unlock did"
            return
        now = self._workspace.server_time() or 0.0
        self._lock = replace(self._lock, renewed_at=now, beat=self._lock.beat + 1)
        self._chain.write(self._epoch, self._lock)
        self._renewed = sent


def acquire(chain: Chain, workspace: Workspace, means: Means, lock: Lock, *, wait: float) -> Lease:
    """Take the lock, waiting up to ``wait`` seconds for whoever holds it.

    Raises :class:`RefusedError` ``locked`` that says whose it is.
    """
    began = means.clock()
    seen = Seen(0, b"", began)
    while True:
        epoch = chain.highest()
        held, data = chain.read(epoch) if epoch else (None, b"")
        now = means.clock()
        if (epoch, data) != (seen.epoch, seen.data):
            seen = Seen(epoch, data, now)
        free = not epoch or (held is not None and held.released)
        if free or is_expired(
            held, unchanged=now - seen.since, server_time=workspace.server_time()
        ):
            lease = _take(chain, workspace, means, epoch + 1, lock)
            if lease is not None:
                return lease
        if means.clock() - began > wait or means.cancelled():
            raise _locked(held)
        if not free and seen.since == now:
            whose = "somebody" if held is None else held.whose
            means.tell(
                Event("lock", f"waiting up to {wait:.0f} s for {whose} (a dead one's lock expires)")
            )
        means.sleep(POLL if not free else 1.0)


def _take(chain: Chain, workspace: Workspace, means: Means, epoch: int, lock: Lock) -> Lease | None:
    sent = means.clock()
    now = workspace.server_time() or 0.0
    holder = f"{epoch:08}-{lock.holder}"
    lock = replace(lock, holder=holder, taken_at=now, renewed_at=now)
    if chain.take(epoch, lock) and chain.is_highest(epoch):
        return Lease(chain, workspace, means, epoch, lock, sent)
    return None


def _locked(held: Lock | None) -> RefusedError:
    whose = "somebody unknown" if held is None else held.whose
    return RefusedError(
        LOCKED,
        f"the target is locked by {shown(whose)}",
        next_step="wait until that deployment has ended; if it is dead, the lock expires within "
        "two minutes, and --dbx-unlock takes it away at once",
    )
