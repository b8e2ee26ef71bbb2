"""The gate inside pytest: which process does what, and when.

The engine runs once, in the controlling process: before the first item without xdist, when the
first worker has collected with it. Workers read what was found from a folder of that run.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil
import tempfile
import traceback
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_dbxgate import arguments, collection, toolchain
from pytest_dbxgate.arguments import Plan, Wanted
from pytest_dbxgate.checks.baseline import Baseline
from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.result import State, is_unchecked
from pytest_dbxgate.codes import Check
from pytest_dbxgate.discovery import Discovery, look_at
from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.execution.outcome import RunKey
from pytest_dbxgate.notebook.model import Notebook, NotebookKey
from pytest_dbxgate.options import Options
from pytest_dbxgate.reporting import json_report, terminal
from pytest_dbxgate.reporting.text import clean
from pytest_dbxgate.running.batch import Ended, closure_of
from pytest_dbxgate.session import Gate, Outcome
from pytest_dbxgate.settings import Settings

if TYPE_CHECKING:
    from pytest_dbxgate.delivery.published import Published
    from pytest_dbxgate.narrowing import Narrowed
    from pytest_dbxgate.runsession import RunSession

_FOLDER = "dbxgate_folder"


@dataclass
class ConfHooks:
    """The hooks of ``hookspecs`` as the gate wants them."""

    config: pytest.Config

    @property
    def globals(self) -> tuple[str, ...]:
        with _mistakes_of("pytest_dbxgate_globals") as expect:
            answers = self.config.hook.pytest_dbxgate_globals(config=self.config)
            for answer in answers:
                expect(not isinstance(answer, str), answer, "a list of names")
            names = tuple(dict.fromkeys(name for answer in answers for name in answer or ()))
            for name in names:
                expect(isinstance(name, str) and name.isidentifier(), name, "a name")
        return names

    @property
    def adds_checks(self) -> bool:
        return bool(self.config.hook.pytest_dbxgate_check.get_hookimpls())

    def check(self, notebook: Notebook, settings: Settings) -> list[Finding]:
        with _mistakes_of("pytest_dbxgate_check") as expect:
            answers = self.config.hook.pytest_dbxgate_check(notebook=notebook, settings=settings)
            findings = [finding for answer in answers for finding in answer or ()]
            for each in findings:
                expect(isinstance(each, Finding), each, "a Finding")
        return findings

    def change(self, key: NotebookKey, findings: list[Finding]) -> None:
        with _mistakes_of("pytest_dbxgate_findings") as expect:
            self.config.hook.pytest_dbxgate_findings(notebook=str(key), findings=findings)
            for each in findings:
                expect(isinstance(each, Finding), each, "a Finding")


@contextlib.contextmanager
def _mistakes_of(hook: str) -> Iterator[Callable[[bool, object, str], None]]:
    """Turn what goes wrong in somebody's hook into a message that names it."""

    def expect(holds: bool, value: object, kind: str) -> None:
        if not holds:
            raise ConfigurationError(
                f"the hook {hook} gave {value!r:.200}, which is not {kind}",
                next_step="see docs/hooks.md",
            )

    try:
        yield expect
    except (ConfigurationError, pytest.UsageError):
        raise
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise ConfigurationError(
            f"the hook {hook} failed: {type(error).__name__}: {error}",
            next_step=f"mend it ({place.filename}, line {place.lineno})",
        ) from None


@dataclass
class _Extras:
    """What a run did besides checking, for the summary."""

    fixed: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    diffs: list[str] = field(default_factory=list)
    baseline_written: int | None = None


