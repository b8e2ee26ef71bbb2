"""Which column each node of a graph stands in, so that as good as all edges lead to the right."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from pytest_dbxgate.reporting.graph import JOB, MODULE

Links = Mapping[str, Sequence[str]]
"""Successors by id; every id is a key."""


def components(ids: Iterable[str], pairs: Iterable[tuple[str, str]]) -> list[list[str]]:
    """The parts of the graph that hang together, each sorted, by their first member."""
    parent = {each: each for each in ids}

    def root(each: str) -> str:
        while parent[each] != each:
            parent[each] = parent[parent[each]]
            each = parent[each]
        return each

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    found: dict[str, list[str]] = {}
    for each in sorted(parent):
        found.setdefault(root(each), []).append(each)
    return list(found.values())


def columns(kinds: Mapping[str, str], pairs: Collection[tuple[str, str]]) -> dict[str, int]:
    """Jobs first, then what they run, what that runs, and modules last; from 0, none empty."""
    links = _acyclic(kinds, pairs)
    order = _topological(links)
    jobs = {each for each, kind in kinds.items() if kind == JOB}
    modules = {each for each, kind in kinds.items() if kind == MODULE}
    column = {each: 1 if jobs and each not in jobs else 0 for each in order}
    _push_right(column, order, links)
    _pull_to_target(column, links, fixed=jobs)
    if modules and len(modules) < len(kinds):
        edge = 1 + max(column[each] for each in order if each not in modules)
        column.update({each: max(column[each], edge) for each in modules})
        _push_right(column, order, links)
    used = {each: number for number, each in enumerate(sorted(set(column.values())))}
    return {each: used[column[each]] for each in column}


def _acyclic(kinds: Mapping[str, str], pairs: Iterable[tuple[str, str]]) -> Links:
    """The links without loops, those that close a circle turned round."""
    successors: dict[str, list[str]] = {each: [] for each in sorted(kinds)}
    called = set()
    for source, target in sorted(set(pairs)):
        if source != target:
            successors[source].append(target)
            called.add(target)
    links: dict[str, list[str]] = {each: [] for each in successors}
    done: set[str] = set()
    for start in sorted(successors, key=lambda each: (each in called, each)):
        _walk(start, successors, done, links)
    return links


def _walk(start: str, successors: Links, done: set[str], links: dict[str, list[str]]) -> None:
    """Depth first, without recursion: a graph may be thousands deep."""
    if start in done:
        return
    path = {start}
    stack = [(start, iter(successors[start]))]
    while stack:
        node, rest = stack[-1]
        for target in rest:
            if target in path:
                links[target].append(node)
                continue
            links[node].append(target)
            if target not in done:
                path.add(target)
                stack.append((target, iter(successors[target])))
                break
        else:
            stack.pop()
            path.remove(node)
            done.add(node)


def _topological(links: Links) -> list[str]:
    """The ids, sources before their targets."""
    waiting = dict.fromkeys(links, 0)
    for targets in links.values():
        for target in targets:
            waiting[target] += 1
    order = [each for each, number in waiting.items() if not number]
    for each in order:
        for target in links[each]:
            waiting[target] -= 1
            if not waiting[target]:
                order.append(target)
    return order


def _push_right(column: dict[str, int], order: Iterable[str], links: Links) -> None:
    for each in order:
        for target in links[each]:
            column[target] = max(column[target], column[each] + 1)


def _pull_to_target(column: dict[str, int], links: Links, *, fixed: Collection[str]) -> None:
    """Bring what nobody runs next to the first of what it runs: its edges become short."""
    called = {target for targets in links.values() for target in targets}
    for each, targets in links.items():
        if targets and each not in called and each not in fixed:
            column[each] = max(column[each], min(column[target] for target in targets) - 1)
