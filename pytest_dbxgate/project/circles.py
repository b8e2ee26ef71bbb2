"""Cycles in a directed graph, without recursion: a graph may be thousands deep."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

Node = TypeVar("Node")


def circles(
    following: Mapping[Node, Sequence[Node]], order: Callable[[Node], Any]
) -> tuple[tuple[Node, ...], ...]:
    """For each strongly connected component of several nodes one cycle: the shortest through its
    first node by ``order``, which comes first and once."""
    found = [
        _shortest(following, frozenset(component), min(component, key=order))
        for component in _components(following)
        if len(component) > 1
    ]
    return tuple(sorted(found, key=lambda cycle: order(cycle[0])))


def _components(following: Mapping[Node, Sequence[Node]]) -> Iterator[list[Node]]:
    """The strongly connected components, by Tarjan's algorithm."""
    index: dict[Node, int] = {}
    low: dict[Node, int] = {}
    stack: list[Node] = []
    on_stack: set[Node] = set()
    for start in following:
        if start in index:
            continue
        index[start] = low[start] = len(index)
        stack.append(start)
        on_stack.add(start)
        path = [(start, iter(following[start]))]
        while path:
            node, rest = path[-1]
            for other in rest:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    on_stack.add(other)
                    path.append((other, iter(following.get(other, ()))))
                    break
                if other in on_stack:
                    low[node] = min(low[node], index[other])
            else:
                path.pop()
                if path:
                    above = path[-1][0]
                    low[above] = min(low[above], low[node])
                if low[node] == index[node]:
                    yield _unwind(stack, on_stack, node)


def _unwind(stack: list[Node], on_stack: set[Node], last: Node) -> list[Node]:
    component: list[Node] = []
    while not component or component[-1] != last:
        component.append(stack.pop())
    on_stack.difference_update(component)
    return component


def _shortest(
    following: Mapping[Node, Sequence[Node]], component: Collection[Node], start: Node
) -> tuple[Node, ...]:
    """The shortest way from ``start`` back to it within its component."""
    came_from: dict[Node, Node] = {}
    waiting = deque([start])
    while waiting:
        node = waiting.popleft()
        for other in following.get(node, ()):
            if other == start and node != start:
                way = [node]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return tuple(reversed(way))
            if other in component and other not in came_from and other != start:
                came_from[other] = node
                waiting.append(other)
    return (start,)
