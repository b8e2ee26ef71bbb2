"""The client against the embedded workspace, with its faults."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pytest_dbxgate.emulator.objects import Sizes, Unknowns
from pytest_dbxgate.emulator.server import Running, start
from pytest_dbxgate.errors import AuthenticationError, ConfigurationError
from pytest_dbxgate.workspace.client import Client, connect
from pytest_dbxgate.workspace.credentials import Credentials, Secret, Token, Veil, fixed
from pytest_dbxgate.workspace.model import (
    AlreadyExistsError,
    DeniedError,
    ImportFormat,
    NotFoundError,
    ObjectType,
    RejectedError,
    RemoteObject,
    UnavailableError,
    Workspace,
    WorkspaceError,
)

HOME = "/Users/developer@example.com"
NOTEBOOK = b"# Databricks notebook source\nx = 1"


class Time:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self.now += seconds


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with start(tmp_path_factory.mktemp("workspace")) as running:
        yield running


@pytest.fixture
def running(served: Running) -> Iterator[Running]:
    served.clear_log()
    yield served
    served.clear_faults()
    served.flush_late()
    served.limit({})


_FOLDERS = itertools.count()


@pytest.fixture
def folder(client: Client) -> str:
    """A folder of the test's own: the workspace is shared by the module."""
    path = f"{HOME}/{next(_FOLDERS)}"
    client.mkdirs(path)
    return path


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def client(running: Running, time: Time) -> Client:
    return connected(running.host, running.token, time)


def connected(host: str, token: str, time: Time) -> Client:
    credentials = fixed("local", "a test", Secret(token), veil=Veil())
    return connect(host, credentials, sleep=time.sleep, clock=time.clock, random=lambda: 0.5)


def put(client: Client, path: str, data: bytes = NOTEBOOK, *, overwrite: bool = False) -> None:
    client.import_object(
        path, data, format=ImportFormat.SOURCE, language="PYTHON", overwrite=overwrite
    )


def routes(running: Running) -> list[str]:
    return [entry.route for entry in running.log()]


def test_fulfils_the_protocol(client: Client, running: Running) -> None:
    workspace: Workspace = client
    assert workspace.host == running.host
    assert workspace.user_name() == "developer@example.com"


def test_what_was_imported_comes_back(client: Client, folder: str) -> None:
    client.mkdirs(f"/Workspace{folder}/a//b/")
    put(client, f"{folder}/a/b/note")
    client.import_object(
        f"{folder}/a/data.csv", b"\x00,1\n", format=ImportFormat.AUTO, overwrite=False
    )

    assert client.export(f"{folder}/a/b/note") == NOTEBOOK
    assert client.export(f"/Workspace{folder}/a/data.csv") == b"\x00,1\n"
    assert b'"cells"' in client.export(f"{folder}/a/b/note", jupyter=True)
    assert client.status(f"{folder}/a/b/note") == RemoteObject(
        f"{folder}/a/b/note", ObjectType.NOTEBOOK, "PYTHON"
    )
    assert [(one.path, one.type) for one in client.list(f"{folder}/a")] == [
        (f"{folder}/a/b", ObjectType.DIRECTORY),
        (f"{folder}/a/data.csv", ObjectType.FILE),
    ]
    assert client.export_folder(folder) == {"a/b/note.py": NOTEBOOK, "a/data.csv": b"\x00,1\n"}


def test_what_is_not_there(client: Client, folder: str) -> None:
    assert client.status(f"{folder}/none") is None
    assert client.list(f"{folder}/none") == []
    assert client.export_folder(f"{folder}/none") == {}
    client.delete(f"{folder}/none")
    client.delete_job(1)
    assert client.job(1) is None
    with pytest.raises(NotFoundError, match="nothing stands there"):
        client.export(f"{folder}/none")
    with pytest.raises(NotFoundError, match=r"The parent folder \(.*none\) does not exist"):
        put(client, f"{folder}/none/a")


def test_listing_a_file_lists_nothing(client: Client, folder: str) -> None:
    put(client, f"{folder}/a")
    assert client.list(f"{folder}/a") == []


def test_imports_are_json_and_never_multipart(
    client: Client, folder: str, running: Running
) -> None:
    put(client, f"{folder}/a")
    assert routes(running)[-1] == "workspace/import"


