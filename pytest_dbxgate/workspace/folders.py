"""Whole folders: as one archive, or split where that is too large or cannot be told apart."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pytest_dbxgate.workspace import archives, paths
from pytest_dbxgate.workspace.calls import Caller
from pytest_dbxgate.workspace.failures import Cause
from pytest_dbxgate.workspace.model import ObjectType, RemoteObject

ENDPOINT = "workspace/export"
PATH = "/api/2.0/workspace/export"
_ENDING = {"PYTHON": "py", "SQL": "sql", "SCALA": "scala", "R": "r"}

Listing = Callable[[str], Sequence[RemoteObject]]


def export(caller: Caller, path: str, listing: Listing) -> dict[str, bytes]:
    """The files below ``path``, relative to it, as an ``AUTO`` archive names them."""
    what = f"export the folder {paths.shown(path)}"
    query = {"path": path, "format": "AUTO"}
    outcome = caller.call("GET", PATH, endpoint=ENDPOINT, query=query)
    if outcome.failure is None:
        found = _relative(archives.unpack(content(outcome.content)), path, listing)
        return _split(caller, path, listing) if found is None else found
    if outcome.failure.cause is Cause.MISSING:
        return {}
    if outcome.failure.cause is Cause.TOO_LARGE:
        return _split(caller, path, listing)
    raise caller.error(outcome, what)


def single(caller: Caller, path: str, format: str) -> Mapping[str, Any] | None:
    """The answer with one object; None where there is none.

    Above 10 MB it comes as it is, without JSON round it: that way has no limit [doc].
    """
    query: dict[str, Any] = {"path": path, "format": format}
    outcome = caller.call("GET", PATH, endpoint=ENDPOINT, query=query)
    if outcome.failure is not None and outcome.failure.cause is Cause.TOO_LARGE:
        query["direct_download"] = True
        outcome = caller.call("GET", PATH, endpoint=ENDPOINT, query=query, raw=True)
    if outcome.failure is None:
        return outcome.content
    if outcome.failure.cause is Cause.MISSING:
        return None
    raise caller.error(outcome, f"export {paths.shown(path)}")


def content(answer: Mapping[str, Any]) -> bytes:
    """The bytes of an export's answer."""
    return base64.b64decode(str(answer.get("content") or ""))


def _relative(files: Mapping[str, bytes], path: str, listing: Listing) -> dict[str, bytes] | None:
    """``files`` relative to the folder; None where that cannot be told.

    Whether the names in an archive begin with the folder's own is not known [fake].
    """
    prefix = f"{paths.name(path)}/"
    if not files or not all(name.startswith(prefix) for name in files):
        return dict(files)
    inside = [paths.name(one.path) for one in listing(path)]
    if f"{inside[0]}/" == prefix if len(inside) == 1 else False:
        # A folder that holds nothing but a folder of its own name.
        return None
    tops = {name.removeprefix(prefix).partition("/")[0] for name in files}
    if any(_is_listed(top, inside) for top in tops):
        return {name.removeprefix(prefix): data for name, data in files.items()}
    return dict(files)


def _is_listed(top: str, inside: Sequence[str]) -> bool:
    return top in inside or top.rpartition(".")[0] in inside


def _split(caller: Caller, path: str, listing: Listing) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for one in listing(path):
        name = paths.name(one.path)
        if one.type is ObjectType.DIRECTORY:
            inside = export(caller, one.path, listing)
            files.update({f"{name}/{inner}": data for inner, data in inside.items()})
        elif one.type in (ObjectType.NOTEBOOK, ObjectType.FILE):
            files.update(_single(caller, one, name))
    return files


def _single(caller: Caller, one: RemoteObject, name: str) -> dict[str, bytes]:
    answer = single(caller, one.path, "AUTO")
    if answer is None:
        return {}
    if one.type is ObjectType.NOTEBOOK:
        ending = str(answer.get("file_type") or _ENDING.get(one.language or "", "py"))
        name = f"{name}.{ending}"
    return {name: content(answer)}
