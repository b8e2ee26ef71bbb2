"""Bringing the objects of a plan into the workspace: folders, additions, changes, verification."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from threading import Event as Flag
from threading import Lock
from typing import NamedTuple

from pytest_dbxgate.delivery.journal import Change
from pytest_dbxgate.delivery.model import Action
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
    count = _Count(run, len(loads))
    with ThreadPoolExecutor(run.means.threads) as pool:
        for _, group in groupby(sorted(loads, key=_order), key=lambda load: _order(load)[:2]):
            _together(pool, [_writing(run, load, count) for load in group])


def verify(run: Run, changes: Sequence[Change]) -> None:
    """Compare the workspace with what was written to it, by one archive; what differs is read
    once more by itself. Raises :class:`MismatchError` that names it."""
    written = {change.place: change for change in changes if change.after is not None}
    if not written:
        return
    run.tell("verify", f"{len(written)} objects")
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


class _Count:
    """Tells of each object that was written, whichever thread wrote it."""

    def __init__(self, run: Run, total: int) -> None:
        self._run = run
        self._total = total
        self._done = 0
        self._mutex = Lock()
        run.tell("apply", "objects", total=total)

    def __call__(self, change: Change) -> None:
        with self._mutex:
            self._done += 1
            word = Action.ADD if change.before is None else Action.CHANGE
            self._run.tell(
                "apply", f"{word.value} {change.place}", done=self._done, total=self._total
            )


def _writing(run: Run, load: Load, count: _Count) -> Callable[[], None]:
    def work() -> None:
        write(run, load.change, load.data)
        count(load.change)

    return work


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
