"""The order of writing: what is called stands there before its callers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence


def ranks(names: Sequence[str], edges: Iterable[tuple[str, str]]) -> dict[str, int]:
    """A rank for each name: for (caller, callee) the callee's is lower.

    Names on a circle have no such order; an edge that closes one is passed over. Edges from or
    to other names count for nothing.
    """
    known = set(names)
    callees: dict[str, list[str]] = defaultdict(list)
    for caller, callee in sorted(set(edges)):
        if caller in known and callee in known and caller != callee:
            callees[caller].append(callee)
    found: dict[str, int] = {}
    for name in sorted(known):
        _visit(name, callees, found)
    return found


def _visit(start: str, callees: dict[str, list[str]], found: dict[str, int]) -> None:
    """Depth first, without recursion: chains may be long."""
    open_names: set[str] = set()
    waiting = [(start, False)]
    while waiting:
        name, done = waiting.pop()
        if done:
            open_names.discard(name)
            known = [found[callee] for callee in callees[name] if callee in found]
            found[name] = 1 + max(known, default=-1)
        elif name not in found and name not in open_names:
            open_names.add(name)
            waiting.append((name, True))
            waiting += [(callee, False) for callee in callees[name]]
