"""The commit: one small file that names the manifest. Before it only undo, after it only redo."""

from __future__ import annotations

from pytest_dbxgate.delivery import manifest as manifests
from pytest_dbxgate.delivery.manifest import Pointer
from pytest_dbxgate.delivery.model import Manifest
from pytest_dbxgate.delivery.run import Run
from pytest_dbxgate.delivery.store import MANIFESTS, POINTER
from pytest_dbxgate.errors import GateError, IncompleteError
from pytest_dbxgate.workspace.model import DeniedError, RejectedError, UnavailableError


class UnknownOutcomeError(IncompleteError):
    """Nobody can tell whether the commit took place: nothing more may be touched."""


def commit(run: Run, pointer: Pointer | None, manifest: Manifest, *, at: float) -> Pointer:
    """Write the manifest under its digest, then the pointer; read both back. ``at``: when what
    ``pointer`` names was published, in seconds since 1970.

    Raises :class:`UnknownOutcomeError` where the answer was lost and the workspace does not tell.
    Any other error means that nothing was committed.
    """
    data = manifests.to_bytes(manifest)
    run.may_write()
    run.store.create(f"{MANIFESTS}/{manifests.digest(manifest)}.json", data)
    new = manifests.advanced(pointer, manifest, at=at, keep=run.target.keep)
    run.tell("commit", manifest.release)
    _point(run, manifests.pointer_to_bytes(new))
    return new


def _point(run: Run, data: bytes) -> None:
    run.may_write()
    failure: GateError | None = None
    try:
        run.store.write(POINTER, data, overwrite=True)
    except GateError as error:
        failure = error
    try:
        if run.store.holds(POINTER, data):
            return
    except GateError as error:
        raise _unknown(run, failure or error) from None
    if isinstance(failure, (DeniedError, RejectedError)) or (
        isinstance(failure, UnavailableError) and not failure.maybe_done
    ):
        raise failure
    raise _unknown(run, failure)


def _unknown(run: Run, cause: GateError | None) -> UnknownOutcomeError:
    why = "" if cause is None else f": {cause.message}"
    return UnknownOutcomeError(
        f"{run.store.path(POINTER)}: whether the commit took place is not known{why}",
        next_step=f"run pytest --dbx-heal: it reads the journal of {run.operation} and finishes "
        "or undoes the deployment",
    )
