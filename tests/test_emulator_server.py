"""The embedded workspace as a process and as a server: what stays, who gets in, who does not."""

from __future__ import annotations

import ast
import json
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import pytest_dbxgate.emulator
from emulator_client import get, put, send
from pytest_dbxgate.emulator.server import CONNECTION_FILE, start
from pytest_dbxgate.emulator.store import StoreInUseError

ME = "/api/2.0/preview/scim/v2/Me"


def test_it_starts_at_once_and_leaves_no_thread(tmp_path: Path) -> None:
    before = threading.active_count()
    began = time.monotonic()
    running = start(tmp_path)
    assert time.monotonic() - began < 0.5
    assert send(running, "GET", ME)
    running.stop()
    running.stop()
    assert threading.active_count() == before
    assert not (tmp_path / CONNECTION_FILE).exists()


def test_state_survives_a_stop(tmp_path: Path) -> None:
    with start(tmp_path) as first:
        put(first, "/Shared/a.txt", "kept")
        number = first.dump().objects["/Shared/a.txt"].object_id
    with start(tmp_path) as second:
        assert second.token != first.token
        assert get(second, "/Shared/a.txt") == "kept"
        assert second.dump().objects["/Shared/a.txt"].object_id == number


def test_a_folder_is_served_once(tmp_path: Path) -> None:
    with start(tmp_path), pytest.raises(StoreInUseError):
        start(tmp_path)
    with start(tmp_path) as running:
        assert send(running, "GET", ME)


def test_a_taken_port_is_an_error(tmp_path: Path) -> None:
    with start(tmp_path / "a") as running, pytest.raises(OSError):
        start(tmp_path / "b", port=int(running.host.rpartition(":")[2]))


@pytest.mark.skipif(sys.platform == "win32", reason="modes are for POSIX")
def test_only_the_owner_reads_the_token(tmp_path: Path) -> None:
    with start(tmp_path) as running:
        file = tmp_path / CONNECTION_FILE
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert json.loads(file.read_text(encoding="utf-8")) == {
            "host": running.host,
            "token": running.token,
            "pid": os.getpid(),
            "lasting": False,
        }
        assert running.token not in repr(running)


def command(data: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "pytest_dbxgate.emulator", "--data", str(data), *more]


def served(data: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(command(data), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("listening on http://127.0.0.1:")
    return process


class Elsewhere:
    """What the connection file says, for :func:`emulator_client.send`."""

    def __init__(self, data: Path) -> None:
        value = json.loads((data / CONNECTION_FILE).read_text(encoding="utf-8"))
        self.host, self.token, self.pid = value["host"], value["token"], value["pid"]


def test_state_survives_a_kill(tmp_path: Path) -> None:
    process = served(tmp_path)
    try:
        elsewhere = Elsewhere(tmp_path)
        assert elsewhere.pid == process.pid
        assert put(elsewhere, "/Shared/a.txt", "kept").status == 200
    finally:
        process.kill()
        process.communicate()
    with start(tmp_path) as running:
        assert get(running, "/Shared/a.txt") == "kept"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are for POSIX")
def test_a_signal_ends_it_in_order(tmp_path: Path) -> None:
    process = served(tmp_path)
    refused = subprocess.run(command(tmp_path), capture_output=True, text=True, check=False)
    process.terminate()
    rest, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert rest == ""
    assert not (tmp_path / CONNECTION_FILE).exists()
    assert refused.returncode == 2
    assert "database is locked" in refused.stderr


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
    ids=str,
)
def test_other_hosts_and_web_pages_are_refused(tmp_path: Path, headers: dict[str, str]) -> None:
    with start(tmp_path) as running:
        reply = send(running, "GET", ME, headers=headers)
        assert reply is not None
        assert reply.status == 403


@pytest.mark.parametrize("path", [ME, "/_emulator/dump", "/_emulator/log"])
@pytest.mark.parametrize(("header", "status"), [("Bearer wrong", 403), ("Bearer ", 403), ("", 401)])
def test_nobody_gets_in_without_the_token(
    tmp_path: Path, path: str, header: str, status: int
) -> None:
    with start(tmp_path) as running:
        reply = send(running, "GET", path, headers={"Authorization": header})
        assert reply is not None
        assert reply.status in (status, 403)
        assert running.token not in str(reply)


def test_it_listens_on_loopback_only(tmp_path: Path) -> None:
    with start(tmp_path) as running:
        assert running.host.startswith("http://127.0.0.1:")


def test_another_users_token_is_another_user_until_it_is_revoked(tmp_path: Path) -> None:
    with start(tmp_path) as running:
        token = running.add_user("other@example.com")
        headers = {"Authorization": f"Bearer {token}"}
        reply = send(running, "GET", ME, headers=headers)
        assert reply is not None
        assert reply.body["userName"] == "other@example.com"
        running.revoke(token)
        reply = send(running, "GET", ME, headers=headers)
        assert reply is not None
        assert (reply.status, reply.body["message"]) == (403, "Invalid access token.")


def test_an_unknown_address_is_told(tmp_path: Path) -> None:
    with start(tmp_path) as running:
        reply = send(running, "GET", "/api/2.0/none")
        assert reply is not None
        assert (reply.status, reply.body["error_code"]) == (404, "ENDPOINT_NOT_FOUND")


def test_only_what_runs_notebooks_shares_code_with_the_rest() -> None:
    allowed = ("pytest_dbxgate.execution", "pytest_dbxgate.notebook")
    folder = Path(pytest_dbxgate.emulator.__file__).parent
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in getattr(node, "names", [])]
            module = getattr(node, "module", None) or ""
            if isinstance(node, ast.Import):
                found = [name for name in names if name.startswith("pytest_dbxgate")]
            elif isinstance(node, ast.ImportFrom) and module.startswith("pytest_dbxgate"):
                found = [module]
            else:
                continue
            for name in found:
                if file.name.startswith("notebook_") and name.startswith(allowed):
                    continue
                assert name.startswith("pytest_dbxgate.emulator"), file.name
