"""One run of the gate as a use case, free of pytest: discover, read, check, decide, fix."""

from __future__ import annotations

import hashlib
import stat
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Protocol

from pytest_dbxgate import projects, toolchain
from pytest_dbxgate.checks import arrivals
from pytest_dbxgate.checks.baseline import Baseline, Match, Scope
from pytest_dbxgate.checks.cache import Cache
from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.result import NotebookResult, State, ToolStatus
from pytest_dbxgate.codes import RULES, UNCHECKED_CODES, Check, Severity
from pytest_dbxgate.discovery import Discovery, NotebookFile, discover
from pytest_dbxgate.notebook import formats
from pytest_dbxgate.notebook.model import Notebook, NotebookKey
from pytest_dbxgate.settings import Settings

Selection = Mapping[NotebookKey, frozenset[Check]]


class Hooks(Protocol):
    """What ``conftest.py`` and other plugins add to a run."""

    @property
    def globals(self) -> tuple[str, ...]: ...

    @property
    def adds_checks(self) -> bool: ...

    def check(self, notebook: Notebook, settings: Settings) -> list[Finding]: ...

    def change(self, key: NotebookKey, findings: list[Finding]) -> None: ...


@dataclass(frozen=True)
class Outcome:
    """Everything a run found out. Plain values: it travels to other processes and to reports."""

    results: Mapping[NotebookKey, NotebookResult]
    states: Mapping[NotebookKey, Mapping[Check, State]]
    tools: tuple[ToolStatus, ...]
    cached: int = 0
    """Notebook files whose results came from the cache."""
    baseline: Match | None = None

    @property
    def findings(self) -> list[Finding]:
        return [finding for result in self.results.values() for finding in result.findings]

    def error_of(self, tool: str) -> str:
        return next((item.error for item in self.tools if item.name == tool), "")


