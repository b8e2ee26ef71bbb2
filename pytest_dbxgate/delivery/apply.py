"""Bringing the objects of a plan into the workspace: folders, additions, changes, verification."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from threading import Event as Flag
from typing import NamedTuple

from pytest_dbxgate.delivery.journal import Change
from pytest_dbxgate.delivery.places import listed
from pytest_dbxgate.delivery.run import MismatchError, Run
from pytest_dbxgate.delivery.snapshot import is_as, tree
from pytest_dbxgate.delivery.writing import stands, write


class Load(NamedTuple):
    """A change with the bytes it brings."""

    change: Change
    data: bytes
    rank: int


def make_folders(run: Run, folders: Sequence[str]) -> None:
    """Make the folders, parents first."""
    for folder in folders:
        run.may_write()
        run.workspace.mkdirs(run.path(folder))


def apply_objects(run: Run, loads: Sequence[Load]) -> None:
    """Additions first, then changes, each callee before its callers.

    Raises what the first failing write raised, once the writes under way have ended.
    """
    done = 0
    run.tell("apply", "objects", total=len(loads))
    with ThreadPoolExecutor(run.means.threads) as pool:
        for _, group in groupby(sorted(loads, key=_order), key=lambda load: _order(load)[:2]):
            batch = list(group)
            _together(pool, [_writing(run, load) for load in batch])
            done += len(batch)
            run.tell("apply", done=done, total=len(loads))


def verify(run: Run, changes: Sequence[Change]) -> None:
    """Compare the workspace with what was written to it, by one archive; what differs is read
    once more by itself. Raises :class:`MismatchError` that names it."""
    written = {change.place: change for change in changes if change.after is not None}
    if not written:
        return
    found = tree(run.workspace, run.target.root)
    suspects = [
        place for place, change in written.items() if not is_as(found.get(place), change.after)
    ]
    wrong = [place for place in suspects if not stands(run, place, written[place].after)]
    if wrong:
        raise MismatchError(
            f"the workspace does not hold what was published: {listed(wrong)}",
            next_step="see whether somebody edits there; then publish again",
        )


def _order(load: Load) -> tuple[bool, int, str]:
    return load.change.before is not None, load.rank, load.change.place


def _writing(run: Run, load: Load) -> Callable[[], None]:
    return lambda: write(run, load.change, load.data)


def _together(pool: ThreadPoolExecutor, works: Sequence[Callable[[], None]]) -> None:
    """Run all of them; after the first failure no other begins."""
    failed = Flag()

    def guarded(work: Callable[[], None]) -> None:
        if failed.is_set():
            return
        try:
            work()
        except BaseException:
            failed.set()
            raise

    futures = [pool.submit(guarded, work) for work in works]
    errors = [error for error in (future.exception() for future in futures) if error]
    if errors:
        raise errors[0]
