"""Where everything of a picture stands, in pixels: connected parts first, the rest below."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pytest_dbxgate.reporting import graph_order
from pytest_dbxgate.reporting.graph import Edge, Node, Picture, by_folder, plain, shortened
from pytest_dbxgate.reporting.graph_columns import columns, components
from pytest_dbxgate.reporting.graph_order import GAP, LANE_BOTTOM, LANE_TOP, NODE_HEIGHT
from pytest_dbxgate.reporting.text import columns as text_columns

LABEL_LIMIT = 34
"""Characters of a name that are shown."""
_LABEL_LEAST = 12
_LABEL_ROOM = 270.0
_CAPITAL = 9.0
CHARACTER = 6.7
"""The width of one, in pixels, in a wide font."""

_LANE_SIDE = 10.0
_CAPTION_LIMIT = 230.0
"""How wide a folder of few notebooks may get for its name."""
_BLOCK_GAP = 28.0
_HEADING = 34.0
"""Above the part that has no connections."""
_RATIO = 1.7
"""Width to height that is aimed at."""


@dataclass(frozen=True, slots=True)
class Box:
    """A node, or a folder's background. ``x`` and ``y`` are its upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything that is to be drawn."""

    width: float
    height: float
    nodes: Mapping[str, Box]
    folders: Sequence[tuple[str, Box]]
    routes: Mapping[Edge, Sequence[tuple[float, float]]]
    """The middles of the columns' sides that an edge passes, from left to right."""
    loose: float | None
    """Where the part without connections begins; None where there is none."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """A block with coordinates of its own."""

    width: float
    height: float
    nodes: Mapping[str, Box]
    folders: Sequence[tuple[str, Box]]
    routes: Mapping[Edge, Sequence[tuple[float, float]]]


def layout(picture: Picture, hubs: Collection[str] = ()) -> Layout:
    """Lay out a completed picture. The same picture gives the same layout.

    ``hubs`` count as connected though edges may lead to references to them.
    """
    nodes = {node.id: node for node in picture.nodes}
    pairs = [(edge.source, edge.target) for edge in picture.edges]
    parts = components(nodes, pairs)
    of_part = {each: number for number, part in enumerate(parts) for each in part}
    edges: dict[int, list[Edge]] = {}
    for edge in picture.edges:
        edges.setdefault(of_part[edge.source], []).append(edge)
    connected = [
        _connected([nodes[each] for each in part], edges[number])
        for number, part in enumerate(parts)
        if number in edges
    ]
    alone = [nodes[part[0]] for number, part in enumerate(parts) if number not in edges]
    connected += [_grid(node.folder, [node]) for node in alone if node.id in hubs]
    single = [node for node in alone if node.id not in hubs]
    loose = [_grid(folder, each) for folder, each in by_folder(single).items()]
    return _packed(connected, loose)


def node_width(node: Node) -> float:
    """How wide its box has to be for its name and its badges."""
    badges = sum(22 + 6 * len(str(each)) for each in (node.errors, node.warnings) if each)
    return 44 + max(CHARACTER * _LABEL_LEAST, _text_width(shown_label(node))) + badges


def shown_label(node: Node) -> str:
    """As much of its name as there is room for: fewer characters where they are wide ones."""
    label, limit = plain(node.label), LABEL_LIMIT
    shown = shortened(label, limit)
    while limit > 5 and _text_width(shown) > _LABEL_ROOM:
        limit -= 1
        shown = shortened(label, limit)
    return shown


def _text_width(text: str) -> float:
    """How wide it gets at most, in pixels: capitals and signs of two columns take more."""
    wide = sum(each.isupper() or each in "@%_—" for each in text)
    return CHARACTER * text_columns(text) + (_CAPITAL - CHARACTER) * wide


def _connected(nodes: Sequence[Node], edges: Sequence[Edge]) -> _Placed:
    pairs = [(edge.source, edge.target) for edge in edges]
    column = columns({node.id: node.kind for node in nodes}, pairs)
    part = graph_order.block(nodes, edges, column)
    graph_order.arrange(part)
    x, widths = _column_places(nodes, edges, column)
    boxes: dict[str, Box] = {}
    folders: list[tuple[str, Box]] = []
    for lane in part.lanes:
        shown = [item for item in lane.items() if item.node is not None]
        for item in shown:
            if item.node is not None:
                place = Box(x[item.column], item.y, widths[item.column], item.height)
                boxes[item.node.id] = place
        first, last = (f(item.column for item in shown) for f in (min, max))
        top = min(item.y for item in shown) - LANE_TOP
        bottom = max(item.y + item.height for item in shown) + LANE_BOTTOM
        left = x[first] - _LANE_SIDE
        right = x[last] + widths[last] + _LANE_SIDE
        folders.append((lane.folder, Box(left, top, right - left, bottom - top)))
    routes = {
        edge: [
            (x[item.column] + side * widths[item.column], item.middle)
            for item in route
            for side in (0, 1)
        ][1:-1]
        for edge, route in part.routes.items()
    }
    height = max(box.y + box.height for _, box in folders)
    return _Placed(x[-1] + widths[-1] + _LANE_SIDE, height, boxes, folders, routes)


def _column_places(
    nodes: Sequence[Node], edges: Sequence[Edge], column: Mapping[str, int]
) -> tuple[list[float], list[float]]:
    """The left side and the width of each column; the more edges, the wider what is between."""
    widths = [0.0] * (1 + max(column.values()))
    for node in nodes:
        widths[column[node.id]] = max(widths[column[node.id]], node_width(node))
    passing = [0] * (len(widths) + 1)
    for edge in edges:
        ends = sorted((column[edge.source], column[edge.target]))
        passing[ends[0]] += 1
        passing[ends[1]] -= 1
    x, at, between = [], _LANE_SIDE, 0
    for number, width in enumerate(widths):
        x.append(at)
        between += passing[number]
        at += width + 70 + min(90, 2 * between)
    return x, widths


def _grid(folder: str, nodes: Sequence[Node]) -> _Placed:
    """Nodes without edges, in a few columns."""
    number = min(4, math.ceil(math.sqrt(len(nodes) / 2)))
    rows = math.ceil(len(nodes) / number)
    boxes: dict[str, Box] = {}
    x = _LANE_SIDE
    for start in range(0, len(nodes), rows):
        column = nodes[start : start + rows]
        width = max(node_width(node) for node in column)
        for row, node in enumerate(column):
            boxes[node.id] = Box(x, LANE_TOP + row * (NODE_HEIGHT + GAP), width, NODE_HEIGHT)
        x += width + GAP
    width = max(x - GAP + _LANE_SIDE, min(_CAPTION_LIMIT, 20 + 6.3 * len(folder)))
    height = LANE_TOP + rows * (NODE_HEIGHT + GAP) - GAP + LANE_BOTTOM
    return _Placed(width, height, boxes, [(folder, Box(0, 0, width, height))], {})


def _packed(connected: Sequence[_Placed], loose: Sequence[_Placed]) -> Layout:
    everything = [*connected, *loose]
    area = sum((part.width + _BLOCK_GAP) * (part.height + _BLOCK_GAP) for part in everything)
    widest = max((part.width for part in everything), default=0.0)
    width = max(widest, 900.0, math.sqrt(area * _RATIO))
    nodes: dict[str, Box] = {}
    folders: list[tuple[str, Box]] = []
    routes: dict[Edge, Sequence[tuple[float, float]]] = {}
    bottom, heading = 0.0, None
    for parts in (sorted(connected, key=lambda part: -part.height), loose):
        if parts and parts is loose:
            heading = bottom
            bottom += _HEADING
        top, used = bottom, [(0.0, 0.0)]
        for part in parts:
            x, y = _free(used, part.width + _BLOCK_GAP, part.height + _BLOCK_GAP, width)
            y += top
            bottom = max(bottom, y + part.height + _BLOCK_GAP)
            nodes.update({each: _moved(box, x, y) for each, box in part.nodes.items()})
            folders += [(name, _moved(box, x, y)) for name, box in part.folders]
            for edge, points in part.routes.items():
                routes[edge] = [(px + x, py + y) for px, py in points]
    right = max((box.x + box.width for _, box in folders), default=0.0)
    return Layout(right, max(0.0, bottom - _BLOCK_GAP), nodes, folders, routes, heading)


def _moved(box: Box, x: float, y: float) -> Box:
    return Box(box.x + x, box.y + y, box.width, box.height)


def _free(
    skyline: list[tuple[float, float]], width: float, height: float, limit: float
) -> tuple[float, float]:
    """The highest free place for a block, then the leftmost; it is taken from ``skyline``, steps
    of (x, y) from left to right that each reach to the next."""
    best = (math.inf, 0.0)
    for x, _ in skyline:
        if x == 0 or x + width <= limit + _BLOCK_GAP:
            ends = [*(each for each, _ in skyline[1:]), math.inf]
            top = max(
                y
                for (left, y), end in zip(skyline, ends, strict=True)
                if left < x + width and end > x
            )
            best = min(best, (top, x))
    top, x = best
    after = next(y for left, y in reversed(skyline) if left <= x + width)
    kept = [step for step in skyline if step[0] < x]
    rest = [step for step in skyline if step[0] > x + width]
    skyline[:] = [*kept, (x, top + height), (x + width, after), *rest]
    return x, top
