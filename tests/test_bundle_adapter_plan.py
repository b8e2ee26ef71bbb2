from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_dbxgate.delivery.bundle_plan import BundlePlan, Change, lines, parse, refusals
from pytest_dbxgate.errors import PlatformError


def plan_of(**actions: str) -> BundlePlan:
    entries = {f"resources.{key}": {"action": action} for key, action in actions.items()}
    return parse(json.dumps({"cli_version": "1.13.0", "plan": entries}))


def test_keys_and_actions_are_read_and_nothing_else() -> None:
    entry = {"action": "create", "new_state": {"value": {"password": "canary"}}}
    plan = parse(json.dumps({"plan_version": 2, "plan": {"resources.jobs.a": entry}}))
    assert plan.changes == (Change("jobs.a", "create"),)
    assert "canary" not in repr(plan)


def test_the_form_of_the_terraform_engine_is_read() -> None:
    plan = parse('{"cli_version": "0.300.0", "plan": {"resources.jobs.a": {"action": "create"}}}')
    assert (plan.added, plan.cli_version) == (1, "0.300.0")


@pytest.mark.parametrize(
    "text", ['{"plan_version": 2, "cli_version": "1.0.0"}', '{"cli_version": "x", "plan": null}']
)
def test_a_bundle_without_resources_has_an_empty_plan(text: str) -> None:
    assert parse(text).changes == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Plan: 1 to add",
        "[]",
        "{}",
        '{"plan": []}',
        '{"plan": {"resources.jobs.a": 1}}',
        '{"plan": {"resources.jobs.a": {"action": 3}}}',
        "[" * 100_000,
    ],
    ids=["empty", "text", "list", "nothing", "plan", "entry", "action", "deep"],
)
def test_what_is_no_plan_is_an_error(text: str) -> None:
    with pytest.raises(PlatformError, match="what `databricks bundle plan -o json` printed"):
        parse(text)


KEYS = st.sampled_from(["plan", "cli_version", "action", "gone", "resources.jobs.a", "x"])


@settings(max_examples=60, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.text(), lambda s: st.dictionaries(KEYS, s)))
def test_any_json_is_a_plan_or_an_error(document: Any) -> None:
    for text in (json.dumps(document), json.dumps({"plan": document})):
        try:
            plan = parse(text)
        except PlatformError:
            continue
        assert plan.unchanged >= 0


def test_the_counts_are_those_of_the_cli() -> None:
    plan = plan_of(a="create", b="update", c="update_id", d="resize", e="recreate", f="delete")
    assert (plan.added, plan.changed, plan.removed, plan.unchanged) == (2, 3, 2, 0)


def test_an_action_that_nobody_knows_counts_as_a_change() -> None:
    assert plan_of(**{"jobs.a": "teleport"}).changed == 1


def test_the_plan_as_text() -> None:
    plan = plan_of(**{"jobs.a": "create", "jobs.b": "update_id", "jobs.c": "skip"})
    assert lines(plan, title="bundle shop, target prod") == (
        "bundle shop, target prod: 1 to add, 1 to change, 0 to remove, 1 unchanged",
        "  create     jobs.a",
        "  update_id  jobs.b",
        "  files are uploaded besides; the plan of a bundle does not list them",
    )


@pytest.mark.parametrize(
    ("key", "action", "destructive"),
    [
        ("jobs.a", "delete", False),
        ("jobs.a", "recreate", True),
        ("schemas.gold", "delete", True),
        ("schemas.gold.grants", "delete", False),
        ("pipelines.p", "delete", True),
        ("something_new.x", "delete", True),
        ("schemas.gold", "update", False),
    ],
)
def test_what_counts_as_destructive(key: str, action: str, *, destructive: bool) -> None:
    plan = plan_of(**{key: action})
    assert [refusal.name for refusal in refusals(plan, allowed=())] == (
        ["bundle-destructive"] if destructive else []
    )
    assert refusals(plan, allowed=["bundle-destructive"]) == ()


def test_what_is_gone_already_may_be_deleted() -> None:
    entry = {"action": "delete", "gone": True}
    plan = parse(json.dumps({"plan": {"resources.schemas.gold": entry}}))
    assert refusals(plan, allowed=()) == ()


def test_a_refusal_names_five_and_counts_the_rest() -> None:
    plan = plan_of(**{f"schemas.s{number}": "delete" for number in range(7)})
    (refusal,) = refusals(plan, allowed=())
    assert "delete schemas.s4 and 2 more" in refusal.message
    assert "schemas.s5" not in refusal.message
