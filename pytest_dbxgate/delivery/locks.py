"""Healing by itself, and taking a lock away."""

from __future__ import annotations

from dataclasses import replace

from pytest_dbxgate.delivery.heal import Healed, heal
from pytest_dbxgate.delivery.holding import held
from pytest_dbxgate.delivery.journal import sort
from pytest_dbxgate.delivery.lock import Chain, Lock
from pytest_dbxgate.delivery.means import Means, new_name
from pytest_dbxgate.delivery.places import shown
from pytest_dbxgate.delivery.store import JOURNALS, Store
from pytest_dbxgate.delivery.target import Target
from pytest_dbxgate.workspace.model import Workspace


def heal_target(
    workspace: Workspace,
    target: Target,
    *,
    project: str,
    means: Means,
    owner: str = "",
    build_url: str = "",
) -> tuple[Healed, ...]:
    """Undo or finish what an earlier deployment left open; takes the lock only if there is any.

    Raises RefusedError ``locked``, IncompleteError.
    """
    store = Store(workspace, target.root, means.sleep)
    if not sort(store.names(JOURNALS)).open:
        return ()
    with held(workspace, store, target, project, means, owner, build_url) as run:
        return heal(run)


def unlock(
    workspace: Workspace, target: Target, *, means: Means, owner: str = "", build_url: str = ""
) -> Lock | None:
    """Take the lock away from whoever holds it; whose it was, None where nobody held it.

    The holder notices before its next renewal and writes nothing more.
    """
    store = Store(workspace, target.root, means.sleep)
    chain = Chain(store)
    while True:
        epoch = chain.highest()
        lock, _ = chain.read(epoch) if epoch else (None, b"")
        if not epoch or (lock is not None and lock.released):
            return None
        now = workspace.server_time()
        own = Lock(
            new_name(means, now),
            owner=shown(owner),
            build_url=shown(build_url),
            taken_at=now or 0.0,
        )
        if chain.take(epoch + 1, replace(own, released=True)):
            return lock or Lock("unknown")
