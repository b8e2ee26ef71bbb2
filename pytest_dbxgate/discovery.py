"""Finding the notebooks of a working tree: every one that git does not ignore."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_dbxgate.codes import STATIC, Check
from pytest_dbxgate.files import open_regular
from pytest_dbxgate.notebook import dbc, formats
from pytest_dbxgate.notebook.formats import Kind
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.programs import git
from pytest_dbxgate.project.jobs import loading, recognise
from pytest_dbxgate.project.jobs.model import JobKind

_NEVER = frozenset(
    {
        ".databricks",
        ".dbxgate",
        ".git",
        ".hg",
        ".ipynb_checkpoints",
        ".mypy_cache",
        ".nox",
        ".pytest_cache",
        ".ruff_cache",
        ".svn",
        ".tox",
        ".venv",
        "__pycache__",
        "node_modules",
        "venv",
    }
)
"""Folders that are no part of a project, where there is no git to ask."""

_NOT_FOLLOWED = "{} is a link to a folder and was not followed"


@dataclass(frozen=True, slots=True)
class GatedFile:
    """A file that holds a notebook, an archive of them, or jobs."""

    path: str
    """Relative to the root, with ``/``."""
    members: tuple[str, ...] | None = None
    """The notebooks of a ``.dbc``; None for every other format and for a broken archive."""
    near_miss: bool = False
    """True where its header is not right, so that the workspace takes it for a plain file."""
    job: JobKind | None = None
    """What kind of job file it is; None for a notebook."""

    @property
    def keys(self) -> tuple[NotebookKey, ...]:
        if not self.members:
            return (NotebookKey(self.path),)
        return tuple(NotebookKey(self.path, member) for member in self.members)

    @property
    def checks(self) -> frozenset[Check]:
        """The checks it has. Nobody can reformat the inside of an archive."""
        if self.job is not None:
            return frozenset((Check.REFERENCES, Check.SECRETS))
        if self.path.lower().endswith(".dbc"):
            return STATIC - {Check.FORMAT}
        return STATIC


@dataclass(frozen=True, slots=True)
class Discovery:
    """What stands below the root."""

    notebooks: tuple[GatedFile, ...]
    others: tuple[str, ...]
    """Every file that is no notebook, relative to the root, with ``/``."""
    jobs: tuple[GatedFile, ...] = ()
    """Those of ``others`` that hold jobs."""
    notes: tuple[str, ...] = ()
    """Sentences for the user about what was passed over."""

    @property
    def files(self) -> tuple[GatedFile, ...]:
        """Everything that is gated."""
        return self.notebooks + self.jobs

    @property
    def sources(self) -> list[str]:
        """The Python files that are no notebooks."""
        return [path for path in self.others if path.endswith(".py")]


def discover(root: Path) -> Discovery:
    """Find all notebooks and job files below ``root`` that git does not ignore.

    Without git, or where git refuses to answer, all files count but those of folders that never
    belong to a project (virtual environments, caches).
    """
    notes: list[str] = []
    files = _git_files(root, notes)
    if files is None:
        files = list(_walk(root, notes))
    notebooks: list[GatedFile] = []
    jobs: list[GatedFile] = []
    others: list[str] = []
    for path in sorted(set(files)):
        found = look_at(root, path)
        if found is not None:
            notebooks.append(found)
            continue
        others.append(path)
        job = look_at_job(root, path)
        if job is not None:
            jobs.append(job)
    jobs += _included(root, jobs, others)
    jobs.sort(key=lambda item: item.path)
    return Discovery(tuple(notebooks), tuple(others), tuple(jobs), tuple(notes))


def _included(root: Path, jobs: Iterable[GatedFile], others: Sequence[str]) -> list[GatedFile]:
    """Files that nobody would take for a part of a bundle, but that one includes."""
    known = {item.path for item in jobs}
    roots = [item.path for item in jobs if item.job is JobKind.BUNDLE]
    return [
        GatedFile(path, job=JobKind.BUNDLE)
        for path in loading.included(root, roots, others)
        if path not in known
    ]


def look_at(root: Path, path: str) -> GatedFile | None:
    """The notebook in the file at ``path`` (relative to ``root``); None where it is no notebook."""
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in formats.SUFFIXES:
        return None
    file = os.path.join(root, path)
    head = b""
    if suffix != ".ipynb":
        try:
            head = _head(file, formats.MAX_SIZE if suffix == ".dbc" else formats.HEAD_SIZE)
        except OSError:
            # Nothing is skipped silently: a notebook that cannot be read is a finding. Of a plain
            # source file nobody can tell whether it would have been one; a link that leads
            # nowhere is worth a word in any case.
            return GatedFile(path)
    kind = formats.classify(os.path.basename(path), head)
    if kind is Kind.OTHER:
        return None
    if suffix == ".dbc":
        return GatedFile(path, dbc.members(head))
    return GatedFile(path, near_miss=kind is Kind.NEAR_MISS)


def look_at_job(root: Path, path: str) -> GatedFile | None:
    """The job file at ``path`` (relative to ``root``); None where it holds no job."""
    if os.path.splitext(path)[1].lower() not in recognise.SUFFIXES:
        return None
    try:
        data = _head(os.path.join(root, path), recognise.MAX_SIZE)
    except OSError:
        return None
    kind = recognise.kind_of(path, data)
    return None if kind is None else GatedFile(path, job=kind)


def _head(file: str, most: int) -> bytes:
    """The first bytes of a file. Raises OSError, also for what a reader would wait at for ever."""
    with open_regular(file) as stream:
        return stream.read(most)


def _git_files(root: Path, notes: list[str]) -> list[str] | None:
    """Paths below ``root`` that git tracks or does not ignore; None without a repository."""
    done = git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if done is None:
        notes.append("git is not installed: every file below the root was looked at")
        return None
    if done.returncode:
        message = done.stderr.decode("utf-8", "replace").strip().splitlines()
        if message and "not a git repository" not in message[0]:
            notes.append(f"git did not answer ({message[0]}): every file was looked at")
        return None
    files: list[str] = []
    for path in os.fsdecode(done.stdout).split("\0"):
        if not path:
            continue
        full = os.path.join(root, path)
        if os.path.isdir(full) and not os.path.islink(full):
            # A submodule, or a repository inside the repository.
            inner = _git_files(Path(full), notes)
            inner = list(_walk(Path(full), notes)) if inner is None else inner
            files.extend(f"{path.rstrip('/')}/{name}" for name in inner)
        elif os.path.isdir(full):
            notes.append(_NOT_FOLLOWED.format(path))
        elif os.path.lexists(full):
            files.append(path)
    return files


def _walk(root: Path, notes: list[str]) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        kept = []
        for name in sorted(folders):
            full = os.path.join(folder, name)
            if name in _NEVER or os.path.exists(os.path.join(full, "pyvenv.cfg")):
                continue
            if os.path.islink(full):
                relative = os.path.relpath(full, root).replace(os.sep, "/")
                notes.append(_NOT_FOLLOWED.format(relative))
                continue
            kept.append(name)
        folders[:] = kept
        prefix = os.path.relpath(folder, root).replace(os.sep, "/")
        for name in names:
            yield name if prefix == "." else f"{prefix}/{name}"


def under(paths: Iterable[GatedFile], folder: str) -> list[GatedFile]:
    """Those of ``paths`` that are ``folder`` or stand below it."""
    if folder in ("", "."):
        return list(paths)
    return [item for item in paths if item.path == folder or item.path.startswith(folder + "/")]
