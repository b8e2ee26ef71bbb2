"""From what a client sends to what is kept, and from what is kept to what it asks for."""

from __future__ import annotations

import base64
import json
import urllib.parse
from dataclasses import replace
from pathlib import PurePosixPath

from pytest_dbxgate.emulator import archives, cells, jupyter, paths
from pytest_dbxgate.emulator.cells import Notebook
from pytest_dbxgate.emulator.tree import DIRECTORY, FILE, NOTEBOOK, Object
from pytest_dbxgate.emulator.values import invalid

FORMATS = ("SOURCE", "JUPYTER", "AUTO", "DBC", "RAW", "HTML", "R_MARKDOWN")


def source_object(path: str, data: bytes, language: str) -> Object:
    """A notebook from SOURCE; the path stays as it is given [live]."""
    if language not in cells.COMMENT:
        raise invalid(f"Invalid language: {language}")
    content = cells.normalise(data, language)
    return Object(path, NOTEBOOK, language=language, format="SOURCE", content=content)


def jupyter_object(path: str, data: bytes) -> Object:
    """A notebook from an .ipynb, rewritten [doc]."""
    notebook = jupyter.parse(data)
    content = jupyter.write(notebook, paths.name(path))
    return Object(path, NOTEBOOK, language=notebook.language, format="JUPYTER", content=content)


def notebook_object(path: str, notebook: Notebook) -> Object:
    """A notebook from a .dbc: kept as SOURCE."""
    content = cells.write(notebook)
    return Object(path, NOTEBOOK, language=notebook.language, format="SOURCE", content=content)


def auto_object(path: str, data: bytes) -> Object:
    """A notebook without its ending where ending and header say so, else a file [live]."""
    pure = PurePosixPath(path)
    ending = pure.suffix.lower()
    stem = str(pure.with_suffix("")) if ending else path
    if ending == ".ipynb":
        return jupyter_object(stem, data)
    language = cells.LANGUAGE.get(ending)
    if language and cells.has_header(data, language):
        return source_object(stem, data, language)
    return Object(path, FILE, content=data)


def notebook_of(found: Object) -> Notebook:
    if found.format == "JUPYTER":
        return jupyter.parse(found.content)
    return cells.parse(found.content, found.language)


def exported(found: Object, format: str) -> tuple[bytes, str]:
    """One notebook or file in a format, with its type as the answer names it."""
    if found.type == FILE:
        if format not in ("SOURCE", "AUTO", "RAW"):
            raise invalid(f"Format {format} is not supported for a file.")
        return found.content, PurePosixPath(found.path).suffix.removeprefix(".") or "file"
    if format == "AUTO":
        # Whether AUTO gives an .ipynb back as one is not known [fake].
        format = found.format
    if format == found.format:
        return found.content, _file_type(found, format)
    notebook = notebook_of(found)
    if format in ("SOURCE", "RAW"):
        return cells.write(notebook), _file_type(found, "SOURCE")
    if format == "JUPYTER":
        return jupyter.write(notebook, paths.name(found.path)), "ipynb"
    if format == "DBC":
        return archives.pack_dbc([(paths.name(found.path), notebook)]), "dbc"
    if format == "HTML":
        return _html(found, notebook), "html"
    raise invalid(f"Format {format} is not supported.")


def folder_archive(
    root: str, objects: list[Object], format: str, *, ipynb_as_source: bool
) -> bytes:
    """A folder's objects as an archive, with paths relative to ``root``.

    SOURCE and DBC drop plain files, AUTO includes them [doc].
    """
    stem = len(root.rstrip("/")) + 1
    if format == "DBC":
        notebooks = [one for one in objects if one.type == NOTEBOOK]
        return archives.pack_dbc((one.path[stem:], notebook_of(one)) for one in notebooks)
    if format not in ("SOURCE", "AUTO"):
        raise invalid(f"A folder cannot be exported as {format}.")
    members: dict[str, bytes] = {}
    for one in objects:
        name = one.path[stem:]
        if one.type == DIRECTORY:
            members[name + "/"] = b""
        elif one.type == NOTEBOOK:
            as_source = format == "SOURCE" or ipynb_as_source
            content, ending = exported(one, "SOURCE" if as_source else "AUTO")
            members[f"{name}.{ending}"] = content
        elif format == "AUTO":
            members[name] = one.content
    return archives.pack(members)


def archive_objects(folder: str, data: bytes) -> list[Object]:
    """What a zip holds, each member as AUTO would take it [fake]."""
    return [
        auto_object(paths.canonical(f"{folder}/{name}"), content)
        for name, content in archives.unpack(data).items()
    ]


def dbc_objects(path: str, data: bytes) -> list[Object]:
    """What a .dbc holds: the notebook itself where it is the only one at the top [fake]."""
    found = archives.unpack_dbc(data)
    if len(found) == 1 and "/" not in found[0][0]:
        return [notebook_object(path, found[0][1])]
    return [notebook_object(paths.canonical(f"{path}/{name}"), one) for name, one in found]


def edited(found: Object | None, path: str, data: bytes) -> Object:
    """``data`` as an object of the kind that stands at the path, or as AUTO takes it."""
    if found is None:
        return auto_object(path, data)
    if found.type == FILE:
        return replace(found, content=data)
    if found.format == "JUPYTER" and data.lstrip().startswith(b"{"):
        return jupyter_object(path, data)
    return source_object(path, data, found.language)


def _file_type(found: Object, format: str) -> str:
    return "ipynb" if format == "JUPYTER" else cells.ENDING[found.language].removeprefix(".")


def _html(found: Object, notebook: Notebook) -> bytes:
    model = {
        "name": paths.name(found.path),
        "language": notebook.language.lower(),
        "commands": [{"command": cell.text, "state": "finished"} for cell in notebook.cells],
    }
    text = base64.b64encode(urllib.parse.quote(json.dumps(model)).encode()).decode()
    return f"<script>var __DATABRICKS_NOTEBOOK_MODEL = '{text}'</script>\n".encode()
