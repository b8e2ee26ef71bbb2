"""Publishing needs proof for every check; each thing that is missing refuses by its own name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_dbxgate.delivery.model import Manifest, Origin
from pytest_dbxgate.delivery.verdict import (
    Expected,
    Outcome,
    Report,
    RunFacts,
    decide,
    overridden,
)
from pytest_dbxgate.delivery.verdict_origin import TargetFacts, was_published
from pytest_dbxgate.notebook.model import NotebookKey

SHA, OTHER = "0" * 64, "1" * 64
A = Expected("a.py", None, "syntax")
M = Expected("x.dbc", "f/m", "style")
GREEN = RunFacts(
    asked=True,
    expected={A: SHA, M: SHA},
    reports={A: Report(Outcome.PASSED, SHA), M: Report(Outcome.PASSED, SHA)},
    target=TargetFacts("prod"),
    origin=Origin(commit="abc", branch="main", reason="IndividualCI", committed_at=100),
    published={NotebookKey("a.py"): SHA, NotebookKey("x.dbc", "f/m"): SHA},
)


def names(facts: RunFacts) -> list[str]:
    refusals = decide(facts)
    for refusal in refusals:
        assert refusal.message
        assert refusal.next_step
    return [refusal.name for refusal in refusals]


def reported(outcome: Outcome, *languages: str) -> RunFacts:
    return replace(GREEN, reports={**GREEN.reports, A: Report(outcome, SHA, languages)})


def test_green_publishes() -> None:
    assert decide(GREEN) == ()
    assert overridden(GREEN) == {}


@pytest.mark.parametrize(
    ("outcome", "name"),
    [
        (Outcome.FAILED, "failed-check"),
        (Outcome.SKIPPED, "skipped-check"),
        (Outcome.XFAILED, "xfailed-check"),
        (Outcome.DESELECTED, "deselected-check"),
        (Outcome.UNREACHED, "unreached-check"),
        (Outcome.UNCHECKED, "unchecked"),
    ],
)
def test_every_check_that_did_not_pass_refuses_by_name(outcome: Outcome, name: str) -> None:
    facts = reported(outcome)
    assert names(facts) == [name]
    assert "a.py (syntax)" in decide(facts)[0].message


def test_a_check_nobody_reported_was_not_reached() -> None:
    facts = replace(GREEN, reports={A: GREEN.reports[A]})
    assert names(facts) == ["unreached-check"]
    assert "x.dbc::f/m (style)" in decide(facts)[0].message


def test_what_cannot_be_checked_passes_only_where_every_language_is_allowed() -> None:
    facts = reported(Outcome.UNCHECKED, "scala", "r")
    assert names(replace(facts, allow_unchecked=frozenset({"scala"}))) == ["unchecked"]
    assert names(replace(facts, allow_unchecked=frozenset({"scala", "r"}))) == []
    allowed = replace(reported(Outcome.UNCHECKED), allow_unchecked=frozenset({"scala"}))
    assert names(allowed) == ["unchecked"]


def test_a_check_of_other_bytes_proves_nothing() -> None:
    facts = replace(GREEN, reports={**GREEN.reports, A: Report(Outcome.PASSED, OTHER)})
    assert names(facts) == ["changed-since-check"]


def test_bytes_that_changed_before_the_upload_refuse() -> None:
    facts = replace(GREEN, published={NotebookKey("a.py"): OTHER})
    assert names(facts) == ["changed-since-check"]


def test_a_notebook_that_was_not_gated_is_not_published() -> None:
    facts = replace(GREEN, published={NotebookKey("b.py"): SHA})
    assert names(facts) == ["not-gated"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"asked": False}, ["not-asked"]),
        ({"expected": {}, "reports": {}, "published": {}}, ["nothing-gated"]),
        ({"failed_tests": ["t.py::test_x"]}, ["failed-test"]),
        ({"failed_tests": ["t.py::test_x"], "exit_status": 1}, ["failed-test"]),
        ({"collection_errors": ["t.py"], "exit_status": 2}, ["collection-error", "failed-run"]),
        ({"exit_status": 1}, ["failed-run"]),
        ({"exit_status": 2}, ["failed-run"]),
        ({"exit_status": 5}, ["failed-run"]),
    ],
)
def test_the_rest_of_the_run_counts(changes: dict[str, Any], expected: list[str]) -> None:
    assert names(replace(GREEN, **changes)) == expected


SHARED = TargetFacts("prod", shared=True)


@pytest.mark.parametrize(
    ("target", "origin", "expected"),
    [
        (SHARED, {}, []),
        (SHARED, {"reason": "PullRequest"}, ["pull-request"]),
        (SHARED, {"branch": "refs/pull/7/merge"}, ["pull-request"]),
        (TargetFacts("dev"), {"reason": "PullRequest"}, []),
        (TargetFacts("p", branches=("main", "release/*")), {}, []),
        (TargetFacts("p", branches=("refs/heads/main",)), {}, []),
        (TargetFacts("p", branches=("release/*",)), {"branch": "release/1"}, []),
        (TargetFacts("p", branches=("main",)), {"branch": "feature/main"}, ["branch"]),
        (TargetFacts("p", branches=("*",)), {"branch": ""}, ["branch"]),
        (TargetFacts("p", reasons=("Manual",)), {}, ["reason"]),
        (TargetFacts("p", reasons=("Manual", "IndividualCI")), {}, []),
        (SHARED, {"dirty": ("a.py",)}, ["dirty"]),
        (SHARED, {"dirty": ("notes.txt",)}, []),
        (TargetFacts("dev"), {"dirty": ("a.py",)}, []),
        (SHARED, {"commit": ""}, ["unknown-commit"]),
    ],
)
def test_guards_of_the_target(
    target: TargetFacts, origin: dict[str, Any], expected: list[str]
) -> None:
    facts = replace(
        GREEN,
        target=target,
        origin=replace(GREEN.origin, **origin),
        published_files=["a.py", "x.dbc"],
    )
    assert names(facts) == expected


@pytest.mark.parametrize(
    ("previous", "is_ancestor", "expected"),
    [
        (Origin(commit="abc", committed_at=900), None, []),
        (Origin(commit="def", committed_at=99), None, []),
        (Origin(commit="def", committed_at=101), None, ["older-commit"]),
        (Origin(commit="def", committed_at=0), None, []),
        (Origin(commit="def", committed_at=99), True, ["older-commit"]),
        (Origin(commit="def", committed_at=101), False, []),
    ],
)
def test_an_older_commit_is_refused(
    previous: Origin, is_ancestor: bool | None, expected: list[str]
) -> None:
    assert names(replace(GREEN, previous=previous, is_ancestor=is_ancestor)) == expected


def test_a_target_may_require_another_one() -> None:
    target = TargetFacts("prod", requires="staging")
    assert names(replace(GREEN, target=target, staged=True)) == []
    assert names(replace(GREEN, target=target, staged=False)) == ["not-staged"]


def test_a_deployment_record_proves_only_the_very_package() -> None:
    record = Manifest("shop", "r", "staging", 1.0, Origin(package_sha256=SHA))
    assert was_published(record, SHA)
    assert not was_published(record, OTHER)
    assert not was_published(record, "")
    assert not was_published(Manifest("shop", "r", "staging", 1.0), "")
    assert not was_published(None, SHA)


OLDER = replace(GREEN, previous=Origin(commit="def", committed_at=101))
LISTED = TargetFacts("prod", overrides=frozenset({"older-commit", "not-asked"}))


def test_an_override_needs_to_be_listed_and_have_a_reason() -> None:
    asked = {"older-commit": "agreed in the incident"}
    assert names(replace(OLDER, target=LISTED, overrides=asked)) == []
    assert overridden(replace(OLDER, target=LISTED, overrides=asked)) == asked
    assert names(replace(OLDER, overrides=asked)) == ["override-not-allowed", "older-commit"]
    silent = {"older-commit": "  "}
    assert names(replace(OLDER, target=LISTED, overrides=silent)) == [
        "override-without-reason",
        "older-commit",
    ]


def test_an_override_takes_away_its_own_refusal_alone() -> None:
    facts = replace(OLDER, target=LISTED, overrides={"older-commit": "x"}, exit_status=2)
    assert names(facts) == ["failed-run"]


def test_some_refusals_are_never_overridden() -> None:
    facts = replace(GREEN, asked=False, target=LISTED, overrides={"not-asked": "please"})
    assert names(facts) == ["override-not-allowed", "not-asked"]


def test_an_override_of_what_does_not_refuse_does_no_harm() -> None:
    assert names(replace(GREEN, overrides={"drift": "x"})) == []


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from([A, M]), st.sampled_from(Outcome)),
    st.integers(0, 6),
    st.booleans(),
)
def test_only_full_proof_publishes(
    outcomes: dict[Expected, Outcome], exit_status: int, asked: bool
) -> None:
    reports = {expected: Report(outcome, SHA) for expected, outcome in outcomes.items()}
    facts = replace(GREEN, reports=reports, exit_status=exit_status, asked=asked)
    proved = set(outcomes) == {A, M} and set(outcomes.values()) == {Outcome.PASSED}
    assert (decide(facts) == ()) == (proved and asked and exit_status == 0)
