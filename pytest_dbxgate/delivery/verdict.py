"""May this run be published? Green is proved, entry by entry, never inferred.

Pure: facts in, refusals out. No refusal: publish.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from pytest_dbxgate.codes import Check
from pytest_dbxgate.delivery.model import Origin, Refusal
from pytest_dbxgate.delivery.places import listed
from pytest_dbxgate.delivery.verdict_origin import TargetFacts, origin_refusals
from pytest_dbxgate.notebook.model import NotebookKey


class Outcome(str, Enum):
    """How one check of one notebook ended in this run."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    """Marked as an expected failure, whether it then passed or not."""
    DESELECTED = "deselected"
    UNREACHED = "not reached"
    """``-x``, an interrupt, a crashed worker."""
    UNCHECKED = "not checked"
    """Cells of a language that nothing here can check."""


class Expected(NamedTuple):
    """A check that the gate found is to be passed."""

    path: str
    member: str | None
    check: str

    @property
    def key(self) -> NotebookKey:
        return NotebookKey(self.path, self.member)

    def __str__(self) -> str:
        return f"{self.key} ({self.check})"


def is_run(check: str) -> bool:
    """Whether a check is the run of a notebook: ``run`` or ``run[case]``."""
    return check.partition("[")[0] == Check.RUN.value


class Report(NamedTuple):
    """What one check of this run reported."""

    outcome: Outcome
    digest: str
    """SHA-256, in hex, of the bytes that were checked."""
    languages: tuple[str, ...] = ()
    """Of UNCHECKED: those of the cells."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """All that a verdict rests on."""

    asked: bool
    """Publishing was asked for on the command line itself, not by ``addopts``."""
    expected: Mapping[Expected, str]
    """The checks the gate discovered by itself, with the digest of the bytes found."""
    reports: Mapping[Expected, Report]
    target: TargetFacts
    origin: Origin = field(default_factory=Origin)
    published: Mapping[NotebookKey, str] | None = None
    """The notebooks to be uploaded with the digests of their bytes now; None: not yet read."""
    published_files: Collection[str] | None = None
    """The files of the repository that are to be published; None: not known, so all."""
    allow_unchecked: frozenset[str] = frozenset()
    failed_tests: Sequence[str] = ()
    """Failed ordinary tests. Skipped or deselected ones say nothing."""
    collection_errors: Sequence[str] = ()
    exit_status: int = 0
    """What pytest itself would end with."""
    previous: Origin | None = None
    """Of what is published on the target now."""
    is_ancestor: bool | None = None
    """Whether the commit lies behind the published one; None: nobody knows."""
    staged: bool = True
    """Whether the target that this one requires holds the very package."""
    overrides: Mapping[str, str] = field(default_factory=dict)
    """The refusals to be overridden, with the reason given."""


NEVER_OVERRIDDEN = frozenset(
    {"not-asked", "changed-since-check", "override-not-allowed", "override-without-reason"}
)


def decide(facts: RunFacts) -> tuple[Refusal, ...]:
    """Why the run must not be published; empty where it may be."""
    found = tuple(_all(facts))
    return (
        *_bad_overrides(facts, found),
        *(each for each in found if not _is_overridden(each, facts)),
    )


def overridden(facts: RunFacts) -> dict[str, str]:
    """The refusals that an override took away, with the reasons: they are recorded."""
    return {
        refusal.name: facts.overrides[refusal.name]
        for refusal in _all(facts)
        if _is_overridden(refusal, facts)
    }


def _all(facts: RunFacts) -> Iterator[Refusal]:
    if not facts.asked:
        yield Refusal(
            "not-asked",
            "publishing was not asked for on the command line itself",
            "pass --dbx-deploy to pytest; in addopts or PYTEST_ADDOPTS it does not count",
        )
    yield from _checks(facts)
    yield from _tests(facts)
    yield from origin_refusals(
        facts.target,
        facts.origin,
        files=facts.published_files,
        previous=facts.previous,
        is_ancestor=facts.is_ancestor,
        staged=facts.staged,
        ran=any(is_run(expected.check) for expected in facts.expected),
    )


_CHECKS: Mapping[Outcome, tuple[str, str, str]] = {
    Outcome.FAILED: ("failed-check", "failed", "mend what the checks report"),
    Outcome.SKIPPED: ("skipped-check", "were skipped", "run them: remove the skip"),
    Outcome.XFAILED: (
        "xfailed-check",
        "are marked as expected failures",
        "remove the mark; a known finding belongs into the baseline",
    ),
    Outcome.DESELECTED: (
        "deselected-check",
        "were deselected",
        "publish without -k, -m, --lf, --deselect or paths",
    ),
    Outcome.UNREACHED: (
        "unreached-check",
        "were not reached",
        "run to the end: without -x or --maxfail, and with workers that live",
    ),
    Outcome.UNCHECKED: (
        "unchecked",
        "could not be carried out",
        "install the language's grammar, or name the language in allow_unchecked",
    ),
}


def _checks(facts: RunFacts) -> Iterator[Refusal]:
    if not facts.expected:
        yield Refusal(
            "nothing-gated",
            "no notebook was gated, so nothing is proved",
            "check the paths given to pytest, and notebooks and exclude in the settings",
        )
    by_outcome: dict[Outcome, list[str]] = {outcome: [] for outcome in _CHECKS}
    changed: set[str] = set()
    for expected in sorted(facts.expected, key=_order):
        report = facts.reports.get(expected)
        outcome = Outcome.UNREACHED if report is None else _effective(report, facts)
        if outcome is not Outcome.PASSED:
            by_outcome[outcome].append(str(expected))
        elif report is not None and report.digest != facts.expected[expected]:
            changed.add(str(expected.key))
    for outcome, (name, words, next_step) in _CHECKS.items():
        names = by_outcome[outcome]
        if names:
            yield Refusal(name, f"checks of notebooks {words}: {listed(names)}", next_step)
    yield from _uploads(facts, changed)


def _effective(report: Report, facts: RunFacts) -> Outcome:
    allowed = report.languages and facts.allow_unchecked.issuperset(report.languages)
    is_allowed = report.outcome is Outcome.UNCHECKED and allowed
    return Outcome.PASSED if is_allowed else report.outcome


def _uploads(facts: RunFacts, changed: set[str]) -> Iterator[Refusal]:
    """What was checked is what ships."""
    digests = {expected.key: digest for expected, digest in facts.expected.items()}
    loose: list[str] = []
    for key, digest in (facts.published or {}).items():
        if key not in digests:
            loose.append(str(key))
        elif digest != digests[key]:
            changed.add(str(key))
    if changed:
        yield Refusal(
            "changed-since-check",
            f"the notebook changed between check and upload: {listed(sorted(changed))}",
            "run again, and let nothing write to the repository meanwhile",
        )
    if loose:
        yield Refusal(
            "not-gated",
            f"a notebook is to be published that this run did not gate: {listed(sorted(loose))}",
            "gate it, or leave it out of what is published",
        )


def _tests(facts: RunFacts) -> Iterator[Refusal]:
    if facts.failed_tests:
        names = listed(sorted(facts.failed_tests))
        yield Refusal("failed-test", f"ordinary tests failed: {names}", "mend them")
    if facts.collection_errors:
        names = listed(sorted(facts.collection_errors))
        yield Refusal(
            "collection-error", f"some files could not be collected: {names}", "mend them"
        )
    explained = facts.failed_tests or any(
        report.outcome is Outcome.FAILED for report in facts.reports.values()
    )
    # 5: nothing was collected, which is told already where nothing was gated.
    known = {0, *([1] if explained else []), *([5] if not facts.expected else [])}
    if facts.exit_status not in known:
        yield Refusal(
            "failed-run",
            f"pytest ended with exit status {facts.exit_status}",
            "look at the end of its output",
        )


def _is_overridden(refusal: Refusal, facts: RunFacts) -> bool:
    name = refusal.name
    reason = facts.overrides.get(name, "").strip()
    return bool(reason) and name in facts.target.overrides and name not in NEVER_OVERRIDDEN


def _bad_overrides(facts: RunFacts, found: Sequence[Refusal]) -> Iterator[Refusal]:
    """Overrides that are asked for in vain; one for a refusal that is not there does no harm."""
    present = {refusal.name for refusal in found}
    asked = sorted(present.intersection(facts.overrides))
    barred = [name for name in asked if name not in facts.target.overrides]
    barred += [name for name in asked if name in NEVER_OVERRIDDEN and name not in barred]
    if barred:
        yield Refusal(
            "override-not-allowed",
            f"the target {facts.target.name} does not let anyone override: {listed(barred)}",
            "mend the cause, or list the refusal in the target's overrides",
        )
    silent = [name for name in asked if not facts.overrides[name].strip()]
    if silent:
        yield Refusal(
            "override-without-reason",
            f"no reason is given for overriding: {listed(silent)}",
            "pass --dbx-reason TEXT",
        )


def _order(expected: Expected) -> tuple[str, str, str]:
    return expected.path, expected.member or "", expected.check
