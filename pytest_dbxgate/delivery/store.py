"""Our own folder below the root: names, and reading and writing that never trusts an answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pytest_dbxgate.delivery.model import OWN_FOLDER
from pytest_dbxgate.workspace.model import (
    AlreadyExistsError,
    ImportFormat,
    NotFoundError,
    ObjectType,
    UnavailableError,
    Workspace,
    WorkspaceError,
)

POINTER = "pointer.json"
LOCKS = "locks"
MANIFESTS = "manifests"
JOURNALS = "journals"
BACKUPS = "backups"

READS = 4
"""How often something just written is read before it counts as lost: whether a workspace lets one
read one's own writes at once is not known."""


class NotStoredError(WorkspaceError):
    """What was written cannot be read back as it was written."""


class Store:
    """Plain files in ``<root>/.dbxgate``. Names are relative to that folder."""

    def __init__(self, workspace: Workspace, root: str, sleep: Callable[[float], None]) -> None:
        self._workspace = workspace
        self._folder = f"{root.rstrip('/')}/{OWN_FOLDER}"
        self._sleep = sleep

    def path(self, name: str) -> str:
        return f"{self._folder}/{name}" if name else self._folder

    def names(self, folder: str) -> Sequence[str]:
        """The files in one of our folders, sorted; none where there is no such folder."""
        found = self._workspace.list(self.path(folder))
        return sorted(
            each.path.rpartition("/")[2] for each in found if each.type is ObjectType.FILE
        )

    def folders(self, folder: str) -> Sequence[str]:
        """The folders in one of our folders, sorted."""
        found = self._workspace.list(self.path(folder))
        return sorted(
            each.path.rpartition("/")[2] for each in found if each.type is ObjectType.DIRECTORY
        )

    def read(self, name: str) -> bytes | None:
        """A file's bytes; None where it is not there."""
        try:
            return self._workspace.export(self.path(name))
        except NotFoundError:
            return None

    def create(self, name: str, data: bytes) -> None:
        """Write a file that must not be there yet, and read it back.

        Raises AlreadyExistsError where it is there with other content.
        """
        try:
            self._import(name, data, overwrite=False)
        except AlreadyExistsError:
            # A lost answer, or a copy of what is written under its own digest.
            if not self.holds(name, data):
                raise
            return
        except UnavailableError as error:
            if not error.maybe_done or not self.holds(name, data):
                raise
            return
        self._check(name, data)

    def replace(self, name: str, data: bytes) -> None:
        """Write a file, whatever it held, and read it back."""
        self._import(name, data, overwrite=True)
        self._check(name, data)

    def write(self, name: str, data: bytes, *, overwrite: bool) -> None:
        """Write a file and leave it at that."""
        self._import(name, data, overwrite=overwrite)

    def holds(self, name: str, data: bytes) -> bool:
        """Whether the file has these bytes; reads again before it says no."""
        for attempt in range(READS):
            if attempt:
                self._sleep(float(attempt))
            if self.read(name) == data:
                return True
        return False

    def remove(self, name: str, *, recursive: bool = False) -> None:
        self._workspace.delete(self.path(name), recursive=recursive)

    def _check(self, name: str, data: bytes) -> None:
        if not self.holds(name, data):
            raise NotStoredError(
                f"{self.path(name)}: the workspace does not give back what was written",
                next_step="run again; if it stays so, look at the folder in the workspace",
            )

    def _import(self, name: str, data: bytes, *, overwrite: bool) -> None:
        try:
            self._import_once(name, data, overwrite=overwrite)
        except NotFoundError:
            # The folder is made when it is missed, so that a usual run makes no call for it.
            self._workspace.mkdirs(self.path(name.rpartition("/")[0]))
            self._import_once(name, data, overwrite=overwrite)

    def _import_once(self, name: str, data: bytes, *, overwrite: bool) -> None:
        self._workspace.import_object(
            self.path(name), data, format=ImportFormat.AUTO, overwrite=overwrite
        )
