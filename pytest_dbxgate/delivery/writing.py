"""Writing one object: each kind of change looks at the place immediately before it writes."""

from __future__ import annotations

from pathlib import PurePosixPath

from pytest_dbxgate.delivery.canonical import ENDINGS
from pytest_dbxgate.delivery.journal import Change, Image
from pytest_dbxgate.delivery.model import Kind
from pytest_dbxgate.delivery.places import shown
from pytest_dbxgate.delivery.run import EditFoundError, Run
from pytest_dbxgate.delivery.snapshot import is_as, is_jupyter, one
from pytest_dbxgate.workspace.model import AlreadyExistsError, ImportFormat, NotFoundError

_LANGUAGES = {ending: language for language, ending in ENDINGS.items()}
_AGAIN = 1.0
"""Seconds before something unexpected is read a second time."""


def write(run: Run, change: Change, data: bytes) -> None:
    """Bring one place from its before-image to its after-image.

    Raises :class:`EditFoundError` where neither of them stands there; nothing was written then.
    """
    assert change.after is not None
    if change.before is None:
        add(run, change.place, change.after, data)
        return
    if not stands(run, change.place, change.before):
        raise _edited(run, change.place)
    if change.replaces_type:
        run.may_write()
        run.workspace.delete(run.path(change.place))
        add(run, change.place, change.after, data)
    else:
        put(run, change.place, change.after, data, overwrite=True)


def add(run: Run, place: str, image: Image, data: bytes) -> None:
    """Create an object where there is none."""
    try:
        put(run, place, image, data, overwrite=False)
    except AlreadyExistsError:
        # An answer may have been lost, and then the object is ours.
        if not stands(run, place, image):
            raise _edited(run, place) from None
    except NotFoundError:
        run.may_write()
        run.workspace.mkdirs(run.path(place.rpartition("/")[0]))
        put(run, place, image, data, overwrite=False)


def remove(run: Run, place: str, image: Image) -> bool:
    """Delete an object; False where something else than ``image`` stands there, which stays."""
    found = one(run.workspace, run.path(place), image)
    if found is None:
        return True
    if not is_as(found, image) and not stands(run, place, image):
        return False
    run.may_write()
    run.workspace.delete(run.path(place))
    return True


def put(run: Run, place: str, image: Image, data: bytes, *, overwrite: bool) -> None:
    """Import bytes in the format that the image's ending asks for."""
    run.may_write()
    run.workspace.import_object(
        run.path(place),
        data,
        format=_format(image),
        language=_language(image),
        overwrite=overwrite,
    )


def stands(run: Run, place: str, image: Image | None) -> bool:
    """Whether the place is as the image tells. Reads again before it says no."""
    if image is None:
        return run.workspace.status(run.path(place)) is None
    for attempt in range(2):
        if attempt:
            run.pause(_AGAIN)
        if is_as(one(run.workspace, run.path(place), image), image):
            return True
    return False


def _format(image: Image) -> ImportFormat:
    if image.kind is Kind.FILE:
        return ImportFormat.AUTO
    return ImportFormat.JUPYTER if is_jupyter(image) else ImportFormat.SOURCE


def _language(image: Image) -> str | None:
    if image.kind is Kind.FILE or is_jupyter(image):
        return None
    return _LANGUAGES.get(PurePosixPath(image.name).suffix)


def _edited(run: Run, place: str) -> EditFoundError:
    return EditFoundError(
        place, f"{shown(run.path(place))}: somebody changed it while it was to be published"
    )