class Gate:
    """The gate over one working tree.

    Raises :class:`~pytest_dbxgate.errors.ConfigurationError` for settings that make no sense.
    """

    def __init__(
        self,
        root: Path,
        *,
        hooks: Hooks | None = None,
        cache_file: Path | None = None,
        found: Discovery | None = None,
    ) -> None:
        self.root = root
        self.discovery = found or discover(root)
        self.projects = _with_globals(
            projects.load(root, self.discovery.others), hooks.globals if hooks else ()
        )
        self.notebooks = tuple(
            item for item in self.discovery.notebooks if self.projects.wants(item.path)
        )
        self._hooks = hooks
        self._cache_file = cache_file

    @property
    def sources(self) -> list[str]:
        """The repository's Python files that are no notebooks."""
        return [path for path in self.discovery.others if path.endswith(".py")]

    def select_all(self, files: Iterable[NotebookFile] | None = None) -> Selection:
        chosen = self.notebooks if files is None else files
        return {key: checks_of(item.path) for item in chosen for key in item.keys}

    def run(self, selection: Selection) -> Outcome:
        """Check the selected notebooks and decide what each finding means."""
        digests, targets = self._scan()
        environment = toolchain.environment(self.root, self.discovery, self.projects)
        cache = Cache(self._cache_file, environment)
        wanted = _by_file(selection)
        results: dict[NotebookKey, NotebookResult] = {}
        stale: dict[str, frozenset[Check]] = {}
        for path, checks in wanted.items():
            known = cache.get(path, digests.get(path, ""), checks)
            if known is None:
                stale[path] = checks
            else:
                results.update((result.key, result) for result in known)
        cached = len(wanted) - len(stale)
        fresh, errors = self._check(stale)
        results.update((result.key, result) for found in fresh.values() for result in found)
        if not errors:
            for path, found in fresh.items():
                if path in digests and _is_of(found, digests[path]):
                    cache.put(path, digests[path], stale[path], found)
            cache.save(item.path for item in self.discovery.notebooks)
        targets |= {arrivals.stem(name) for each in results.values() for name in each.runs}
        chosen = {key: results[key] for key in selection if key in results}
        return self._decide(chosen, selection, frozenset(targets), errors, cached)

    def read(self, selection: Selection) -> list[Notebook]:
        """The selected notebooks, read from disk."""
        paths = dict.fromkeys(key.path for key in selection)
        return [
            notebook
            for path in paths
            for notebook in formats.read(self.root / path, path)
            if notebook.key in selection
        ]

    def _scan(self) -> tuple[dict[str, str], set[str]]:
        """The digest of every notebook file, and the stems of what they ``%run``."""
        digests: dict[str, str] = {}
        targets: set[str] = set()
        for item in self.discovery.notebooks:
            file = self.root / item.path
            try:
                status = file.stat()
                if not stat.S_ISREG(status.st_mode) or status.st_size > formats.MAX_SIZE:
                    # Nothing of it is checked, so nothing of it is remembered.
                    continue
                data = file.read_bytes()
            except OSError:
                continue
            digests[item.path] = hashlib.sha256(data).hexdigest()
            if b"%run" in data:
                found = arrivals.run_targets([data.decode("utf-8", "replace")])
                targets.update(map(arrivals.stem, found))
        return digests, targets

    def _check(
        self, stale: Mapping[str, frozenset[Check]]
    ) -> tuple[dict[str, list[NotebookResult]], dict[str, str]]:
        if not stale:
            return {}, {}
        from pytest_dbxgate.checks import engine

        notebooks = [
            notebook for path in stale for notebook in formats.read(self.root / path, path)
        ]
        answer = engine.run(
            engine.Request(
                root=self.root,
                notebooks=notebooks,
                checks={item.key: stale[item.path] for item in notebooks},
                settings=self.projects.of_key,
                sources=self.sources,
            )
        )
        fresh: dict[str, list[NotebookResult]] = {path: [] for path in stale}
        for key, result in answer.results.items():
            fresh[key.path].append(result)
        return fresh, answer.errors

    def _decide(
        self,
        results: Mapping[NotebookKey, NotebookResult],
        selection: Selection,
        targets: frozenset[str],
        errors: Mapping[str, str],
        cached: int,
    ) -> Outcome:
        extra = self._extra(selection)
        found: dict[NotebookKey, list[Finding]] = {}
        for key, result in results.items():
            raw = [*arrivals.withhold(result, targets), *extra.get(key, ())]
            judged = (self._judged(finding) for finding in raw)
            checks = selection[key]
            found[key] = [each for each in judged if each is not None and each.check in checks]
        if self._hooks is not None:
            for key, findings in found.items():
                self._hooks.change(key, findings)
        return self._outcome(results, selection, found, toolchain.statuses(errors), cached)

    def beside(self, outcome: Outcome, selection: Selection, baseline: Baseline) -> Outcome:
        """``outcome`` without the findings that ``baseline`` knows."""
        match = baseline.match(outcome.findings, self._scope(outcome.results, selection))
        found: dict[NotebookKey, list[Finding]] = {key: [] for key in outcome.results}
        for finding in match.new:
            found[finding.key].append(finding)
        rest = self._outcome(outcome.results, selection, found, outcome.tools, outcome.cached)
        return replace(rest, baseline=match)

    def _outcome(
        self,
        results: Mapping[NotebookKey, NotebookResult],
        selection: Selection,
        found: Mapping[NotebookKey, list[Finding]],
        tools: tuple[ToolStatus, ...],
        cached: int,
    ) -> Outcome:
        final = {
            key: replace(result, findings=tuple(found[key])) for key, result in results.items()
        }
        states = {
            key: {
                check: result.state(check, self.projects.of_key(key).allow_unchecked)
                for check in Check
                if check in selection[key]
            }
            for key, result in final.items()
        }
        return Outcome(final, states, tools, cached)

    def record(
        self, outcome: Outcome, selection: Selection, *, previous: Baseline | None = None
    ) -> Baseline:
        """The findings of ``outcome`` as a baseline; ``previous`` keeps what was not checked."""
        scope = self._scope(outcome.results, selection)
        return Baseline.of(outcome.findings, scope, previous=previous)

    def _scope(self, results: Mapping[NotebookKey, NotebookResult], selection: Selection) -> Scope:
        @cache
        def notebooks(path: str) -> dict[NotebookKey, Notebook]:
            return {each.key: each for each in formats.read(self.root / path, path)}

        def cell_source(key: NotebookKey, number: int) -> str:
            notebook = notebooks(key.path).get(key)
            found = notebook is not None and 1 <= number <= len(notebook.cells)
            return notebook.cell(number).source if notebook is not None and found else ""

        return Scope(
            checked={
                key: selection[key] - dict(result.failed_tools).keys()
                for key, result in results.items()
            },
            existing=frozenset(key for item in self.notebooks for key in item.keys),
            cell_source=cell_source,
        )

    def _judged(self, finding: Finding) -> Finding | None:
        """``finding`` with the severity the settings give it; None where it is switched off.

        What was not checked cannot be switched off: ``allow_unchecked`` is the way to say so.
        """
        if finding.code in UNCHECKED_CODES:
            return finding
        rule = RULES.get(finding.code)
        default: Severity | None = finding.severity
        if rule is not None and rule.severity is None and finding.severity is Severity.WARNING:
            default = None
        severity = self.projects.of(finding.path).severity(finding.code, finding.path, default)
        if severity is None:
            return None
        return finding if severity is finding.severity else replace(finding, severity=severity)

    def _extra(self, selection: Selection) -> dict[NotebookKey, list[Finding]]:
        """Findings that no single notebook's bytes decide: collisions, and what hooks add."""
        from pytest_dbxgate.checks.metadata import names

        extra: dict[NotebookKey, list[Finding]] = defaultdict(list)
        everything = [key for item in self.discovery.notebooks for key in item.keys]
        almost = [item.path for item in self.discovery.notebooks if item.near_miss]
        for finding in names.collisions(everything, self.discovery.others, near_misses=almost):
            if finding.key in selection:
                extra[finding.key].append(finding)
        asks_hooks = self._hooks is not None and self._hooks.adds_checks
        wanted = selection if asks_hooks else {key: selection[key] for key in extra}
        if not wanted:
            return {}
        from pytest_dbxgate.checks import engine, suppression

        for notebook in self.read(wanted):
            found = extra[notebook.key]
            if self._hooks is not None:
                found += self._hooks.check(notebook, self.projects.of(notebook.path))
            # An empty set of checks: whether a silencer is used was decided without these.
            left = suppression.apply(notebook, found, frozenset())
            extra[notebook.key] = [engine.locate(notebook, finding) for finding in left]
        return extra


def _is_of(results: Sequence[NotebookResult], digest: str) -> bool:
    """Whether the results are of the bytes with this digest: a file may change between two
    readings. What is said of an archive's members does not tell."""
    return all(each.key.member is not None or each.digest == digest for each in results)


def checks_of(path: str) -> frozenset[Check]:
    """The checks of a notebook file. Nobody can reformat the inside of an archive."""
    if path.lower().endswith(".dbc"):
        return frozenset((Check.SYNTAX, Check.LINT, Check.METADATA))
    return frozenset(Check)


def _by_file(selection: Selection) -> dict[str, frozenset[Check]]:
    wanted: dict[str, frozenset[Check]] = {}
    for key, checks in selection.items():
        wanted[key.path] = wanted.get(key.path, frozenset()) | checks
    return wanted


def _with_globals(found: projects.Projects, names: Sequence[str]) -> projects.Projects:
    if not names:
        return found
    return projects.Projects(
        {
            folder: replace(settings, globals=(*settings.globals, *names))
            for folder, settings in found.by_folder.items()
        },
        replace(found.default, globals=tuple(names)),
    )
