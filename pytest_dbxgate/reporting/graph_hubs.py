"""Taking a graph apart at what everybody uses.

One setup notebook that every other one runs ties the whole project into one knot. It is drawn
once, and beside each group of its callers stands a reference to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from pytest_dbxgate.reporting.graph import Picture, shortened
from pytest_dbxgate.reporting.graph_columns import components

_CALLERS = 16
"""From how many on, in at least ``_FOLDERS`` folders, a node is a hub."""
_FOLDERS = 3


def taken_apart(picture: Picture) -> tuple[Picture, Mapping[str, str]]:
    """``picture`` with references in place of hubs, and the hub's id by the reference's."""
    nodes = {node.id: node for node in picture.nodes}
    callers: dict[str, set[str]] = {}
    for edge in picture.edges:
        callers.setdefault(edge.target, set()).add(edge.source)
    hubs = {
        each
        for each, them in callers.items()
        if len(them) >= _CALLERS and len({nodes[one].folder for one in them}) >= _FOLDERS
    }
    if not hubs:
        return picture, {}
    pairs: list[tuple[str, str]] = []
    first: dict[tuple[str, str], str] = {}
    for edge in picture.edges:
        if edge.target in hubs:  # the callers in one folder share a reference
            beside = first.setdefault((edge.target, nodes[edge.source].folder), edge.source)
            pairs.append((edge.source, beside))
        else:
            pairs.append((edge.source, edge.target))
    part = {each: number for number, ids in enumerate(components(nodes, pairs)) for each in ids}
    _bring_home(hubs, callers, part)
    references: dict[str, str] = {}
    added, edges = [], []
    for edge in picture.edges:
        if edge.target in hubs and part[edge.source] != part[edge.target]:
            name = f"{edge.target}\0{part[edge.source]}"
            if name not in references:
                references[name] = edge.target
                added.append(replace(nodes[edge.target], id=name))
            edges.append(replace(edge, target=name))
        else:
            edges.append(edge)
    for hub in set(references.values()):
        label = f"{shortened(nodes[hub].label, 20)} (used {len(callers[hub])} times)"
        nodes[hub] = replace(nodes[hub], label=label)
    whole = tuple(sorted((*nodes.values(), *added)))
    return Picture(picture.title, whole, tuple(sorted(edges))), references


def _bring_home(
    hubs: Iterable[str], callers: Mapping[str, Collection[str]], part: dict[str, int]
) -> None:
    """Put a hub that is joined to nothing else to the half of its callers, where one is."""
    sizes = Counter(part.values())
    for hub in sorted(hubs):
        if sizes[part[hub]] == 1:
            (home, number), *_ = Counter(part[each] for each in callers[hub]).most_common(1)
            if 2 * number > len(callers[hub]):
                part[hub] = home
