"""All job files of a run, read and brought into one form."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_dbxgate.files import read_regular
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.jobs import bundle as bundles
from pytest_dbxgate.project.jobs import calls, factory, includes, recognise, shapes
from pytest_dbxgate.project.jobs.bundle import ROOT_NAMES, Bundle
from pytest_dbxgate.project.jobs.calls import Call
from pytest_dbxgate.project.jobs.job import Job
from pytest_dbxgate.project.jobs.model import JobFile, JobKind, NotebookTask
from pytest_dbxgate.project.jobs.nodes import Mark, Node, Table, Trouble, string
from pytest_dbxgate.project.jobs.places import Places
from pytest_dbxgate.project.jobs.reading import read
from pytest_dbxgate.project.jobs.variables import Scope
from pytest_dbxgate.settings import Settings


@dataclass(frozen=True)
class Jobs:
    """What the job files of a run say."""

    files: Mapping[str, JobFile]
    """Every job file, those included that only a bundle's ``include`` leads to."""
    calls: tuple[Call, ...] = ()
    jobs: tuple[Job, ...] = ()
    """The jobs of bundles and of the Jobs API."""
    pipelines: Mapping[str, Node] | None = None
    """Data Factory pipelines by their file."""
    troubles: tuple[Trouble, ...] = ()
    """What was wrong with the files themselves."""
    bundles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """All files of each bundle, by its root file."""

    @property
    def tasks(self) -> tuple[NotebookTask, ...]:
        """The tasks that run a notebook; one that differs between targets stands several times."""
        return tuple(dict.fromkeys(call.task for call in self.calls))


def load(
    root: Path,
    paths: Sequence[str],
    notebooks: Collection[NotebookKey],
    others: Collection[str],
    settings: Callable[[str], Settings],
) -> Jobs:
    """Read the job files ``paths`` and what they include. ``others``: the files below ``root``
    that are no notebooks; ``settings``: those that hold for a path. Never raises for bad input."""
    return _Loader(root, Places(root, notebooks, others, settings), others).load(sorted(paths))


def included(root: Path, paths: Sequence[str], others: Collection[str]) -> list[str]:
    """What the bundles among the job files ``paths`` include. Never raises for bad input."""
    candidates = _candidates(others)
    found: dict[str, None] = {}
    for path in filter(_is_root, paths):
        try:
            data = read_regular(root / path)
        except OSError:
            continue
        tree = read(path, data)[0] if b"include" in data else None
        if tree is not None:
            found.update(dict.fromkeys(includes.included(path, tree, candidates).files))
    return list(found)


def _candidates(others: Collection[str]) -> list[str]:
    """The files that a bundle may include."""
    return sorted(
        path for path in others if posixpath.splitext(path)[1].lower() in recognise.SUFFIXES
    )


class _Loader:
    def __init__(self, root: Path, places: Places, others: Collection[str]) -> None:
        self._root = root
        self._places = places
        self._candidates = _candidates(others)
        self._trees: dict[str, Node | None] = {}
        self._files: dict[str, JobFile] = {}
        self._troubles: dict[Trouble, None] = {}
        self._jobs: list[Job] = []
        self._pipelines: dict[str, Node] = {}
        self._bundles: dict[str, frozenset[str]] = {}

    def load(self, paths: Sequence[str]) -> Jobs:
        kinds = {path: self._kind(path) for path in paths}
        roots = [path for path, kind in kinds.items() if kind is JobKind.BUNDLE and _is_root(path)]
        taken = set(roots)
        for path in roots:
            taken |= self._bundle(path)
        for path, kind in kinds.items():
            if kind is JobKind.BUNDLE and path not in taken:
                self._fragment(path)
            elif kind is JobKind.JOB:
                self._job(path)
            elif kind is JobKind.PIPELINE and (tree := self._trees[path]) is not None:
                self._pipelines[path] = tree
        found = [call for job in self._jobs for call in calls.calls(job, self._places)]
        for path, tree in self._pipelines.items():
            found += factory.calls(path, tree, self._places)
        return Jobs(
            dict(sorted(self._files.items())),
            tuple(dict.fromkeys(found)),
            tuple(self._jobs),
            self._pipelines,
            tuple(self._troubles),
            self._bundles,
        )

    def _kind(self, path: str) -> JobKind | None:
        """Read ``path``; its kind, or None where it has none after all."""
        data = self._read(path, None)
        kind = None if data is None else recognise.kind_of(path, data)
        if kind is not None:
            self._files[path] = self._files[path]._replace(kind=kind)
        elif data is not None:
            del self._files[path]
        return kind

    def _read(self, path: str, kind: JobKind | None) -> bytes | None:
        try:
            data = read_regular(self._root / path)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            hint = "mend its permissions or remove it; the file was not checked"
            self._note(Trouble("DBX420", Mark(path, 1, 1), f"cannot be read: {reason}", hint))
            self._files[path] = JobFile(kind or JobKind.JOB, "")
            return None
        tree, troubles = read(path, data)
        for trouble in troubles:
            self._note(trouble)
        self._trees[path] = tree
        self._files[path] = JobFile(kind or JobKind.JOB, hashlib.sha256(data).hexdigest())
        return data

    def _note(self, trouble: Trouble) -> None:
        self._troubles.setdefault(trouble)

    def _bundle(self, path: str) -> set[str]:
        """Read the bundle whose root file is ``path``; the files that belong to it."""
        tree = self._trees[path]
        if tree is None:
            return set()
        found = includes.included(path, tree, self._candidates)
        for trouble in found.troubles:
            self._note(trouble)
        trees = {path: tree}
        complete = not found.unseen and not found.troubles
        for file in found.files:
            if file not in self._trees:
                self._read(file, JobKind.BUNDLE)
            else:
                known = self._files.get(file)
                self._files[file] = JobFile(JobKind.BUNDLE, known.digest if known else "")
            part = self._trees.get(file)
            if part is None:
                complete = (
                    complete and file in self._trees and not _has_trouble(file, self._troubles)
                )
                continue
            trees[file] = part
            for trouble in includes.nested(part):
                self._note(trouble)
        self._bundles[path] = frozenset((path, *found.files))
        self._take(Bundle(path, trees, complete))
        return set(found.files)

    def _fragment(self, path: str) -> None:
        """A part of a bundle that no bundle here includes: its variables are not known."""
        tree = self._trees[path]
        if tree is not None:
            self._take(Bundle(path, {path: tree}, complete=False))

    def _take(self, bundle: Bundle) -> None:
        for trouble in (*bundles.undefined(bundle), *shapes.wrong(bundle)):
            self._note(trouble)
        self._jobs += bundles.jobs(bundle)

    def _job(self, path: str) -> None:
        tree = self._trees[path]
        if not isinstance(tree, Table):
            return
        for inner in ("settings", "new_settings"):
            settings = tree.get(inner)
            if isinstance(settings, Table) and "tasks" not in tree.entries:
                tree = settings
        name = tree.get("name") or tree.get("run_name")
        mark = tree.mark if name is None else name.mark
        self._jobs.append(Job(JobKind.JOB, string(name) or path, tree, mark, Scope(JobKind.JOB)))


def _is_root(path: str) -> bool:
    return path.rpartition("/")[2].lower() in ROOT_NAMES


def _has_trouble(file: str, troubles: Mapping[Trouble, None]) -> bool:
    return any(trouble.mark.file == file and trouble.code == "DBX420" for trouble in troubles)
