"""``--dbx-changed``: what has to be gated when only some files changed."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from pytest_dbxgate import changes
from pytest_dbxgate.checks import configurations
from pytest_dbxgate.discovery import Discovery
from pytest_dbxgate.notebook.formats import SUFFIXES
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.facts import NotebookFacts
from pytest_dbxgate.project.jobs import recognise
from pytest_dbxgate.projects import CONFIGURATION_NAMES
from pytest_dbxgate.session import Gate


@dataclass(frozen=True)
class Narrowed:
    """The files left to gate."""

    paths: frozenset[str]
    sentence: str
    """What was left out and why."""


def narrow(gate: Gate, reference: str | None, environ: Mapping[str, str]) -> Narrowed:
    """Choose the changed files and everything that what they hold touches.

    Raises :class:`~pytest_dbxgate.errors.ConfigurationError` where git cannot tell what changed.
    """
    base = changes.base_of(gate.root, reference, environ)
    changed = changes.changed_files(gate.root, base)
    paths = frozenset(item.path for item in gate.files)
    own = paths & changed
    touched = (_touched(gate, changed) if changed else frozenset()) & paths
    chosen = own | touched
    return Narrowed(chosen, _sentence(base.how, len(own), len(touched - own), len(paths - chosen)))


def _touched(gate: Gate, changed: frozenset[str]) -> frozenset[str]:
    subject = gate.survey().subject
    project = subject.project
    start = {key for key in project.notebooks if key.path in changed}
    start |= {NotebookKey(path) for path in changed}
    lost = changed - {key.path for key in project.notebooks} - project.others
    # What is a plain file now may have been a notebook: nobody can run it any more.
    plain = {path for path in changed & project.others if _suffix(path) in SUFFIXES}
    # And what is a notebook now may have been a module: nobody can import it.
    coded = {key.path for key in start if _suffix(key.path) == ".py"} - project.others
    stems, importable = _stems(lost | plain), _stems(lost | coded)
    start |= {
        key for key, facts in project.notebooks.items() if _names_one_of(facts, stems, importable)
    }
    start |= {
        NotebookKey(task.file)
        for task in project.tasks
        if task.notebook is None and task.target and _stem(task.target) in stems
    }
    # What a changed notebook runs may use names that it no longer defines.
    keys = start | set(subject.graph.affected(start)) | set(subject.graph.closure(start))
    return frozenset(
        {key.path for key in keys}
        | _configured(gate.discovery, changed)
        | _bundled(subject.jobs.bundles, changed, lost)
    )


def _names_one_of(facts: NotebookFacts, run: Collection[str], imported: Collection[str]) -> bool:
    """Whether a notebook runs or imports one of these, as far as the last part of its path
    tells."""
    named = [*(each.target for each in facts.runs), *(each.target for each in facts.notebook_runs)]
    if any(_stem(target) in run for target in named if target):
        return True
    modules = [each.module.rpartition(".")[2] for each in facts.imports]
    names = [name.name for each in facts.imports for name in each.names]
    return any(each in imported for each in (*modules, *names))


def _bundled(
    bundles: Mapping[str, frozenset[str]], changed: Collection[str], lost: Iterable[str]
) -> set[str]:
    """The files of bundles that changed: in each of them a variable of another may stand."""
    gone = [path for path in lost if _suffix(path) in recognise.SUFFIXES]
    touched: set[str] = set()
    for root, files in bundles.items():
        folder = posixpath.dirname(root)
        inside = (path for path in gone if not folder or path.startswith(folder + "/"))
        if not files.isdisjoint(changed) or any(inside):
            touched |= files
    return touched


def _stems(paths: Iterable[str]) -> frozenset[str]:
    return frozenset(map(_stem, paths))


def _suffix(path: str) -> str:
    return posixpath.splitext(path)[1].lower()


def _stem(path: str) -> str:
    return posixpath.splitext(posixpath.basename(path.rstrip("/")))[0]


def _configured(discovery: Discovery, changed: frozenset[str]) -> set[str]:
    """The files below a folder whose configuration changed."""
    names = {*configurations.ALL, *CONFIGURATION_NAMES}
    folders = {posixpath.dirname(path) for path in changed if posixpath.basename(path) in names}
    return {
        item.path
        for item in discovery.files
        if any(not folder or item.path.startswith(folder + "/") for folder in folders)
    }


def _sentence(how: str, own: int, touched: int, left: int) -> str:
    if not own and not touched:
        return f"nothing to check: no notebook or job file changed since {how}, nor what they use"
    files = "notebook or job file" if own == 1 else "notebooks or job files"
    others = f", {touched} more are touched by what changed" if touched else ""
    return (
        f"since {how}: {own} {files} changed{others}; {left} were left out, "
        "as neither they nor anything they run, import or schedule changed"
    )
