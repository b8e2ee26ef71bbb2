"""Configurations of a bundle laid over one another, as the Databricks CLI does it."""

from __future__ import annotations

from pytest_dbxgate.project.jobs.nodes import Entry, Node, Sequence, Table, items, string

_KEYS = {
    "tasks": "task_key",
    "job_clusters": "job_cluster_key",
    "parameters": "name",
    "environments": "environment_key",
}
"""Lists of a job whose elements are merged by a key."""


def merged(below: Node, above: Node) -> Node:
    """``above`` laid over ``below``: mappings are merged, lists joined, other values replaced."""
    return _merged(below, above, {})


def _merged(below: Node, above: Node, known: dict[tuple[int, int], Node]) -> Node:
    if isinstance(below, Sequence) and isinstance(above, Sequence):
        return Sequence(above.mark, below.items + above.items)
    if not isinstance(below, Table) or not isinstance(above, Table):
        return above
    pair = (id(below), id(above))
    if pair not in known:
        entries = dict(below.entries)
        for name, entry in above.entries.items():
            first = entries.get(name)
            value = entry.value if first is None else _merged(first.value, entry.value, known)
            entries[name] = Entry(entry.key, value)
        known[pair] = Table(below.mark, entries)
    return known[pair]


def merged_job(below: Node, above: Node) -> Node:
    """A target's job laid over the bundle's."""
    job = merged(below, above)
    if not isinstance(below, Table) or not isinstance(above, Table):
        return job
    assert isinstance(job, Table)
    entries = dict(job.entries)
    for name, key in _KEYS.items():
        first, second = below.get(name), above.get(name)
        if isinstance(first, Sequence) and isinstance(second, Sequence):
            both = _by_key(first, second, key)
            entries[name] = Entry(entries[name].key, both)
    return Table(job.mark, entries)


def _by_key(below: Sequence, above: Sequence, key: str) -> Sequence:
    found = list(below.items)
    places: dict[str, int] = {}
    for index, node in enumerate(found):
        places.setdefault(_key(node, key) or "", index)
    for node in items(above):
        name = _key(node, key)
        if name and name in places:
            found[places[name]] = merged(found[places[name]], node)
        else:
            found.append(node)
    return Sequence(below.mark, tuple(found))


def _key(node: Node, key: str) -> str | None:
    return string(node.get(key)) if isinstance(node, Table) else None
