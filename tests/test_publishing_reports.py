"""What a run tells of publishing: the lines of the terminal, the JSON report, progress, the log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from faults.world import PROJECT, TARGET, new, outcome, stage
from pytest_dbxgate.delivery.deploy import Request
from pytest_dbxgate.delivery.log import Event, Log
from pytest_dbxgate.delivery.model import Plan, Refusal
from pytest_dbxgate.delivery.published import Mode, Published
from pytest_dbxgate.delivery.refusing import refuse
from pytest_dbxgate.errors import GateError, PlatformError, RefusedError
from pytest_dbxgate.outside import kept
from pytest_dbxgate.publish_options import Command, Publishing
from pytest_dbxgate.publishing import carried_out
from pytest_dbxgate.reporting import published as text
from pytest_dbxgate.reporting.progress import Progress
from pytest_dbxgate.targets import Opened


def raised(*refusals: Refusal) -> GateError:
    with pytest.raises(GateError) as caught:
        refuse(Plan((), (), refusals), {})
    return caught.value


LOCKED = RefusedError("locked", "somebody holds the lock", next_step="wait")
DRIFT = Refusal("drift", "edited: nb/a", "look")
FOREIGN = Refusal("foreign-job", "job daily", "rename it")


@pytest.mark.parametrize(
    ("error", "expected", "name"),
    [
        (LOCKED, "refused (locked): somebody holds the lock", "locked"),
        (raised(DRIFT), "refused (drift): edited: nb/a", "drift"),
        (raised(FOREIGN, DRIFT), "refused (foreign-job): job daily", "foreign-job"),
    ],
)
def test_every_refusal_is_told_with_its_name(error: GateError, expected: str, name: str) -> None:
    done = Published("prod", Mode.DEPLOY, error=error)
    assert expected in text.lines(done)
    assert text.lines(done)[-1] == "nothing was published to prod"
    first = error.message.splitlines()[0]
    assert text.headline(done) == f"refused to publish to prod: {name}: {first}"
    document = text.deployment_document(done)
    assert document["error"]["name"] == name


def test_of_several_refusals_each_has_its_line() -> None:
    done = Published("prod", Mode.DEPLOY, error=raised(FOREIGN, DRIFT))
    assert text.lines(done) == [
        "refused (foreign-job): job daily",
        "refused (drift): edited: nb/a",
        "  next: rename it",
        "  next: look",
        "nothing was published to prod",
    ]


def test_what_is_no_refusal_has_no_name() -> None:
    done = Published("prod", Mode.HEAL, error=PlatformError("no answer", next_step="wait"))
    assert text.lines(done) == ["not healed: prod: no answer", "  next: wait"]
    assert text.deployment_document(done)["error"]["name"] == ""


EVENTS = [
    Event("backup", "1 archives"),
    Event("apply", "objects", 0, 3),
    Event("apply", "changed a", 1, 3),
    Event("apply", "changed b", 2, 3),
    Event("apply", "changed c", 3, 3),
    Event("runs", "these jobs run: daily"),
    Event("runs", "these jobs run: weekly"),
]


def told(events: Sequence[Event], *, is_terminal: bool) -> str:
    written: list[str] = []
    progress = Progress(written.append, is_terminal=is_terminal)
    for event in events:
        progress(event)
    progress.end()
    return "".join(written)


def test_a_log_that_is_read_later_has_each_step_and_every_message() -> None:
    assert told(EVENTS, is_terminal=False).splitlines() == [
        "dbxgate: backup 1 archives",
        "dbxgate: apply 0/3 objects",
        "dbxgate: apply 3/3 changed c",
        "dbxgate: runs these jobs run: daily",
        "dbxgate: runs these jobs run: weekly",
    ]


def test_on_a_terminal_a_bar_grows_and_messages_stay() -> None:
    bars = [f"[{'#' * done}{'.' * (24 - done)}]" for done in (0, 8, 16, 24)]
    shown = [line.rpartition("\r")[2] for line in told(EVENTS, is_terminal=True).split("\n")]
    assert shown == [
        "dbxgate: backup 1 archives",
        "dbxgate: runs these jobs run: daily",
        "dbxgate: runs these jobs run: weekly",
        "",
    ]
    for number, bar in enumerate(bars):
        assert f"\r{bar} apply {number}/3 " in told(EVENTS, is_terminal=True)


def test_the_log_names_every_object_and_job(tmp_path: Path) -> None:
    with stage(tmp_path) as world:
        log = Log(world.clock.wall)
        world.publish(new(), tell=log, threads=4)
        lines = [line.partition(" ")[2] for line in log.lines]
        assert [line for line in lines if line.endswith("fresh/added3")] == [
            next(line for line in lines if line.startswith("apply ") and "added3" in line)
        ]
        for words in (
            "added kept/moved5",
            "changed flow/changed5",
            "changed lib/tools.py",
            "removed flow/removed1",
            "removed flow/moved1",
        ):
            assert sum(line.endswith(f" {words}") for line in lines) == 1, words
        counts = [line.split()[1] for line in lines if line.startswith("apply ")]
        assert counts == [f"{number}/17" for number in range(18)]
        assert "verify 17 objects" in lines


def test_the_log_of_a_roll_back_names_what_was_restored(tmp_path: Path) -> None:
    with stage(tmp_path) as world:
        log = Log(world.clock.wall)
        world.running.add_faults(
            {"do": "status", "status": 400, "method": "POST", "path": "/Shared/etl/flow/changed5"}
        )
        assert outcome(world, new(), tell=log)[0] == 22
        lines = [line.partition(" ")[2] for line in log.lines]
        undone = [line for line in lines if line.startswith("undo ")][1:]
        assert [line.split()[1] for line in undone] == [f"{n}/16" for n in range(1, 17)]
        assert sum(line.endswith(" flow/changed4") for line in undone) == 1


def test_a_plan_says_that_a_deployment_is_unfinished(tmp_path: Path) -> None:
    with stage(tmp_path) as world:
        target = Opened("test", world.client(), TARGET, "me@example.com")
        request = Request(new().items, new().jobs)
        wanted = Published("test", Mode.PLAN, project=PROJECT)
        assert carried_out(wanted, target, request, world.means()).notes == ()
        world.running.add_faults(
            {"do": "outage", "match": {"method": "POST", "path": "/Shared/etl/flow/changed5"}}
        )
        assert outcome(world, new())[0] == 23
        world.running.clear_faults()
        (note,) = carried_out(wanted, target, request, world.means()).notes
    assert note.startswith("the deployment 00000002-")
    assert note.endswith(
        " is unfinished: the next run or --dbx-heal undoes or finishes it first, and then the plan "
        "may be another"
    )


@pytest.mark.parametrize("here", ["", "sub", "beside"])
def test_the_place_of_the_log_is_told_as_it_is_seen_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: str
) -> None:
    for name in ("sub", "beside"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / here)
    done = Published("local", Mode.DEPLOY, log=("something",))
    (note,) = kept(done, tmp_path / "sub", Publishing(Command.DEPLOY)).notes
    file = tmp_path / "sub" / ".dbxgate" / "publishing.log"
    assert file.exists()
    expected = {
        "": "sub/.dbxgate/publishing.log",
        "sub": ".dbxgate/publishing.log",
        "beside": file.as_posix(),
    }
    assert note == f"what was done, step by step: {expected[here]}"
