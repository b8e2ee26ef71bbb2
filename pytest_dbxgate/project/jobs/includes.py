"""The files that a bundle includes."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pytest_dbxgate.project.jobs.bundle import ROOT_NAMES
from pytest_dbxgate.project.jobs.near import closest_word
from pytest_dbxgate.project.jobs.nodes import Mark, Node, Scalar, Table, Trouble, items

_ENDINGS = (".yml", ".yaml", ".json")
_GLOB = re.compile(r"[*?\[]")


class Included(NamedTuple):
    """What ``include`` of a root file leads to."""

    files: tuple[str, ...]
    unseen: bool
    """Whether something is included that lies outside the root of the run."""
    troubles: tuple[Trouble, ...]


def included(root_file: str, tree: Node, files: Sequence[str]) -> Included:
    """What ``include`` in ``tree`` leads to. ``files``: all YAML and JSON files of the run."""
    folder = posixpath.dirname(root_file)
    found: dict[str, None] = {}
    troubles: list[Trouble] = []
    unseen = False
    for node in items(tree.get("include")) if isinstance(tree, Table) else ():
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            continue
        path = posixpath.normpath(posixpath.join(folder, node.value))
        if path.startswith("../"):
            unseen = True
            continue
        matches = _matches(path, files)
        names = {posixpath.join(folder, name) for name in ROOT_NAMES}
        found.update(dict.fromkeys(each for each in matches if each not in names))
        trouble = _trouble(root_file, node.mark, node.value, path, matches, files)
        if trouble is not None:
            troubles.append(trouble)
    return Included(tuple(found), unseen, tuple(troubles))


def nested(tree: Node) -> Iterator[Trouble]:
    """An ``include`` in a file that is itself included."""
    if isinstance(tree, Table) and "include" in tree.entries:
        yield Trouble(
            "DBX434",
            tree.entries["include"].key,
            "`include` counts in the bundle's root file alone",
            "move its entries into the root file",
        )


def _matches(pattern: str, files: Sequence[str]) -> list[str]:
    wildcard = _GLOB.search(pattern)
    if wildcard is None:
        return [pattern] if pattern in files else []
    # As in Go, no wildcard crosses a slash, not even two asterisks.
    fixed = pattern[: wildcard.start()].rpartition("/")[0]
    whole = re.compile("/".join(map(_segment, pattern.split("/"))))
    return sorted(each for each in files if each.startswith(fixed) and whole.fullmatch(each))


def _segment(pattern: str) -> str:
    """A part of a pattern as a regular expression."""
    found = []
    for piece in re.findall(r"\*+|\?|\[\^?[^\]]+\]|\\.|.", pattern):
        if piece[0] in "*?":
            found.append("[^/]*" if piece[0] == "*" else "[^/]")
        elif piece[0] == "[" and len(piece) > 1:
            inner = piece[1:-1].replace("\\", "\\\\")
            found.append(f"[{inner}]")
        else:
            found.append(re.escape(piece[-1]))
    return "".join(found)


def _trouble(
    root_file: str, mark: Mark, entry: str, path: str, matches: Sequence[str], files: Sequence[str]
) -> Trouble | None:
    if entry.startswith("/"):
        return Trouble(
            "DBX434", mark, f"`{entry}` is absolute", "write it relative to the bundle's root file"
        )
    if path == root_file:
        return Trouble("DBX434", mark, "the bundle includes itself", "remove the entry")
    if matches:
        return None
    wildcard = _GLOB.search(path)
    if wildcard is None:
        if not path.lower().endswith(_ENDINGS):
            hint = "an include is a YAML or JSON file; of a folder write `folder/*.yml`"
            return Trouble("DBX434", mark, f"`{entry}` leads to no job file", hint)
        return _missing(root_file, mark, entry, path, files)
    near = _folder_meant(root_file, path[: wildcard.start()].rpartition("/")[0], files)
    if not near:
        return None
    return Trouble("DBX434", mark, f"`{entry}` matches no file", f"did you mean `{near}/*`?")


def _folder_meant(root_file: str, wanted: str, files: Sequence[str]) -> str:
    """The folder of the bundle that was meant by one that is not there; empty where nothing
    speaks for it: a wildcard may well match nothing."""
    top = posixpath.dirname(root_file)
    folders = {posixpath.dirname(each) for each in files if not top or each.startswith(f"{top}/")}
    folders.discard(top)
    folders = {each for each in folders if "/." not in f"/{each[len(top) :].lstrip('/')}"}
    if wanted == top or any(each == wanted or each.startswith(f"{wanted}/") for each in folders):
        return ""
    names = {posixpath.basename(each): each for each in sorted(folders, reverse=True)}
    name = closest_word(posixpath.basename(wanted), names)
    return posixpath.relpath(names[name], top or ".") if name else ""


def _missing(root_file: str, mark: Mark, entry: str, path: str, files: Sequence[str]) -> Trouble:
    folder = posixpath.dirname(root_file)
    near = closest_word(path, (each for each in files if each != root_file))
    written = posixpath.relpath(near, folder or ".") if near else ""
    hint = f"did you mean `{written}`?" if near else "name a file that is there, or remove it"
    return Trouble("DBX434", mark, f"`{entry}` matches no file", hint)
