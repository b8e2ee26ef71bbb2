"""The project of one run: every notebook's facts, the graph, the jobs; and what they show."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_dbxgate.checks.arrivals import Place
from pytest_dbxgate.checks.cache import Cache
from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.result import BrokenCells
from pytest_dbxgate.discovery import Discovery
from pytest_dbxgate.files import read_regular
from pytest_dbxgate.notebook import formats
from pytest_dbxgate.notebook.model import Notebook, NotebookKey
from pytest_dbxgate.project.facts import NotebookFacts
from pytest_dbxgate.projects import Projects

if TYPE_CHECKING:
    from pytest_dbxgate.checks.references.check import Broken, Subject

_RUN = re.compile(rb"%run\b([^\n]*)")

# What checks is imported late: where nothing changed, the cache answers.


@dataclass
class Relations:
    """What was found between notebooks; ``error`` is ruff's failure, if it failed."""

    findings: Mapping[NotebookKey, list[Finding]] = field(default_factory=dict)
    unused: Mapping[NotebookKey, frozenset[Place]] = field(default_factory=dict)
    undone: frozenset[NotebookKey] = frozenset()
    """The notebooks whose names could not be decided."""
    error: str = ""

    @classmethod
    def of(cls, several: Iterable[Relations]) -> Relations:
        """Those of different notebooks together."""
        whole = cls()
        for each in several:
            whole = cls(
                {**whole.findings, **each.findings},
                {**whole.unused, **each.unused},
                whole.undone | each.undone,
                whole.error or each.error,
            )
        return whole


