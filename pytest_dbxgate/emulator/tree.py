"""The tree of objects: folders, notebooks, files, with the rules of what may stand where."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from pytest_dbxgate.emulator import paths
from pytest_dbxgate.emulator.store import Row, Store
from pytest_dbxgate.emulator.values import ApiError, Json, exists, invalid, missing

DIRECTORY = "DIRECTORY"
NOTEBOOK = "NOTEBOOK"
FILE = "FILE"


@dataclass(frozen=True, slots=True)
class Object:
    """Something in the workspace. Times are milliseconds since 1970, by the server's clock."""

    path: str
    type: str
    object_id: int = 0
    language: str = ""
    format: str = ""
    """SOURCE or JUPYTER: what a notebook was imported as."""
    created_at: int = 0
    modified_at: int = 0
    size: int = 0
    content: bytes = b""
    """Empty in what :meth:`Tree.children` gives."""

    @property
    def kind(self) -> str:
        """What the permissions API calls it."""
        return {DIRECTORY: "directories", NOTEBOOK: "notebooks"}.get(self.type, "files")


class Tree:
    """The objects of a store. ``clock`` gives seconds since 1970."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    def find(self, path: str) -> Object | None:
        if path == "/":
            return Object("/", DIRECTORY)
        row = self._store.get("object", path)
        return _object(row) if row else None

    def get(self, path: str) -> Object:
        """Raises "Path (X) doesn't exist." [live]."""
        found = self.find(path)
        if found is None:
            raise missing(f"Path ({path}) doesn't exist.")
        return found

    def children(self, path: str) -> list[Object]:
        """What stands directly in a folder, without content."""
        depth = path.rstrip("/").count("/") + 1
        below = self.below(path, contents=False)
        return [found for found in below if found.path.count("/") == depth]

    def below(self, path: str, *, contents: bool = True) -> Iterator[Object]:
        """What stands in a folder and its folders, by path."""
        stem = path.rstrip("/")
        # "0" comes right after "/": between the two stands everything that begins with "stem/".
        rows = self._store.all("object", after=stem + "/", before=stem + "0", contents=contents)
        return map(_object, rows)

    def by_id(self, object_id: int) -> Object | None:
        rows = self._store.all("object", contents=False)
        return next((_object(r) for r in rows if r.value["object_id"] == object_id), None)

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it; nothing happens where it is there [doc].

        Something else on the way: 400 RESOURCE_ALREADY_EXISTS [doc].
        """
        for step in [*paths.above(path), path]:
            found = self.find(step)
            if found is None:
                self._write(Object(step, DIRECTORY))
            elif found.type != DIRECTORY:
                raise exists(f"Path ({step}) already exists.")

    def check_room(self, path: str, type: str, *, overwrite: bool) -> None:
        """Raise where an object of this type may not be written at ``path``."""
        found = self.find(path)
        if found is not None and not overwrite:
            raise exists(f"Path ({path}) already exists.")
        if found is not None and DIRECTORY in (found.type, type) and found.type != type:
            # [report]
            raise invalid(
                f"Requested node type [{type}] is different from the existing node type "
                f"[{found.type}]"
            )
        if found is not None and found.type != type:
            # [report]
            raise invalid(
                f"Cannot overwrite the asset at {path} due to type mismatch "
                f"(asked: {type}, actual: {found.type})."
            )
        folder = self.find(paths.parent(path))
        if folder is None or folder.type != DIRECTORY:
            raise missing(f"The parent folder ({paths.parent(path)}) does not exist.")

    def put(self, new: Object) -> None:
        """Write an object. One that is there keeps its id and its time of creation [fake]."""
        self._write(new)

    def delete(self, path: str, *, recursive: bool) -> None:
        """Delete an object; a folder that is not empty only where ``recursive`` [doc]."""
        found = self.get(path)
        if path == "/":
            raise invalid("The root folder cannot be deleted.")
        inside = list(self.below(path, contents=False)) if found.type == DIRECTORY else []
        if inside and not recursive:
            raise ApiError(400, "DIRECTORY_NOT_EMPTY", f"Folder ({path}) is not empty")
        for one in [*inside, found]:
            self._store.remove("object", one.path)
            self._store.remove("acl", f"/{one.kind}/{one.object_id}")

    def _write(self, new: Object) -> None:
        now = int(self._clock() * 1000)
        old = self.find(new.path)
        number = old.object_id if old else self._store.next_id("object")
        created = old.created_at if old else now
        written = replace(new, object_id=number, created_at=created, modified_at=now)
        value: Json = {
            "type": written.type,
            "object_id": written.object_id,
            "language": written.language,
            "format": written.format,
            "created_at": written.created_at,
            "modified_at": written.modified_at,
            "size": len(new.content),
        }
        self._store.put("object", Row(new.path, value, new.content))


def described(found: Object) -> dict[str, Any]:
    """An object as get-status and list describe it.

    PYTHON for every .ipynb, size and times for files only [doc].
    """
    value: dict[str, Any] = {
        "object_type": found.type,
        "path": found.path,
        "object_id": found.object_id,
        "resource_id": str(found.object_id),
    }
    if found.type == NOTEBOOK:
        value["language"] = "PYTHON" if found.format == "JUPYTER" else found.language
    if found.type == FILE:
        value["size"] = found.size
        value |= {"created_at": found.created_at, "modified_at": found.modified_at}
    return value


def _object(row: Row) -> Object:
    value = row.value
    return Object(
        row.key,
        value["type"],
        value["object_id"],
        value["language"],
        value["format"],
        value["created_at"],
        value["modified_at"],
        value["size"],
        row.content,
    )
