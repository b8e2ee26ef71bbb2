"""A copy of the notebooks' tree in which ruff finds what it would find beside the originals.

Every notebook stands at its own path as a synthetic notebook, with the user's configuration files
and empty stubs of the repository's other modules around it. Above the tree stands a configuration
of ours, which ruff reaches only where the user has none.
"""
# ruff: noqa: PTH100, PTH103, PTH110, PTH111, PTH117, PTH118, PTH120, PTH122
# Thousands of paths are handled here, and strings are several times as fast as Path.

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_dbxgate.checks import configurations
from pytest_dbxgate.languages.python.cells import synthetic
from pytest_dbxgate.notebook.model import Format, Notebook, NotebookKey

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_UNUSUAL = re.compile("[\0-\x1f\x7f\ud800-\udfff]")
_SAFE_MEMBER = re.compile(r"[\w. /-]+")

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)


def write(file: str, data: bytes) -> None:
    """Write a new file. Thousands are written: ``open()`` would take twice as long."""
    handle = os.open(file, _FLAGS, 0o600)
    try:
        while data:
            data = data[os.write(handle, data) :]
    finally:
        os.close(handle)


@dataclass(frozen=True, slots=True)
class Mirror:
    """The tree on disk. Files are absolute paths in it."""

    folder: Path
    """Where ruff is to run: the folder of our own configuration."""
    base: Path
    """The folder of the originals that ``folder / "tree"`` stands for."""
    files: Mapping[NotebookKey, str]
    keys: Mapping[str, NotebookKey]
    configured: frozenset[NotebookKey]
    """The notebooks that a configuration of the user's governs."""
    configurations: Sequence[Path]
    """The user's configuration files, where they really stand."""

    def put(self, key: NotebookKey, texts: Iterable[str]) -> None:
        """Write the cells of a notebook."""
        write(self.files[key], synthetic(texts))

    def original(self, message: str) -> str:
        """``message`` with paths of the mirror turned into the user's own."""
        tree = str(self.folder / "tree")
        return message.replace(tree + os.sep, os.path.join(self.base, "")).replace(
            tree, str(self.base)
        )

    @property
    def extensions(self) -> str:
        """The value of ruff's ``--extension`` that makes every file a notebook."""
        endings = {os.path.splitext(file)[1][1:] for file in self.keys}
        return ",".join(f"{ending}:ipynb" for ending in sorted(endings - {"", "ipynb"}))


def build(
    folder: Path,
    notebooks: Sequence[Notebook],
    *,
    root: Path,
    sources: Sequence[str],
    default: str,
) -> Mirror:
    """Lay out the tree in the empty ``folder``; the notebooks themselves are not written yet.

    ``root`` is the folder that paths are relative to, ``sources`` the repository's other Python
    files, ``default`` the text of the configuration for notebooks that have none.
    """
    folder = Path(os.path.realpath(folder))
    root = Path(os.path.abspath(root))
    (folder / "ruff.toml").write_text(default, encoding="utf-8", newline="")
    folders = {os.path.dirname(notebook.path) for notebook in notebooks}
    above, inside = _configurations(root, folders)
    # An absolute path works from the mirror as it does from the original.
    wanted = list(with_extended([*above, *inside.values()], absolute=False))
    base = _base(root, wanted)
    tree = folder / "tree"
    place = tree / os.path.relpath(root, base)
    files = _names(notebooks, os.path.normpath(place))
    for parent in {os.path.dirname(file) for file in files.values()}:
        os.makedirs(parent, exist_ok=True)
    for original in wanted:
        copy = tree / os.path.relpath(original, base)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(original, copy)
    governed = frozenset(
        notebook.key
        for notebook in notebooks
        if above or any(parent in inside for parent in _upwards(os.path.dirname(notebook.path)))
    )
    if governed:
        _stubs(sources, os.path.normpath(place))
    return Mirror(
        folder=folder,
        base=base,
        files=files,
        keys={file: key for key, file in files.items()},
        configured=governed,
        configurations=tuple(wanted),
    )


def _upwards(folder: str) -> Iterable[str]:
    """``a/b``, ``a`` and the empty string for ``a/b``."""
    while folder:
        yield folder
        folder = os.path.dirname(folder)
    yield ""


