"""Running every check over many notebooks: each tool once, each failure kept to its tool."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from pytest_dbxgate.checks import configurations, suppression
from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.grammar import check as grammar
from pytest_dbxgate.checks.locating import Locator
from pytest_dbxgate.checks.metadata import check as metadata
from pytest_dbxgate.checks.python import style as python_style
from pytest_dbxgate.checks.python import syntax as python_syntax
from pytest_dbxgate.checks.result import BrokenCells, NotebookResult
from pytest_dbxgate.checks.secrets import check as secrets
from pytest_dbxgate.checks.sql import check as sql
from pytest_dbxgate.codes import INVALID_SYNTAX, Check
from pytest_dbxgate.errors import ToolError
from pytest_dbxgate.notebook.model import Notebook, NotebookKey
from pytest_dbxgate.settings import Settings, SettingsOf

_CODE_CHECKS = frozenset((Check.SYNTAX, Check.LINT, Check.FORMAT))


@dataclass(frozen=True)
class Request:
    """What to check. ``checks`` may differ from notebook to notebook."""

    root: Path
    notebooks: Sequence[Notebook]
    checks: Mapping[NotebookKey, frozenset[Check]]
    settings: SettingsOf
    sources: Sequence[str] = ()
    """The repository's other Python files, for ruff's idea of first-party modules."""

    def wanting(self, *checks: Check) -> list[Notebook]:
        wanted = frozenset(checks)
        return [item for item in self.notebooks if wanted & self.checks[item.key]]


@dataclass
class Answer:
    """What the engine found; ``errors`` holds one message for each tool that failed."""

    results: dict[NotebookKey, NotebookResult] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    undone: dict[NotebookKey, dict[Check, str]] = field(default_factory=lambda: defaultdict(dict))
    """The checks that a tool's failure left undone, with the tool's name."""
    broken: dict[NotebookKey, tuple[int, ...]] = field(default_factory=dict)
    """See ``BrokenCells``."""


def run(request: Request, meanwhile: Callable[[BrokenCells], object] | None = None) -> Answer:
    """Check the notebooks of ``request``. Never raises for a tool's failure.

    ``meanwhile`` is done while sqlfluff is still at work; it is told which cells do not parse.
    """
    answer = Answer()
    found: list[Finding] = []

    def all_but_sql() -> list[Finding]:
        findings = _all_but_sql(request, answer)
        if meanwhile is not None:
            meanwhile(answer.broken)
        return findings

    with _prompt_threads(), ThreadPoolExecutor(max_workers=1) as pool:
        # sqlfluff works in processes of its own; meanwhile this process prepares and reads for
        # ruff, which would otherwise leave a core idle. An interrupt reaches the main thread
        # only: there stands what takes longest.
        rest = pool.submit(all_but_sql)
        found += _sql(request, answer)
        found += rest.result()
    found += [
        metadata.unreadable(notebook)
        for notebook in request.wanting(Check.SYNTAX)
        if notebook.unreadable
    ]
    by_key: dict[NotebookKey, list[Finding]] = defaultdict(list)
    for finding in found:
        by_key[finding.key].append(finding)
    for notebook in request.notebooks:
        key = notebook.key
        undone = answer.undone.get(key, {})
        # What lies between notebooks is checked elsewhere, with silencers of its own.
        checked = request.checks[key] - undone.keys() - {Check.REFERENCES}
        result = _result(
            notebook,
            by_key[key],
            checked,
            broken=answer.broken.get(key),
            settings=request.settings(key),
        )
        answer.results[key] = replace(result, failed_tools=tuple(undone.items()))
    return answer


@contextmanager
def _prompt_threads() -> Iterator[None]:
    """Let threads take turns ten times as often as Python does by itself.

    Those that feed sqlfluff's processes need the interpreter for an instant only; while they wait
    for a turn a process stands idle.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(before / 10)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def fixes(request: Request, errors: dict[str, str]) -> dict[NotebookKey, dict[int, str]]:
    """New sources of cells (whole ``Cell.source`` by cell number): ruff's safe fixes and both
    formatters, where the request wants the check. A tool that fails adds to ``errors``."""
    new: dict[NotebookKey, dict[int, str]] = defaultdict(dict)
    notebooks = request.wanting(Check.LINT, Check.FORMAT)
    try:
        broken = _broken(python_syntax.check(notebooks, request.settings))
        changes = python_style.fixes(
            notebooks,
            request.settings,
            root=request.root,
            sources=request.sources,
            broken=broken,
            lint=frozenset(item.key for item in request.wanting(Check.LINT)),
            format=frozenset(item.key for item in request.wanting(Check.FORMAT)),
        )
        for key, sources in changes.items():
            new[key].update(sources)
    except ToolError as error:
        errors["ruff"] = str(error)
    try:
        layout = sql.layout(request.wanting(Check.FORMAT), request.settings, root=request.root)
        for key, sources in layout.items():
            new[key].update(sources)
    except ToolError as error:
        errors["sqlfluff"] = str(error)
    return {key: sources for key, sources in new.items() if sources}


_Work = Callable[[list[Notebook]], list[Finding]]


