"""A plan as text: exact, aligned, and harmless whatever names the workspace holds."""

from __future__ import annotations

import json

from pytest_dbxgate.delivery import plan_text
from pytest_dbxgate.delivery.canonical import sha256
from pytest_dbxgate.delivery.model import (
    Action,
    Entry,
    Item,
    JobItem,
    JobStep,
    Kind,
    Plan,
    Refusal,
    Remote,
    Step,
)
from pytest_dbxgate.workspace.model import ImportFormat

ROOT = "/Shared/shop"


def item(place: str, kind: Kind = Kind.NOTEBOOK) -> Item:
    source = f"{place}.py" if kind is Kind.NOTEBOOK else place
    return Item(source, place, kind, ImportFormat.AUTO, b"x", sha256(b"x"))


def entry(place: str, kind: Kind = Kind.NOTEBOOK) -> Entry:
    return Entry(place, kind, f"{place}.py", "0" * 64, "0" * 64, ImportFormat.SOURCE, "PYTHON")


PLAN = Plan(
    steps=(
        Step(Action.KEEP, "a", item("a")),
        Step(Action.ADD, "etl/new", item("etl/new")),
        Step(Action.CHANGE, "b", item("b"), entry("b"), Remote(Kind.NOTEBOOK, "1" * 64, "b.py")),
        Step(Action.MOVE, "x/c", item("x/c"), moved_from="c"),
        Step(Action.REMOVE, "m.py", None, entry("m.py", Kind.FILE)),
        Step(Action.EDITED, "d", item("d"), entry("d"), Remote(Kind.NOTEBOOK, "2" * 64, "d.py")),
        Step(Action.CHANGE, "e", item("e"), entry("e"), replaces_type=True),
    ),
    jobs=(
        JobStep(Action.ADD, "j.yml#daily", "daily", JobItem("j.yml#daily", {"name": "daily"})),
        JobStep(Action.KEEP, "j.yml#weekly", "weekly", job_id=7),
    ),
    refusals=(Refusal("drift", "edited in the workspace: d", "bring it into the repository"),),
)


def test_the_table_lists_what_happens_and_counts_the_rest() -> None:
    lines = plan_text.table(PLAN, target="prod", root=ROOT)
    assert lines == [
        "plan for prod (/Shared/shop): 2 added, 2 changed, 1 removed, 1 moved, 2 unchanged, "
        "1 edited in the workspace",
        "  added                    notebook  etl/new",
        "  changed                  notebook  b        an edit in the workspace goes into a backup",
        "  changed                  notebook  e        of another kind: deleted and imported",
        "  removed                  file      m.py",
        "  moved                    notebook  x/c      from c",
        "  edited in the workspace  notebook  d",
        "  added                    job       daily",
        "refused (drift): edited in the workspace: d",
        "  next: bring it into the repository",
    ]


def test_an_empty_plan_is_one_line() -> None:
    plan = Plan(steps=(Step(Action.KEEP, "a", item("a")),))
    expected = ["plan for prod (/Shared/shop): 1 unchanged"]
    assert plan_text.table(plan, target="prod", root=ROOT) == expected
    assert plan_text.summary(Plan()) == "nothing"


def test_the_markdown_is_exact() -> None:
    plan = Plan(steps=PLAN.steps[1:4], refusals=PLAN.refusals)
    assert plan_text.markdown(plan, target="prod", root=ROOT) == (
        "### Plan for prod\n"
        "\n"
        "<code>/Shared/shop</code>: 1 added, 1 changed, 1 moved\n"
        "\n"
        "| | | | |\n"
        "|---|---|---|---|\n"
        "| added | notebook | <code>etl/new</code> | |\n"
        "| changed | notebook | <code>b</code> | an edit in the workspace goes into a backup |\n"
        "| moved | notebook | <code>x/c</code> | from c |\n"
        "\n"
        "**Refused (drift)**: edited in the workspace: d  \n"
        "Next: bring it into the repository\n"
    )


def test_the_document_holds_every_step() -> None:
    found = plan_text.document(PLAN)
    assert json.loads(json.dumps(found)) == found
    assert found["counts"] == {
        "add": 2,
        "change": 2,
        "remove": 1,
        "move": 1,
        "keep": 2,
        "edited": 1,
    }
    assert found["objects"][3] == {
        "action": "move",
        "place": "x/c",
        "kind": "notebook",
        "source": "x/c.py",
        "moved_from": "c",
        "edited": False,
    }
    assert found["jobs"][1] == {
        "action": "keep",
        "key": "j.yml#weekly",
        "name": "weekly",
        "job_id": 7,
        "edited": False,
    }
    assert found["refusals"] == [
        {
            "name": "drift",
            "message": "edited in the workspace: d",
            "next_step": "bring it into the repository",
        }
    ]
    assert not found["is_empty"]


def test_names_from_outside_are_made_harmless() -> None:
    token = "dapi" + "8f3a1c9be27d4460" + "b5e19a7cd20f6834"
    hostile = f"x|`<img src=y>`*b*\n##vso[task.complete]\x1b[2J {token}"
    job = JobItem("k", {"name": hostile})
    plan = Plan(
        steps=(Step(Action.ADD, hostile, item(hostile)),),
        jobs=(JobStep(Action.ADD, "k", hostile, job),),
    )
    texts = [
        "\n".join(plan_text.table(plan, target="t", root=ROOT)),
        plan_text.markdown(plan, target="t", root=ROOT),
        json.dumps(plan_text.document(plan)),
    ]
    for text in texts:
        assert "\x1b" not in text
        assert "##vso[task" not in text
        assert token not in text
    assert len(texts[0].splitlines()) == 3
    assert "<img" not in texts[1]
    assert "x|" not in texts[1]


def test_a_long_plan_is_cut_in_text_but_not_in_the_document() -> None:
    plan = Plan(steps=tuple(Step(Action.ADD, f"n{n}", item(f"n{n}")) for n in range(600)))
    lines = plan_text.table(plan, target="t", root=ROOT)
    assert lines[-1] == "  and 100 more"
    assert len(lines) == 502
    assert "and 100 more" in plan_text.markdown(plan, target="t", root=ROOT)
    assert len(plan_text.document(plan)["objects"]) == 600
