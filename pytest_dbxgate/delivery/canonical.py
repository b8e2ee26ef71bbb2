"""What of an object counts when contents are compared: not what the workspace's import rewrites.

A plain file counts byte for byte, a notebook as :mod:`pytest_dbxgate.notebook.canonical` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from pytest_dbxgate.delivery.model import OWN_FOLDER, Kind, Remote
from pytest_dbxgate.notebook import canonical, formats
from pytest_dbxgate.workspace.model import ImportFormat

sha256 = canonical.sha256

ENDINGS: Mapping[str, str] = {"PYTHON": ".py", "SQL": ".sql", "SCALA": ".scala", "R": ".r"}
"""The ending of a source notebook by the workspace's name of its language."""


def digest(data: bytes, *, kind: Kind, name: str) -> str:
    """The canonical digest, in hex: equal for what was imported and for what is exported back.

    ``name`` carries a notebook's ending, which tells its language; without one the bytes tell
    it, and a notebook in R is then taken for Python.
    """
    return sha256(data) if kind is Kind.FILE else canonical.digest(data, name)


def archive_name(place: str, *, format: ImportFormat, language: str | None) -> str:
    """``place`` as an archive of the workspace names it: a notebook with its ending."""
    if format is ImportFormat.JUPYTER:
        return f"{place}.ipynb"
    if format is ImportFormat.SOURCE and language is not None:
        return place + ENDINGS[language]
    return place


def language_of(name: str) -> str | None:
    """The workspace's name of the language that a notebook's ending tells; None for others."""
    ending = PurePosixPath(name).suffix.lower()
    return next((language for language, own in ENDINGS.items() if own == ending), None)


def kind_of(name: str, data: bytes) -> Kind:
    """What a member of an ``AUTO`` archive is: its header tells a notebook from a plain file."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix == ".dbc" or formats.classify(name, data[: formats.HEAD_SIZE]) is not (
        formats.Kind.NOTEBOOK
    ):
        return Kind.FILE
    return Kind.NOTEBOOK


def remotes(archive: Mapping[str, bytes]) -> dict[str, Remote]:
    """What stands in the workspace, by place, from the members of an ``AUTO`` archive.

    Our own folder is left out.
    """
    found: dict[str, Remote] = {}
    for name, data in archive.items():
        if name.partition("/")[0] == OWN_FOLDER:
            continue
        kind = kind_of(name, data)
        suffix = PurePosixPath(name).suffix if kind is Kind.NOTEBOOK else ""
        place = name.removesuffix(suffix) if suffix else name
        found[place] = Remote(kind, digest(data, kind=kind, name=name), name, data)
    return found
