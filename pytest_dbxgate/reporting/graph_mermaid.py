"""The picture of a project as a Mermaid flowchart, for pages and pull requests that show them."""

from __future__ import annotations

import json
from collections.abc import Iterator

from pytest_dbxgate.reporting.graph import (
    FILE,
    JOB,
    MODULE,
    NOTEBOOK,
    NOTEBOOK_RUN,
    RUN,
    TASK,
    Node,
    Picture,
    by_folder,
    completed,
    findings,
    missing,
    plain,
    shortened,
    summary,
)

_LABEL_LIMIT = 40

_SHAPES = {
    JOB: ('{{"', '"}}'),
    NOTEBOOK: ('("', '")'),
    MODULE: ('[["', '"]]'),
    FILE: ('["', '"]'),
}

_ARROWS = {RUN: ("-->", "--x"), NOTEBOOK_RUN: ("-.->", "-.-x"), TASK: ("==>", "==x")}
_IMPORT = ("--o", "--x")
"""How an edge is drawn, and how a broken one."""

_CLASSES = """\
  classDef clean fill:#ffffff,stroke:#7b8794,color:#1f2937
  classDef job fill:#e8f0fe,stroke:#2f5fb3,color:#1f2937
  classDef module fill:#f1ecfb,stroke:#6f4bb2,color:#1f2937
  classDef warnings fill:#fff7e0,stroke:#a15c00,stroke-width:2px,color:#1f2937
  classDef errors fill:#fdecec,stroke:#b42318,stroke-width:3px,color:#1f2937
  classDef missing fill:#fdecec,stroke:#b42318,stroke-dasharray:4 3,color:#1f2937"""


def render(picture: Picture) -> str:
    """``picture`` as a flowchart that ends in a newline. Names may be any text."""
    whole = completed(picture)
    title = f"{shortened(plain(whole.title), 90)}: {summary(whole)}"
    lines = ["---", f"title: {json.dumps(title)}", "---", "flowchart LR", *_body(whole), _CLASSES]
    return "\n".join(lines) + "\n"


def _body(picture: Picture) -> Iterator[str]:
    ids = {node.id: f"n{number}" for number, node in enumerate(picture.nodes)}
    gone = missing(picture)
    for number, (folder, nodes) in enumerate(by_folder(picture.nodes).items()):
        inside = "    " if folder else "  "
        if folder:
            yield f'  subgraph f{number}["{escaped(shortened(plain(folder), _LABEL_LIMIT))}"]'
        for node in nodes:
            left, right = _SHAPES[node.kind]
            level = "missing" if node.id in gone else _level(node)
            yield f"{inside}{ids[node.id]}{left}{_label(node)}{right}:::{level}"
        if folder:
            yield "  end"
    broken = []
    for number, edge in enumerate(picture.edges):
        arrow = _ARROWS.get(edge.kind, _IMPORT)[edge.broken]
        yield f"  {ids[edge.source]} {arrow} {ids[edge.target]}"
        if edge.broken:
            broken.append(str(number))
    if broken:
        yield f"  linkStyle {','.join(broken)} stroke:#b42318,stroke-width:2px"


def _level(node: Node) -> str:
    if node.errors or node.warnings:
        return "errors" if node.errors else "warnings"
    return node.kind if node.kind in (JOB, MODULE) else "clean"


def _label(node: Node) -> str:
    name = escaped(shortened(plain(node.label), _LABEL_LIMIT))
    found = findings(node)
    return f"{name}<br/>{found}" if found else name


def escaped(text: str) -> str:
    """``text`` for a quoted label: whatever could mean something to Mermaid, to Markdown or to
    HTML stands as the number of its character."""
    return "".join(each if each.isalnum() or each in " ./-,:" else _code(each) for each in text)


def _code(character: str) -> str:
    # An underscore alone would begin Markdown's emphasis in some versions.
    return f"#{ord(character)};"
