"""One deployment under way: its workspace, its lock, and the check that comes before each write."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from pytest_dbxgate.delivery.lease import Lease
from pytest_dbxgate.delivery.log import Event
from pytest_dbxgate.delivery.means import Means
from pytest_dbxgate.delivery.store import Store
from pytest_dbxgate.delivery.target import Target
from pytest_dbxgate.errors import GateError
from pytest_dbxgate.workspace.model import Workspace


class CancelledError(GateError):
    """The process was asked to stop, and did before it changed anything. pytest says 2 then."""

    exit_code: ClassVar[int] = 2


class EditFoundError(GateError):
    """Somebody changed an object between our reading it and our turn to write it."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(message)
        self.place = place


class MismatchError(GateError):
    """The workspace does not hold what was written to it."""


@dataclass(frozen=True, slots=True)
class Run:
    """What every step needs. Only who holds the lock has one."""

    workspace: Workspace
    store: Store
    means: Means
    lease: Lease
    target: Target
    project: str
    operation: str
    forward: bool = True
    """False while rolling back and healing: a signal to stop no longer stops it."""

    def path(self, place: str) -> str:
        return f"{self.target.root.rstrip('/')}/{place}" if place else self.target.root

    def may_write(self) -> None:
        """To be called before each write. Raises LostLeaseError or :class:`CancelledError`."""
        if self.forward and self.means.cancelled():
            raise CancelledError("the run was asked to stop")
        self.lease.check()

    def pause(self, seconds: float) -> None:
        """Wait, and keep the lock while waiting."""
        self.means.sleep(seconds)
        self.lease.beat()

    def tell(self, step: str, message: str = "", *, done: int = 0, total: int = 0) -> None:
        self.means.tell(Event(step, message, done, total))

    def backwards(self) -> Run:
        """The same, for undoing: a signal to stop was heard already."""
        return replace(self, forward=False)
