"""The lock: a chain of epochs. Whoever creates the next number holds it, and none is ever reused.

Deleting a lock and creating it anew lets two holders in; a chain whose highest number is never
deleted does not, because creating ``lock-<n+1>`` without overwriting succeeds once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pytest_dbxgate.delivery import untrusted
from pytest_dbxgate.delivery.store import JOURNALS, LOCKS, READS, Store
from pytest_dbxgate.delivery.untrusted import BadDocumentError
from pytest_dbxgate.workspace.model import AlreadyExistsError, UnavailableError

LEASE = 120.0
"""Seconds that a lock is good for since its holder last wrote it."""

_PREFIX = "lock-"
_KEPT = 20
"""Released numbers that stay, for whoever listed the folder a while ago."""


@dataclass(frozen=True, slots=True)
class Lock:
    """What a lock says of its holder. Times are seconds since 1970 by the workspace's clock."""

    holder: str
    """The id of the operation that holds it."""
    owner: str = ""
    """A user's name."""
    build_url: str = ""
    taken_at: float = 0.0
    renewed_at: float = 0.0
    """0 where the workspace told no time."""
    lease: float = LEASE
    beat: int = 0
    """Grows with each renewal, so that a watcher sees it though all clocks stand still."""
    released: bool = False

    @property
    def whose(self) -> str:
        """Who holds it, in words."""
        build = f" in {self.build_url}" if self.build_url else ""
        return f"{self.owner or 'somebody unknown'}{build}, deployment {self.holder}"


def to_bytes(lock: Lock) -> bytes:
    document: Mapping[str, Any] = {"version": 1, **asdict(lock)}
    return untrusted.dump(document)


def from_bytes(data: bytes) -> Lock:
    """Raises :class:`BadDocumentError`."""
    fields = untrusted.load(data, most=100_000)
    return Lock(
        holder=fields.text("holder"),
        owner=fields.text("owner"),
        build_url=fields.text("build_url"),
        taken_at=fields.number("taken_at"),
        renewed_at=fields.number("renewed_at"),
        lease=min(fields.number("lease"), 10 * LEASE),
        beat=fields.whole("beat"),
        released=fields.flag("released"),
    )


class Chain:
    """The locks of one root."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def epochs(self) -> list[int]:
        """All numbers that are there, sorted."""
        numbers = (name.removeprefix(_PREFIX) for name in self._store.names(LOCKS))
        return sorted(int(number) for number in numbers if number.isdecimal())

    def highest(self) -> int:
        """0 where nobody ever held the lock."""
        # Where somebody deleted the locks the journals still tell how far the numbers had come.
        return max(self.epochs(), default=0) or self._last_operation()

    def read(self, epoch: int) -> tuple[Lock | None, bytes]:
        """The lock and its bytes; None where nobody can make sense of it: then it is held."""
        data = self._store.read(_name(epoch)) or b""
        try:
            return from_bytes(data), data
        except BadDocumentError:
            return None, data

    def take(self, epoch: int, lock: Lock) -> bool:
        """Create a number; False where somebody else was first."""
        data = to_bytes(lock)
        try:
            self._store.write(_name(epoch), data, overwrite=False)
        except AlreadyExistsError:
            return self._is_of(epoch, lock.holder)
        except UnavailableError as error:
            if not error.maybe_done or not self._is_of(epoch, lock.holder):
                raise
        return True

    def is_highest(self, epoch: int) -> bool:
        """Whether no later number is there; False also where this one cannot be seen."""
        for _ in range(READS):
            highest = self.highest()
            if highest >= epoch:
                # A lower one is a list of before our write.
                return highest == epoch
        return False

    def write(self, epoch: int, lock: Lock) -> None:
        """Renew or release a number that is ours."""
        self._store.write(_name(epoch), to_bytes(lock), overwrite=True)

    def tidy(self, epoch: int) -> None:
        """Delete numbers so old that nobody can take them for the highest."""
        for old in self.epochs():
            if old < epoch - _KEPT:
                self._store.remove(_name(old))

    def _last_operation(self) -> int:
        numbers = (name.partition("-")[0] for name in self._store.names(JOURNALS))
        return max((int(number) for number in numbers if number.isdecimal()), default=0)

    def _is_of(self, epoch: int, holder: str) -> bool:
        for _ in range(READS):
            lock, data = self.read(epoch)
            if data:
                return lock is not None and lock.holder == holder
        return False


def _name(epoch: int) -> str:
    return f"{LOCKS}/{_PREFIX}{epoch}"
