"""What stands above a bundle's jobs: mappings and lists where the CLI expects them.

Whoever writes `resources: []` has no jobs at all, and would be told nothing about any.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeGuard

from pytest_dbxgate.project.jobs.bundle import Bundle
from pytest_dbxgate.project.jobs.nodes import (
    Node,
    Scalar,
    Sequence,
    Table,
    Trouble,
    is_null,
    table,
)

_TABLES = ("bundle", "resources", "sync", "targets", "environments", "variables", "workspace")
_LISTS = ("include",)


def wrong(bundle: Bundle) -> Iterator[Trouble]:
    """DBX435 for each value above the jobs that is of the wrong type, the jobs included."""
    for file, tree in bundle.trees.items():
        if isinstance(tree, Table):
            yield from _in_config(tree)
        elif file == bundle.file and not is_null(tree):
            yield _trouble(tree, "the file", "a mapping")


def _in_config(config: Table) -> Iterator[Trouble]:
    for name, entry in config.entries.items():
        if name in _TABLES:
            yield from _mapping(entry.value, name)
        elif name in _LISTS:
            yield from _list(entry.value, name)
    yield from _list(config.get("sync", "paths"), "sync.paths")
    yield from _jobs(config, "resources.jobs")
    for place in ("targets", "environments"):
        for name, entry in table(config.get(place)).items():
            path = f"{place}.{name}"
            yield from _mapping(entry.value, path)
            if isinstance(entry.value, Table):
                yield from _mapping(entry.value.get("resources"), f"{path}.resources")
                yield from _mapping(entry.value.get("variables"), f"{path}.variables")
                yield from _jobs(entry.value, f"{path}.resources.jobs")


def _jobs(config: Table, path: str) -> Iterator[Trouble]:
    jobs = config.get("resources", "jobs")
    yield from _mapping(jobs, path)
    for name, entry in table(jobs).items():
        yield from _mapping(entry.value, f"{path}.{name}")


def _mapping(node: Node | None, path: str) -> Iterator[Trouble]:
    if _is_certain(node) and not isinstance(node, Table):
        yield _trouble(node, f"`{path}`", "a mapping")


def _list(node: Node | None, path: str) -> Iterator[Trouble]:
    if _is_certain(node) and not isinstance(node, Sequence):
        yield _trouble(node, f"`{path}`", "a list")


def _is_certain(node: Node | None) -> TypeGuard[Scalar | Sequence | Table]:
    """Whether it is something, and not what a variable may become."""
    if isinstance(node, Scalar):
        return not is_null(node) and "${" not in str(node.value)
    return isinstance(node, Sequence | Table)


def _trouble(node: Node, what: str, wanted: str) -> Trouble:
    return Trouble(
        "DBX435",
        node.mark,
        f"{what} takes {wanted}",
        f"write {wanted}; what stands here now was not checked",
    )