def _guarded(
    request: Request,
    answer: Answer,
    tool: str,
    notebooks: list[Notebook],
    checks: frozenset[Check],
    work: _Work,
) -> list[Finding]:
    """Do ``work``; where the tool fails over some notebooks, still do it for the others.

    What makes a tool fail is, as a rule, the configuration file of one folder.
    """
    try:
        return work(notebooks) if notebooks else []
    except ToolError as error:
        groups = configurations.configured_apart(request.root, notebooks)
        if len(groups) > 1:
            found: list[Finding] = []
            for group in groups:
                found += _guarded(request, answer, tool, group, checks, work)
            return found
        known = answer.errors.get(tool)
        answer.errors[tool] = f"{known}\n{error}" if known else str(error)
        done: list[Finding] = []
        if isinstance(error, sql.BrokenConfigurationError):
            # It configures rules; what parses does not depend on them.
            done = list(error.findings)
            checks -= {Check.SYNTAX}
        for notebook in notebooks:
            for check in checks & request.checks[notebook.key]:
                answer.undone[notebook.key][check] = tool
        return done


def _grouped(request: Request, checks: frozenset[Check]) -> dict[frozenset[Check], list[Notebook]]:
    """The notebooks by which of ``checks`` they want."""
    groups: dict[frozenset[Check], list[Notebook]] = defaultdict(list)
    for notebook in request.notebooks:
        wanted = request.checks[notebook.key] & checks
        if wanted:
            groups[wanted].append(notebook)
    return groups


def _all_but_sql(request: Request, answer: Answer) -> list[Finding]:
    found = _python(request, answer) + _grammar(request, answer)
    for notebook in request.wanting(Check.METADATA):
        found += metadata.check(notebook, request.settings(notebook.key))
    for notebook in request.wanting(Check.SECRETS):
        found += secrets.check(notebook, request.settings(notebook.key))
    return found


def _sql(request: Request, answer: Answer) -> list[Finding]:
    found: list[Finding] = []
    for wanted, notebooks in _grouped(request, _CODE_CHECKS).items():

        def work(some: list[Notebook], wanted: frozenset[Check] = wanted) -> list[Finding]:
            return sql.check(some, request.settings, root=request.root, checks=wanted)

        found += _guarded(request, answer, "sqlfluff", notebooks, wanted, work)
    return found


def _python(request: Request, answer: Answer) -> list[Finding]:
    """Syntax first: a cell that does not parse would switch off every rule of its notebook."""
    parsed: set[NotebookKey] = set()

    def check_syntax(some: list[Notebook]) -> list[Finding]:
        found = python_syntax.check(some, request.settings)
        parsed.update(item.key for item in some)
        return found

    notebooks = request.wanting(*_CODE_CHECKS)
    syntax = _guarded(request, answer, "ruff", notebooks, _CODE_CHECKS, check_syntax)
    wanted = {item.key for item in request.wanting(Check.SYNTAX)}
    found = [finding for finding in syntax if finding.key in wanted]
    broken = _broken(syntax)
    for key in parsed:
        answer.broken[key] = ()
    for key, cell in sorted(broken):
        answer.broken[key] += (cell,)
    for checks, group in _grouped(request, frozenset((Check.LINT, Check.FORMAT))).items():

        def check_style(some: list[Notebook], checks: frozenset[Check] = checks) -> list[Finding]:
            result = python_style.check(
                some,
                request.settings,
                root=request.root,
                sources=request.sources,
                broken=broken,
                lint=Check.LINT in checks,
                format=Check.FORMAT in checks,
            )
            return list(result.findings)

        known = [item for item in group if item.key in parsed]
        found += _guarded(request, answer, "ruff", known, checks, check_style)
    return found


def broken_cells(
    notebooks: Sequence[Notebook], settings: SettingsOf
) -> frozenset[tuple[NotebookKey, int]]:
    """The Python cells that do not parse. Raises ToolError where ruff fails."""
    return _broken(python_syntax.check(notebooks, settings))


def _broken(syntax: Iterable[Finding]) -> frozenset[tuple[NotebookKey, int]]:
    """The Python cells that ruff cannot parse. Rules such as F706 leave a cell parsable."""
    return frozenset(
        (finding.key, finding.cell)
        for finding in syntax
        if finding.cell is not None and finding.code in (INVALID_SYNTAX, "DBX171")
    )


def _grammar(request: Request, answer: Answer) -> list[Finding]:
    checks = frozenset((Check.SYNTAX,))
    notebooks = request.wanting(Check.SYNTAX)
    return _guarded(request, answer, "grammar", notebooks, checks, grammar.check)


def _result(
    notebook: Notebook,
    findings: list[Finding],
    checks: frozenset[Check],
    *,
    broken: tuple[int, ...] | None,
    settings: Settings,
) -> NotebookResult:
    left = suppression.apply(notebook, findings, checks, unsilenceable=settings.is_unsilenceable)
    locator = Locator(notebook)
    located = [locator.place(finding) for finding in left]
    located.sort(key=lambda item: (item.line, item.column, item.code))
    problem = notebook.unreadable
    return NotebookResult(
        key=notebook.key,
        format=notebook.format.value,
        language=notebook.language.value,
        cells=len(notebook.cells),
        digest=notebook.digest,
        findings=tuple(located),
        unreadable=problem.message if problem else "",
        broken=broken,
    )
