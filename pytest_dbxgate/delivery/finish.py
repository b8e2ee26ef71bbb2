"""After the commit: what may be deleted now, jobs that may start, and closing the journal."""

from __future__ import annotations

import re

from pytest_dbxgate.delivery import journal
from pytest_dbxgate.delivery.finish_jobs import finish_jobs
from pytest_dbxgate.delivery.journal import Closed, Journal
from pytest_dbxgate.delivery.manifest import Pointer
from pytest_dbxgate.delivery.model import Action, Manifest
from pytest_dbxgate.delivery.run import Run
from pytest_dbxgate.delivery.store import BACKUPS, JOURNALS, MANIFESTS
from pytest_dbxgate.delivery.writing import remove
from pytest_dbxgate.errors import GateError

_NAME = re.compile(r"[0-9]{8}-[0-9A-Za-z-]+")
"""Of a deployment."""


def finish(run: Run, record: Journal, manifest: Manifest) -> tuple[str, ...]:
    """Prune, activate jobs and close the journal; may be done again at any time.

    Returns what is still to be done, empty where nothing is. Never raises a :class:`GateError`:
    what was published stays published.
    """
    pending = [f"delete {change.place}" for change in record.changes if change.is_removal]
    pending += [f"job {job.name}" for job in record.jobs]
    pending.append(f"close the journal {record.operation}")
    try:
        finish_jobs(run, record, manifest, pending)
        _prune(run, record, pending)
        run.may_write()
        journal.close(run.store, record.operation, journal.DONE)
    except GateError as error:
        run.tell("finish", f"not finished: {error.message}")
        return tuple(pending)
    return ()


def _prune(run: Run, record: Journal, pending: list[str]) -> None:
    removals = [change for change in record.changes if change.is_removal]
    for number, change in enumerate(removals, start=1):
        if change.before is not None:
            if remove(run, change.place, change.before):
                told = f"{Action.REMOVE.value} {change.place}"
                run.tell("prune", told, done=number, total=len(removals))
            else:
                run.tell("prune", f"kept, because it was edited: {run.path(change.place)}")
            pending.remove(f"delete {change.place}")


def tidy(run: Run, pointer: Pointer, closed: Closed) -> None:
    """Delete journals, backups and manifests that no release to be kept needs. A failure is no
    harm: the next deployment tries again."""
    oldest = pointer.previous[-1].release if pointer.previous else pointer.release
    # Their names are those of files that anybody may have written: ".." would be our own folder.
    old = [each for each in (*closed.done, *closed.undone) if _NAME.fullmatch(each)]
    old = [each for each in old if each <= oldest]
    # The oldest release needs no backup of its own, but its marker tells a stale pointer.
    old = [each for each in old if each != pointer.release]
    if not old:
        return
    try:
        _delete(run, old)
        kept = {pointer.manifest, *(release.manifest for release in pointer.previous)}
        for name in run.store.names(MANIFESTS):
            if name.removesuffix(".json") not in kept:
                run.may_write()
                run.store.remove(f"{MANIFESTS}/{name}")
    except GateError as error:
        run.tell("finish", f"old backups are kept for now: {error.message}")


def _delete(run: Run, operations: list[str]) -> None:
    names = set(run.store.names(JOURNALS))
    for operation in operations:
        run.may_write()
        run.store.remove(f"{BACKUPS}/{operation}", recursive=True)
        # The journal goes before its marker: without the marker it would be an open one.
        for suffix in (".json", f".{journal.DONE}.json", f".{journal.UNDONE}.json"):
            if operation + suffix in names:
                run.may_write()
                run.store.remove(f"{JOURNALS}/{operation}{suffix}")
