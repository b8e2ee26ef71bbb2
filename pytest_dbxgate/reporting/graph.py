"""The picture of a project as values: what is drawn, and nothing of how."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from pytest_dbxgate.reporting.text import clean

NOTEBOOK, MODULE, JOB, FILE = "notebook", "module", "job", "file"
NODE_KINDS = (NOTEBOOK, MODULE, JOB, FILE)
"""What a node stands for; a file is none of the others, or a target that is not there."""

RUN, NOTEBOOK_RUN, IMPORT, TASK = "run", "notebook_run", "import", "task"
EDGE_KINDS = (RUN, NOTEBOOK_RUN, IMPORT, TASK)
"""How one node uses another: ``%run``, ``dbutils.notebook.run``, an import, a task of a job."""


@dataclass(frozen=True, order=True, slots=True)
class Node:
    """A notebook, a module, a job or another file."""

    id: str
    """Its path, or what else identifies it; shown where there is room for it."""
    label: str
    kind: str
    """One of ``NODE_KINDS``."""
    folder: str = ""
    """Relative to the root, with ``/``; empty for the root."""
    language: str = ""
    errors: int = 0
    warnings: int = 0


@dataclass(frozen=True, order=True, slots=True)
class Edge:
    """``source`` uses ``target``; both are ids."""

    source: str
    target: str
    kind: str
    """One of ``EDGE_KINDS``."""
    broken: bool = False
    """Whether it leads nowhere, or must not be."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A graph to draw. A target that is no node is drawn as something that is missing."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...] = ()


def completed(picture: Picture) -> Picture:
    """``picture`` sorted, each node and edge once, with a node for whatever an edge names.

    What is missing and in no folder is put beside what looks for it.
    """
    nodes = {
        node.id: node if node.kind in NODE_KINDS else replace(node, kind=FILE)
        for node in sorted(picture.nodes, reverse=True)
    }
    edges: dict[tuple[str, str, str], Edge] = {}
    for each in sorted(picture.edges):
        edge = each if each.kind in EDGE_KINDS else replace(each, kind=RUN)
        edges[edge.source, edge.target, edge.kind] = edge
        for end in (edge.source, edge.target):
            if end not in nodes:
                folder, _, label = end.rpartition("/")
                nodes[end] = Node(end, label or end, FILE, folder)
        target = nodes[edge.target]
        if edge.broken and target.kind == FILE and not target.folder:
            nodes[edge.target] = replace(target, folder=nodes[edge.source].folder)
    return Picture(picture.title, tuple(sorted(nodes.values())), tuple(sorted(edges.values())))


def missing(picture: Picture) -> frozenset[str]:
    """The files that nothing but broken edges lead to."""
    files = {node.id for node in picture.nodes if node.kind == FILE}
    broken = {edge.target for edge in picture.edges if edge.broken}
    return frozenset(files & broken)


def summary(picture: Picture) -> str:
    """``42 notebooks, 3 jobs; 5 with errors, 2 with warnings only``."""
    kinds = Counter(node.kind for node in picture.nodes)
    what = [_counted(kinds[kind], kind) for kind in NODE_KINDS if kinds[kind]]
    errors = sum(1 for node in picture.nodes if node.errors)
    warnings = sum(1 for node in picture.nodes if node.warnings and not node.errors)
    found = [f"{errors} with errors"] if errors else []
    if warnings:
        found.append(f"{warnings} with warnings only" if errors else f"{warnings} with warnings")
    return f"{', '.join(what) or 'nothing'}; {', '.join(found) or 'no findings'}"


def findings(node: Node) -> str:
    """``2 errors, 1 warning``; empty where there are none."""
    parts = ((node.errors, "error"), (node.warnings, "warning"))
    return ", ".join(_counted(number, noun) for number, noun in parts if number)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def shortened(text: str, limit: int) -> str:
    """``text`` in at most ``limit`` (5 or more) characters, cut in the middle: names of
    notebooks differ at their beginning and their end."""
    if len(text) <= limit:
        return text
    tail = (limit - 1) // 2
    return f"{text[: limit - 1 - tail]}…{text[-tail:]}"


_NOT_XML = re.compile("[\ufffe\uffff\U0001fffe\U0001ffff]")


def plain(text: str) -> str:
    """``text`` without a character that an XML or text file may not hold or would act on."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", clean(text, tab=" ", limit=300))


def by_folder(nodes: Iterable[Node]) -> dict[str, list[Node]]:
    """The nodes of each folder, folders sorted."""
    folders: dict[str, list[Node]] = {}
    for node in sorted(nodes, key=lambda each: (each.folder, each.id)):
        folders.setdefault(node.folder, []).append(node)
    return folders
