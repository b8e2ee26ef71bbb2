"""``/api/2.0/workspace``: import, export, list, get-status, mkdirs, delete."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from pytest_dbxgate.emulator import formats, paths
from pytest_dbxgate.emulator.tree import DIRECTORY, NOTEBOOK, Object, Tree, described
from pytest_dbxgate.emulator.values import (
    MEGABYTE,
    Answer,
    ApiError,
    Call,
    answer,
    exists,
    invalid,
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Limits in bytes. Whether base64 counts is not known: it does here [fake]."""

    content: int = 10 * MEGABYTE
    """[doc]"""
    ipynb: int = 10 * MEGABYTE
    """10 MB by older pages, 100 MB by newer ones [doc]."""
    export: int = 10 * MEGABYTE
    """Of an export that is no direct download [doc]."""


@dataclass(frozen=True, slots=True)
class Unknowns:
    """What nobody could look up: a client has to cope with either [fake]."""

    ipynb_as_source: bool = False
    """An AUTO archive holds a notebook that came as .ipynb as a source file."""
    folder_in_archive: bool = False
    """The paths in an archive begin with the name of the folder that was exported."""


class Objects:
    """The handlers."""

    def __init__(self, tree: Tree, sizes: Sizes, unknowns: Unknowns) -> None:
        self._tree = tree
        self._sizes = sizes
        self._unknowns = unknowns

    def mkdirs(self, call: Call) -> Answer:
        self._tree.make_folder(paths.canonical(call.text("path")))
        return answer({})

    def delete(self, call: Call) -> Answer:
        path = paths.canonical(call.text("path"))
        self._tree.delete(path, recursive=call.flag("recursive"))
        return answer({})

    def status(self, call: Call) -> Answer:
        found = self._tree.get(paths.canonical(call.text("path")))
        value = described(found)
        if call.flag("return_export_info") and found.type == NOTEBOOK:
            value["repos_export_format"] = found.format
        return answer(value)

    def list_(self, call: Call) -> Answer:
        """Not recursive; on a file or notebook that one object [doc]. Empty: no ``objects``."""
        found = self._tree.get(paths.canonical(call.text("path")))
        children = self._tree.children(found.path) if found.type == DIRECTORY else [found]
        if not children:
            return answer({})
        return answer({"objects": [described(one) for one in children]})

    def import_(self, call: Call) -> Answer:
        """SOURCE unless told otherwise. Folders are never made on the way [live]."""
        path = paths.canonical(call.text("path"))
        format = str(call.body.get("format") or "SOURCE")
        data = self._content(call, ipynb=format == "JUPYTER" or path.endswith(".ipynb"))
        overwrite = call.flag("overwrite")
        language = str(call.body.get("language") or "")
        if format == "DBC" or (format == "AUTO" and path.endswith(".dbc")):
            self._import_dbc(path.removesuffix(".dbc"), data, overwrite=overwrite)
        elif (format == "SOURCE" and not language) or (format == "AUTO" and path.endswith(".zip")):
            # A zip imported as AUTO becomes a folder; RAW keeps it as a file [doc].
            folder = path.removesuffix(".zip")
            self._import_folder(folder, formats.archive_objects(folder, data), overwrite=overwrite)
        else:
            self._write(_object(path, data, format, language), overwrite=overwrite)
        return answer({})

    def export(self, call: Call) -> Answer:
        """One object, or a folder as an archive [doc]."""
        found = self._tree.get(paths.canonical(call.text("path")))
        format = str(call.query.get("format") or "SOURCE")
        if format not in formats.FORMATS:
            raise invalid(f"Invalid format: {format}")
        if found.type == DIRECTORY:
            content = self._archive(found, format)
            kind = "dbc" if format == "DBC" else "zip"
        else:
            content, kind = formats.exported(found, format)
        if call.flag("direct_download"):
            return Answer(body=content, media="application/octet-stream")
        _check_size(len(content), self._sizes.export)
        return answer({"content": base64.b64encode(content).decode(), "file_type": kind})

    def _archive(self, folder: Object, format: str) -> bytes:
        root = folder.path
        if self._unknowns.folder_in_archive:
            root = paths.parent(folder.path)
        inside = list(self._tree.below(folder.path))
        as_source = self._unknowns.ipynb_as_source
        return formats.folder_archive(root, inside, format, ipynb_as_source=as_source)

    def _import_dbc(self, path: str, data: bytes, *, overwrite: bool) -> None:
        # [doc]; what stands there is refused with these words [report].
        if overwrite:
            raise invalid("Overwrite is not supported for the DBC format.")
        if self._tree.find(path) is not None:
            raise exists(f"Path ({path}) already exists.")
        objects = formats.dbc_objects(path, data)
        if len(objects) == 1 and objects[0].path == path:
            self._write(objects[0], overwrite=False)
        else:
            self._import_folder(path, objects, overwrite=False)

    def _import_folder(self, path: str, objects: list[Object], *, overwrite: bool) -> None:
        self._tree.check_room(path, DIRECTORY, overwrite=overwrite)
        self._tree.make_folder(path)
        for one in objects:
            self._tree.make_folder(paths.parent(one.path))
            self._write(one, overwrite=overwrite)

    def _write(self, new: Object, *, overwrite: bool) -> None:
        self._tree.check_room(new.path, new.type, overwrite=overwrite)
        self._tree.put(new)

    def _content(self, call: Call, *, ipynb: bool) -> bytes:
        raw = call.body.get("content") or ""
        limit = self._sizes.ipynb if ipynb else self._sizes.content
        if isinstance(raw, bytes):
            _check_size(len(raw), limit)
            return raw
        if not isinstance(raw, str):
            raise ApiError(400, "MALFORMED_REQUEST", "content is not text")
        _check_size(len(raw), limit)
        try:
            return base64.b64decode(raw, validate=True)
        except (binascii.Error, ValueError):
            raise ApiError(400, "MALFORMED_REQUEST", "content is not valid base64") from None


def _object(path: str, data: bytes, format: str, language: str) -> Object:
    if format == "SOURCE":
        return formats.source_object(path, data, language)
    if format == "JUPYTER":
        return formats.jupyter_object(path, data)
    if format == "AUTO":
        return formats.auto_object(path, data)
    if format == "RAW":
        return Object(path, "FILE", content=data)
    raise invalid(f"Import of format {format} is not supported.")


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise ApiError(
            400,
            "MAX_NOTEBOOK_SIZE_EXCEEDED",
            f"File size imported is ({size} bytes), exceeded max size ({limit} bytes)",
        )