class GatePlugin:
    """One run. Registered only when the gate was asked for."""

    def __init__(self, config: pytest.Config, options: Options) -> None:
        self._config = config
        self._options = options
        self._hooks = ConfHooks(config)
        self._worker_folder = getattr(config, "workerinput", {}).get(_FOLDER)
        self._folder: Path | None = None
        self._outcome: Outcome | None = None
        self.published: Published | None = None
        """What came of publishing, for the JSON report."""
        self._tools_selected = True
        self._extras = _Extras()
        try:
            discovery, self._narrowed = self._from_controller()
            self._gate = Gate(
                config.rootpath,
                hooks=self._hooks,
                cache_file=self._cache_file(),
                found=discovery,
            )
            if options.changed and self._narrowed is None:
                from pytest_dbxgate import narrowing

                self._narrowed = narrowing.narrow(self._gate, options.base, os.environ)
            self._baseline = self._load_baseline()
            self._plan = self._take_over()
            self.running = self._runs()
        except ConfigurationError as error:
            raise _usage_error(error) from None
        self._notebook_paths = {
            str(config.rootpath / item.path) for item in self._gate.discovery.notebooks
        }

    def _runs(self) -> RunSession | None:
        if self._options.run is None:
            return None
        from pytest_dbxgate.runsession import RunSession

        return RunSession(self._config, self._options, self._gate, self._plan.wanted)

    # -- what is gated ---------------------------------------------------------------------

    def _cache_file(self) -> Path | None:
        cache = getattr(self._config, "cache", None)
        if cache is None or self._options.no_cache or self._worker_folder:
            return None
        try:
            return Path(cache.mkdir("dbxgate")) / "results.json"
        except OSError:
            # The cache saves time where it can; a read-only checkout is gated all the same.
            return None

    def _from_controller(self) -> tuple[Discovery | None, Narrowed | None]:
        """What a worker need not find out again."""
        if not self._worker_folder:
            return None, None
        file = Path(self._worker_folder) / "found.pickle"
        found: tuple[Discovery, Narrowed | None] = pickle.loads(file.read_bytes())
        return found

    def _load_baseline(self) -> Baseline | None:
        if self._options.write_baseline_file or self._worker_folder:
            return None
        file = self._options.baseline_file
        if file is None:
            settings = self._gate.projects.of("")
            file = self._config.rootpath / settings.baseline if settings.baseline else None
        return None if file is None else Baseline.load(file)

    def _take_over(self) -> Plan:
        """Take the notebooks out of pytest's arguments; what is left are ordinary tests."""
        config = self._config
        source = config.args_source
        if source is config.ArgsSource.ARGS:
            plan = arguments.split(
                config.args,
                root=config.rootpath,
                directory=config.invocation_params.dir,
                files=self._gate.files,
            )
        else:
            # Without arguments and testpaths pytest would import whatever looks like a test.
            rest = config.args if source is config.ArgsSource.TESTPATHS else []
            plan = Plan(tuple(map(Wanted, self._gate.files)), tuple(rest))
        if self._options.only and plan.missing:
            raise ConfigurationError(
                f"not found: {plan.missing[0]}",
                next_step="name a notebook or a folder that exists",
            )
        config.args[:] = [] if self._options.only else plan.rest
        wanted = list(self._not_ignored(plan.wanted))
        if self._narrowed is not None:
            wanted = [each for each in wanted if each.file.path in self._narrowed.paths]
        return replace(plan, wanted=tuple(wanted))

    def _not_ignored(self, wanted: Iterable[Wanted]) -> Iterator[Wanted]:
        """Those that ``--ignore`` and ``--ignore-glob`` leave."""
        option, directory = self._config.option, self._config.invocation_params.dir
        paths = [Path(os.path.normpath(directory / path)) for path in option.ignore or ()]
        patterns = [str(directory / pattern) for pattern in option.ignore_glob or ()]
        for each in wanted:
            file = self._config.rootpath / each.file.path
            if not arguments.is_ignored(file, paths, patterns):
                yield each

    # -- collection ------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Generator[None, Any, Any]:
        report = yield
        if isinstance(collector, pytest.Session) and report.passed:
            report.result = [*report.result, *self._nodes(collector)]
        return report

    def _nodes(self, session: pytest.Session) -> list[pytest.Collector]:
        nodes: list[Any] = [
            collection.NotebookNode.build(
                session, self._config.rootpath / wanted.file.path, wanted, self
            )
            for wanted in self._plan.wanted
        ]
        if nodes:
            nodes.insert(0, collection.ToolNode.build(session, self))
        return nodes

    @pytest.hookimpl(wrapper=True)
    def pytest_collect_file(self, file_path: Path) -> Generator[None, Any, Any]:
        collectors = yield
        return [] if collectors and self._is_notebook(file_path) else collectors

    def _is_notebook(self, file: Path) -> bool:
        """Whether importing the file would run a notebook; true for those git ignores, too."""
        if str(file) in self._notebook_paths:
            return True
        return file.suffix.lower() == ".py" and look_at(file.parent, file.name) is not None

    # -- running the engine ----------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        option = self._config.option
        if self._worker_folder or self._is_xdist_controller() or option.collectonly:
            return
        if session.testsfailed and not option.continue_on_collection_errors:
            return
        self._execute(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: object, ids: Sequence[str]) -> None:
        if self._outcome is None and not self._config.option.collectonly:
            self._execute(ids)
            (self._run_folder() / "outcome.pickle").write_bytes(
                pickle.dumps((self._outcome, self._tools_selected))
            )

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        folder = self._run_folder()
        file = folder / "found.pickle"
        if not file.exists():
            file.write_bytes(pickle.dumps((self._gate.discovery, self._narrowed)))
        node.workerinput[_FOLDER] = str(folder)

    def _is_xdist_controller(self) -> bool:
        return self._config.pluginmanager.has_plugin("dsession")

    def _run_folder(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="dbxgate-"))
        return self._folder

    def _execute(self, nodeids: Iterable[str]) -> None:
        """Check what was selected: fix first where that was asked for, then report."""
        nodeids = list(nodeids)
        selected = self._selection(nodeids)
        try:
            if (self._options.fix or self._options.diff) and selected:
                self._fix(selected)
            outcome = self._gate.run(self._with_syntax(selected, nodeids))
            if self._options.write_baseline_file:
                self._baseline = self._write_baseline(outcome, selected)
            if self._baseline is not None:
                outcome = self._gate.beside(outcome, selected, self._baseline)
            self._outcome = outcome
            if self.running is not None:
                self.running.start(nodeids, outcome, self._folder)
        except ConfigurationError as error:
            raise _usage_error(error) from None

    def _with_syntax(
        self, selected: dict[NotebookKey, frozenset[Check]], nodeids: Sequence[str]
    ) -> dict[NotebookKey, frozenset[Check]]:
        """``selected``, and the syntax of what runs: nothing is started that does not parse."""
        if self.running is None:
            return selected
        needed = self.running.needed(nodeids)
        everything = {each for key in needed for each in closure_of(self._gate, key)}
        none: frozenset[Check] = frozenset()
        return selected | {key: selected.get(key, none) | {Check.SYNTAX} for key in everything}

    @property
    def gate(self) -> Gate:
        return self._gate

    @cached_property
    def _checks(self) -> dict[str, tuple[NotebookKey, Check]]:
        """The checks by the node ids of their items."""
        return {
            f"{collection.node_id(key)}::{check.value}": (key, check)
            for wanted in self._plan.wanted
            for key in wanted.file.keys
            for check in wanted.file.checks
        }

    def check_of(self, nodeid: str) -> tuple[NotebookKey, Check] | None:
        """The check behind an item of ours; None for any other item."""
        # `--dist loadgroup` appends "@group".
        return self._checks.get(nodeid) or self._checks.get(nodeid.rpartition("@")[0])

    def _selection(self, nodeids: Iterable[str]) -> dict[NotebookKey, frozenset[Check]]:
        chosen: dict[NotebookKey, set[Check]] = {}
        tools: set[str] = set()
        for nodeid in nodeids:
            found = self.check_of(nodeid)
            if found:
                chosen.setdefault(found[0], set()).add(found[1])
            elif nodeid.startswith(collection.TOOL_NODE + "::"):
                tools.add(nodeid.partition("@")[0].rpartition("::")[2])
        self._tools_selected = tools == set(self.tools)
        if toolchain.POLICY in self.tools and toolchain.POLICY not in tools:
            # Its item would be red; somebody has to be.
            raise _usage_error(ConfigurationError(self._gate.projects.missing_policies[0]))
        return {key: frozenset(checks) for key, checks in chosen.items()}

    def _fix(self, selected: dict[NotebookKey, frozenset[Check]]) -> None:
        from pytest_dbxgate import fixing

        fixes = fixing.plan(self._gate, selected)
        self._extras.refusals += fixes.refusals
        if self._options.diff:
            self._extras.diffs += [
                terminal.change_as_diff(change.before, change.after, change.cells, color=self.color)
                for change in fixes.changes
            ]
            return
        refused = fixing.apply(self._config.rootpath, fixes.changes)
        self._extras.refusals += refused
        left = {line.partition(": ")[0] for line in refused}
        self._extras.fixed += [each.path for each in fixes.changes if each.path not in left]

    def _write_baseline(
        self, outcome: Outcome, selected: dict[NotebookKey, frozenset[Check]]
    ) -> Baseline:
        file = self._options.write_baseline_file
        assert file is not None
        try:
            previous = Baseline.load(file) if file.exists() else None
        except ConfigurationError as error:
            raise ConfigurationError(
                error.message, next_step="name another file, or remove this one"
            ) from None
        baseline = self._gate.record(outcome, selected, previous=previous)
        baseline.write(file)
        self._extras.baseline_written = sum(not is_unchecked(each) for each in outcome.findings)
        return baseline

    # -- what an item learns ---------------------------------------------------------------

    @property
    def color(self) -> bool:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None:
            return False
        return bool(reporter.hasmarkup)

    @property
    def outcome(self) -> Outcome:
        if self._outcome is None and self._worker_folder:
            file = Path(self._worker_folder) / "outcome.pickle"
            self._outcome, self._tools_selected = pickle.loads(file.read_bytes())
        assert self._outcome is not None, "an item ran before the engine"
        return self._outcome

    def state(self, key: NotebookKey, check: Check) -> State:
        state = self.outcome.states[key][check]
        if state is State.SKIPPED and not self._tools_selected and self._failed_tool(key, check):
            # The status item that would be red is deselected: somebody has to be.
            return State.FAILED
        return state

    def runs_of(self, key: NotebookKey) -> Collection[RunKey]:
        return () if self.running is None else self.running.of(key)

    def ended(self, key: RunKey) -> Ended:
        assert self.running is not None
        folder = Path(self._worker_folder) if self._worker_folder else None
        return self.running.ended(key, folder)

    def may_skip(self, key: RunKey) -> bool:
        return self._gate.projects.of_key(key.notebook).run.unsupported == "skip"

    def findings(self, key: NotebookKey, check: Check) -> tuple[Finding, ...]:
        return self.outcome.results[key].of(check)

    def digest(self, key: NotebookKey) -> str:
        return self.outcome.results[key].digest

    @property
    def tools(self) -> tuple[str, ...]:
        return tuple(
            each.name for each in toolchain.statuses({}, self._gate.projects.missing_policies)
        )

    def tool_error(self, tool: str) -> str:
        return self.outcome.error_of(tool)

    def reason(self, key: NotebookKey, check: Check) -> str:
        result = self.outcome.results[key]
        tool = self._failed_tool(key, check)
        if tool:
            return f"not checked: {tool} failed (see {collection.TOOL_NODE}::{tool})"
        if result.unreadable and check is not Check.SYNTAX:
            return "not checked: the notebook could not be read"
        allowed = self._gate.projects.of_key(key).allow_unchecked
        unchecked = [each for each in result.of(check) if is_unchecked(each, allowed)]
        return f"not checked: {unchecked[0].message}" if unchecked else "not checked"

    def _failed_tool(self, key: NotebookKey, check: Check) -> str:
        return dict(self.outcome.results[key].failed_tools).get(check, "")

    # -- reports ---------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self.running is not None and not self._worker_folder:
            self.running.note(report)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, Any, Any]:
        report = yield
        ours = item if isinstance(item, (collection.CheckItem, collection.RunItem)) else None
        if ours is not None and report.skipped and call.when == "call":
            # Not the line in this plugin that said so, but the notebook.
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
            report.longrepr = (str(ours.shown_path), 1, reason)
        if isinstance(item, collection.RunItem) and call.when == "call":
            told = dict(report.user_properties).get("dbx_seconds")
            report.duration = float(str(told)) if told else report.duration
        return report

    def pytest_report_header(self) -> list[str]:
        files = [wanted.file for wanted in self._plan.wanted]
        paths = [file.path for file in files if file.job is None]
        jobs = len(files) - len(paths)
        versions, cache = dict(toolchain.versions()), bool(self._cache_file())
        lines = terminal.header(paths, jobs, versions, cache=cache)
        notes = [f"policy {policy}" for policy in self._gate.projects.policies]
        notes += self._gate.discovery.notes
        if self._narrowed is not None:
            notes.insert(0, self._narrowed.sentence)
        hidden = arguments.hidden(paths, self._config.getini("norecursedirs"))
        if hidden:
            notes.append(
                f"gated although norecursedirs hides {len(hidden)} of them from pytest: "
                + ", ".join(hidden[:3])
                + (", ..." if len(hidden) > 3 else "")
            )
        if not self._config.option.noconftest:
            notes += arguments.imported(paths)
        return [*lines, *(f"dbxgate: {clean(note)}" for note in notes)]

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._thin_out_statistics()
        if self._worker_folder:
            return
        if self.running is not None:
            self.running.finish(session)
        nothing = session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED
        if nothing and self._narrowed is not None and not self._plan.wanted:
            session.exitstatus = pytest.ExitCode.OK
        try:
            self._write_reports()
        except ConfigurationError as error:
            self._extras.refusals.append(str(error))
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def _write_reports(self) -> None:
        options, outcome = self._options, self._outcome
        if options.json_file is not None and (outcome is not None or self.published is not None):
            self._write_json(outcome, options.json_file)
        if options.graph_file is not None and not self._config.option.collectonly:
            from pytest_dbxgate import drawing

            findings = self._findings() if outcome is not None else []
            drawing.write(options.graph_file, self._gate.survey().subject, findings)

    def _findings(self) -> list[Finding]:
        """What was found by checking and by running."""
        found = [] if self._outcome is None else self._outcome.findings
        return found if self.running is None else [*found, *self.running.findings]

    def _write_json(self, outcome: Outcome | None, file: Path) -> None:
        outcome = outcome or Outcome({}, {}, ())
        report = json_report.build(
            outcome.results.values(),
            self._findings(),
            outcome.states,
            dict(toolchain.versions()),
            self._gate.projects.policies,
            self.published,
            () if self.running is None else self.running.outcomes,
        )
        json_report.write(file, report)

    def _thin_out_statistics(self) -> None:
        """Drop our passed set-up and tear-down reports from the terminal's books.

        For each failure pytest looks through all of them for captured output, which ours never
        have: thousands of failures would take minutes to print.
        """
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None and "" in reporter.stats:
            reporter.stats[""] = [
                report
                for report in reporter.stats[""]
                if "dbx" not in getattr(report, "keywords", {}) or report.sections
            ]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> Generator[None, Any, Any]:
        result = yield
        quiet = self._worker_folder or self._config.option.no_summary
        if self._outcome is not None and not quiet:
            terminal.end(
                terminalreporter,
                self._findings(),
                self._outcome.baseline,
                self._extras,
                advise_baseline=self._baseline is None,
                ran=() if self.running is None else self.running.summary(),
            )
        return result

    def pytest_unconfigure(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _usage_error(error: ConfigurationError) -> pytest.UsageError:
    """The message may quote a file of the repository."""
    return pytest.UsageError(clean(str(error), newline="\n"))
