"""Where each file goes below the target's root, and what cannot go there: before any call."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import NamedTuple

from pytest_dbxgate.delivery import places
from pytest_dbxgate.delivery.canonical import ENDINGS, archive_name, sha256
from pytest_dbxgate.delivery.model import Item, Kind, Refusal
from pytest_dbxgate.delivery.ranks import ranks
from pytest_dbxgate.notebook import formats
from pytest_dbxgate.notebook.model import Notebook
from pytest_dbxgate.notebook.source_text import UnwritableError, source_of
from pytest_dbxgate.workspace.model import ImportFormat

MAX_BYTES = 10 * formats.MEGABYTE
"""Of one object. [doc] that more is refused; that base64 counts against it is possible."""

_ARCHIVES = (".ipynb", ".dbc")


class Placed(NamedTuple):
    """What is to be published, and why it cannot be."""

    items: tuple[Item, ...]
    """In the order of places."""
    refusals: tuple[Refusal, ...]


class _Trouble(NamedTuple):
    """A refusal's name and what it is about."""

    name: str
    what: str


def place(
    notebooks: Mapping[str, bytes],
    files: Mapping[str, bytes],
    *,
    base: str = ".",
    max_bytes: int = MAX_BYTES,
    edges: Iterable[tuple[str, str]] = (),
) -> Placed:
    """Lay out notebooks and plain files, given by their paths in the repository.

    Places count from the folder ``base``. A notebook loses its ending; the members of a ``.dbc``
    become source notebooks in a folder called like the archive, without the one folder all of
    them may lie in. ``edges``: (caller, callee) as ``Item.source`` names them.
    """
    items: list[Item] = []
    troubles: list[_Trouble] = []
    for path, data in sorted(notebooks.items()):
        _take(_notebooks(path, data, base), items, troubles)
    for path, data in sorted(files.items()):
        _take(_file(path, data, base), items, troubles)
    troubles += _faults(items, max_bytes)
    troubles += _collisions(items)
    order = ranks([item.source for item in items], edges)
    items = [replace(item, rank=order[item.source]) for item in items]
    return Placed(tuple(sorted(items, key=lambda item: item.place)), _refusals(troubles))


def place_of(path: str, base: str) -> str | None:
    """The place of a plain file, or of a notebook with its ending; None outside ``base``."""
    base = posixpath.normpath(base or ".")
    if base == ".":
        return None if path.startswith(("../", "/")) else path
    return path[len(base) + 1 :] if path.startswith(f"{base}/") else None


def _take(found: Iterable[Item | _Trouble], items: list[Item], troubles: list[_Trouble]) -> None:
    for each in found:
        if isinstance(each, Item):
            items.append(each)
        else:
            troubles.append(each)


def _notebooks(path: str, data: bytes, base: str) -> Iterator[Item | _Trouble]:
    where = place_of(path, base)
    if where is None:
        yield _Trouble("outside-project", path)
        return
    stem, suffix = posixpath.splitext(where)
    if suffix.lower() == ".dbc":
        yield from _members(stem, formats.parse(path, data))
        return
    notebook = formats.parse(path, data)[0]
    if notebook.unreadable:
        yield _Trouble("unreadable-notebook", path)
    elif notebook.language.name not in ENDINGS:
        yield _Trouble("unknown-language", path)
    else:
        jupyter = suffix.lower() == ".ipynb"
        format = ImportFormat.JUPYTER if jupyter else ImportFormat.SOURCE
        yield _item(path, stem, format, data, notebook.language.name)


def _members(folder: str, notebooks: tuple[Notebook, ...]) -> Iterator[Item | _Trouble]:
    tops = {notebook.member.partition("/")[0] for notebook in notebooks if notebook.member}
    nested = all("/" in (notebook.member or "") for notebook in notebooks)
    shared = f"{tops.pop()}/" if len(tops) == 1 and nested else ""
    for notebook in notebooks:
        if notebook.unreadable or notebook.member is None:
            yield _Trouble("unreadable-notebook", str(notebook.key))
            continue
        try:
            data = source_of(notebook)
        except UnwritableError as error:
            yield _Trouble("unwritable-member", f"{notebook.key} ({error})")
            continue
        where = f"{folder}/{notebook.member.removeprefix(shared)}"
        yield _item(str(notebook.key), where, ImportFormat.SOURCE, data, notebook.language.name)