def test_something_stands_there(client: Client, folder: str) -> None:
    put(client, f"{folder}/a")
    with pytest.raises(AlreadyExistsError) as caught:
        put(client, f"{folder}/a")
    assert not caught.value.after_retry


def test_jobs(client: Client, running: Running) -> None:
    settings: dict[str, Any] = {
        "name": "nightly",
        "tags": {"dbxgate": "p"},
        "tasks": [
            {"task_key": f"t{number}", "notebook_task": {"notebook_path": "/a"}}
            for number in range(230)
        ],
    }
    job_id = client.create_job(settings, operation="op-1")
    (job,) = client.jobs_tagged("dbxgate", "p")
    assert job == client.job(job_id)
    assert len(job.settings["tasks"]) == 230
    assert job.settings["tags"] == {"dbxgate": "p", "dbxgate_operation": "op-1"}
    assert job.creator == "developer@example.com"

    client.reset_job(job_id, {**settings, "name": "other"})
    assert client.jobs_tagged("dbxgate", "p")[0].settings["name"] == "other"

    owner = {"user_name": "developer@example.com", "permission_level": "IS_OWNER"}
    assert client.job_permissions(job_id) == [owner]
    group = {"group_name": "users", "permission_level": "CAN_VIEW"}
    client.set_job_permissions(job_id, [owner, group])
    assert client.job_permissions(job_id) == [owner, group]

    assert client.active_runs(job_id) == 0
    run = running.add_run(job_id)
    assert client.active_runs(job_id) == 1
    running.end_run(run)
    assert client.active_runs(job_id) == 0
    client.delete_job(job_id)
    assert client.job(job_id) is None


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_status_that_passes_is_repeated(
    status: int, client: Client, folder: str, running: Running, time: Time
) -> None:
    running.add_faults({"do": "status", "status": status, "times": 3})
    assert client.status(folder) is not None
    assert len(time.slept) >= 3


@pytest.mark.parametrize(
    "fault", [{"do": "cut-before"}, {"do": "lose-answer"}, {"do": "late"}, {"do": "status"}]
)
def test_a_lost_answer_of_an_import_that_overwrites_does_no_harm(
    fault: dict[str, Any], client: Client, folder: str, running: Running
) -> None:
    running.add_faults({**fault, "route": "workspace/import"})
    put(client, f"{folder}/a", overwrite=True)
    assert client.export(f"{folder}/a") == NOTEBOOK


def test_a_lost_answer_of_an_import_that_does_not_overwrite_is_told(
    client: Client, folder: str, running: Running
) -> None:
    running.add_faults({"do": "lose-answer", "route": "workspace/import"})
    with pytest.raises(AlreadyExistsError) as caught:
        put(client, f"{folder}/a")
    assert caught.value.after_retry


@pytest.mark.parametrize(
    ("fault", "maybe_done"),
    [
        ({"do": "status", "status": 429}, False),
        ({"do": "status", "status": 503}, True),
        ({"do": "cut-before"}, True),
    ],
)
def test_beyond_the_budget(
    fault: dict[str, Any],
    maybe_done: bool,
    client: Client,
    folder: str,
    running: Running,
    time: Time,
) -> None:
    running.add_faults({**fault, "times": -1, "route": "workspace/import"})
    with pytest.raises(UnavailableError) as caught:
        put(client, f"{folder}/a")
    assert caught.value.maybe_done is maybe_done
    assert "8 attempts" in str(caught.value)
    assert caught.value.exit_code == 25
    assert len(running.log()) == 9


def test_the_workspace_says_how_long_to_wait(
    client: Client, folder: str, running: Running, time: Time
) -> None:
    running.add_faults({"do": "status", "status": 429, "retry_after": 17})
    client.status(folder)
    assert 17 <= sum(time.slept) < 18


def test_a_job_whose_answer_was_lost_is_made_once(client: Client, running: Running) -> None:
    for number, do in enumerate(["lose-answer", "late", "cut-before", "status"]):
        running.add_faults({"do": do, "route": "jobs/create", "after": 2})
        made = client.create_job({"name": "n"}, operation=f"op-lost-{number}")
        found = client.jobs_tagged("dbxgate_operation", f"op-lost-{number}")
        assert [job.job_id for job in found] == [made], do