class Survey:
    """One root as a project. Nothing is read before it is asked for.

    ``digests`` holds the SHA-256 of every notebook file that can be read.
    """

    def __init__(
        self,
        root: Path,
        discovery: Discovery,
        projects: Projects,
        *,
        cache: Cache,
        digests: Mapping[str, str],
    ) -> None:
        self._root = root
        self._discovery = discovery
        self._projects = projects
        self.cache = cache
        self.digests = digests
        self._paths = frozenset(item.path for item in discovery.notebooks)
        self._notebooks: dict[str, list[Notebook]] = {}
        self._fresh: dict[str, tuple[NotebookFacts, ...]] = {}

    def notebooks(self, path: str) -> list[Notebook]:
        """The notebooks in a file, read once."""
        if path not in self._notebooks:
            self._notebooks[path] = list(formats.read(self._root / path, path))
        return self._notebooks[path]

    def notebook(self, key: NotebookKey) -> Notebook | None:
        """A notebook; None where ``key`` is none, such as a job file."""
        if key.path not in self._paths:
            return None
        return next((each for each in self.notebooks(key.path) if each.key == key), None)

    def facts(self, path: str) -> tuple[NotebookFacts, ...]:
        """The facts of the notebooks in a file, from the cache where that knows them."""
        if path not in self._fresh:
            known = self.cache.facts(path, self.digests.get(path, ""))
            if known is None:
                from pytest_dbxgate.project.extract import facts_of

                known = tuple(map(facts_of, self.notebooks(path)))
                if path in self.digests:
                    self.cache.put_facts(path, self.digests[path], known)
            self._fresh[path] = known
        return self._fresh[path]

    def may_be_run(self, key: NotebookKey) -> bool:
        """Whether some notebook may run this one by ``%run``. A look at the bytes: it spares the
        whole project where only lint was asked for."""
        if self._targets is None:
            return True
        name = (key.member or key.path).rpartition("/")[2].casefold()
        return (name.rpartition(".")[0] or name) in self._targets

    @cached_property
    def _targets(self) -> str | None:
        """All that is written behind ``%run``; None where that cannot be told by a look."""
        found: list[bytes] = []
        for item in self._discovery.notebooks:
            if item.path.lower().endswith(".dbc"):
                return None
            try:
                found += _RUN.findall(read_regular(self._root / item.path))
            except OSError:
                continue
        targets = b"\n".join(found)
        # JSON may write any character as a number.
        return None if b"\\u" in targets else targets.decode("utf-8", "replace").casefold()

    def known_facts(self, path: str) -> tuple[NotebookFacts, ...] | None:
        """The facts of a file if somebody asked for them."""
        return self._fresh.get(path)

    @cached_property
    def subject(self) -> Subject:
        """The project, its graph and its jobs."""
        from pytest_dbxgate.checks.references.check import Subject
        from pytest_dbxgate.project import graph
        from pytest_dbxgate.project.jobs import loading
        from pytest_dbxgate.project.modules import Modules
        from pytest_dbxgate.project.project import Project
        from pytest_dbxgate.project.resolving import Resolver

        found, settings = self._discovery, self._projects.of_key
        facts = [each for item in found.notebooks for each in self.facts(item.path)]
        keys = {each.key: each for each in facts}
        sources = found.sources
        # For the workspace a notebook whose header is not right is a plain file.
        plain = [item.path for item in found.notebooks if item.near_miss]
        jobs = loading.load(
            self._root,
            [item.path for item in found.jobs],
            keys,
            found.others,
            self._projects.of,
        )
        project = Project(
            notebooks=keys,
            others=frozenset(found.others),
            settings=settings,
            modules=Modules(
                self._root,
                [*sources, *(path for path in plain if path.endswith(".py"))],
                notebooks=[item.path for item in found.notebooks if not item.near_miss],
            ),
            tasks=jobs.tasks,
        )
        resolver = Resolver(keys, found.others, settings)
        edges = graph.edges(project, resolver)
        return Subject(self._root, project, resolver, graph.Graph(edges), jobs, sources)

    def relations(self, wanted: Collection[NotebookKey], known_broken: BrokenCells) -> Relations:
        """Check ``wanted`` notebooks and job files; of notebooks that ``known_broken`` lacks it
        is found out which cells do not parse."""
        digest = self._digest(wanted)
        known = self.cache.project(digest)
        if known is not None:
            return Relations(*known)
        from pytest_dbxgate.checks.references import check as references
        from pytest_dbxgate.checks.references import placing

        answer = references.check(
            self.subject,
            wanted,
            read=self.notebook,
            broken=self._broken_in(known_broken),
            known=self.cache,
        )
        whole = {key for key in wanted if known_broken.get(key) == () and self._silences(key)}
        found = placing.placed(
            answer.claims, self.notebook, self._text, self._projects.of_key, whole=whole
        )
        if not answer.error:
            self.cache.put_project(digest, found, answer.unused)
        return Relations(found, answer.unused, answer.undone, answer.error)

    def _broken_in(self, known: BrokenCells) -> Callable[[Iterable[NotebookKey]], Broken]:
        def broken(keys: Iterable[NotebookKey]) -> Broken:
            cells: set[tuple[NotebookKey, int]] = set()
            unknown: list[Notebook] = []
            for key in keys:
                numbers = known.get(key)
                if numbers is not None:
                    cells.update((key, number) for number in numbers)
                elif notebook := self.notebook(key):
                    unknown.append(notebook)
            if unknown:
                from pytest_dbxgate.checks import engine

                cells |= engine.broken_cells(unknown, self._projects.of_key)
            return frozenset(cells)

        return broken

    def _silences(self, key: NotebookKey) -> bool:
        """Whether a comment in a notebook may silence something. Of archives it is not known."""
        return key.member is None and "dbx:" in self._text(key.path)

    def _text(self, path: str) -> str:
        try:
            return read_regular(self._root / path).decode("utf-8-sig", "replace")
        except OSError:
            return ""

    def _digest(self, wanted: Collection[NotebookKey]) -> str:
        """Of everything that decides what is found between notebooks."""
        digest = hashlib.sha256()

        def add(*parts: object) -> None:
            digest.update(repr(parts).encode("utf-8", "surrogateescape"))

        add(sorted((key.path, key.member or "") for key in wanted))
        add(sorted(self.digests.items()), self._discovery.others)
        packaging = (".py", "pyproject.toml", "setup.cfg")
        for path in filter(lambda each: each.endswith(packaging), self._discovery.others):
            try:
                add(path, hashlib.sha256(read_regular(self._root / path)).digest())
            except OSError:
                add(path)
        return digest.hexdigest()
