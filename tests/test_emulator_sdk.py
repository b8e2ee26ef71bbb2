"""What the SDK does with faults [sdk, run on 0.156]: why the client retries by itself."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.config import Config
from databricks.sdk.errors import DatabricksError
from databricks.sdk.service.workspace import ImportFormat

from pytest_dbxgate.emulator.server import Running, start

IMPORT = {"method": "POST", "route": "workspace/import"}


class NoTime:
    """A clock for the SDK whose sleep takes no time."""

    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with start(tmp_path) as running:
        yield running


@pytest.fixture
def client(running: Running) -> WorkspaceClient:
    config = Config(
        host=running.host,
        token=running.token,
        auth_type="pat",
        clock=NoTime(),  # type: ignore[arg-type]
    )
    return WorkspaceClient(config=config)


def json_import(client: WorkspaceClient, text: str) -> None:
    content = base64.b64encode(text.encode()).decode()
    client.workspace.import_("/Shared/a", content=content, format=ImportFormat.AUTO)


@pytest.mark.parametrize("status", [429, 503])
def test_a_json_import_is_retried_and_whole(
    running: Running, client: WorkspaceClient, status: int
) -> None:
    rule = {"match": IMPORT, "do": "status", "status": status, "retry_after": 1}
    running.add_faults(rule)
    json_import(client, "text")
    assert running.dump().objects["/Shared/a"].content == b"text"


@pytest.mark.parametrize("status", [500, 502, 504])
def test_other_errors_are_not_retried_even_on_reads(
    running: Running, client: WorkspaceClient, status: int
) -> None:
    running.add_faults({"match": {"method": "GET"}, "do": "status", "status": status})
    with pytest.raises(DatabricksError):
        client.workspace.get_status("/Shared")


def test_an_upload_is_not_retried_and_empty_when_its_caller_tries_again(
    running: Running, client: WorkspaceClient
) -> None:
    running.add_faults({"match": IMPORT, "do": "status", "status": 429})
    stream = io.BytesIO(b"text")
    with pytest.raises(DatabricksError):
        client.workspace.upload("/Shared/a", stream, format=ImportFormat.AUTO)
    client.workspace.upload("/Shared/a", stream, format=ImportFormat.AUTO)
    assert running.dump().objects["/Shared/a"].content == b""


def test_a_lost_answer_makes_a_second_job(running: Running, client: WorkspaceClient) -> None:
    running.add_faults({"match": {"route": "jobs/create"}, "do": "lose-answer"})
    client.jobs.create(name="a")
    assert len(running.dump().jobs) == 2
