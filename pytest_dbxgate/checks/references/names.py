"""Names that flow through ``%run``: F821, DBX321 and DBX322, and the truth about F401.

ruff finds the undefined names, natively and in one process, in synthetic notebooks: for every
notebook that starts a session, one with the cells of all that it brings in, in the order in which
they run. A child of several callers is judged in each of them.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from pytest_dbxgate.checks.python import ruff_bench
from pytest_dbxgate.checks.python.default_rules import GLOBALS
from pytest_dbxgate.checks.python.ruff import Diagnostic
from pytest_dbxgate.checks.references import sheets, star_exports
from pytest_dbxgate.checks.references.claim import Claim
from pytest_dbxgate.checks.references.expansion import Closure, Expander, Expansion
from pytest_dbxgate.checks.references.name_claims import Judged, claims_of, unused_of
from pytest_dbxgate.checks.references.sheets import Sheet
from pytest_dbxgate.checks.references.verdicts import Fault, Found, Nearest, Verdict, judge
from pytest_dbxgate.notebook.model import Notebook, NotebookKey
from pytest_dbxgate.project.facts import Spot
from pytest_dbxgate.project.graph import EdgeKind, Graph
from pytest_dbxgate.project.project import Project
from pytest_dbxgate.project.resolving import Resolver

Broken = frozenset[tuple[NotebookKey, int]]
Read = Callable[[NotebookKey], Notebook | None]

_BATCH = 32 * 1024 * 1024
"""Bytes of synthetic notebooks that ruff gets at a time: what is on disk may be memory."""

_VERSION = "1"
"""Changes when a verdict that is kept would come out otherwise."""


class NamesCache(Protocol):
    """Keeps the verdict of every root, as plain rows for JSON."""

    def names(self, root: NotebookKey, closure: str) -> Any:
        """What :meth:`put_names` was given for a root whose closure has this digest, or None."""

    def put_names(self, root: NotebookKey, closure: str, rows: Any) -> None:
        """Keep ``rows``."""


@dataclass(frozen=True)
class NamesResult:
    """Claims, and the imports that nobody uses wherever their notebook is run."""

    claims: list[Claim] = field(default_factory=list)
    unused: Mapping[NotebookKey, frozenset[tuple[int, int, int]]] = field(default_factory=dict)
    """Cell, cell line and cell column of each, for every notebook asked for. Star imports are
    never among them."""


def check(
    project: Project,
    read: Read,
    keys: Collection[NotebookKey],
    *,
    resolver: Resolver,
    graph: Graph,
    broken: Callable[[Collection[NotebookKey]], Broken],
    root: Path,
    sources: Sequence[str],
    known: NamesCache | None,
) -> NamesResult:
    """The claims about names in the notebooks ``keys``.

    ``read`` gives a notebook, ``broken`` the cells of notebooks that do not parse. Raises
    ``ToolError`` where ruff fails.
    """
    names = _Names(project, resolver, graph)
    wanted = frozenset(keys)
    closures = names.closures(wanted)
    verdicts: dict[NotebookKey, Verdict] = {}
    stale: dict[NotebookKey, str] = {}
    for start, closure in closures.items():
        if not closure.is_whole:
            continue
        digest = names.digest(closure)
        verdict = _from_rows(known.names(start, digest)) if known is not None else None
        if verdict is not None:
            verdicts[start] = verdict
        else:
            stale[start] = digest
    if stale:
        needed = {key for start in stale for key in closures[start].keys}
        work = _Work(names, read, broken(needed), root, sources)
        for start, verdict in work.verdicts(list(stale)):
            verdicts[start] = verdict
            if known is not None:
                known.put_names(start, stale[start], _rows(verdict))
    judged = [
        Judged(start, closure.keys, verdicts.get(start), names.is_doubtful(start))
        for start, closure in closures.items()
    ]
    return NamesResult(claims_of(judged, wanted), unused_of(judged, wanted))


class _Names:
    """What of a project decides about names."""

    def __init__(self, project: Project, resolver: Resolver, graph: Graph) -> None:
        self.project = project
        self._graph = graph
        self.expander = Expander(
            project.notebooks, lambda key, target: resolver.resolve(key, target).notebook
        )
        self.provided = cache(self._provided)
        self._exports = cache(self._find_exports)

    def closures(self, keys: frozenset[NotebookKey]) -> dict[NotebookKey, Closure]:
        """What runs with each root that brings in one of ``keys``."""
        found = {key: self.expander.closure(key) for key in self._roots_above(keys)}
        # A closure may stop short of what its root reaches.
        covered = set(self._graph.closure(found))
        for key in sorted(keys - covered, key=_order):
            # Notebooks that only run one another: each may be where it begins.
            if key not in covered:
                found[key] = self.expander.closure(key)
                covered |= self._graph.closure([key])
        return found

    def _roots_above(self, keys: Iterable[NotebookKey]) -> list[NotebookKey]:
        seen = {key for key in keys if key in self.project.notebooks}
        waiting = list(seen)
        while waiting:
            for edge in self._graph.callers(waiting.pop(), EdgeKind.RUN):
                if edge.source not in seen:
                    seen.add(edge.source)
                    waiting.append(edge.source)
        return sorted(filter(self._is_root, seen), key=_order)

    def _is_root(self, key: NotebookKey) -> bool:
        callers = self._graph.callers(key, EdgeKind.RUN)
        return all(edge.source == key for edge in callers) or self._is_started(key)

    def _is_started(self, key: NotebookKey) -> bool:
        """Whether a job or ``dbutils.notebook.run`` starts it in a session of its own."""
        return bool(self._graph.callers(key, EdgeKind.NOTEBOOK_RUN, EdgeKind.TASK))

    def is_doubtful(self, root: NotebookKey) -> bool:
        """Whether somebody may ``%run`` it by a path that leads nowhere in this project."""
        return _stem(root) in self._unresolved and not self._is_started(root)

    @cached_property
    def _unresolved(self) -> frozenset[str]:
        """What the targets are called that lead nowhere."""
        return frozenset(
            _last_part(run.target)
            for key, facts in self.project.notebooks.items()
            for run, found in zip(facts.runs, self.expander.flat(key), strict=True)
            if found is None and run.target
        )

    def exports(self, key: NotebookKey, module: str) -> frozenset[str] | None:
        """What ``from module import *`` brings in a notebook, if that can be known."""
        own = self._exports(key, module)
        return own if own is not None else star_exports.known(module)

    def _find_exports(self, key: NotebookKey, module: str) -> frozenset[str] | None:
        facts = self.project.notebooks.get(key)
        paths = facts.search_paths if facts else ()
        settings = self.project.settings(key)
        return self.project.modules.exports(module, key.path, settings, paths)

    def _provided(self, key: NotebookKey) -> frozenset[str]:
        return GLOBALS.union(self.project.settings(key).globals)

    def digest(self, closure: Closure) -> str:
        """A digest of everything that decides about the names of a closure."""
        digest = hashlib.sha256(_VERSION.encode())
        for key in closure.keys:
            facts = self.project.notebooks[key]
            stars = [
                (item.module, sorted(self._exports(key, item.module) or ()))
                for item in facts.imports
                if item.star and not item.level
            ]
            parts = (
                *(str(key), facts.digest, self.expander.flat(key)),
                *(stars, sorted(self.provided(key))),
            )
            digest.update(repr(parts).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


class _Work:
    """Roots whose verdict is not known yet."""

    def __init__(
        self, names: _Names, read: Read, broken: Broken, root: Path, sources: Sequence[str]
    ) -> None:
        self._names = names
        self._read = read
        self._broken = broken
        self._root = root
        self._sources = sources
        self._sheets: dict[NotebookKey, Sheet | None] = {}
        self._nearest: Nearest = {}

    def verdicts(self, roots: Sequence[NotebookKey]) -> Iterator[tuple[NotebookKey, Verdict]]:
        """The verdict of every root; nothing is said where it is too long or cannot be read."""
        batch: list[_Sitting] = []
        size = 0
        for key in roots:
            expansion = self._names.expander.expand(key, self._sheet)
            sheet = self._sheet(key)
            if expansion is None or sheet is None or not expansion.placed:
                yield key, Verdict()
                continue
            batch.append(_Sitting(expansion, sheet.notebook))
            size += sum(len(data) for _, data in batch[-1].contents)
            if size > _BATCH:
                yield from self._judged(batch)
                batch, size = [], 0
        yield from self._judged(batch)

    def _sheet(self, key: NotebookKey) -> Sheet | None:
        if key not in self._sheets:
            notebook = self._read(key)
            self._sheets[key] = None if notebook is None else self._built(notebook)
        return self._sheets[key]

    def _built(self, notebook: Notebook) -> Sheet:
        key = notebook.key
        return sheets.build(notebook, lambda module: self._names.exports(key, module), self._broken)

    def _judged(self, batch: Sequence[_Sitting]) -> Iterator[tuple[NotebookKey, Verdict]]:
        if not batch:
            return
        contents = [each for sitting in batch for each in sitting.contents]
        found: dict[NotebookKey, list[Diagnostic]] = defaultdict(list)
        with ruff_bench.laid(contents, root=self._root, sources=self._sources) as table:
            # Without a configuration nobody asks for unused imports: they are no default rule.
            codes = "F821,F401" if table.mirror.configured else "F821"
            for key, item in table.check("--select", codes, aborted=lambda key: None):
                found[key].append(item)
        for sitting in batch:
            parts = [
                Found(start, found.get(notebook.key, ()))
                for start, (notebook, _) in zip(sitting.starts, sitting.contents, strict=True)
            ]
            verdict = judge(
                sitting.expansion,
                parts[0],
                parts[1:],
                sheet_of=self._sheet,
                provided=self._names.provided,
                nearest=self._nearest,
            )
            yield sitting.expansion.root, verdict


class _Sitting:
    """The synthetic notebooks of one root: all its cells, then those after each restart."""

    def __init__(self, expansion: Expansion, notebook: Notebook) -> None:
        self.expansion = expansion
        pieces = [placed.piece for placed in expansion.placed]
        ranges = [(0, len(pieces)), *list(expansion.segments())[1:]]
        ranges = [(start, end) for start, end in ranges if start < end]
        self.starts = [start for start, _ in ranges]
        self.contents = [
            (_named(notebook, number), sheets.joined(pieces[start:end]))
            for number, (start, end) in enumerate(ranges)
        ]


def _named(notebook: Notebook, number: int) -> Notebook:
    """``notebook`` without its cells, under a name of its own."""
    if number and notebook.member is not None:
        return replace(notebook, member=f"{notebook.member}-{number}", cells=())
    if number:
        path = PurePosixPath(notebook.path)
        name = f"{path.stem}.dbxgate-{number}{path.suffix}"
        return replace(notebook, path=str(path.with_name(name)), cells=())
    return replace(notebook, cells=())


def _rows(verdict: Verdict) -> Any:
    """``verdict`` ready for JSON."""
    return [[list(fault) for fault in verdict.faults], [list(each) for each in verdict.unused]]


def _from_rows(rows: Any) -> Verdict | None:
    """The verdict that :func:`_rows` was given; None where these are no such rows."""
    try:
        faults, unused = rows
        return Verdict(
            tuple(Fault(NotebookKey(*key), Spot(*spot), *rest) for key, spot, *rest in faults),
            tuple((NotebookKey(*key), (cell, line, at)) for key, (cell, line, at) in unused),
        )
    except (TypeError, ValueError):
        return None


def _stem(key: NotebookKey) -> str:
    name = (key.member or key.path).rpartition("/")[2]
    return (name if key.member else name.rpartition(".")[0] or name).casefold()


def _last_part(target: str) -> str:
    name = target.rstrip("/").rpartition("/")[2].casefold()
    return name.removesuffix(".py").removesuffix(".ipynb")


def _order(key: NotebookKey) -> tuple[str, str]:
    return key.path, key.member or ""
