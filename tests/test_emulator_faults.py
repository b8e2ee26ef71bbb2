"""Faults, edits, limits and the clock: each does what it says, to the request it names."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from emulator_client import NOTEBOOK, Reply, get, put, send
from pytest_dbxgate.emulator.server import Running, start
from pytest_dbxgate.emulator.values import ApiError

IMPORT = {"method": "POST", "route": "workspace/import"}


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def running(tmp_path: Path, clock: Clock) -> Iterator[Running]:
    with start(tmp_path, clock=clock, monotonic=clock) as running:
        yield running


def status_of(reply: Reply | None) -> int:
    return reply.status if reply else 0


@pytest.mark.parametrize("status", [403, 429, 500, 502, 503, 504])
def test_an_error_once_leaves_the_request_undone(running: Running, status: int) -> None:
    running.add_faults({"match": IMPORT, "do": "status", "status": status})
    assert status_of(put(running, "/Shared/a.txt", "x")) == status
    assert get(running, "/Shared/a.txt") is None
    assert status_of(put(running, "/Shared/a.txt", "x")) == 200


def test_an_error_after_processing(running: Running) -> None:
    running.add_faults({"match": IMPORT, "do": "status", "status": 500, "processed": True})
    assert status_of(put(running, "/Shared/a.txt", "x")) == 500
    assert get(running, "/Shared/a.txt") == "x"


def test_an_error_tells_what_the_rule_says(running: Running) -> None:
    rule = {"do": "status", "status": 429, "code": "C", "message": "M", "retry_after": 7}
    running.add_faults(rule)
    reply = put(running, "/Shared/a.txt", "x")
    assert reply is not None
    assert reply.body == {"error_code": "C", "message": "M"}
    assert reply.headers["retry-after"] == "7"


def test_a_proxy_answers_html(running: Running) -> None:
    running.add_faults({"do": "status", "status": 200, "body": "<html>log in</html>"})
    reply = put(running, "/Shared/a.txt", "x")
    assert reply is not None
    assert (reply.status, reply.body) == (200, b"<html>log in</html>")
    assert reply.headers["content-type"].startswith("text/html")


def test_which_requests_are_met(running: Running) -> None:
    match = {**IMPORT, "path": "/Shared/a*", "nth": 2}
    running.add_faults({"match": match, "do": "status", "status": 503, "times": 2})
    paths = ["/Shared/a1", "/Shared/b", "/Shared/a2", "/Shared/a3", "/Shared/a4"]
    assert [status_of(put(running, path, "x")) for path in paths] == [200, 200, 503, 503, 200]


def test_from_a_number_on_for_ever(running: Running) -> None:
    running.add_faults({"match": {"number": 3}, "do": "status", "status": 403, "times": -1})
    found = [status_of(put(running, f"/Shared/{number}", "x")) for number in range(5)]
    assert found == [200, 200, 403, 403, 403]
    running.clear_faults()
    assert status_of(put(running, "/Shared/a", "x")) == 200


def test_cut_before_leaves_it_undone(running: Running) -> None:
    running.add_faults({"match": IMPORT, "do": "cut-before"})
    assert put(running, "/Shared/a", "x") is None
    assert get(running, "/Shared/a") is None
    assert status_of(put(running, "/Shared/a", "x")) == 200


def test_a_lost_answer_is_of_a_request_that_was_done(running: Running) -> None:
    running.add_faults({"match": IMPORT, "do": "lose-answer"})
    assert put(running, "/Shared/a", "x", overwrite=False) is None
    assert get(running, "/Shared/a") == "x"
    reply = put(running, "/Shared/a", "x", overwrite=False)
    assert reply is not None
    assert reply.body["error_code"] == "RESOURCE_ALREADY_EXISTS"


def test_a_late_request_takes_effect_some_requests_later(running: Running) -> None:
    running.add_faults({"match": IMPORT, "do": "late", "after": 2})
    assert put(running, "/Shared/a", "late") is None
    assert status_of(put(running, "/Shared/a", "retried")) == 200
    assert get(running, "/Shared/a") == "late"
    assert [entry.fault for entry in running.log()] == ["late", "", "late-applied", ""]


def test_a_late_request_can_be_made_to_arrive(running: Running) -> None:
    running.add_faults({"match": IMPORT, "do": "late", "after": 1000})
    assert put(running, "/Shared/a", "late") is None
    running.flush_late()
    assert running.dump().objects["/Shared/a"].content == b"late"


def test_a_stale_read_sees_the_state_before_the_last_write(running: Running) -> None:
    put(running, "/Shared/a", "1")
    put(running, "/Shared/a", "2")
    put(running, "/Shared/b", "1")
    running.add_faults({"match": {"path": "/Shared/b"}, "do": "stale"})
    assert get(running, "/Shared/b") is None
    assert get(running, "/Shared/b") == "1"
    put(running, "/Shared/a", "3")
    running.add_faults({"match": {"path": "/Shared/a"}, "do": "stale", "times": 2})
    assert [get(running, "/Shared/a") for _ in range(3)] == ["2", "2", "3"]


def test_an_outage_lasts_until_it_is_cleared(running: Running) -> None:
    running.add_faults({"match": {"number": 2}, "do": "outage"})
    assert put(running, "/Shared/a", "1")
    assert put(running, "/Shared/a", "2") is None
    assert get(running, "/Shared/a") is None
    running.clear_faults()
    assert get(running, "/Shared/a") == "1"


@pytest.mark.parametrize(("when", "done"), [("before", None), ("after", "x")])
def test_the_client_is_killed(running: Running, when: str, done: str | None) -> None:
    victim = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        running.add_faults({"match": IMPORT, "do": f"kill-client-{when}", "pid": victim.pid})
        assert put(running, "/Shared/a", "x") is None
        assert victim.wait(10) != 0
    finally:
        victim.kill()
        victim.communicate()
    assert get(running, "/Shared/a") == done


def test_an_edit_right_before_and_right_after(running: Running) -> None:
    put(running, "/Shared/a.py", NOTEBOOK + "1")
    edit = {"path": "/Shared/a", "content": NOTEBOOK + "human"}
    match = {"route": "workspace/export"}
    running.add_faults(
        {"match": match, "do": "edit", "when": "after", "edits": [edit]},
        {
            "match": {"route": "workspace/import"},
            "do": "edit",
            "edits": [{"path": "/Shared/b.txt", "content": "new"}],
        },
    )
    assert get(running, "/Shared/a") == NOTEBOOK + "1"
    assert get(running, "/Shared/a") == NOTEBOOK + "human"
    assert status_of(put(running, "/Shared/b.txt", "x", overwrite=False)) == 400
    assert get(running, "/Shared/b.txt") == "new"


def test_an_edit_goes_with_another_fault(running: Running) -> None:
    edit = {"path": "/Shared/a", "content": "human"}
    running.add_faults(
        {"do": "edit", "when": "after", "edits": [edit]}, {"match": IMPORT, "do": "lose-answer"}
    )
    assert put(running, "/Shared/a", "x") is None
    assert get(running, "/Shared/a") == "human"


def test_an_edit_that_cannot_be_made_is_told(running: Running) -> None:
    running.add_faults({"do": "edit", "edits": [{"path": "/Shared", "content": "x"}]})
    assert status_of(put(running, "/Shared/a", "x")) == 501


def test_edits_by_hand(running: Running) -> None:
    running.edit("/Shared/new/a.sql", "-- Databricks notebook source\nselect 1")
    assert running.dump().objects["/Shared/new/a"].language == "SQL"
    running.edit("/Shared/new/a", "-- Databricks notebook source\nselect 2\n")
    assert get(running, "/Shared/new/a") == "-- Databricks notebook source\nselect 2"
    running.edit("/Shared/new", delete=True)
    assert "/Shared/new/a" not in running.dump().objects


def test_the_log_names_every_request(running: Running) -> None:
    put(running, "/Workspace/Shared/a", "x")
    put(running, "/Shared/a", "y")
    send(running, "GET", "/api/2.2/jobs/get", job_id="5")
    assert [entry[:6] for entry in running.log()] == [
        (1, "POST", "workspace/import", "/Shared/a", 1, 200),
        (2, "POST", "workspace/import", "/Shared/a", 2, 200),
        (3, "GET", "jobs/get", "/jobs/5", 1, 400),
    ]
    running.clear_log()
    get(running, "/Shared/a")
    assert running.log()[0].number == 1


def test_the_documented_limits(running: Running, clock: Clock) -> None:
    running.limit(retry_after="1")
    found = [status_of(put(running, "/Shared/a", "x")) for _ in range(32)]
    assert found == [200] * 30 + [429] * 2
    clock.now += 0.125
    found = [status_of(put(running, "/Shared/a", "x")) for _ in range(4)]
    assert found == [200] * 3 + [429]
    reply = put(running, "/Shared/a", "x")
    assert reply is not None
    assert reply.headers["retry-after"] == "1"
    assert get(running, "/Shared/a") == "x"
    running.limit({})
    assert status_of(put(running, "/Shared/a", "x")) == 200


def test_the_servers_clock_may_be_off(running: Running, clock: Clock) -> None:
    running.set_clock_offset(3600)
    reply = put(running, "/Shared/a", "x")
    assert reply is not None
    assert parsedate_to_datetime(reply.headers["date"]).timestamp() == clock.now + 3600
    assert running.dump().objects["/Shared/a"].modified_at == (clock.now + 3600) * 1000


def test_active_runs_can_be_put_in(running: Running) -> None:
    reply = send(running, "POST", "/api/2.2/jobs/create", {"name": "a"})
    assert reply is not None
    run = running.add_run(reply.body["job_id"])
    query = {"job_id": str(reply.body["job_id"]), "active_only": "true"}
    listed = send(running, "GET", "/api/2.2/jobs/runs/list", **query)
    assert listed is not None
    assert [one["run_id"] for one in listed.body["runs"]] == [run]
    running.end_run(run)
    listed = send(running, "GET", "/api/2.2/jobs/runs/list", **query)
    assert listed is not None
    assert "runs" not in listed.body


def test_the_same_over_http(running: Running) -> None:
    rule = {"match": IMPORT, "do": "status", "status": 503}
    assert status_of(send(running, "POST", "/_emulator/faults", {"rules": [rule]})) == 200
    assert status_of(put(running, "/Shared/a", "x")) == 503
    edit = {"path": "/Shared/a.txt", "content": "human"}
    assert status_of(send(running, "POST", "/_emulator/edit", edit)) == 200
    dump = send(running, "GET", "/_emulator/dump")
    assert dump is not None
    assert dump.body["objects"]["/Shared/a.txt"]["content"] == "aHVtYW4="
    log = send(running, "GET", "/_emulator/log")
    assert log is not None
    assert [entry["fault"] for entry in log.body] == ["status"]
    for method, action, body in (
        ("DELETE", "faults", None),
        ("DELETE", "log", None),
        ("POST", "clock", {"offset": 5}),
        ("POST", "limits", {}),
        ("POST", "flush-late", {}),
    ):
        assert status_of(send(running, method, f"/_emulator/{action}", body)) == 200
    assert running.log() == ()


def test_a_state_can_be_put_back(running: Running) -> None:
    put(running, "/Shared/a", "1")
    before = running.dump()
    snapshot = running.snapshot()
    put(running, "/Shared/a", "2")
    send(running, "POST", "/api/2.2/jobs/create", {"name": "a"})
    running.add_faults({"do": "outage"}, {"match": IMPORT, "do": "late", "after": 1})
    running.set_clock_offset(3600)
    assert put(running, "/Shared/a", "3") is None
    running.restore(snapshot)
    assert running.dump() == before
    assert running.log() == ()
    assert get(running, "/Shared/a") == "1"


@pytest.mark.parametrize(
    "rule",
    [{}, {"do": "nothing"}, {"do": "status", "what": 1}, {"do": "status", "nth": "x"}],
    ids=str,
)
def test_what_is_no_rule_is_refused(running: Running, rule: dict[str, object]) -> None:
    with pytest.raises(ApiError):
        running.add_faults(rule)
    assert status_of(send(running, "POST", "/_emulator/faults", {"rules": [rule]})) == 400
