"""What a project publishes: its notebooks, the modules they import, the files its settings name,
its jobs. Read from disk at the moment it is asked for."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.files import read_regular
from pytest_dbxgate.notebook import formats
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.graph import EdgeKind, Graph
from pytest_dbxgate.project.jobs.loading import Jobs
from pytest_dbxgate.session import Gate
from pytest_dbxgate.settings import Settings, matches
from pytest_dbxgate.settings.toml import where

_KEPT = {".git", ".dbxgate"}

_CALLS = (EdgeKind.RUN, EdgeKind.NOTEBOOK_RUN, EdgeKind.IMPORT)


@dataclass(frozen=True, slots=True)
class Contents:
    """Bytes by path, relative to the root of the run, with ``/``."""

    notebooks: Mapping[str, bytes]
    files: Mapping[str, bytes]
    job_files: Mapping[str, bytes]
    calls: tuple[tuple[str, str], ...]
    """(caller, callee), as ``Item.source`` names them."""
    jobs: Jobs

    def digests(self) -> dict[NotebookKey, str]:
        """SHA-256 of every notebook and job file, as the checks report it."""
        found: dict[NotebookKey, str] = {}
        for path, data in {**self.notebooks, **self.job_files}.items():
            if path.lower().endswith(".dbc"):
                found.update((each.key, each.digest) for each in formats.parse(path, data))
            else:
                found[NotebookKey(path)] = hashlib.sha256(data).hexdigest()
        return found


def gather(gate: Gate) -> Contents:
    """Read everything that is to be published.

    Raises :class:`~pytest_dbxgate.errors.ConfigurationError` for a file that cannot be read, or
    that leads out of the repository.
    """
    subject = gate.survey().subject
    plain = {item.path for item in gate.files if item.near_miss}
    notebooks = [item for item in gate.files if item.job is None and item.path not in plain]
    keys = [key for item in notebooks for key in item.keys]
    settings = gate.projects.of("")
    named = _named(gate.root, settings, gate.discovery.others)
    modules = imported(subject.graph, keys)
    gated = {item.path for item in notebooks}
    return Contents(
        notebooks=read(gate.root, sorted(gated)),
        files=read(gate.root, sorted({*named, *modules, *plain} - gated)),
        job_files=read(gate.root, [item.path for item in gate.files if item.job is not None]),
        calls=tuple(
            (str(edge.source), str(edge.target))
            for edge in subject.graph.edges
            if edge.kind in _CALLS
        ),
        jobs=subject.jobs,
    )


def imported(graph: Graph, keys: Iterable[NotebookKey]) -> set[str]:
    """The modules that the notebooks import, directly or not."""
    seen: set[NotebookKey] = set()
    waiting = list(keys)
    while waiting:
        for edge in graph.targets(waiting.pop(), EdgeKind.IMPORT):
            if edge.target not in seen:
                seen.add(edge.target)
                waiting.append(edge.target)
    return {key.path for key in seen}


def _named(root: Path, settings: Settings, others: Iterable[str]) -> Iterator[str]:
    """The plain files that ``publish`` names.

    Raises :class:`ConfigurationError` for a pattern that names none: what it named before would be
    deleted from the workspace.
    """
    for pattern in settings.publish:
        found = list(_matching(pattern, root, settings, others))
        if not found:
            raise ConfigurationError(
                f'{where(settings.origin, "publish")}: the pattern "{pattern}" in publish matches '
                "no file",
                next_step="correct it or take it out; what is built has to be built before",
            )
        yield from found


def _matching(pattern: str, root: Path, settings: Settings, others: Iterable[str]) -> Iterator[str]:
    """What a pattern matches. A file that git ignores, such as a wheel that was just built, is
    found by its path or glob, too."""
    yield from (path for path in others if matches(settings.inside(path), pattern))
    # The settings may stand in a folder above the root.
    base = Path(os.path.normpath(root / os.path.relpath(".", settings.root_inside or ".")))
    for file in base.glob(pattern.removeprefix("./")):
        if file.is_file() and file.is_relative_to(root):
            path = file.relative_to(root)
            if not _is_kept(path):
                yield path.as_posix()


def _is_kept(path: Path) -> bool:
    """Whether git or this tool keeps it. A pipeline's checkout leaves its token in ``.git``."""
    return any(part.casefold() in _KEPT for part in path.parts)


def read(root: Path, paths: Iterable[str]) -> dict[str, bytes]:
    top = root.resolve()
    found: dict[str, bytes] = {}
    for path in paths:
        file = root / path
        try:
            if not file.resolve().is_relative_to(top):
                raise ConfigurationError(
                    f"{path} is a link out of the repository and is not published",
                    next_step="put the file itself there, or exclude it",
                )
            if _is_kept(file.resolve().relative_to(top)):
                raise ConfigurationError(
                    f"{path} is what git or a tool keeps for itself, and is not published",
                    next_step="take it out of publish, or exclude it",
                )
            found[path] = read_regular(file)
        except (OSError, RuntimeError) as error:
            # A link that leads back to itself is a RuntimeError before Python 3.13.
            reason = error.strerror if isinstance(error, OSError) else None
            raise ConfigurationError(
                f"{path}: cannot be read: {reason or error}",
                next_step="mend the file, or exclude it",
            ) from None
    return found
