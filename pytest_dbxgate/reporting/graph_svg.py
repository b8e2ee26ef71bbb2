"""The picture of a project as SVG: one file without scripts, fonts or links.

What tells things apart differs in shape or text as well as in colour.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from xml.sax.saxutils import escape

from pytest_dbxgate.reporting.graph import (
    FILE,
    IMPORT,
    JOB,
    MODULE,
    NOTEBOOK,
    NOTEBOOK_RUN,
    RUN,
    TASK,
    Edge,
    Node,
    Picture,
    completed,
    findings,
    missing,
    plain,
    shortened,
    summary,
)
from pytest_dbxgate.reporting.graph_hubs import taken_apart
from pytest_dbxgate.reporting.graph_layout import CHARACTER, Box, Layout, layout, shown_label

_MARGIN = 24.0
_HEAD = 134.0
"""The height of the title and the legend."""
_LEGEND_WIDTH = 900.0

_TAGS = {"python": "PY", "sql": "SQL", "scala": "SCA", "r": "R"}
_KIND_TAGS = {JOB: "JOB", MODULE: "MOD", FILE: "FILE"}
_NOUNS = {
    RUN: "%run",
    NOTEBOOK_RUN: "dbutils.notebook.run",
    IMPORT: "import",
    TASK: "task of a job",
}

_STYLE = """\
text{font-family:"Segoe UI",Roboto,Helvetica,Arial,"DejaVu Sans",sans-serif;font-size:11.5px;\
fill:#1f2937}
.title{font-size:17px;font-weight:600}
.soft{fill:#5b6472}
.folder{fill:#f3f5f8;stroke:#dfe4ea}
.caption{font-size:11px;fill:#5b6472}
.box{fill:#fff;stroke:#7b8794}
.job .box{fill:#e8f0fe;stroke:#2f5fb3}
.module .box{fill:#f1ecfb;stroke:#6f4bb2}
.file .box{stroke-dasharray:4 3}
.warnings .box{fill:#fff7e0;stroke:#a15c00;stroke-width:1.6}
.errors .box,.missing .box{fill:#fdecec;stroke:#b42318;stroke-width:1.8}
.reference .box{stroke-dasharray:1.5 2.5}
.reference text{font-style:italic}
.tag{font-size:8.5px;font-weight:600;fill:#5b6472}
.error-badge{fill:#b42318}
.warning-badge{fill:#fff;stroke:#a15c00;stroke-width:1.4}
.count{font-size:10px;font-weight:700;text-anchor:middle}
.edge{fill:none;stroke:#64748b;stroke-width:1.2}
.notebook_run{stroke:#0e7490;stroke-dasharray:8 4}
.import{stroke:#6f4bb2;stroke-dasharray:2 3}
.task{stroke:#2f5fb3;stroke-width:2}
.broken{stroke:#b42318;stroke-width:1.8}
.edge:hover{stroke-width:4}
"""


def render(picture: Picture) -> str:
    """``picture`` as an SVG document that ends in a newline. Names may be any text."""
    whole = completed(picture)
    apart, references = taken_apart(whole)
    place = layout(apart, set(references.values()))
    width = max(place.width, _LEGEND_WIDTH) + 2 * _MARGIN
    height = place.height + _HEAD + _MARGIN
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
        f"<title>{_text(whole.title)}</title>",
        f"<style>{_STYLE}</style>",
        f"<defs>{''.join(_markers())}</defs>",
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
        *_head(whole, has_references=bool(references)),
        f'<g transform="translate({_MARGIN:.0f} {_HEAD:.0f})">',
        *_body(apart, place, references, missing(whole)),
        "</g>",
        "</svg>",
    ]
    return "\n".join(filter(None, lines)) + "\n"


def _body(
    picture: Picture, place: Layout, references: Mapping[str, str], gone: Collection[str]
) -> Iterator[str]:
    for folder, box in place.folders:
        yield from _folder(folder, box)
    if place.loose is not None:
        yield f'<text class="soft" x="0" y="{place.loose + 16:.1f}">Without connections</text>'
    labels = {node.id: node.label for node in picture.nodes}
    ports = _ports(picture.edges, place)
    drawn: set[tuple[object, ...]] = set()
    for edge in picture.edges:
        title = f"{labels[edge.source]} → {labels[edge.target]} ({_NOUNS[edge.kind]})"
        yield _edge(edge, _ways(edge, place, ports[edge], drawn), place, title)
    for node in picture.nodes:
        yield from _node(
            node,
            place.nodes[node.id],
            is_missing=references.get(node.id, node.id) in gone,
            is_reference=node.id in references,
        )


def _folder(folder: str, box: Box) -> Iterator[str]:
    name = shortened(plain(folder) or "(root)", max(5, int((box.width - 16) / 6.3)))
    yield f"<g><title>{_text(folder or '(root)')}</title>"
    yield f'<rect class="folder" rx="7" {_area(box)}/>'
    place = f'x="{box.x + 9:.1f}" y="{box.y + 16:.1f}"'
    yield f'<text class="caption" {place}>{escape(name)}</text></g>'


def _node(
    node: Node, box: Box, *, is_missing: bool = False, is_reference: bool = False
) -> Iterator[str]:
    level = "missing" if is_missing else "errors" if node.errors else ""
    level = level or ("warnings" if node.warnings else "clean")
    about = "not there" if is_missing else findings(node) or "no findings"
    kind = node.language or node.kind if node.kind == NOTEBOOK else node.kind
    if is_reference:
        level, about = f"{level} reference", f"{about}; drawn in full elsewhere"
    yield f'<g class="{node.kind} {level}">'
    yield f"<title>{_text(node.id.partition(chr(0))[0])}\n{_text(kind)}, {about}</title>"
    yield _shape(node.kind, box)
    middle = box.y + box.height / 2
    tag = _KIND_TAGS.get(node.kind) or _TAGS.get(node.language, "NB")
    tag = "SEE" if is_reference else tag
    yield f'<text class="tag" x="{box.x + 8:.1f}" y="{middle + 3:.1f}">{tag}</text>'
    label = escape(shown_label(node))
    yield f'<text x="{box.x + 34:.1f}" y="{middle + 4:.1f}">{label}</text>'
    yield from _badges(node, box.x + box.width - 5, middle)
    yield "</g>"


def _shape(kind: str, box: Box) -> str:
    """Notebooks have round corners, modules square ones, jobs pointed sides."""
    if kind != JOB:
        radius = 0 if kind == MODULE else 5
        return f'<rect class="box" rx="{radius}" {_area(box)}/>'
    left, right, middle = box.x, box.x + box.width, box.y + box.height / 2
    top, bottom = box.y, box.y + box.height
    return (
        f'<path class="box" d="M{left:.1f} {middle:.1f}L{left + 6:.1f} {top:.1f}H{right - 6:.1f}'
        f'L{right:.1f} {middle:.1f}L{right - 6:.1f} {bottom:.1f}H{left + 6:.1f}Z"/>'
    )


def _badges(node: Node, right: float, middle: float) -> Iterator[str]:
    """The numbers of findings, ``x2`` filled for errors and ``!1`` outlined for warnings."""
    for number, sign, name, ink in (
        (node.warnings, "!", "warning-badge", "#7a4500"),
        (node.errors, "\u00d7", "error-badge", "#fff"),
    ):
        if number:
            text = f"{sign}{number:d}"
            width = 8 + 6.5 * len(text)
            right -= width
            yield (
                f'<rect class="{name}" x="{right:.1f}" y="{middle - 7.5:.1f}" '
                f'width="{width:.1f}" height="15" rx="7.5"/>'
            )
            yield (
                f'<text class="count" style="fill:{ink}" x="{right + width / 2:.1f}" '
                f'y="{middle + 3.6:.1f}">{text}</text>'
            )
            right -= 3


_Ports = tuple[float, float]


def _ports(edges: Sequence[Edge], place: Layout) -> dict[Edge, _Ports]:
    """How far above or below the middle of its nodes each edge begins and ends: those that
    lead up leave above those that lead down, and each kind of edge has a place of its own."""
    ends: dict[tuple[str, bool], list[tuple[float, Edge]]] = {}
    for edge in edges:
        route = place.routes[edge]
        left, right = edge.source, edge.target
        if _is_backward(edge, place):
            left, right = right, left
        ends.setdefault((left, False), []).append((route[1][1], edge))
        ends.setdefault((right, True), []).append((route[-2][1], edge))
    shifts: dict[Edge, list[float]] = {edge: [0.0, 0.0] for edge in edges}
    for (_, is_right), group in ends.items():
        ways = {edge: (y, edge.kind, _is_backward(edge, place)) for y, edge in group}
        sorted_ways = sorted(set(ways.values()))
        step = min(5.0, 14 / len(sorted_ways))
        at = {way: (n - (len(sorted_ways) - 1) / 2) * step for n, way in enumerate(sorted_ways)}
        for edge, way in ways.items():
            shifts[edge][is_right] = at[way]
    return {edge: (first, last) for edge, (first, last) in shifts.items()}


def _is_backward(edge: Edge, place: Layout) -> bool:
    """Whether it leads to the left, as one edge of every circle does."""
    return place.nodes[edge.source].x > place.nodes[edge.target].x


def _ways(edge: Edge, place: Layout, ports: _Ports, drawn: set[tuple[object, ...]]) -> list[str]:
    """The legs of an edge from left to right, each a path; empty where another edge to the same
    target has drawn it (two dashed lines, one on the other, look like a solid one)."""
    if edge.source == edge.target:
        (x, y), *_ = place.routes[edge]
        return [f"M{x:.1f} {y - 5:.1f}c26 -12 26 22 1 10"]
    (x1, y1), *between, (x2, y2) = place.routes[edge]
    points = [(x1, y1 + ports[0]), *between, (x2, y2 + ports[1])]
    legs = []
    for start, end in pairwise(points):
        key = (edge.kind, edge.broken, start, end)
        legs.append("" if key in drawn else _leg(start, end))
        drawn.add(key)
    return legs


def _leg(start: tuple[float, float], end: tuple[float, float]) -> str:
    """Level at both ends, where it meets the columns."""
    (x1, y1), (x2, y2) = start, end
    if abs(y1 - y2) < 0.05:
        return f"M{x1:.1f} {y1:.1f}H{x2:.1f}"
    bend = (x2 - x1) / 2
    return f"M{x1:.1f} {y1:.1f}C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"


def _edge(edge: Edge, legs: Sequence[str], place: Layout, title: str) -> str:
    name = "broken" if edge.broken else edge.kind
    classes = f"edge {edge.kind}{' broken' if edge.broken else ''}"
    backward = _is_backward(edge, place)
    marker = ""
    if legs[0 if backward else -1]:
        marker = f' marker-{"start" if backward else "end"}="url(#{name})"'
    path = "".join(legs)
    if not path:
        return ""
    return f'<path class="{classes}"{marker} d="{path}"><title>{_text(title)}</title></path>'


def _markers() -> Iterator[str]:
    colors = {"run": "#64748b", "notebook_run": "#0e7490", "import": "#6f4bb2", "task": "#2f5fb3"}
    for name, color in {**colors, "broken": "#b42318"}.items():
        yield (
            f'<marker id="{name}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
            f'markerHeight="8" markerUnits="userSpaceOnUse" orient="auto-start-reverse">'
            f'<path d="M0 .6L8 4L0 7.4Z" fill="{color}"/></marker>'
        )


def _head(picture: Picture, *, has_references: bool) -> Iterator[str]:
    title = escape(shortened(plain(picture.title), 90))
    yield f'<text class="title" x="{_MARGIN:.0f}" y="36">{title}</text>'
    yield f'<text class="soft" x="{_MARGIN:.0f}" y="56">{_text(summary(picture))}</text>'
    yield f'<g transform="translate({_MARGIN:.0f} 68)">'
    x = 0.0
    samples = [
        Node("", "job", JOB),
        Node("", "notebook", NOTEBOOK),
        Node("", "with errors", NOTEBOOK, errors=2),
        Node("", "with warnings", NOTEBOOK, warnings=1),
        Node("", "module", MODULE),
        Node("", "missing", FILE),
    ]
    if has_references:
        samples.append(Node("", "elsewhere", NOTEBOOK))
    for node in samples:
        width = 44 + CHARACTER * len(node.label) + (30 if node.errors or node.warnings else 0)
        flags = {"is_missing": node.label == "missing", "is_reference": node.label == "elsewhere"}
        yield from _node(node, Box(x, 0, width, 22), **flags)
        x += width + 14
    yield "</g>"
    yield from _edge_legend()


def _edge_legend() -> Iterator[str]:
    x = _MARGIN
    for kind, noun in _NOUNS.items():
        yield (f'<path class="edge {kind}" marker-end="url(#{kind})" d="M{x:.1f} 102h34"/>')
        yield f'<text class="soft" x="{x + 41:.1f}" y="106">{noun}</text>'
        x += 41 + CHARACTER * len(noun) + 22


def _area(box: Box) -> str:
    return f'x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"'


def _text(text: str) -> str:
    return escape(plain(text))
