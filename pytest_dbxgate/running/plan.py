"""Which notebooks a run of ``--dbx-run`` executes, with which parameters, and in which order.

Pure: files and settings in, planned runs out.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from pytest_dbxgate.discovery import GatedFile
from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.execution.outcome import Outcome, RunKey, RunState
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.settings import CaseSettings, Settings, matches
from pytest_dbxgate.settings.toml import where

_NAMESPACE = uuid.UUID("5ad27be2-7d19-4ef0-8a3a-1bd0a7a2f0c4")


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run that is to be made."""

    key: RunKey
    parameters: Mapping[str, str]
    timeout: int
    """Seconds."""
    retries: int = 0
    expect_exit: str | None = None
    expect_error: str = ""
    needs: tuple[RunKey, ...] = ()
    session: str = ""
    """Runs that need one another share a Spark session and its tables; a UUID."""


Planned = Mapping[RunKey, PlannedRun]


def plan(
    files: Iterable[GatedFile], settings_of: Callable[[str], Settings], named: Collection[str] = ()
) -> dict[RunKey, PlannedRun]:
    """The runs of ``files``: those that settings choose, and the files in ``named``.

    Raises :class:`ConfigurationError` for a case whose notebook is not there, and for notebooks
    that need one another in a circle.
    """
    known = [item for item in files if item.job is None and not item.near_miss]
    chosen: dict[RunKey, PlannedRun] = {}
    used: set[tuple[str, str]] = set()
    projects: dict[str, Settings] = {}
    for item in known:
        settings = settings_of(item.path)
        projects[settings.folder] = settings
        inside = settings.inside(item.path)
        cases = [each for each in settings.run.cases if each.notebook == inside]
        used |= {(settings.folder, each.notebook) for each in cases}
        if item.path in named or _is_listed(inside, settings, cases=bool(cases)):
            for key in item.keys:
                for case in cases or [CaseSettings(inside)]:
                    run = _planned(key, case, settings)
                    chosen[run.key] = run
    for settings in projects.values():
        _check_cases(settings, used)
    return _with_sessions(_with_needs(chosen, settings_of))


def closure(planned: Planned, keys: Iterable[RunKey]) -> list[RunKey]:
    """``keys`` and all that they need, in the order of the plan."""
    wanted = set(keys)
    waiting = list(wanted)
    while waiting:
        for need in planned[waiting.pop()].needs:
            if need not in wanted:
                wanted.add(need)
                waiting.append(need)
    return [key for key in planned if key in wanted]


def judged(outcome: Outcome, run: PlannedRun) -> Outcome:
    """``outcome`` beside what was expected of the run."""
    failure = outcome.failure
    if run.expect_error:
        if outcome.state is RunState.PASSED:
            message = f"it should have ended with {run.expect_error}, and did not fail"
            return replace(outcome, state=RunState.FAILED, message=message)
        if outcome.state is RunState.FAILED and failure is not None:
            names = (failure.error, failure.error.rpartition(".")[2], failure.condition)
            if run.expect_error in names:
                notice = f"it ended with {run.expect_error}, as expected"
                notices = (*outcome.notices, notice)
                return replace(outcome, state=RunState.PASSED, failure=None, notices=notices)
            ended = ": ".join(filter(None, (failure.error, failure.message)))
            message = f"it should have ended with {run.expect_error}, and ended with {ended}"
            return replace(outcome, unexpected=True, message=message)
    elif run.expect_exit not in (None, outcome.exit_value) and outcome.state is RunState.PASSED:
        found = "nothing" if outcome.exit_value is None else repr(outcome.exit_value)
        message = f"it should have exited with {run.expect_exit!r}, and exited with {found}"
        return replace(outcome, state=RunState.FAILED, message=message)
    return outcome


def _is_listed(inside: str, settings: Settings, *, cases: bool) -> bool:
    run = settings.run
    listed = cases or any(matches(inside, each) for each in run.notebooks)
    return listed and not any(matches(inside, each) for each in run.exclude)


def _planned(key: NotebookKey, case: CaseSettings, settings: Settings) -> PlannedRun:
    run = settings.run
    return PlannedRun(
        RunKey(key, case.name),
        parameters={**run.parameters, **case.parameters},
        timeout=case.timeout or run.timeout,
        retries=run.retries if case.retries is None else case.retries,
        expect_exit=case.expect_exit,
        expect_error=case.expect_error,
    )


def _check_cases(settings: Settings, used: Collection[tuple[str, str]]) -> None:
    for case in settings.run.cases:
        if (settings.folder, case.notebook) not in used:
            raise ConfigurationError(
                f"{where(settings.origin, 'run.cases')}: there is no notebook {case.notebook}",
                next_step="correct the path of the case; it counts from the settings' folder",
            )


def _with_needs(
    chosen: Mapping[RunKey, PlannedRun], settings_of: Callable[[str], Settings]
) -> dict[RunKey, PlannedRun]:
    found: dict[RunKey, PlannedRun] = {}
    for key, run in chosen.items():
        settings = settings_of(key.notebook.path)
        inside = settings.inside(key.notebook.path)
        wanted = [
            pattern
            for who, patterns in settings.run.needs.items()
            if matches(inside, who)
            for pattern in patterns
        ]
        needs = tuple(
            other
            for other in chosen
            if other.notebook != key.notebook
            and any(matches(settings.inside(other.notebook.path), each) for each in wanted)
        )
        found[key] = replace(run, needs=needs)
    _check_circles(found, settings_of)
    return found


def _check_circles(
    planned: Mapping[RunKey, PlannedRun], settings_of: Callable[[str], Settings]
) -> None:
    left = {key: set(run.needs) for key, run in planned.items()}
    while left:
        free = {key for key, needs in left.items() if not needs & left.keys()}
        if not free:
            first = min(left, key=str)
            settings = settings_of(first.notebook.path)
            names = ", ".join(sorted({key.notebook.path for key in left})[:5])
            raise ConfigurationError(
                f"{where(settings.origin, 'run.needs')}: notebooks need one another in a circle, "
                f"or need one that does: {names}",
                next_step="take one entry out of run.needs",
            )
        left = {key: needs for key, needs in left.items() if key not in free}


def _with_sessions(planned: Mapping[RunKey, PlannedRun]) -> dict[RunKey, PlannedRun]:
    """Give the runs that hang together one session."""
    group: dict[RunKey, RunKey] = {key: key for key in planned}

    def head(key: RunKey) -> RunKey:
        while group[key] != key:
            key = group[key]
        return key

    for key, run in planned.items():
        for need in run.needs:
            group[head(key)] = head(need)
    return {
        key: replace(run, session=str(uuid.uuid5(_NAMESPACE, str(head(key)))))
        for key, run in planned.items()
    }
