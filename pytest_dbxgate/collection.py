"""pytest's nodes: a file that holds notebooks, a check of one, the status of a tool."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import pytest

from pytest_dbxgate.arguments import Wanted
from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.result import State
from pytest_dbxgate.codes import Check, Severity
from pytest_dbxgate.execution.outcome import RunKey, RunState
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.reporting import frames, runs
from pytest_dbxgate.reporting.text import clean
from pytest_dbxgate.running.batch import Ended

TOOL_NODE = "dbx"


def node_id(key: NotebookKey) -> str:
    """The node id of a notebook. pytest prints it as it is, so it is made harmless here: a file
    may be called anything."""
    return clean(str(key))


class Judge(Protocol):
    """Where an item learns what became of it."""

    def state(self, key: NotebookKey, check: Check) -> State: ...

    def findings(self, key: NotebookKey, check: Check) -> tuple[Finding, ...]: ...

    def reason(self, key: NotebookKey, check: Check) -> str: ...

    def digest(self, key: NotebookKey) -> str: ...

    def runs_of(self, key: NotebookKey) -> Collection[RunKey]: ...

    def ended(self, key: RunKey) -> Ended: ...

    def may_skip(self, key: RunKey) -> bool: ...

    @property
    def tools(self) -> tuple[str, ...]: ...

    def tool_error(self, tool: str) -> str: ...

    @property
    def color(self) -> bool: ...


class FindingsError(Exception):
    """A check with findings that fail; the item's own failure."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__(f"{len(findings)} findings")
        self.findings = findings


class ToolFailedError(Exception):
    """A tool that did not do its work."""


class NotebookNode(pytest.Collector):
    """A notebook file. Its parent is the session: below a package pytest would import that.

    No ``pytest.File``: of those `--lf` passes over what does not stand where the node id says.
    """

    wanted: Wanted
    judge: Judge

    @classmethod
    def build(cls, session: pytest.Session, path: Path, wanted: Wanted, judge: Judge) -> object:
        name = clean(wanted.file.path)
        node: NotebookNode = cls.from_parent(session, path=path, name=name, nodeid=name)
        node.wanted, node.judge = wanted, judge
        return node

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        for key in self.wanted.file.keys:
            if key.member is None:
                yield from check_items(self, self.judge, key, self.wanted)
                yield from run_items(self, self.judge, key)
            else:
                yield MemberNode.build(self, self.judge, key, self.wanted)


class MemberNode(pytest.Collector):
    """One notebook of an archive."""

    key: NotebookKey
    wanted: Wanted
    judge: Judge

    @classmethod
    def build(
        cls, parent: pytest.Collector, judge: Judge, key: NotebookKey, wanted: Wanted
    ) -> MemberNode:
        node: MemberNode = cls.from_parent(parent, name=clean(key.member or ""))
        node.judge, node.key, node.wanted = judge, key, wanted
        return node

    def collect(self) -> Iterator[pytest.Item]:
        yield from check_items(self, self.judge, self.key, self.wanted)
        yield from run_items(self, self.judge, self.key)


def _id_below(parent: pytest.Collector, name: str) -> str:
    """As text: pytest 9.2 takes it apart at a ``[``, and does so where ``--lf`` reads it back."""
    return f"{parent.nodeid}::{name}"


def check_items(
    parent: pytest.Collector, judge: Judge, key: NotebookKey, wanted: Wanted
) -> Iterator[CheckItem]:
    possible = wanted.file.checks
    for check in Check:
        if check in possible and (wanted.only is None or (key, check) in wanted.only):
            item: CheckItem = CheckItem.from_parent(
                parent, name=check.value, nodeid=_id_below(parent, check.value)
            )
            item.judge, item.key, item.check = judge, key, check
            item.add_marker("dbx")
            item.add_marker(f"dbx_{check.value}")
            yield item


