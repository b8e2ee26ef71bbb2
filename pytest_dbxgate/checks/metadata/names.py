"""Names and sizes that a workspace or a checkout on Windows refuses."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.rules import at_file, default_severity
from pytest_dbxgate.codes import RULES
from pytest_dbxgate.notebook.formats import MEGABYTE
from pytest_dbxgate.notebook.model import Format, Notebook, NotebookKey
from pytest_dbxgate.settings import Settings

LONGEST_NAME = 255
"""Bytes of a file's or a folder's name in a Git folder."""
LONGEST_WINDOWS_PATH = 240
"""Windows stops at 260 characters, and the checkout itself stands in some folder."""

_FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f]')
_RESERVED = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[1-9\u00b9\u00b2\u00b3])\s*(?:\.|$)",
    re.IGNORECASE,
)


def check(notebook: Notebook, settings: Settings) -> list[Finding]:
    """The rules about one notebook's own name and size."""
    return [
        *_size(notebook, settings.max_size_mb),
        *_windows_name(notebook),
        *_workspace_name(notebook),
    ]


def collisions(
    keys: Sequence[NotebookKey], files: Iterable[str] = (), *, near_misses: Iterable[str] = ()
) -> list[Finding]:
    """Items that cannot stand beside each other, told at every notebook among them.

    ``files`` are the repository's other paths, relative to the root of the run, with ``/``;
    notebooks among them do no harm. ``near_misses`` are the paths of those ``keys`` that the
    workspace takes for plain files. Takes time linear in the number of paths.
    """
    found: list[Finding] = []
    almost = set(near_misses)
    notebooks = [key for key in keys if key.path not in almost]
    plain = {path for path in (*files, *almost) if path} - {key.path for key in notebooks}
    taken = _workspace_items(notebooks, plain)
    on_windows = _by_folded_path(keys, plain)
    for key in keys:
        own = _item(key)
        others = [item for item in taken[_workspace_place(key)] if item != own]
        if others and key.path not in almost:
            found.append(_workspace_collision(key, others))
        twins = on_windows[key.path.casefold()] - {key.path}
        if twins and key.member is None:
            found.append(_windows_collision(key, sorted(twins)))
    return found


def _size(notebook: Notebook, most: int) -> Iterator[Finding]:
    size = len(notebook.data)
    if most and size > most * MEGABYTE:
        yield at_file(
            notebook,
            "DBX210",
            f"{size / MEGABYTE:.1f} MB, an import takes {most} MB",
            hint="clear stored outputs or split the notebook; max_size_mb sets the limit",
        )


def _windows_name(notebook: Notebook) -> Iterator[Finding]:
    reasons = [reason for name in notebook.path.split("/") for reason in _windows_reasons(name)]
    length = len(notebook.path)
    if length > LONGEST_WINDOWS_PATH:
        reasons.append(f"the path has {length} characters, more than {LONGEST_WINDOWS_PATH}")
    if reasons:
        message = f"Windows cannot check the file out: {'; '.join(reasons)}"
        yield at_file(notebook, "DBX212", message, hint="rename it")


def _windows_reasons(name: str) -> Iterator[str]:
    forbidden = sorted(set(_FORBIDDEN.findall(name)))
    if forbidden:
        yield f"{name!r} holds {' '.join(_shown(sign) for sign in forbidden)}"
    if _RESERVED.match(name):
        yield f"{name!r} is a device's name"
    if name != name.rstrip(". "):
        yield f"{name!r} ends in a {'dot' if name.endswith('.') else 'blank'}"


def _shown(sign: str) -> str:
    return sign if sign.isprintable() else f"the control character {ord(sign)}"


def _workspace_name(notebook: Notebook) -> Iterator[Finding]:
    """What Databricks documents, and no more: see the page of the rule."""
    whole = notebook.path if notebook.member is None else notebook.member
    for name in whole.split("/"):
        size = len(name.encode("utf-8", "surrogatepass"))
        if size > LONGEST_NAME:
            yield at_file(
                notebook,
                "DBX213",
                f"a name in its path has {size} bytes, more than {LONGEST_NAME}",
                hint="shorten it",
            )
            return
    own_name = notebook.metadata.get("name") if notebook.format is Format.DBC else None
    if isinstance(own_name, str) and "/" in own_name:
        yield at_file(notebook, "DBX213", "the notebook's name holds a /", hint="rename it")
    elif _workspace_place(notebook.key)[1].strip(". ") == "":
        yield at_file(
            notebook, "DBX213", "without its ending nothing is left of the name", hint="rename it"
        )


_Place = tuple[str, str]
"""A folder (of an archive too) and a name in it, as the workspace counts them."""


def _workspace_place(key: NotebookKey) -> _Place:
    """A notebook loses its ending in the workspace; a plain file keeps it."""
    if key.member is not None:
        folder, _, name = key.member.rpartition("/")
        return f"{key.path}::{folder}", name
    path = PurePosixPath(key.path)
    return _folder(path), path.stem


def _folder(path: PurePosixPath) -> str:
    parent = str(path.parent)
    return "" if parent == "." else parent


def _item(key: NotebookKey) -> str:
    if key.member is not None:
        return f"notebook {key.member}"
    return f"notebook {key.path}"


def _workspace_items(
    keys: Sequence[NotebookKey], plain: set[str]
) -> defaultdict[_Place, list[str]]:
    taken: defaultdict[_Place, list[str]] = defaultdict(list)
    for key in keys:
        taken[_workspace_place(key)].append(_item(key))
    folders: set[str] = set()
    for path in (*plain, *(item.path for item in keys)):
        _add_folders(path, folders)
    for folder in folders:
        parent, _, name = folder.rpartition("/")
        taken[parent, name].append(f"folder {folder}")
    for path in plain:
        parent, _, name = path.rpartition("/")
        if (parent, name) in taken:
            taken[parent, name].append(f"file {path}")
    return taken


def _add_folders(path: str, folders: set[str]) -> None:
    folder = path.rpartition("/")[0]
    while folder and folder not in folders:
        folders.add(folder)
        folder = folder.rpartition("/")[0]


def _by_folded_path(keys: Sequence[NotebookKey], plain: set[str]) -> defaultdict[str, set[str]]:
    folded: defaultdict[str, set[str]] = defaultdict(set)
    for path in (*plain, *(item.path for item in keys)):
        folded[path.casefold()].add(path)
    return folded


def _workspace_collision(key: NotebookKey, others: list[str]) -> Finding:
    name = _workspace_place(key)[1]
    shown = ", ".join(sorted(others)[:3])
    message = f'in a workspace its name is "{name}", and so is that of {shown}'
    return _collision(key, "DBX211", message)


def _windows_collision(key: NotebookKey, twins: list[str]) -> Finding:
    return _collision(key, "DBX212", f"on Windows it is one file with {', '.join(twins[:3])}")


def _collision(key: NotebookKey, code: str, message: str) -> Finding:
    return Finding(
        path=key.path,
        member=key.member,
        check=RULES[code].check,
        code=code,
        message=message,
        severity=default_severity(code),
        hint="rename one of them",
    )