def _item(source: str, where: str, format: ImportFormat, data: bytes, language: str) -> Item:
    return Item(
        source=source,
        place=where,
        kind=Kind.NOTEBOOK,
        format=format,
        data=data,
        sha256=sha256(data),
        language=language,
    )


def _file(path: str, data: bytes, base: str) -> Iterator[Item | _Trouble]:
    where = place_of(path, base)
    if where is None:
        yield _Trouble("outside-project", path)
        return
    suffix = PurePosixPath(path).suffix.lower()
    head = data[: formats.HEAD_SIZE]
    if suffix in _ARCHIVES or formats.classify(path, head) is formats.Kind.NOTEBOOK:
        # The import decides by ending and header, and a notebook's place has no ending.
        yield _Trouble("notebook-as-file", path)
        return
    yield Item(
        source=path,
        place=where,
        kind=Kind.FILE,
        format=ImportFormat.AUTO,
        data=data,
        sha256=sha256(data),
    )


def _faults(items: Iterable[Item], max_bytes: int) -> Iterator[_Trouble]:
    for item in items:
        problem = places.fault(item.place)
        if problem:
            yield _Trouble("forbidden-place", f"{item.source} {problem}")
        if len(item.data) > max_bytes:
            size = len(item.data) / formats.MEGABYTE
            most = max_bytes / formats.MEGABYTE
            yield _Trouble("too-large", f"{item.source} ({size:.1f} MB of at most {most:g})")


def _collisions(items: Iterable[Item]) -> Iterator[_Trouble]:
    """Objects that want one place, whatever the case of its letters, or one that another needs
    for a folder, or that an archive of the workspace would give one name."""
    wanted: dict[str, set[str]] = defaultdict(set)
    folders: dict[str, str] = {}
    for item in items:
        wanted[item.place.casefold()].add(item.source)
        # A notebook comes out of the workspace with the ending that a file may have.
        name = archive_name(item.place, format=item.format, language=item.language)
        wanted[name.casefold()].add(item.source)
        folder = posixpath.dirname(item.place)
        while folder:
            folders.setdefault(folder.casefold(), item.source)
            folder = posixpath.dirname(folder)
    pairs = {tuple(sorted(sources)) for sources in wanted.values() if len(sources) > 1}
    for item in items:
        if item.place.casefold() in folders:
            pairs.add((item.source, folders[item.place.casefold()]))
    for sources in sorted(pairs):
        yield _Trouble("place-collision", " and ".join(sources))


_WORDS = {
    "outside-project": (
        "outside the folder that is published",
        "publish from a folder above it, or leave it out",
    ),
    "unreadable-notebook": ("a notebook cannot be read", "mend what the gate reports about it"),
    "unknown-language": (
        "the workspace has no notebooks in this language",
        "convert the notebook or exclude it",
    ),
    "unwritable-member": (
        "a notebook of an archive cannot be written as source",
        "export it from the workspace as a source file",
    ),
    "notebook-as-file": (
        "a plain file would become a notebook in the workspace",
        "gate it as a notebook, or remove its header",
    ),
    "forbidden-place": ("no path for the workspace", "rename it"),
    "too-large": (
        "more than one import takes",
        "split it (a notebook gets smaller without stored outputs), or raise max_size_mb if the "
        "workspace takes more",
    ),
    "place-collision": (
        "several objects want one place in the workspace",
        "rename one of them; endings of notebooks and the case of letters do not tell them apart",
    ),
}


def _refusals(troubles: Iterable[_Trouble]) -> tuple[Refusal, ...]:
    found: dict[str, list[str]] = defaultdict(list)
    for trouble in troubles:
        found[trouble.name].append(trouble.what)
    return tuple(
        Refusal(name, f"{_WORDS[name][0]}: {places.listed(found[name])}", _WORDS[name][1])
        for name in _WORDS
        if name in found
    )
