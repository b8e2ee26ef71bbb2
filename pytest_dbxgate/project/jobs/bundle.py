"""Bundles: a root file, the files it includes, its targets and their jobs."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pytest_dbxgate.project.jobs import variables
from pytest_dbxgate.project.jobs.job import Job
from pytest_dbxgate.project.jobs.merging import merged, merged_job
from pytest_dbxgate.project.jobs.model import JobKind
from pytest_dbxgate.project.jobs.near import Words
from pytest_dbxgate.project.jobs.nodes import (
    Entry,
    Mark,
    Node,
    Scalar,
    Table,
    Trouble,
    items,
    string,
    strings_below,
    table,
)
from pytest_dbxgate.project.jobs.variables import FILES, ROOT, Scope

ROOT_NAMES = ("databricks.yml", "databricks.yaml", "bundle.yml", "bundle.yaml")
"""The names of a bundle's root file, in the CLI's order."""


@dataclass(frozen=True)
class Bundle:
    """A bundle as it was read."""

    file: str
    """The root file; of a lone fragment the fragment."""
    trees: Mapping[str, Node]
    """The root file and those it includes, in the order they are laid over one another."""
    complete: bool
    """False where parts of it are not known."""

    @property
    def folder(self) -> str:
        return posixpath.dirname(self.file)


def jobs(bundle: Bundle) -> Iterator[Job]:
    """The jobs of every target, overrides merged in."""
    config = _config(bundle)
    targets = _targets(config)
    mutable = any(_has(config, *path) for path in _PYTHON)
    base = table(config.get("resources", "jobs"))
    for name, target in (targets or {"": None}).items():
        over = table(target.get("resources", "jobs")) if isinstance(target, Table) else {}
        scope = _scope(bundle, config, name, target)
        folder = _sync_root(bundle, config)
        default = len(targets) == 1 or _is_default(target)
        for key in {**base, **over}:
            entry = _job(base.get(key), over.get(key))
            node = scope.see(entry.value)
            if isinstance(node, Table):
                yield Job(JobKind.BUNDLE, key, node, entry.key, scope, folder, mutable, default)


def _is_default(target: Node | None) -> bool:
    flag = target.get("default") if isinstance(target, Table) else None
    return isinstance(flag, Scalar) and flag.value is True


_PYTHON = (("python", "mutators"), ("experimental", "python"), ("experimental", "pydabs"))


def _job(base: Entry | None, over: Entry | None) -> Entry:
    if base is None or over is None:
        found = base or over
        assert found is not None
        return found
    return Entry(base.key, merged_job(base.value, over.value))


def _config(bundle: Bundle) -> Table:
    config: Node = Table(Mark(bundle.file, 1, 1), {})
    for tree in bundle.trees.values():
        if isinstance(tree, Table):
            config = merged(config, tree)
    assert isinstance(config, Table)
    return config


def _targets(config: Table) -> dict[str, Node | None]:
    entries = table(config.get("targets")) or table(config.get("environments"))
    return {name: entry.value for name, entry in entries.items()}


def _has(config: Table, *path: str) -> bool:
    return config.get(*path) is not None


def _scope(bundle: Bundle, config: Table, name: str, target: Node | None) -> Scope:
    if not bundle.complete:
        return Scope(JobKind.BUNDLE)
    over = target.get("variables") if isinstance(target, Table) else None
    known = {"workspace.file_path": FILES, "workspace.root_path": ROOT}
    if name:
        known |= {"bundle.target": name, "bundle.environment": name}
    label = string(config.get("bundle", "name"))
    if label is not None and "${" not in label:
        known["bundle.name"] = label
    return Scope(JobKind.BUNDLE, variables.values(config.get("variables"), over), known)


def _sync_root(bundle: Bundle, config: Table) -> str:
    """The folder that becomes ``${workspace.file_path}``: all of ``sync.paths`` lie below it."""
    paths = [string(node) for node in items(config.get("sync", "paths"))]
    folders = [
        posixpath.normpath(posixpath.join("/root", bundle.folder, path))
        for path in paths
        if path is not None and "${" not in path
    ]
    if not folders:
        return bundle.folder
    common = posixpath.commonpath([*folders, posixpath.join("/root", bundle.folder)])
    return common[len("/root/") :] if common.startswith("/root") else bundle.folder


def undefined(bundle: Bundle) -> Iterator[Trouble]:
    """References to variables that nobody defines, wherever they stand in the bundle."""
    if not bundle.complete:
        return
    config = _config(bundle)
    declared = set(table(config.get("variables")))
    for target in _targets(config).values():
        if isinstance(target, Table):
            declared |= set(table(target.get("variables")))
    names = Words(declared)
    for tree in bundle.trees.values():
        for text in strings_below(tree):
            yield from _undefined_in(text, declared, names)


def _undefined_in(text: Scalar, declared: set[str], names: Words) -> Iterator[Trouble]:
    if "${" not in text.text:
        return
    for name, mark in variables.references(text):
        if name not in declared:
            near = names.closest(name)
            yield Trouble(
                "DBX433",
                mark,
                f"no variable `{name}` is defined",
                f"did you mean `${{var.{near}}}`?" if near else "define it under `variables`",
            )
