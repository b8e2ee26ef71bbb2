"""Bringing the copy of a run into the workspace, and holding against it what stands there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

from pytest_dbxgate.errors import PlatformError
from pytest_dbxgate.execution.cluster.layout import Copy
from pytest_dbxgate.execution.cluster.request import Means
from pytest_dbxgate.notebook import canonical
from pytest_dbxgate.workspace import paths
from pytest_dbxgate.workspace.model import ImportFormat, NotFoundError, Workspace

_LOOKS = 4


class UploadError(PlatformError):
    """The workspace holds something else than what was sent."""


def upload(
    workspace: Workspace,
    copies: Sequence[Copy],
    folder: str,
    means: Means,
    *,
    beat: Callable[[], None],
) -> None:
    """Put the copies below ``folder``, which may be there, and verify all of them.

    ``beat`` is called between steps, on the caller's thread. Stops early where the process was
    asked to stop. Raises :class:`UploadError`, and what the workspace raises.
    """
    for each in _folders(copies, folder):
        workspace.mkdirs(each)
    beat()

    failed = threading.Event()

    def send(copy: Copy) -> None:
        if means.cancelled() or failed.is_set():
            return
        try:
            _send(workspace, copy, folder)
        except BaseException:
            # The others need not find out for themselves.
            failed.set()
            raise

    with ThreadPoolExecutor(means.threads) as pool:
        try:
            for _ in pool.map(send, copies):
                beat()
        except BaseException:
            failed.set()
            raise
    if not means.cancelled():
        _verify(workspace, copies, folder, means)


def _folders(copies: Sequence[Copy], folder: str) -> list[str]:
    """The folders to make: each makes those above it too."""
    wanted = {paths.parent(f"{folder}/{copy.place}") for copy in copies} | {folder}
    return sorted(
        each
        for each in wanted
        if not any(other != each and paths.is_inside(other, each) for other in wanted)
    )


def _send(workspace: Workspace, copy: Copy, folder: str) -> None:
    path = f"{folder}/{copy.place}"
    for attempt in range(_LOOKS):
        try:
            workspace.import_object(
                path, copy.data, format=copy.format, language=copy.language, overwrite=True
            )
        except NotFoundError:
            if attempt + 1 == _LOOKS:
                raise
            workspace.mkdirs(paths.parent(path))
        else:
            return


def _verify(workspace: Workspace, copies: Sequence[Copy], folder: str, means: Means) -> None:
    """Compare in canonical form: the workspace rewrites the rest of what it imports."""
    wrong: list[Copy] = []
    for attempt in range(_LOOKS):
        if attempt:
            means.sleep(float(attempt))
        there = _standing(workspace.export_folder(folder))
        wrong = [copy for copy in copies if not _holds(there, copy)]
        if not wrong:
            return
    raise UploadError(
        f"{paths.shown(folder)}: {wrong[0].source} does not stand there as it was sent"
        + (f", nor do {len(wrong) - 1} others" if len(wrong) > 1 else ""),
        next_step="run again; if it stays so, look at the folder in the workspace",
    )


def _standing(archive: Mapping[str, bytes]) -> dict[str, tuple[str, bytes]]:
    """Name in the archive and bytes, by the name and by the place of a notebook."""
    found = {name: (name, data) for name, data in archive.items()}
    for name, data in archive.items():
        found.setdefault(str(PurePosixPath(name).with_suffix("")), (name, data))
    return found


def _holds(there: Mapping[str, tuple[str, bytes]], copy: Copy) -> bool:
    found = there.get(copy.name) or there.get(copy.place)
    if found is None:
        return False
    name, data = found
    if copy.format is ImportFormat.AUTO:
        return data == copy.data
    return canonical.digest(data, name) == copy.digest