def _configurations(root: Path, folders: Iterable[str]) -> tuple[list[Path], dict[str, Path]]:
    """The nearest configuration above ``root``, if there is one, and by folder those in it."""
    inside: dict[str, Path] = {}
    for folder in {parent for item in folders for parent in _upwards(item)}:
        found = _configuration(root / folder)
        if found is not None:
            inside[folder] = found
    for parent in () if "" in inside else root.parents:
        found = _configuration(parent)
        if found is not None:
            return [found], inside
    return [], inside


def _configuration(folder: Path) -> Path | None:
    """The file that configures ruff in ``folder``."""
    for name in configurations.RUFF:
        file = folder / name
        if file.is_file() and (name != "pyproject.toml" or _table(file) is not None):
            return file
    return None


def _table(file: Path) -> Mapping[str, Any] | None:
    """ruff's options in a configuration file; None where a ``pyproject.toml`` has none."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        # ruff is to say what is wrong with it, if it is about ruff at all.
        return {} if file.name != "pyproject.toml" or "ruff" in text else None
    if file.name != "pyproject.toml":
        return document
    tool = document.get("tool")
    table = tool.get("ruff") if isinstance(tool, dict) else None
    return table if isinstance(table, dict) else None


def with_extended(files: Iterable[Path], *, absolute: bool = True) -> Iterable[Path]:
    """``files``, what they extend, and a ``pyproject.toml`` beside each: it may say
    ``requires-python``. ``absolute``: also what is extended by its absolute path."""
    found: dict[Path, None] = {}
    waiting = list(files)
    while waiting:
        file = waiting.pop()
        if file in found or not file.is_file():
            continue
        found[file] = None
        beside = file.with_name("pyproject.toml")
        if beside.is_file():
            found.setdefault(beside)
        extended = (_table(file) or {}).get("extend")
        if isinstance(extended, str):
            target = os.path.expanduser(os.path.expandvars(extended))
            if absolute or not os.path.isabs(target):
                waiting.append(Path(os.path.normpath(file.parent / target)))
    return found


def _base(root: Path, configurations: Iterable[Path]) -> Path:
    """The lowest folder above the root and all configuration files."""
    try:
        return Path(os.path.commonpath([root, *(file.parent for file in configurations)]))
    except ValueError:
        return root


def _names(notebooks: Sequence[Notebook], place: str) -> dict[NotebookKey, str]:
    """Where each notebook stands: under its own name, unless no file system should see it."""
    names: dict[NotebookKey, str] = {}
    taken: set[str] = set()
    for number, notebook in enumerate(notebooks):
        name = notebook.path
        if notebook.format is Format.DBC:
            name = f"{notebook.path}/{_member(notebook.member or '', number, taken)}.py"
        if _UNUSUAL.search(name):
            parent, ending = os.path.dirname(name), os.path.splitext(name)[1]
            parent = "" if _UNUSUAL.search(parent) else parent
            ending = ".py" if _UNUSUAL.search(ending) else ending
            name = f"{parent}/unusual-name-{number}{ending}".lstrip("/")
        taken.add(name.casefold())
        names[notebook.key] = os.path.join(place, *name.split("/"))
    return names


def _member(member: str, number: int, taken: set[str]) -> str:
    parts = member.split("/")
    is_safe = (
        _SAFE_MEMBER.fullmatch(member)
        and all(part == part.strip(" .") and 0 < len(part) < 200 for part in parts)
        and member.casefold() not in taken
    )
    # Two members may differ in nothing that a file system keeps apart.
    taken.add(member.casefold())
    return member if is_safe else f"member-{number}"


def _stubs(sources: Iterable[str], place: str) -> None:
    """Empty files in the place of modules, which make their imports first-party ones."""
    made: set[str] = set()
    for source in sources:
        if _UNUSUAL.search(source):
            continue
        file = os.path.join(place, *source.split("/"))
        parent = os.path.dirname(file)
        if parent not in made:
            os.makedirs(parent, exist_ok=True)
            made.add(parent)
        if not os.path.exists(file):
            write(file, b"")
