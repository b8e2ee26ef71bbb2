"""``--dbx-graph``: the project as a picture, made of its graph and of what was found."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.references.check import Subject
from pytest_dbxgate.codes import Severity
from pytest_dbxgate.files import write_report
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.facts import NotebookFacts
from pytest_dbxgate.project.graph import EdgeKind
from pytest_dbxgate.project.project import Project
from pytest_dbxgate.reporting import graph_mermaid, graph_svg
from pytest_dbxgate.reporting.graph import Edge, Node, Picture

_BROKEN = {"DBX302": "run", "DBX303": "run", "DBX304": "run", "DBX305": "run", "DBX423": "task"}
"""Codes of edges that lead nowhere -> the kind of edge."""

_LANGUAGES = {".py": "python", ".sql": "sql", ".scala": "scala", ".r": "r"}
"""The language of a source notebook; of others their first cell's tells."""

_NAMED = re.compile(r"`([^`]+)`")


def write(file: Path, subject: Subject, findings: Sequence[Finding]) -> None:
    """Write the picture as its file's ending says.

    Raises :class:`~pytest_dbxgate.errors.ConfigurationError` where ``file`` cannot be written.
    """
    drawn = picture(subject, findings)
    if file.suffix.lower() == ".svg":
        text = graph_svg.render(drawn)
    else:
        text = graph_mermaid.render(drawn)
        if file.suffix.lower() == ".md":
            text = f"```mermaid\n{text.rstrip()}\n```\n"
    write_report(file, text.encode("utf-8", "backslashreplace"), name="--dbx-graph")


def picture(subject: Subject, findings: Sequence[Finding]) -> Picture:
    """Notebooks, job files, and the modules that something imports."""
    errors = _count(findings, Severity.ERROR)
    warnings = _count(findings, Severity.WARNING)
    project = subject.project

    def node(key: NotebookKey, kind: str, language: str = "") -> Node:
        folder, name = posixpath.split(key.path if key.member is None else str(key))
        return Node(str(key), name, kind, folder, language, errors[key], warnings[key])

    nodes = {
        key: node(key, "notebook", _language(facts)) for key, facts in project.notebooks.items()
    }
    nodes |= {NotebookKey(path): node(NotebookKey(path), "job") for path in subject.jobs.files}
    edges: dict[Edge, None] = {}
    for edge in subject.graph.edges:
        for key in (edge.source, edge.target):
            nodes.setdefault(key, node(key, "module"))
        edges[Edge(str(edge.source), str(edge.target), _kind(edge.kind))] = None
    for found in findings:
        if found.code in _BROKEN:
            target = _NAMED.search(found.message)
            name = target[1] if target else found.message
            missing = NotebookKey(f"{found.key} -> {name}")
            nodes[missing] = Node(str(missing), name, "file", "", "", 1, 0)
            kind = "notebook_run" if _is_call(project, found) else _BROKEN[found.code]
            edges[Edge(str(found.key), str(missing), kind, broken=True)] = None
    return Picture(subject.root.name, tuple(nodes.values()), tuple(edges))


def _language(facts: NotebookFacts) -> str:
    own = _LANGUAGES.get(posixpath.splitext(facts.key.path)[1].lower())
    return own or next(iter(facts.languages), "")


def _is_call(project: Project, found: Finding) -> bool:
    """Whether what leads nowhere is a ``dbutils.notebook.run``."""
    facts = project.notebooks.get(found.key)
    calls = facts.notebook_runs if facts else ()
    place = (found.cell, found.cell_line)
    return any((call.spot.cell, call.spot.line) == place for call in calls)


def _count(findings: Iterable[Finding], severity: Severity) -> Mapping[NotebookKey, int]:
    return Counter(finding.key for finding in findings if finding.severity is severity)


def _kind(kind: EdgeKind) -> str:
    return kind.name.lower()
