"""Parameters that are passed against widgets that are read, over everything that runs together."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from pytest_dbxgate.checks.references import widget_values
from pytest_dbxgate.checks.references.claim import Claim
from pytest_dbxgate.checks.references.widget_scope import Names, Scope
from pytest_dbxgate.codes import Severity
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.facts import Argument, NotebookFacts, WidgetRead
from pytest_dbxgate.project.graph import Graph
from pytest_dbxgate.project.jobs.model import NotebookTask
from pytest_dbxgate.project.project import Project
from pytest_dbxgate.project.resolving import Resolver
from pytest_dbxgate.project.widget_facts import KINDS, SETTING, SQL_CALL

_IN_CODE = frozenset({"get", "getArgument"})
_IN_SQL = {":x": ":{}", "${x}": "${{{}}}", "$x": "${}", SQL_CALL: "getArgument('{}')"}
_REQUIRED = _IN_CODE | _IN_SQL.keys()
"""The forms of a read that fails without a widget."""

_SETTINGS = frozenset({"${x}", "$x"})
"""The forms in which SQL reads Spark settings, too."""


def check(
    project: Project, graph: Graph, resolver: Resolver, keys: Collection[NotebookKey]
) -> list[Claim]:
    """DBX401 to DBX408 about ``keys``: notebooks, and job files as ``NotebookKey(file)``."""
    scope = Scope(project, graph, resolver)
    wanted = frozenset(keys)
    known = [project.notebooks[key] for key in keys if key in project.notebooks]
    found: list[Claim] = []
    meant: set[str] = set()
    for facts in known:
        found += widget_values.check(facts, project.settings(facts.key).runtime)
        found += _passed_by(facts, scope)
        for claim, name in _missing(facts, scope):
            found.append(claim)
            meant.add(name)
    for facts in known:
        found += _unread(facts, meant, scope)
    found += _passed_by_tasks(project, scope, wanted)
    found += widget_values.of_tasks(project.tasks, wanted)
    return found


def near(name: str, others: Iterable[str]) -> str | None:
    """The one of ``others`` that ``name`` is likely a slip of.

    ``path_1`` is no slip of ``path_2``, nor ``input_path`` of ``output_path``.
    """
    folded = re.sub(r"[\W_]", "", name).casefold()
    for other in sorted(others):
        if re.sub(r"[\W_]", "", other).casefold() == folded:
            return other
    for other in difflib.get_close_matches(name, sorted(others), n=3, cutoff=0.75):
        if not _differ_on_purpose(name, other):
            return other
    return None


_OPPOSITES = re.compile(
    r"(in|out|src|tgt|source|target|start|end|from|to|min|max|old|new|first|last|left|right"
    r"|raw|bronze|silver|gold|dev|test|stg|prod|read|write|train|true|false|pre|post)"
    r"(?=put|$|[_\W\d])",
    re.IGNORECASE,
)


def _differ_on_purpose(name: str, other: str) -> bool:
    if re.findall(r"\d+", name) != re.findall(r"\d+", other):
        return True
    one, two = _OPPOSITES.findall(name), _OPPOSITES.findall(other)
    return len(one) == len(two) and [each.lower() for each in one] != [each.lower() for each in two]


def _passed_by(facts: NotebookFacts, scope: Scope) -> Iterator[Claim]:
    for run in facts.runs:
        if run.parameters:
            target = scope.target(facts.key, run.target)
            yield from _unknown(facts.key, run.parameters, target, scope)
    for call in facts.notebook_runs:
        if call.arguments:
            target = scope.target(facts.key, call.target)
            yield from _unknown(facts.key, call.arguments, target, scope)


def _unknown(
    key: NotebookKey,
    arguments: tuple[Argument, ...],
    target: NotebookKey | None,
    scope: Scope,
) -> Iterator[Claim]:
    """Arguments that ``target`` knows nothing of."""
    if target is None:
        return
    names = scope.below(target)
    if names.open or names.reads_any or names.declares_any:
        return
    known = names.declared | names.read
    passed = {argument.name for argument in arguments}
    for argument in arguments:
        if argument.name not in known:
            meant = near(argument.name, known - passed)
            yield Claim(
                key,
                "DBX401",
                f"`{argument.name}` is passed to {target}, where nothing reads it",
                argument.spot,
                f"did you mean `{meant}`?"
                if meant
                else "declare the widget there, or do not pass it",
                Severity.ERROR if meant else None,
            )


def _passed_by_tasks(
    project: Project, scope: Scope, wanted: frozenset[NotebookKey]
) -> Iterator[Claim]:
    shared: dict[tuple[NotebookKey, Argument], list[NotebookTask]] = defaultdict(list)
    for task in project.tasks:
        key = NotebookKey(task.file)
        if key not in wanted:
            continue
        for argument in task.arguments or ():
            if argument.name in task.shared:
                shared[key, argument].append(task)
        own = tuple(each for each in task.arguments or () if each.name not in task.shared)
        yield from _unknown(key, own, task.notebook, scope)
    for (key, argument), tasks in shared.items():
        yield from _unknown_to_all(key, argument, tasks, scope)


def _unknown_to_all(
    key: NotebookKey, argument: Argument, tasks: Sequence[NotebookTask], scope: Scope
) -> Iterator[Claim]:
    """What a job passes to all of its tasks. A task of whatever type may read it, so only the
    likely misspelling of what a notebook reads is told."""
    known: set[str] = set()
    passed: set[str] = set()
    for task in tasks:
        if task.notebook is None:
            return
        names = scope.below(task.notebook)
        if names.open or names.reads_any or names.declares_any:
            return
        known |= names.declared | names.read
        passed |= {each.name for each in task.arguments or ()}
    meant = None if argument.name in known else near(argument.name, known - passed)
    if meant:
        yield Claim(
            key,
            "DBX401",
            f"`{argument.name}` is passed to all tasks, and no notebook reads it",
            argument.spot,
            f"did you mean `{meant}`?",
            Severity.ERROR,
        )


def _missing(facts: NotebookFacts, scope: Scope) -> Iterator[tuple[Claim, str]]:
    """Reads of what nobody declares or passes, each with the widget that is likely meant."""
    own = {widget.name for widget in facts.widgets if widget.kind != SETTING}
    reads = [read for read in facts.reads if read.name not in own and read.form in _REQUIRED]
    if not reads:
        return
    below = scope.below(facts.key)
    reads = [read for read in reads if not _is_declared(read, below)]
    if not reads:
        return
    names = scope.around(facts.key)
    feeds = scope.feeds(facts.key)
    is_open = names.open or names.declares_any or not feeds.known
    # Who declares no widgets and is run by nobody here is fed by a job from outside.
    is_fed_here = bool(names.declared) or feeds.exist
    for read in reads:
        if _is_declared(read, names) or read.name in feeds.names:
            continue
        if is_open:
            # Only where both ends are loose it is certain enough.
            meant = near(read.name, own - names.read)
        else:
            meant = near(read.name, names.declared)
            if meant is None and near(read.name, feeds.names - names.read):
                # The one who passes it is told.
                continue
        if meant or (is_fed_here and not is_open):
            yield _claim(facts.key, read, meant), meant or ""


def _is_declared(read: WidgetRead, names: Names) -> bool:
    if read.name in names.declared:
        return True
    return read.form in _SETTINGS and (read.name in names.settings or "*" in names.settings)


def _claim(key: NotebookKey, read: WidgetRead, meant: str | None) -> Claim:
    shown = _IN_SQL[read.form].format(read.name) if read.form in _IN_SQL else read.name
    hint = f"did you mean `{meant}`?" if meant else "declare the widget, or pass it from a job"
    severity = Severity.ERROR if meant else None
    if read.form in _IN_CODE:
        message = f"the widget `{shown}` is read, but nobody declares it"
        return Claim(key, "DBX402", message, read.spot, hint, severity)
    message = f"`{shown}` is used, but nobody declares the widget `{read.name}`"
    return Claim(key, "DBX403", message, read.spot, hint, severity)


def _unread(facts: NotebookFacts, meant: Collection[str], scope: Scope) -> Iterator[Claim]:
    """Declared widgets that nobody reads; not those that a wrong name is likely to mean."""
    read = {each.name for each in facts.reads}
    if facts.reads_any or all(widget.name in read for widget in facts.widgets):
        return
    names = scope.around(facts.key)
    if names.reads_any or names.open:
        return
    widgets = [widget for widget in facts.widgets if widget.kind in KINDS]
    if len(widgets) > 1 and facts.imports and all(each.name not in names.read for each in widgets):
        # A library that finds dbutils by itself reads them.
        return
    for widget in widgets:
        if widget.name not in names.read and widget.name not in meant:
            message = f"the widget `{widget.name}` is declared, but nobody reads it"
            yield Claim(
                facts.key,
                "DBX404",
                message,
                widget.spot,
                "remove it, or read it: dbutils.widgets.get, `:name` in SQL",
            )
