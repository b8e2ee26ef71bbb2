"""The order of what stands in the columns of a graph: few crossings, folders kept together.

A *lane* is a folder. Its nodes stay together from column to column. An edge that passes a column
does so at a *waypoint*; edges of one kind to one target share it.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from pytest_dbxgate.reporting.graph import Edge, Node

NODE_HEIGHT, WAYPOINT_HEIGHT, GAP = 24.0, 6.0, 9.0
LANE_TOP, LANE_BOTTOM, LANE_GAP = 24.0, 9.0, 12.0
"""Space for the folder's name, below its last node, and between two folders."""

_SWEEPS, _SWEEPS_OF_MANY, _MANY = 12, 4, 5_000
"""How often the order is bettered, and how often where there are many items: nobody can follow
their edges anyway."""
_WAYPOINT_LIMIT = 20_000
_CROSSING_COST = 40.0
"""How much longer, in pixels, edges may get to avoid one crossing."""


@dataclass(slots=True)
class Item:
    """A node or a waypoint. ``y`` is that of its upper side."""

    lane: str
    column: int
    height: float
    node: Node | None = None
    y: float = 0.0
    left: list[Item] = field(default_factory=list, repr=False)
    right: list[Item] = field(default_factory=list, repr=False)

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


@dataclass(slots=True)
class Lane:
    """What stands in one folder, by column, from top to bottom."""

    folder: str
    slots: dict[int, list[Item]] = field(default_factory=dict)
    y: float = 0.0
    height: float = 0.0

    @property
    def span(self) -> range:
        return range(min(self.slots), max(self.slots) + 1)

    def items(self) -> Iterable[Item]:
        return (item for slot in self.slots.values() for item in slot)


@dataclass(slots=True)
class Block:
    """A connected part of the graph."""

    lanes: list[Lane]
    routes: dict[Edge, list[Item]]
    """For each edge the items it passes, from left to right."""
    width: int
    """The number of columns."""


def block(nodes: Sequence[Node], edges: Sequence[Edge], column: Mapping[str, int]) -> Block:
    """Lanes, waypoints and routes, in the order of the names."""
    lanes: dict[str, Lane] = {}

    def add(item: Item) -> Item:
        lane = lanes.setdefault(item.lane, Lane(item.lane))
        lane.slots.setdefault(item.column, []).append(item)
        return item

    by_id = {
        node.id: add(Item(node.folder, column[node.id], NODE_HEIGHT, node))
        for node in sorted(nodes, key=lambda each: (each.folder, each.id))
    }
    waypoints: dict[tuple[str, str, int], Item] = {}
    joined: set[tuple[int, int]] = set()
    routes: dict[Edge, list[Item]] = {}
    for edge in edges:
        ends = by_id[edge.source], by_id[edge.target]
        first, last = sorted(ends, key=lambda item: item.column)
        route = [first]
        for number in range(first.column + 1, last.column):
            key = (edge.target, edge.kind, number)
            if key not in waypoints:
                if len(waypoints) >= _WAYPOINT_LIMIT:
                    break
                waypoints[key] = add(Item(ends[1].lane, number, WAYPOINT_HEIGHT))
            route.append(waypoints[key])
        route.append(last)
        routes[edge] = route
        for one, other in pairwise(route):
            if one.column < other.column and (id(one), id(other)) not in joined:
                joined.add((id(one), id(other)))
                one.right.append(other)
                other.left.append(one)
    ordered = [lanes[folder] for folder in sorted(lanes)]
    return Block(ordered, routes, 1 + max(column[node.id] for node in nodes))


def arrange(part: Block) -> None:
    """Order lanes and items, then place them."""
    _stack(part)
    best, cost = _snapshot(part), _cost(part)
    items = sum(1 for lane in part.lanes for _ in lane.items())
    for number in range(_SWEEPS if items < _MANY else _SWEEPS_OF_MANY):
        forward = number % 2 == 0
        for lane in part.lanes:
            for slot in lane.slots.values():
                slot.sort(key=lambda item: _wish(item.left if forward else item.right, item))
        _stack(part)
        if number % 4 >= 2:
            part.lanes.sort(key=_lane_wish)
            _stack(part)
        if (now := _cost(part)) < cost:
            best, cost = _snapshot(part), now
    _restore(part, best)
    _stack(part)
    for _ in range(3):
        _slide(part)
        for lane in part.lanes:
            for slot in lane.slots.values():
                _relax(lane, slot)


def _wish(neighbours: Sequence[Item], item: Item) -> float:
    if not neighbours:
        return item.middle
    return sum(each.middle for each in neighbours) / len(neighbours)


def _lane_wish(lane: Lane) -> float:
    others = [
        each.middle
        for item in lane.items()
        for each in (*item.left, *item.right)
        if each.lane != lane.folder
    ]
    return sum(others) / len(others) if others else lane.y + lane.height / 2


def _stack(part: Block) -> None:
    """Place the lanes from top to bottom, those that share no column side by side."""
    bottom = [0.0] * part.width
    for lane in part.lanes:
        span = slice(lane.span.start, lane.span.stop)
        lane.y = max(bottom[span])
        height = 0.0
        for slot in lane.slots.values():
            y = lane.y + LANE_TOP
            for item in slot:
                item.y = y
                y += item.height + GAP
            height = max(height, y - GAP + LANE_BOTTOM - lane.y)
        lane.height = height
        bottom[span] = [lane.y + height + LANE_GAP] * len(lane.span)


def _slide(part: Block) -> None:
    """Move lanes down, where there is room, towards what they are joined to."""
    end = max(lane.y + lane.height for lane in part.lanes)
    floor = [end + LANE_GAP] * part.width
    for lane in reversed(part.lanes):
        span = slice(lane.span.start, lane.span.stop)
        room = min(floor[span]) - LANE_GAP - lane.y - lane.height
        wish = _lane_wish(lane) - lane.y - lane.height / 2
        step = max(0.0, min(room, wish))
        lane.y += step
        for item in lane.items():
            item.y += step
        floor[span] = [lane.y] * len(lane.span)


def _relax(lane: Lane, slot: Sequence[Item]) -> None:
    """Move the items of one column towards their neighbours, their order kept."""
    y = lane.y + LANE_TOP
    for item in slot:
        neighbours = [*item.left, *item.right]
        item.y = max(y, _wish(neighbours, item) - item.height / 2)
        y = item.y + item.height + GAP
    limit = lane.y + lane.height - LANE_BOTTOM
    for item in reversed(slot):
        item.y = min(item.y, limit - item.height)
        limit = item.y - GAP


def _cost(part: Block) -> float:
    """Crossings, and the height that edges climb."""
    links: dict[int, list[tuple[float, float]]] = {}
    climbed = 0.0
    for lane in part.lanes:
        for item in lane.items():
            for other in item.right:
                links.setdefault(item.column, []).append((item.middle, other.middle))
                climbed += abs(item.middle - other.middle)
    return climbed + _CROSSING_COST * sum(map(_crossings, links.values()))


def _crossings(links: list[tuple[float, float]]) -> int:
    seen: list[float] = []
    number = 0
    for _, right in sorted(links):
        number += len(seen) - bisect_right(seen, right)
        insort(seen, right)
    return number


_Snapshot = list[tuple[Lane, dict[int, list[Item]]]]


def _snapshot(part: Block) -> _Snapshot:
    return [(lane, {at: list(slot) for at, slot in lane.slots.items()}) for lane in part.lanes]


def _restore(part: Block, snapshot: _Snapshot) -> None:
    part.lanes = [lane for lane, _ in snapshot]
    for lane, slots in snapshot:
        lane.slots = slots
