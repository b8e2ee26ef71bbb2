"""The facts that publishing rests on, against the embedded workspace or a real one.

A real workspace: set DBXGATE_CONTRACT_HOST, DBXGATE_CONTRACT_TOKEN and DBXGATE_CONTRACT_FOLDER (a
scratch folder), then ``pytest tests/contract -p no:xdist``. See docs/emulator.md.
"""

from __future__ import annotations

import base64
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import DatabricksError
from databricks.sdk.service.workspace import ExportFormat, ImportFormat, Language

from pytest_dbxgate.emulator.server import start

HERE = Path(__file__).parent
GRADES = ("live", "doc", "sdk", "report", "fake")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"grade(name): how sure a fact is: {', '.join(GRADES)}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == HERE:
            mark = item.get_closest_marker("grade")
            assert mark is not None, f"{item.nodeid} names no grade"
            assert mark.args[0] in GRADES


class Scratch:
    """A workspace with a folder of one's own."""

    def __init__(self, client: WorkspaceClient, folder: str) -> None:
        self.client = client
        self.folder = folder

    def put(
        self,
        name: str,
        data: bytes | str,
        format: ImportFormat = ImportFormat.AUTO,
        *,
        language: Language | None = None,
        overwrite: bool = False,
    ) -> None:
        content = data.encode() if isinstance(data, str) else data
        self.client.workspace.import_(
            self.path(name),
            content=base64.b64encode(content).decode(),
            format=format,
            language=language,
            overwrite=overwrite,
        )

    def get(self, name: str, format: ExportFormat = ExportFormat.SOURCE) -> bytes:
        exported = self.client.workspace.export(self.path(name), format=format)
        return base64.b64decode(exported.content or "")

    def path(self, name: str) -> str:
        return f"{self.folder}/{name}" if name else self.folder

    def type(self, name: str) -> str:
        found = self.client.workspace.get_status(self.path(name)).object_type
        assert found is not None
        return found.value


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkspaceClient]:
    host = os.environ.get("DBXGATE_CONTRACT_HOST")
    if host:
        token = os.environ["DBXGATE_CONTRACT_TOKEN"]
        yield WorkspaceClient(host=host, token=token, auth_type="pat")
        return
    with start(tmp_path_factory.mktemp("workspace")) as running:
        yield WorkspaceClient(host=running.host, token=running.token, auth_type="pat")


@pytest.fixture
def scratch(client: WorkspaceClient) -> Iterator[Scratch]:
    root = os.environ.get("DBXGATE_CONTRACT_FOLDER", "/Shared/contract")
    folder = f"{root}/{uuid.uuid4().hex}"
    client.workspace.mkdirs(folder)
    yield Scratch(client, folder)
    client.workspace.delete(folder, recursive=True)


@pytest.fixture
def make_job(client: WorkspaceClient) -> Iterator[Callable[..., int]]:
    made: list[int] = []

    def make(**settings: object) -> int:
        settings.setdefault("name", f"dbxgate contract {uuid.uuid4().hex}")
        job_id = client.jobs.create(**settings).job_id  # type: ignore[arg-type]
        assert job_id is not None
        made.append(job_id)
        return job_id

    yield make
    for job_id in made:
        try:
            client.jobs.delete(job_id)
        except DatabricksError:
            continue
