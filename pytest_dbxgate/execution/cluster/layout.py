"""The copy that a run gets: what goes where in its folder, with ``%run``s led into it. Pure.

The repository's layout is kept, so that relative ``%run``s and imports find what they find there.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.execution.cluster.redirect import Redirection, redirected
from pytest_dbxgate.notebook import canonical, formats
from pytest_dbxgate.notebook.model import Language, Notebook, NotebookKey
from pytest_dbxgate.notebook.source_text import UnwritableError, source_of
from pytest_dbxgate.workspace.model import ImportFormat

_ENDINGS: Mapping[Language, str] = {
    Language.PYTHON: ".py",
    Language.SQL: ".sql",
    Language.SCALA: ".scala",
    Language.R: ".r",
}


class Copy(NamedTuple):
    """One object of the copy."""

    source: NotebookKey
    place: str
    """Below the folder of the copy; a notebook's without ending."""
    data: bytes
    format: ImportFormat
    language: str | None = None
    """As the workspace names it; of source notebooks only."""

    @property
    def digest(self) -> str:
        """Equal for what was imported and for what is exported again."""
        if self.format is ImportFormat.AUTO:
            return canonical.sha256(self.data)
        return canonical.digest(self.data, self.name)

    @property
    def name(self) -> str:
        """As an archive of the workspace names it."""
        if self.format is ImportFormat.JUPYTER:
            return f"{self.place}.ipynb"
        return self.place + (_ENDINGS[Language[self.language]] if self.language else "")


def copies(files: Mapping[str, bytes], redirection: Redirection) -> tuple[Copy, ...]:
    """Every object of the copy, in the order of places.

    Raises :class:`~pytest_dbxgate.errors.ConfigurationError` for what has no place in a
    workspace, and for a ``%run`` of the target itself that cannot be led into the copy.
    """
    found: list[Copy] = []
    notebooks: dict[NotebookKey, Notebook] = {}
    for path, data in sorted(files.items()):
        _check(path)
        if formats.classify(path, data[: formats.HEAD_SIZE]) is not formats.Kind.NOTEBOOK:
            found.append(Copy(NotebookKey(path), path, data, ImportFormat.AUTO))
            continue
        for copy, notebook in _notebooks(path, data):
            found.append(copy)
            notebooks[copy.source] = notebook
    _check_places(found)
    there = frozenset(copy.place for copy in found if copy.source in notebooks)
    return tuple(
        copy._replace(data=redirected(notebooks[copy.source], redirection, there))
        if copy.source in notebooks
        else copy
        for copy in sorted(found, key=lambda copy: copy.place)
    )


def _notebooks(path: str, data: bytes) -> Iterator[tuple[Copy, Notebook]]:
    stem, suffix = posixpath.splitext(path)
    parsed = formats.parse(path, data)
    folder = f"{stem}/" if suffix.lower() == ".dbc" else ""
    tops = {notebook.member.partition("/")[0] for notebook in parsed if notebook.member}
    nested = all("/" in (notebook.member or "") for notebook in parsed)
    shared = f"{tops.pop()}/" if len(tops) == 1 and nested else ""
    for notebook in parsed:
        if notebook.unreadable or notebook.language not in _ENDINGS:
            raise _refused(f"{notebook.key} cannot be read as a notebook of the workspace")
        language = notebook.language.name
        if not folder:
            is_jupyter = suffix.lower() == ".ipynb"
            format = ImportFormat.JUPYTER if is_jupyter else ImportFormat.SOURCE
            told = None if is_jupyter else language
            yield Copy(notebook.key, stem, data, format, told), notebook
            continue
        place = folder + (notebook.member or "").removeprefix(shared)
        source, again = _as_source(notebook)
        yield Copy(notebook.key, place, source, ImportFormat.SOURCE, language), again


def _as_source(member: Notebook) -> tuple[bytes, Notebook]:
    """A member of an archive as the source notebook that is imported in its place."""
    try:
        data = source_of(member)
    except UnwritableError as error:
        raise _refused(f"{member.key} cannot be written as source ({error})") from None
    return data, formats.parse(f"{member.member}{_ENDINGS[member.language]}", data)[0]


def _check(path: str) -> None:
    parts = PurePosixPath(path).parts
    unfit = not path or path.startswith("/") or ".." in parts or "\\" in path
    if unfit or not path.isprintable() or str(PurePosixPath(path)) != path:
        raise _refused(f"{path!r} is no path for the workspace")


def _check_places(found: list[Copy]) -> None:
    wanted: dict[str, NotebookKey] = {}
    for copy in found:
        for name in {copy.place.casefold(), copy.name.casefold()}:
            other = wanted.setdefault(name, copy.source)
            if other != copy.source:
                raise _refused(f"{other} and {copy.source} want one place in the workspace")


def _refused(what: str) -> ConfigurationError:
    return ConfigurationError(what, next_step="rename or mend it, or leave it out of the run")
