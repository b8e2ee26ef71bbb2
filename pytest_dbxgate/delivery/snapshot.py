"""What stands below a target's root, in as few calls as the workspace allows."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_dbxgate.delivery.canonical import digest, remotes
from pytest_dbxgate.delivery.journal import Image
from pytest_dbxgate.delivery.model import OWN_FOLDER, Kind, Remote
from pytest_dbxgate.delivery.places import shown
from pytest_dbxgate.errors import RefusedError
from pytest_dbxgate.workspace.model import NotFoundError, ObjectType, Workspace

NESTED = "nested-target"
_MOST_CALLS = 4
"""With more entries below the root, one archive of all (with our own folder in it) is cheaper."""


def tree(workspace: Workspace, root: str) -> dict[str, Remote]:
    """All objects below the root but our own, by place; empty where there is no root.

    Raises :class:`RefusedError` where another target's folder lies inside.
    """
    children = [
        each
        for each in workspace.list(root)
        if each.path != root and each.path.rpartition("/")[2] != OWN_FOLDER
    ]
    # An archive tells a notebook kept as .ipynb from one kept as source; one object's status
    # does not.
    splits = len(children) <= _MOST_CALLS and all(
        each.type in (ObjectType.DIRECTORY, ObjectType.FILE) for each in children
    )
    members: dict[str, bytes] = {}
    if not children:
        return {}
    if not splits:
        members = dict(workspace.export_folder(root))
    else:
        for child in children:
            name = child.path.rpartition("/")[2]
            if child.type is ObjectType.DIRECTORY:
                inner = workspace.export_folder(child.path)
                members.update({f"{name}/{path}": data for path, data in inner.items()})
            else:
                members[name] = workspace.export(child.path)
    _check_nesting(members, root)
    return remotes(members)


def one(workspace: Workspace, path: str, image: Image) -> Remote | None:
    """What stands at a path where ``image`` is expected; None where nothing does."""
    try:
        data = workspace.export(path, jupyter=is_jupyter(image))
    except NotFoundError:
        return None
    return Remote(image.kind, digest(data, kind=image.kind, name=image.name), image.name, data)


def is_jupyter(image: Image) -> bool:
    return image.kind is Kind.NOTEBOOK and image.name.endswith(".ipynb")


def image_of(remote: Remote) -> Image:
    return Image(remote.kind, remote.digest, remote.name)


def is_as(remote: Remote | None, image: Image | None) -> bool:
    """Whether what stands there is what the image tells."""
    if remote is None or image is None:
        return remote is None and image is None
    return (remote.kind, remote.digest) == (image.kind, image.digest)


def check_surroundings(workspace: Workspace, root: str) -> None:
    """Raise :class:`RefusedError` where a folder above the root is a target itself."""
    folder = root.rpartition("/")[0]
    while folder:
        if workspace.status(f"{folder}/{OWN_FOLDER}") is not None:
            raise _nested(root, folder)
        folder = folder.rpartition("/")[0]


def _check_nesting(members: Mapping[str, bytes], root: str) -> None:
    inside = f"/{OWN_FOLDER}/"
    for name in members:
        if inside in name and not name.startswith(f"{OWN_FOLDER}/"):
            raise _nested(root, f"{root}/{name.partition(inside)[0]}")


def _nested(root: str, other: str) -> RefusedError:
    return RefusedError(
        NESTED,
        f"{root}: {shown(other)} is the root of another target, and one would lie in the other",
        next_step="give each target a root of its own, side by side",
    )
