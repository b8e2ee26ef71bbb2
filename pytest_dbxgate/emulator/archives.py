"""Archives: a .dbc (a zip of JSON notebooks) and the zip that a folder is exported as."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Mapping

from pytest_dbxgate.emulator.cells import Cell, Notebook
from pytest_dbxgate.emulator.values import MEGABYTE, Json, invalid

_SUFFIX = {"PYTHON": ".python", "SQL": ".sql", "SCALA": ".scala", "R": ".r"}
_LANGUAGE = {suffix: language for language, suffix in _SUFFIX.items()}
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
_MOST = 200 * MEGABYTE


def pack(members: Mapping[str, bytes]) -> bytes:
    """A zip; names that end with ``/`` are folders. Equal members give equal bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(members):
            entry = zipfile.ZipInfo(name, _FIRST_DAY)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, members[name])
    return stream.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    """The files of a zip; raises an :class:`ApiError` where there are none or it is no zip.

    The words for an empty archive are the server's [live], the others are not [fake].
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if sum(entry.file_size for entry in entries) > _MOST:
                raise invalid("The zip archive is too large.")
            members = {entry.filename: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError):
        members = {}
    if not members:
        raise invalid("The zip archive contains no items.")
    for name in members:
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
            raise invalid(f"The zip archive has an item outside its folder: {name}")
    return members


def pack_dbc(notebooks: Iterable[tuple[str, Notebook]]) -> bytes:
    """Notebooks by their path in the archive, without ending."""
    return pack({path + _SUFFIX[one.language]: _member(path, one) for path, one in notebooks})


def unpack_dbc(data: bytes) -> list[tuple[str, Notebook]]:
    """The notebooks of a .dbc by their path, without ending; other members are left out."""
    found = []
    for name, content in unpack(data).items():
        stem, dot, suffix = name.rpartition(".")
        language = _LANGUAGE.get(dot + suffix)
        if language is not None:
            found.append((stem, _notebook(content, language)))
    if not found:
        raise invalid("The archive contains no notebooks.")
    return found


def _member(path: str, notebook: Notebook) -> bytes:
    commands = [
        {
            "version": "CommandV1",
            "position": float(number),
            "command": cell.text,
            "commandType": "auto",
            "commandTitle": cell.title,
            "showCommandTitle": bool(cell.title) and cell.shows_title,
        }
        for number, cell in enumerate(notebook.cells, start=1)
    ]
    document: Json = {
        "version": "NotebookV1",
        "name": path.rpartition("/")[2],
        "language": notebook.language.lower(),
        "commands": commands,
        "dashboards": [],
        "globalVars": {},
    }
    return json.dumps(document).encode()


def _notebook(data: bytes, language: str) -> Notebook:
    try:
        commands = json.loads(data)["commands"]
        commands = sorted(commands, key=lambda command: float(command["position"]))
        cells = [
            Cell(
                str(command["command"]).rstrip("\n"),
                command.get("commandTitle") or "",
                bool(command.get("showCommandTitle")),
            )
            for command in commands
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise invalid("The archive holds a notebook that cannot be read.") from None
    return Notebook(language, tuple(cells), {})
