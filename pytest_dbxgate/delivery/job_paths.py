"""Paths of the repository in a job's settings become paths below the target's root."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_dbxgate.delivery.job_values import BadJobError, Filler, at
from pytest_dbxgate.delivery.model import Item, Kind
from pytest_dbxgate.project.facts import Spot
from pytest_dbxgate.project.jobs.calls import Call
from pytest_dbxgate.project.jobs.job import Job
from pytest_dbxgate.project.jobs.loading import Jobs
from pytest_dbxgate.project.jobs.model import JobKind
from pytest_dbxgate.project.jobs.nodes import Node, Table
from pytest_dbxgate.project.jobs.nodes import Sequence as ListNode

_WORKSPACE = "/Workspace"
_LIBRARIES = ("whl", "jar", "egg", "requirements")


class Paths:
    """Rewrites the paths of one job."""

    def __init__(
        self, job: Job, jobs: Jobs, items: Sequence[Item], root: str, filler: Filler
    ) -> None:
        self._job = job
        self._by_source = {item.source: item for item in items}
        self._calls: dict[tuple[str, str, Spot], Call] = {
            (call.task.job, call.task.file, call.task.spot): call for call in jobs.calls
        }
        self._root = root
        self._filler = filler

    def rewrite(self, settings: dict[str, Any]) -> None:
        """Rewrite in place. Raises :class:`BadJobError` where a path leads to nothing that is
        published."""
        git = bool(settings.get("git_source"))
        for value, node in self._tasks(settings, self._job.node):
            self._task(value, node, in_git=git)
        environments = _both(
            settings.get("environments"), self._node(self._job.node, "environments")
        )
        for value, node in environments:
            spec, spec_node = _inner(value, node, "spec")
            self._each(spec, spec_node, "dependencies")

    def _tasks(
        self, settings: dict[str, Any], node: Node | None
    ) -> Iterator[tuple[dict[str, Any], Node | None]]:
        """Each task's value and node, those within ``for_each_task`` and the job that is itself
        its only task too."""
        yield settings, node
        for value, each in _both(settings.get("tasks"), self._node(node, "tasks")):
            yield value, each
            loop, loop_node = _inner(value, each, "for_each_task")
            inner, inner_node = _inner(loop, self._filled(loop_node), "task")
            if inner is not None:
                yield inner, self._filled(inner_node)

    def _task(self, value: dict[str, Any], node: Node | None, *, in_git: bool) -> None:
        for name, field in (
            ("notebook_task", "notebook_path"),
            ("spark_python_task", "python_file"),
        ):
            task, task_node = _inner(value, self._filled(node), name)
            if task is None or _is_from_git(task, in_git):
                continue
            path_node = _get(self._filled(task_node), field)
            if isinstance(task.get(field), str):
                notebook = name == "notebook_task"
                task[field] = self._rewritten(task[field], path_node, notebook=notebook)
        sql, sql_node = _inner(value, self._filled(node), "sql_task")
        file, file_node = _inner(sql, self._filled(sql_node), "file")
        if (
            file is not None
            and not _is_from_git(file, in_git)
            and isinstance(file.get("path"), str)
        ):
            file["path"] = self._rewritten(file["path"], _get(self._filled(file_node), "path"))
        libraries = self._node(node, "libraries")
        for library, library_node in _both(value.get("libraries"), libraries):
            for name in _LIBRARIES:
                if isinstance(library.get(name), str):
                    written = _get(self._filled(library_node), name)
                    library[name] = self._rewritten(library[name], written)

    def _each(self, holder: dict[str, Any] | None, node: Node | None, name: str) -> None:
        values = None if holder is None else holder.get(name)
        listed = _get(self._filled(node), name)
        nodes = listed.items if isinstance(listed, ListNode) else ()
        if not isinstance(values, list):
            return
        for index, value in enumerate(values):
            if isinstance(value, str) and value.startswith(("./", "../")):
                values[index] = self._rewritten(value, nodes[index] if index < len(nodes) else None)

    def _rewritten(self, path: str, node: Node | None, *, notebook: bool = False) -> str:
        call = self._call(node, path) if notebook else None
        if call is not None and call.in_git:
            return path
        found = None if call is None else self._by_source.get(str(call.found.notebook))
        if found is not None:
            return self._absolute(found)
        bare = path.removeprefix(_WORKSPACE)
        if bare.startswith(f"{self._root}/"):
            found = self._inside(bare.removeprefix(f"{self._root}/"), notebook=notebook)
        elif _is_relative(path):
            found = self._local(path, node, notebook=notebook)
        else:
            return path
        if found is None:
            where = at(self._job.mark if node is None else node.mark)
            raise BadJobError("job-path", f"{where}: nothing is published from {path[:200]}")
        return self._absolute(found)

    def _absolute(self, item: Item) -> str:
        """Notebooks are known without ``/Workspace``; files are opened with it."""
        start = "" if item.kind is Kind.NOTEBOOK else _WORKSPACE
        return f"{start}{self._root}/{item.place}"

    def _inside(self, place: str, *, notebook: bool) -> Item | None:
        """What a path means that a reference made one below the root."""
        for item in self._by_source.values():
            if (item.kind is Kind.NOTEBOOK) is notebook and place in (item.place, _full(item)):
                return item
        return None

    def _local(self, path: str, node: Node | None, *, notebook: bool) -> Item | None:
        """What a relative path means: seen from its file's folder in a bundle, from any folder
        above it too in a file of the Jobs API, which itself takes none."""
        folder = posixpath.dirname(self._job.mark.file if node is None else node.mark.file)
        while True:
            wanted = posixpath.normpath(posixpath.join(folder, path))
            for item in self._by_source.values():
                is_notebook = item.kind is Kind.NOTEBOOK
                stem = posixpath.splitext(item.source)[0] if is_notebook else item.source
                if is_notebook is notebook and wanted in (item.source, stem):
                    return item
            if not folder or self._job.kind is JobKind.BUNDLE:
                return None
            folder = posixpath.dirname(folder)

    def _call(self, node: Node | None, path: str) -> Call | None:
        """What the gate found at a notebook's path, unless the target's variables changed it."""
        node = self._job.scope.see(node) if node is not None else None
        if node is None:
            return None
        call = self._calls.get((self._job.name, node.mark.file, node.mark.spot))
        return call if call is None or call.task.target in (None, path) else None

    def _node(self, node: Node | None, name: str) -> Node | None:
        return self._filled(_get(self._filled(node), name))

    def _filled(self, node: Node | None) -> Node | None:
        return None if node is None else self._filler.seen(node)


def _both(value: Any, node: Node | None) -> Iterator[tuple[dict[str, Any], Node | None]]:
    """The mappings of a list with their nodes."""
    nodes = node.items if isinstance(node, ListNode) else ()
    for index, each in enumerate(value if isinstance(value, list) else ()):
        if isinstance(each, dict):
            yield each, nodes[index] if index < len(nodes) else None


def _inner(
    value: Mapping[str, Any] | None, node: Node | None, name: str
) -> tuple[dict[str, Any] | None, Node | None]:
    inner = None if value is None else value.get(name)
    return (inner if isinstance(inner, dict) else None), _get(node, name)


def _get(node: Node | None, name: str) -> Node | None:
    return node.get(name) if isinstance(node, Table) else None


def _is_from_git(task: Mapping[str, Any], in_git: bool) -> bool:
    source = task.get("source")
    return source == "GIT" or (in_git and source is None)


def _is_relative(path: str) -> bool:
    """No absolute path, no address (``dbfs:/x``), no name of a package."""
    return not path.startswith("/") and ":" not in path


def _full(item: Item) -> str:
    """The place with the ending that a notebook has in the repository."""
    if item.kind is not Kind.NOTEBOOK:
        return item.place
    return item.place + posixpath.splitext(item.source.partition("::")[0])[1]