def test_a_job_that_a_late_answer_made_twice_is_deleted(client: Client, running: Running) -> None:
    # Applied after the second creation: before the look-ups that settle.
    running.add_faults({"do": "late", "route": "jobs/create", "after": 4})
    made = client.create_job({"name": "n"}, operation="op-twice")
    assert routes(running).count("jobs/delete") == 1
    found = client.jobs_tagged("dbxgate_operation", "op-twice")
    assert [job.job_id for job in found] == [made]


def test_a_job_that_cannot_be_made(client: Client, running: Running) -> None:
    running.add_faults({"do": "cut-before", "route": "jobs/create", "times": -1})
    with pytest.raises(UnavailableError) as caught:
        client.create_job({"name": "n"}, operation="op-none")
    assert caught.value.maybe_done
    with pytest.raises(RejectedError, match="not reference itself"):
        running.clear_faults()
        task = {"task_key": "x", "depends_on": [{"task_key": "x"}]}
        client.create_job(
            {"name": "n", "tasks": [{**task, "notebook_task": {"notebook_path": "/a"}}]},
            operation="op-bad",
        )


def test_a_token_that_was_never_valid(running: Running, time: Time) -> None:
    client = connected(running.host, "dapi-never-valid", time)
    with pytest.raises(AuthenticationError, match=r"Invalid access token\.") as caught:
        client.user_name()
    assert caught.value.exit_code == 24
    assert len(running.log()) == 1
    assert not time.slept


def test_what_the_identity_may_not(client: Client, folder: str, running: Running) -> None:
    running.add_faults(
        {"do": "status", "status": 403, "message": "developer does not have CAN_MANAGE"}
    )
    with pytest.raises(DeniedError, match="developer does not have CAN_MANAGE"):
        put(client, f"{folder}/a")


def test_a_token_that_expires_in_the_middle(running: Running, time: Time) -> None:
    tokens = [running.add_user("a@example.com"), running.add_user("a@example.com")]
    given = iter(tokens)
    credentials = Credentials(
        "local", "a test", lambda: Token(Secret(next(given))), clock=time.clock, veil=Veil()
    )
    client = connect(running.host, credentials, sleep=time.sleep, clock=time.clock)
    client.status("/Shared")
    running.revoke(tokens[0])
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(client.status, ["/Shared"] * 16))
    assert all(one is not None for one in found)
    assert next(given, None) is None


def test_a_proxys_page(client: Client, folder: str, running: Running) -> None:
    page = "<html><head><title>Access\n denied</title></head>"
    running.add_faults({"do": "status", "status": 200, "body": page})
    with pytest.raises(WorkspaceError) as caught:
        client.export(f"{folder}/a")
    assert str(caught.value) == (
        f"{running.host}: export /Workspace{folder}/a: the answer is none of the Databricks API: "
        "a page with the title 'Access denied'\n"
        "  next: check the host's name, and whether a proxy (HTTPS_PROXY) answers in its place"
    )


def test_no_redirect_is_followed(client: Client, folder: str, running: Running) -> None:
    running.add_faults({"do": "status", "status": 302, "body": "moved"})
    with pytest.raises(WorkspaceError, match="answered with a redirect, which is not followed"):
        client.status(folder)
    assert len(running.log()) == 2


def test_nobody_is_there(running: Running, time: Time) -> None:
    client = connected("http://127.0.0.1:1", running.token, time)
    with pytest.raises(UnavailableError, match="cannot be reached in 8 attempts") as caught:
        client.import_object("/a", b"", format=ImportFormat.AUTO, overwrite=True)
    assert not caught.value.maybe_done
    assert "Connection refused" in str(caught.value)


def test_credentials_do_not_leave_the_machine_for_anywhere(time: Time) -> None:
    for host in ("http://adb-1.2.azuredatabricks.net", "https://adb-1.2.azuredatabricks.net"):
        with pytest.raises(ConfigurationError):
            connected(host, "t", time)


