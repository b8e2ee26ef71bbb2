"""The notebooks that a job's tasks run, and what is passed to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pytest_dbxgate.project.facts import Argument
from pytest_dbxgate.project.jobs.job import Job, Task, elements, look, tasks
from pytest_dbxgate.project.jobs.model import JobKind, NotebookTask
from pytest_dbxgate.project.jobs.nodes import (
    Mark,
    Node,
    Scalar,
    Table,
    Unknown,
    is_null,
    string,
)
from pytest_dbxgate.project.jobs.places import Found, Places
from pytest_dbxgate.project.jobs.variables import Scope


class Call(NamedTuple):
    """A task that runs a notebook, and what was found at its path."""

    task: NotebookTask
    found: Found
    in_git: bool = False


class _Placed(NamedTuple):
    """An argument and the file it stands in."""

    file: str
    argument: Argument

    def seen_from(self, mark: Mark) -> Argument:
        """The argument with a place in the file of ``mark``: a target may add arguments to a task
        that another file defines."""
        here = self.file == mark.file
        return self.argument if here else self.argument._replace(spot=mark.spot)


class _Passed(NamedTuple):
    """Arguments by name; ``known`` is False where there may be others."""

    arguments: dict[str, _Placed]
    known: bool = True


def calls(job: Job, places: Places) -> Iterator[Call]:
    """The tasks of ``job`` that run a notebook."""
    shared = job_parameters(job)
    git = not is_null(job.get("git_source"))
    for task in tasks(job):
        node = look(job.scope, task.node, "notebook_task")
        if isinstance(node, Table):
            yield _call(job, task, node, shared, git, places)


def _call(job: Job, task: Task, node: Table, shared: _Passed, git: bool, places: Places) -> Call:
    entry = node.entries.get("notebook_path")
    path = None if entry is None else job.scope.see(entry.value)
    target = string(path)
    mark = node.mark if path is None else path.mark
    source = job.scope.value(node.get("source"))
    in_git = git and source in (None, "GIT") if "source" in node.entries else git
    found = Found()
    if target is not None and target.strip():
        found = _find(job, mark.file, target, in_git, places)
    own = _table_arguments(job, look(job.scope, node, "base_parameters"))
    both = {**own.arguments, **shared.arguments}
    # Of one name the job's parameter wins.
    value = NotebookTask(
        file=mark.file,
        job=job.name,
        task=task.key or "",
        target=None if target is None or "\0" in target else target,
        notebook=found.notebook,
        arguments=tuple(each.seen_from(mark) for each in both.values())
        if own.known and shared.known
        else None,
        spot=mark.spot,
        shared=frozenset(shared.arguments),
    )
    return Call(value, found, in_git)


def _find(job: Job, file: str, target: str, in_git: bool, places: Places) -> Found:
    if in_git:
        return places.in_git(file, target) if "\0" not in target else Found()
    if "\0" in target:
        return places.uploaded(job.folder, target) or Found()
    if target.startswith("/"):
        return places.absolute(file, target)
    if job.kind is JobKind.BUNDLE:
        return places.local(file, target)
    return places.relative(file, target)


def job_parameters(job: Job) -> _Passed:
    """What the job passes to each of its tasks."""
    node = job.get("parameters")
    if isinstance(node, Unknown):
        return _Passed({}, known=False)
    found: dict[str, _Placed] = {}
    known = True
    for each in elements(job.scope, node):
        if isinstance(each, Unknown):
            known = False
        name = look(job.scope, each, "name")
        text = string(name)
        if name is not None and text is not None:
            default = look(job.scope, each, "default")
            found[text] = _argument(job, text, name.mark, default)
        elif isinstance(name, Unknown):
            known = False
    return _Passed(found, known)


def _table_arguments(job: Job, node: Node | None) -> _Passed:
    if isinstance(node, Table):
        return _Passed(
            {
                name: _argument(job, name, entry.key, job.scope.see(entry.value))
                for name, entry in node.entries.items()
            }
        )
    return _Passed({}, known=not isinstance(node, Unknown))


def _argument(job: Job, name: str, mark: Mark, node: Node | None) -> _Placed:
    """The argument ``name`` with the value ``node``."""
    value = _text(job.scope, node)
    # Bundles and pipelines make numbers strings, the Jobs API does not.
    strict = job.kind is JobKind.JOB
    plain = isinstance(node, Scalar) and (isinstance(node.value, str) or not strict)
    is_string = plain or is_null(node) or isinstance(node, Unknown)
    return _Placed(mark.file, Argument(name, value, mark.spot, is_string))


def _text(scope: Scope, node: Node | None) -> str | None:
    if not isinstance(node, Scalar) or node.value is None or "\0" in node.text:
        return None
    return node.text
