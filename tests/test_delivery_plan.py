"""Plans compare three ways and own only what they can prove."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_dbxgate.delivery.canonical import digest, sha256
from pytest_dbxgate.delivery.job_digest import (
    KEY_TAG,
    PROJECT_TAG,
    is_as_sent,
    item_digest,
    matches,
    tag_value,
    told_digest,
)
from pytest_dbxgate.delivery.model import (
    Action,
    Entry,
    Item,
    JobEntry,
    JobItem,
    Kind,
    Manifest,
    OnDrift,
    Plan,
    Prune,
    Remote,
)
from pytest_dbxgate.delivery.plan import canonical_digest, is_edited, plan
from pytest_dbxgate.workspace.model import ImportFormat, RemoteJob
from support import source


def notebook(place: str, code: str = "a = 1", language: str = "PYTHON") -> Item:
    suffix = {"PYTHON": ".py", "SQL": ".sql"}[language]
    data = source(code, suffix=suffix).encode()
    return Item(
        place + suffix, place, Kind.NOTEBOOK, ImportFormat.SOURCE, data, sha256(data), language
    )


def file(place: str, data: bytes = b"x") -> Item:
    return Item(place, place, Kind.FILE, ImportFormat.AUTO, data, sha256(data))


def entry(item: Item) -> Entry:
    return Entry(
        item.place,
        item.kind,
        item.source,
        item.sha256,
        canonical_digest(item),
        item.format,
        item.language,
    )


def stands(item: Item) -> Remote:
    name = item.place + {"PYTHON": ".py", "SQL": ".sql", None: ""}[item.language]
    # The workspace exports with one final newline and its own line ends.
    return Remote(item.kind, canonical_digest(item), name, item.data)


def manifest(items: Iterable[Item], jobs: Mapping[str, JobEntry] | None = None) -> Manifest:
    return Manifest(
        "shop",
        "r1",
        "prod",
        1.0,
        entries={each.place: entry(each) for each in items},
        jobs=jobs or {},
    )


def made(
    items: Iterable[Item],
    published: Iterable[Item] | None,
    remote: Iterable[Item],
    *,
    prune: Prune = Prune.ON,
    on_drift: OnDrift = OnDrift.REFUSE,
    trusted: bool = True,
) -> Plan:
    return plan(
        list(items),
        [],
        None if published is None else manifest(published),
        {each.place: stands(each) for each in remote},
        [],
        prune=prune,
        on_drift=on_drift,
        trusted=trusted,
    )


def told(result: Plan) -> dict[str, Action]:
    return {step.place: step.action for step in result.steps}


A, A2, EDIT = notebook("a"), notebook("a", "a = 2"), notebook("a", "human = 1")


@pytest.mark.parametrize(
    ("item", "entry", "remote", "action", "refusal"),
    [
        (A, None, None, Action.ADD, None),
        (A, None, A, Action.ADOPT, None),
        (A, None, EDIT, Action.FOREIGN, "foreign-object"),
        (A, A, A, Action.KEEP, None),
        (A, A, None, Action.RESTORE, None),
        (A, A, EDIT, Action.EDITED, "drift"),
        (A2, A, A, Action.CHANGE, None),
        (A2, A, None, Action.ADD, None),
        (A2, A, A2, Action.ADOPT, None),
        (A2, A, EDIT, Action.EDITED, "drift"),
        (None, A, A, Action.REMOVE, None),
        (None, A, EDIT, Action.EDITED, "drift"),
        (None, A, None, None, None),
        (None, None, A, None, None),
    ],
)
def test_each_case(
    item: Item | None, entry: Item | None, remote: Item | None, action: Action | None, refusal: str
) -> None:
    result = made(*([] if each is None else [each] for each in (item, entry, remote)))
    assert told(result) == ({} if action is None else {"a": action})
    assert [each.name for each in result.refusals] == ([] if refusal is None else [refusal])
    assert result.is_empty == (action in (Action.KEEP, None))


@pytest.mark.parametrize(
    ("item", "action"), [(A, Action.CHANGE), (A2, Action.CHANGE), (None, Action.REMOVE)]
)
def test_an_edit_is_overwritten_only_with_a_backup(item: Item | None, action: Action) -> None:
    result = made([item] if item else [], [A], [EDIT], on_drift=OnDrift.BACKUP)
    assert told(result) == {"a": action}
    assert is_edited(result.steps[0])
    assert not result.refusals


def test_what_nobody_published_is_refused_even_where_edits_are_kept() -> None:
    result = made([A], None, [EDIT], on_drift=OnDrift.BACKUP)
    assert [each.name for each in result.refusals] == ["foreign-object"]


@pytest.mark.parametrize(("prune", "trusted"), [(Prune.OFF, True), (Prune.ON, False)])
@pytest.mark.parametrize("remote", [A, EDIT])
def test_nothing_is_removed_without_prune_or_without_the_last_manifest(
    prune: Prune, trusted: bool, remote: Item
) -> None:
    result = made([], [A], [remote], prune=prune, trusted=trusted)
    assert told(result) == {"a": Action.ORPHAN}
    assert result.is_empty
    assert not result.refusals


def test_a_move_is_found_by_content_and_prefers_the_same_name() -> None:
    there = [notebook("x/a"), notebook("y/b")]
    result = made([notebook("z/b"), notebook("z/c", "other = 1")], there, there)
    steps = {step.place: (step.action, step.moved_from) for step in result.steps}
    assert steps == {
        "x/a": (Action.REMOVE, ""),
        "z/b": (Action.MOVE, "y/b"),
        "z/c": (Action.ADD, ""),
    }


def test_an_edited_object_has_not_moved() -> None:
    result = made([notebook("b")], [A], [EDIT])
    assert told(result) == {"a": Action.EDITED, "b": Action.ADD}
    kept = made([notebook("b")], [A], [EDIT], on_drift=OnDrift.BACKUP)
    assert told(kept) == {"a": Action.REMOVE, "b": Action.ADD}


def test_without_prune_nothing_moves() -> None:
    result = made([notebook("b")], [A], [A], prune=Prune.OFF)
    assert told(result) == {"a": Action.ORPHAN, "b": Action.ADD}


@pytest.mark.parametrize(
    ("item", "replaces"),
    [
        (notebook("a", "select 1", "SQL"), True),
        (notebook("a", "b = 1"), False),
        (file("a"), True),
    ],
)
def test_only_another_kind_or_language_is_deleted_first(item: Item, replaces: bool) -> None:
    (step,) = made([item], [A], [A]).steps
    assert (step.action, step.replaces_type) == (Action.CHANGE, replaces)


def test_a_changed_plain_file_with_a_language_ending_is_overwritten_in_place() -> None:
    old = file("m.py", b"a = 1\n")
    (step,) = made([file("m.py", b"a = 2\n")], [old], [old]).steps
    assert (step.action, step.replaces_type) == (Action.CHANGE, False)


@pytest.mark.parametrize(
    ("new", "standing"), [("a", "a/b"), ("a/b", "a"), ("x/y/z", "x"), ("x", "x/y/z")]
)
def test_a_folder_in_the_way_is_named(new: str, standing: str) -> None:
    result = made([notebook(new)], None, [notebook(standing)])
    assert told(result) == {new: Action.FOREIGN}
    assert [each.name for each in result.refusals] == ["blocked-place"]


def test_a_late_normalisation_by_the_workspace_is_no_edit() -> None:
    remote = stands(A)._replace(data=A.data.replace(b"\n", b"\r\n"))
    result = plan(
        [A], [], manifest([A]), {"a": remote}, [], prune=Prune.ON, on_drift=OnDrift.REFUSE
    )
    assert told(result) == {"a": Action.KEEP}


def test_what_the_workspace_exports_differently_is_measured_by_what_it_exported() -> None:
    odd = entry(A)._replace(exported="f" * 64)
    owner = replace(manifest([]), entries={"a": odd})
    remote = {"a": stands(A)._replace(digest="f" * 64)}
    result = plan([A], [], owner, remote, [], prune=Prune.ON, on_drift=OnDrift.REFUSE)
    assert told(result) == {"a": Action.KEEP}


def test_many_names_are_cut_and_strange_ones_made_harmless() -> None:
    places = [f"n{number}\x1b[31m##vso[task.complete]" for number in range(8)]
    result = made(
        [notebook(place) for place in places], None, [notebook(p, "h = 1") for p in places]
    )
    message = result.refusals[0].message
    assert "\x1b" not in message
    assert "##vso[" not in message
    assert message.endswith("and 3 more")


# ---- properties over whole workspaces

PLACES = st.sampled_from(["a", "b", "c", "x/a", "x/b", "a/b"])
CODES = st.sampled_from(["p = 1", "q = 2", "r = 3"])
OBJECTS = st.dictionaries(PLACES, CODES, max_size=5).map(
    lambda found: {place: notebook(place, code) for place, code in found.items()}
)
# A workspace cannot hold an object where it holds a folder.
REAL = OBJECTS.filter(lambda found: not ("a" in found and "a/b" in found))
OPTIONS = st.fixed_dictionaries(
    {
        "prune": st.sampled_from(Prune),
        "on_drift": st.sampled_from(OnDrift),
        "trusted": st.booleans(),
    }
)


def applied(result: Plan, remote: Mapping[str, Item]) -> tuple[dict[str, Item], list[Item]]:
    """The workspace and what the manifest owns after a perfect deployment."""
    there, owned = dict(remote), []
    for step in result.steps:
        if step.moved_from:
            del there[step.moved_from]
        if step.action is Action.REMOVE:
            del there[step.place]
        elif step.item is not None:
            there[step.place] = step.item
            owned.append(step.item)
    return there, owned


@settings(max_examples=300, deadline=None)
@given(REAL, st.none() | REAL, REAL, OPTIONS)
def test_nothing_is_touched_that_is_not_owned(
    items: dict[str, Item], published: dict[str, Item] | None, remote: dict[str, Item], options: Any
) -> None:
    result = made(
        items.values(),
        None if published is None else published.values(),
        remote.values(),
        **options,
    )
    assert len(told(result)) == len(result.steps)
    for step in result.steps:
        for place in filter(None, [step.place, step.moved_from]):
            there, owner = remote.get(place), (published or {}).get(place)
            if there is None or step.action in (Action.KEEP, Action.ORPHAN, Action.ADOPT):
                continue
            is_ours = owner is not None and owner.data == there.data
            refused = step.action in (Action.EDITED, Action.FOREIGN)
            assert is_ours or refused or (owner is not None and is_edited(step))
            if refused:
                assert result.refusals
    if published is None or not options["trusted"] or options["prune"] is Prune.OFF:
        assert not {Action.REMOVE, Action.MOVE} & set(told(result).values())
    if options["on_drift"] is OnDrift.REFUSE and not result.refusals:
        assert not any(map(is_edited, result.steps))


@settings(max_examples=300, deadline=None)
@given(REAL, st.none() | REAL, REAL, OPTIONS)
def test_after_a_perfect_deployment_there_is_nothing_to_do(
    items: dict[str, Item], published: dict[str, Item] | None, remote: dict[str, Item], options: Any
) -> None:
    result = made(
        items.values(),
        None if published is None else published.values(),
        remote.values(),
        **options,
    )
    if result.refusals:
        return
    there, owned = applied(result, remote)
    again = made(items.values(), owned, there.values(), **options)
    assert set(told(again).values()) <= {Action.KEEP}
    assert again.is_empty
    assert told(again) == dict.fromkeys(sorted(items), Action.KEEP)


# ---- jobs

SENT: dict[str, Any] = {
    "name": "daily",
    "tasks": [{"task_key": "t", "notebook_task": {"notebook_path": "/r/a"}}],
}
JOB = JobItem("j.yml#daily", SENT)


def job(number: int = 5, key: str = JOB.key, **changes: Any) -> RemoteJob:
    tags = {PROJECT_TAG: "shop", KEY_TAG: tag_value(key)} if key else {}
    return RemoteJob(number, {**SENT, "max_concurrent_runs": 1, "tags": tags, **changes})


def job_entry(item: JobItem = JOB, remote: RemoteJob | None = None) -> JobEntry:
    remote = remote or job()
    return JobEntry(
        item.key, remote.job_id, item.name, item_digest(item), told_digest(remote.settings)
    )


def job_action(
    items: list[JobItem],
    entries: list[JobEntry],
    remote: list[RemoteJob],
    *,
    on_drift: OnDrift = OnDrift.REFUSE,
    prune: Prune = Prune.ON,
) -> tuple[Action | None, list[str]]:
    owner = manifest([], {each.key: each for each in entries})
    result = plan([], items, owner, {}, remote, prune=prune, on_drift=on_drift)
    actions = [step.action for step in result.jobs]
    assert len(actions) <= 1
    return actions[0] if actions else None, [each.name for each in result.refusals]


CHANGED = JobItem(JOB.key, {**SENT, "name": "hourly"})
HUMAN = job(name="mine")


@pytest.mark.parametrize(
    ("items", "entries", "remote", "action", "refusals"),
    [
        ([JOB], [], [], Action.ADD, []),
        ([JOB], [], [job()], Action.ADOPT, []),
        ([JOB], [], [HUMAN], Action.FOREIGN, ["foreign-job"]),
        ([JOB], [], [job(5), job(6)], Action.FOREIGN, ["foreign-job"]),
        ([JOB], [job_entry()], [job()], Action.KEEP, []),
        ([JOB], [job_entry()], [job(5), job(6)], Action.KEEP, []),
        ([JOB], [job_entry()], [], Action.RESTORE, []),
        ([JOB], [job_entry()], [HUMAN], Action.EDITED, ["drift"]),
        (
            [JOB],
            [job_entry()],
            [job(schedule={"pause_status": "PAUSED"})],
            Action.EDITED,
            ["drift"],
        ),
        ([JOB], [job_entry()], [job(queue={"enabled": True})], Action.KEEP, []),
        ([JOB], [job_entry()], [job(key="")], Action.EDITED, ["drift"]),
        ([CHANGED], [job_entry()], [job()], Action.CHANGE, []),
        ([CHANGED], [job_entry()], [job(name="hourly")], Action.ADOPT, []),
        ([CHANGED], [job_entry()], [HUMAN], Action.EDITED, ["drift"]),
        ([CHANGED], [job_entry()], [], Action.ADD, []),
        ([], [job_entry()], [job()], Action.REMOVE, []),
        ([], [job_entry()], [HUMAN], Action.EDITED, ["drift"]),
        ([], [job_entry()], [job(key="")], None, []),
        ([], [job_entry()], [job(key="other#job")], None, []),
        ([], [job_entry()], [], None, []),
        ([], [], [job()], None, []),
    ],
)
def test_each_case_of_a_job(
    items: list[JobItem],
    entries: list[JobEntry],
    remote: list[RemoteJob],
    action: Action | None,
    refusals: list[str],
) -> None:
    assert job_action(items, entries, remote) == (action, refusals)


def test_edited_jobs_are_overwritten_where_edits_are_kept() -> None:
    assert job_action([JOB], [job_entry()], [HUMAN], on_drift=OnDrift.BACKUP)[0] is Action.CHANGE
    assert job_action([], [job_entry()], [HUMAN], on_drift=OnDrift.BACKUP)[0] is Action.REMOVE
    assert job_action([], [job_entry()], [HUMAN], prune=Prune.OFF) == (Action.ORPHAN, [])


def test_permissions_are_part_of_what_is_published() -> None:
    owner = {"user_name": "a@example.invalid", "permission_level": "IS_OWNER"}
    item = JobItem(JOB.key, SENT, (owner,))
    assert job_action([item], [job_entry()], [job()])[0] is Action.CHANGE


def test_an_adopted_job_gets_its_permissions() -> None:
    owner = {"user_name": "a@example.invalid", "permission_level": "IS_OWNER"}
    item = JobItem(JOB.key, SENT, (owner,))
    assert job_action([item], [], [job()]) == (Action.CHANGE, [])


def test_only_what_was_sent_is_compared() -> None:
    sent = {"a": [{"task_key": "x", "n": 1}, {"task_key": "y"}], "b": {}, "c": False, "d": "1"}
    answer = {"a": [{"task_key": "y", "z": 0}, {"task_key": "x", "n": 1}], "d": "1", "e": 5}
    assert matches(sent, answer)
    assert not matches(sent, {**answer, "d": "2"})
    assert not matches(sent, {**answer, "a": answer["a"][:1]})  # type: ignore[index]
    assert not matches({"c": True}, {})
    assert not matches({"c": 1}, {"c": True})


def test_a_tag_somebody_added_is_an_edit() -> None:
    assert is_as_sent(SENT, job().settings)
    tags = job().settings["tags"]
    assert not is_as_sent(SENT, job(tags={**tags, "cost": "1"}).settings)
    assert is_as_sent({**SENT, "tags": {"cost": "1"}}, job(tags={**tags, "cost": "1"}).settings)


def test_a_tag_value_is_short_and_plain_and_tells_keys_apart() -> None:
    value = tag_value("jobs/päth with/blank.yml#Daily & more" + "x" * 300)
    assert len(value) <= 60
    assert all(char.isascii() and (char.isalnum() or char == "-") for char in value)
    assert tag_value("a#b") != tag_value("a/b")


def test_the_digest_of_an_export_is_the_digest_of_the_import() -> None:
    exported = A.data.rstrip(b"\n").replace(b"\n", b"\r\n")
    assert digest(exported, kind=Kind.NOTEBOOK, name="a.py") == canonical_digest(A)