def test_words_of_the_server_cannot_act(client: Client, folder: str, running: Running) -> None:
    bad = f"no\x1b[31m ##vso[task.complete] {running.token}"
    running.add_faults({"do": "status", "status": 400, "message": bad})
    with pytest.raises(RejectedError) as caught:
        client.status(folder)
    text = str(caught.value)
    assert "\x1b" not in text
    assert "##vso[" not in text
    assert running.token not in text


def test_the_servers_clock(client: Client, folder: str, running: Running, time: Time) -> None:
    running.set_clock_offset(3600)
    client.status(folder)
    ahead = client.server_time()
    running.set_clock_offset(0)
    client.status(folder)
    now = client.server_time()
    assert ahead is not None
    assert now is not None
    assert 3590 < ahead - now < 3610


def test_an_outage_ends_in_an_error(client: Client, folder: str, running: Running) -> None:
    running.add_faults({"do": "outage"})
    with pytest.raises(UnavailableError):
        client.status(folder)


def test_many_threads_import(client: Client, folder: str, tmp_path: Path) -> None:
    names = [f"{folder}/n{number}" for number in range(60)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda name: put(client, name), names))
    assert len(client.export_folder(folder)) == 60


def test_a_folder_that_is_too_large_is_split(client: Client, folder: str, running: Running) -> None:
    client.mkdirs(f"{folder}/a/b")
    put(client, f"{folder}/a/b/n")
    put(client, f"{folder}/m")
    client.import_object(f"{folder}/f.txt", b"f", format=ImportFormat.AUTO, overwrite=False)
    whole = client.export_folder(folder)
    large = {"status": 400, "code": "MAX_NOTEBOOK_SIZE_EXCEEDED", "message": "too large"}
    running.add_faults({"do": "status", **large, "path": folder, "route": "workspace/export"})
    assert client.export_folder(folder) == whole
    assert set(whole) == {"a/b/n.py", "m.py", "f.txt"}


def test_a_folder_that_holds_one_of_its_own_name(client: Client, folder: str) -> None:
    name = folder.rpartition("/")[2]
    client.mkdirs(f"{folder}/{name}/{name}")
    put(client, f"{folder}/{name}/{name}/n")
    assert client.export_folder(folder) == {f"{name}/{name}/n.py": NOTEBOOK}


@pytest.mark.parametrize("named", [False, True])
def test_whether_an_archive_names_its_folder_does_not_matter(
    named: bool, tmp_path: Path, time: Time
) -> None:
    with start(tmp_path, unknowns=Unknowns(folder_in_archive=named)) as running:
        client = connected(running.host, running.token, time)
        for folder, names in {
            "/Shared/a": ["x", "b/y"],
            "/Shared/b": ["b/b/n"],
            "/Shared/c": ["c/n", "c/c/n"],
            "/Shared/d": ["d/n", "n"],
        }.items():
            for name in names:
                client.mkdirs(f"{folder}/{name}".rpartition("/")[0])
                put(client, f"{folder}/{name}")
            assert set(client.export_folder(folder)) == {f"{name}.py" for name in names}, folder


def test_an_object_above_the_limit_of_json(tmp_path: Path, time: Time) -> None:
    large = Sizes(export=10_000)
    with start(tmp_path, sizes=large) as running:
        client = connected(running.host, running.token, time)
        data = bytes(range(256)) * 100
        client.import_object("/Shared/f.bin", data, format=ImportFormat.AUTO, overwrite=False)
        client.mkdirs("/Shared/a")
        put(client, "/Shared/a/n")
        assert client.export("/Shared/f.bin") == data
        assert client.export_folder("/Shared") == {"a/n.py": NOTEBOOK, "f.bin": data}


def test_jobs_beyond_a_page(client: Client) -> None:
    made = [
        client.create_job({"name": "n", "tags": {"page": "yes"}}, operation=f"page-{number}")
        for number in range(103)
    ]
    assert [job.job_id for job in client.jobs_tagged("page", "yes")] == sorted(made)
    for job_id in made:
        client.delete_job(job_id)


def test_a_stale_list_does_not_hide_a_job_that_was_made(client: Client, running: Running) -> None:
    running.add_faults(
        {"do": "cut-before", "route": "jobs/create"},
        {"do": "stale", "route": "jobs/list", "nth": 3},
    )
    made = client.create_job({"name": "n"}, operation="op-stale")
    assert client.job(made) is not None
