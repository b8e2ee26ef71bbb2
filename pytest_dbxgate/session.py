"""One run of the gate as a use case, free of pytest: discover, read, check, decide, fix."""

from __future__ import annotations

import hashlib
import stat
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from pytest_dbxgate import projects, toolchain
from pytest_dbxgate.checks import arrivals
from pytest_dbxgate.checks.baseline import Baseline, Match, Scope
from pytest_dbxgate.checks.cache import Cache
from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.result import BrokenCells, NotebookResult, State, ToolStatus
from pytest_dbxgate.codes import RULES, UNCHECKED_CODES, Check, Severity
from pytest_dbxgate.discovery import Discovery, GatedFile, discover
from pytest_dbxgate.files import read_regular
from pytest_dbxgate.notebook import formats
from pytest_dbxgate.notebook.model import Notebook, NotebookKey
from pytest_dbxgate.settings import Settings
from pytest_dbxgate.survey import Relations, Survey

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
        self.files = tuple(
            item
            for item in self.discovery.files
            if self.projects.wants(item.path, job=item.job is not None)
        )
        self._jobs = {item.path: item for item in self.discovery.jobs}
        self._hooks = hooks
        self._cache_file = cache_file
        self._surveyed: Survey | None = None

    def select_all(self, files: Iterable[GatedFile] | None = None) -> Selection:
        chosen = self.files if files is None else files
        return {key: item.checks for item in chosen for key in item.keys}

    def run(self, selection: Selection) -> Outcome:
        """Check the selected notebooks and decide what each finding means."""
        survey = self._surveyed = self._look()
        cache, digests = survey.cache, survey.digests
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
        related: list[Relations] = []

        def relate(more: BrokenCells) -> None:
            asked = [key for key, checks in selection.items() if Check.REFERENCES in checks]
            if asked:
                related.append(survey.relations(asked, {**_broken(results), **more}))

        fresh, errors = self._check(stale, survey, relate)
        results.update((result.key, result) for found in fresh.values() for result in found)
        doubtful = [key for key in _doubtful(selection, results) if survey.may_be_run(key)]
        if doubtful:
            related.append(survey.relations(doubtful, _broken(results)))
        relations = Relations.of(related)
        if relations.error:
            errors.setdefault("ruff", relations.error)
            results |= {key: _undone(results[key]) for key in relations.undone if key in results}
        if not errors:
            for path, found in fresh.items():
                if path in digests and _is_of(found, digests[path]):
                    facts = survey.known_facts(path)
                    cache.put(path, digests[path], stale[path], found, facts)
            cache.save(item.path for item in self.discovery.files)
        chosen = {key: results[key] for key in selection if key in results}
        return self._decide(chosen, selection, survey, relations, errors, cached)

    def survey(self) -> Survey:
        """The project: that of the last run, or as it stands on disk."""
        return self._surveyed or self._look()

    def _look(self) -> Survey:
        """The working tree as it stands now, with what is remembered of it."""
        environment = toolchain.environment(self.root, self.discovery, self.projects)
        cache = Cache(self._cache_file, environment)
        return Survey(
            self.root, self.discovery, self.projects, cache=cache, digests=self._digests()
        )

    def read(self, selection: Selection) -> list[Notebook]:
        """The selected notebooks, read from disk."""
        paths = dict.fromkeys(key.path for key in selection if key.path not in self._jobs)
        return [
            notebook
            for path in paths
            for notebook in formats.read(self.root / path, path)
            if notebook.key in selection
        ]

    def _digests(self) -> dict[str, str]:
        """The digest of every gated file that can be read."""
        digests: dict[str, str] = {}
        for item in self.discovery.files:
            file = self.root / item.path
            try:
                status = file.stat()
                if not stat.S_ISREG(status.st_mode) or status.st_size > formats.MAX_SIZE:
                    # Nothing of it is checked, so nothing of it is remembered.
                    continue
                digests[item.path] = hashlib.sha256(file.read_bytes()).hexdigest()
            except OSError:
                continue
        return digests

    def _check(
        self,
        stale: Mapping[str, frozenset[Check]],
        survey: Survey,
        meanwhile: Callable[[BrokenCells], None],
    ) -> tuple[dict[str, list[NotebookResult]], dict[str, str]]:
        if not stale:
            meanwhile({})
            return {}, {}
        from pytest_dbxgate.checks import engine

        fresh = {path: [self._job_result(self._jobs[path])] for path in stale if path in self._jobs}
        notebooks = [each for path in stale if path not in fresh for each in survey.notebooks(path)]
        answer = engine.run(
            engine.Request(
                root=self.root,
                notebooks=notebooks,
                checks={item.key: stale[item.path] for item in notebooks},
                settings=self.projects.of_key,
                sources=self.discovery.sources,
            ),
            meanwhile,
        )
        for path in stale:
            fresh.setdefault(path, [])
        for key, result in answer.results.items():
            fresh[key.path].append(result)
        return fresh, answer.errors

    def _job_result(self, item: GatedFile) -> NotebookResult:
        """What a job file holds by itself."""
        from pytest_dbxgate.checks.locating import in_text
        from pytest_dbxgate.checks.secrets import check as secrets
        from pytest_dbxgate.secrets.redact import Redactor

        try:
            data = read_regular(self.root / item.path)
        except OSError:
            data = b""
        assert item.job is not None
        redactor = Redactor(data.decode("utf-8-sig", "replace"))
        return NotebookResult(
            key=NotebookKey(item.path),
            format=item.job.value,
            language="json" if item.path.lower().endswith(".json") else "yaml",
            cells=0,
            digest=hashlib.sha256(data).hexdigest(),
            findings=tuple(in_text(each, redactor) for each in secrets.check_file(item.path, data)),
        )

    def _decide(
        self,
        results: Mapping[NotebookKey, NotebookResult],
        selection: Selection,
        survey: Survey,
        relations: Relations,
        errors: Mapping[str, str],
        cached: int,
    ) -> Outcome:
        extra = self._extra(selection, survey)
        found: dict[NotebookKey, list[Finding]] = {}
        for key, result in results.items():
            raw = [
                *arrivals.withhold(result, unused=relations.unused.get(key)),
                *relations.findings.get(key, ()),
                *extra.get(key, ()),
            ]
            judged = (self._judged(finding) for finding in raw)
            checks = selection[key]
            found[key] = [each for each in judged if each is not None and each.check in checks]
        if self._hooks is not None:
            for key, findings in found.items():
                kept, _ = self._parted(findings)
                self._hooks.change(key, findings)
                _, others = self._parted(findings)
                found[key] = others + kept
        statuses = toolchain.statuses(errors, self.projects.missing_policies)
        return self._outcome(results, selection, found, statuses, cached)

    def beside(self, outcome: Outcome, selection: Selection, baseline: Baseline) -> Outcome:
        """``outcome`` without the findings that ``baseline`` knows."""
        kept, others = self._parted(outcome.findings)
        match = baseline.match(others, self._scope(outcome.results, selection))
        match = replace(match, new=(*match.new, *kept))
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
        _, silenceable = self._parted(outcome.findings)
        return Baseline.of(silenceable, scope, previous=previous)

    def _parted(self, findings: Iterable[Finding]) -> tuple[list[Finding], list[Finding]]:
        """Those that the policy lets nobody silence, and the others."""
        parts: tuple[list[Finding], list[Finding]] = ([], [])
        for each in findings:
            parts[not self.projects.of(each.path).is_unsilenceable(each.code)].append(each)
        return parts

    def _scope(self, results: Mapping[NotebookKey, NotebookResult], selection: Selection) -> Scope:
        survey = self.survey()

        def cell_source(key: NotebookKey, number: int) -> str:
            notebook = survey.notebook(key)
            if notebook is None or not 1 <= number <= len(notebook.cells):
                return ""
            return notebook.cell(number).source

        return Scope(
            checked={
                key: selection[key] - dict(result.failed_tools).keys()
                for key, result in results.items()
            },
            existing=frozenset(key for item in self.files for key in item.keys),
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

    def _extra(self, selection: Selection, survey: Survey) -> dict[NotebookKey, list[Finding]]:
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
        from pytest_dbxgate.checks import suppression
        from pytest_dbxgate.checks.locating import Locator

        for notebook in filter(None, map(survey.notebook, wanted)):
            found = extra[notebook.key]
            if self._hooks is not None:
                found += self._hooks.check(notebook, self.projects.of(notebook.path))
            # An empty set of checks: whether a silencer is used was decided without these.
            unsilenceable = self.projects.of_key(notebook.key).is_unsilenceable
            left = suppression.apply(notebook, found, frozenset(), unsilenceable=unsilenceable)
            extra[notebook.key] = list(map(Locator(notebook).place, left))
        return extra


def _is_of(results: Sequence[NotebookResult], digest: str) -> bool:
    """Whether the results are of the bytes with this digest: a file may change between two
    readings. What is said of an archive's members does not tell."""
    return all(each.key.member is not None or each.digest == digest for each in results)


def _broken(results: Mapping[NotebookKey, NotebookResult]) -> dict[NotebookKey, tuple[int, ...]]:
    return {key: each.broken for key, each in results.items() if each.broken is not None}


def _doubtful(
    selection: Selection, results: Mapping[NotebookKey, NotebookResult]
) -> list[NotebookKey]:
    """Where lint alone was asked for and calls something unused: a notebook that runs this one
    may use it."""
    return [
        key
        for key, checks in selection.items()
        if Check.REFERENCES not in checks
        and key in results
        and any(each.code in arrivals.UNUSED for each in results[key].findings)
    ]


def _undone(result: NotebookResult) -> NotebookResult:
    """The result of a run in which ruff failed over what lies between notebooks."""
    return replace(result, failed_tools=(*result.failed_tools, (Check.REFERENCES, "ruff")))


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