class CheckItem(pytest.Item):
    """One check of one notebook."""

    judge: Judge
    key: NotebookKey
    check: Check

    def runtest(self) -> None:
        state = self.judge.state(self.key, self.check)
        findings = self.judge.findings(self.key, self.check)
        self._tell_junit(findings)
        if state is State.FAILED:
            raise FindingsError(findings)
        if state is State.SKIPPED:
            pytest.skip(clean(self.judge.reason(self.key, self.check)))

    def _tell_junit(self, findings: tuple[Finding, ...]) -> None:
        self.user_properties.append(("dbx_sha256", self.judge.digest(self.key)))
        if findings:
            first = min(findings, key=lambda item: item.severity is not Severity.ERROR)
            self.user_properties += [
                ("dbx_file", clean(first.path)),
                ("dbx_line", str(first.line)),
                ("dbx_code", clean(first.code)),
            ]

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, FindingsError):
            return frames.item_report(excinfo.value.findings, color=self.judge.color)
        return super().repr_failure(excinfo)

    @property
    def shown_path(self) -> Path:
        """The notebook's file as pytest may print it."""
        return self.config.rootpath / clean(self.key.path)

    @cached_property
    def location(self) -> tuple[str, int | None, str]:
        """What pytest would make of ``reportinfo``, without a detour over absolute paths."""
        path = clean(self.key.path).replace("/", os.sep)
        return path, 0, f"{node_id(self.key)}: {self.check.value}"

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        # Not the node id itself: where a headline ends it, `-v` writes `::` for each dot.
        return self.shown_path, *self.location[1:]


def run_items(parent: pytest.Collector, judge: Judge, key: NotebookKey) -> Iterator[RunItem]:
    for run in judge.runs_of(key):
        item: RunItem = RunItem.from_parent(
            parent, name=run.item, nodeid=_id_below(parent, run.item)
        )
        item.judge, item.key = judge, run
        item.add_marker("dbx")
        item.add_marker("dbx_run")
        yield item


class RunFailedError(Exception):
    """A run that is not green; the item's own failure."""

    def __init__(self, ended: Ended) -> None:
        super().__init__(ended.outcome.message)
        self.ended = ended


class RunItem(pytest.Item):
    """One run of one notebook."""

    judge: Judge
    key: RunKey

    def runtest(self) -> None:
        ended = self.judge.ended(self.key)
        outcome = ended.outcome
        self._tell_junit(ended)
        if outcome.output:
            self.add_report_section("call", "stdout", runs.tail(outcome.output))
        if outcome.state is RunState.UNSUPPORTED and self.judge.may_skip(self.key):
            pytest.skip(clean(f"not run: {ended.findings[0].message}"))
        if outcome.state is not RunState.PASSED:
            raise RunFailedError(ended)

    def _tell_junit(self, ended: Ended) -> None:
        outcome = ended.outcome
        self.user_properties += [
            ("dbx_sha256", outcome.digest),
            ("dbx_run_state", outcome.state.value),
            ("dbx_seconds", f"{outcome.seconds:.3f}"),
            ("dbx_engine", clean(outcome.engine)),
        ]
        if outcome.url:
            self.user_properties.append(("dbx_url", clean(outcome.url)))
        for first in ended.findings[:1]:
            self.user_properties += [
                ("dbx_file", clean(first.path)),
                ("dbx_line", str(first.line)),
                ("dbx_code", first.code),
            ]

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, RunFailedError):
            ended = excinfo.value.ended
            return runs.item_report(ended.outcome, ended.findings, color=self.judge.color)
        return super().repr_failure(excinfo)

    @property
    def shown_path(self) -> Path:
        """The notebook's file as pytest may print it."""
        return self.config.rootpath / clean(self.key.notebook.path)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        return self.shown_path, 0, f"{node_id(self.key.notebook)}: {clean(self.key.item)}"


class ToolNode(pytest.Collector):
    """The statuses of the tools."""

    judge: Judge

    @classmethod
    def build(cls, session: pytest.Session, judge: Judge) -> ToolNode:
        node: ToolNode = cls.from_parent(session, name=TOOL_NODE, nodeid=TOOL_NODE)
        node.judge = judge
        return node

    def collect(self) -> Iterator[ToolItem]:
        for name in self.judge.tools:
            item: ToolItem = ToolItem.from_parent(self, name=name)
            item.judge = self.judge
            item.add_marker("dbx")
            item.add_marker("dbx_tool")
            yield item


class ToolItem(pytest.Item):
    """Red when the tool itself failed, whatever it had to say about notebooks; so is ``policy``
    where a policy is missing."""

    judge: Judge

    def runtest(self) -> None:
        error = self.judge.tool_error(self.name)
        if error:
            raise ToolFailedError(error)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, ToolFailedError):
            return clean(str(excinfo.value), newline="\n")
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        return self.config.rootpath / TOOL_NODE, 0, self.nodeid
