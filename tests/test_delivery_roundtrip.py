"""What is published comes back from the embedded workspace as what the plan expects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_dbxgate.delivery.canonical import remotes
from pytest_dbxgate.delivery.job_digest import is_as_sent, told_digest
from pytest_dbxgate.delivery.job_settings import activated, paused, tagged
from pytest_dbxgate.delivery.model import Action, Item, JobItem, OnDrift, Prune
from pytest_dbxgate.delivery.placement import place
from pytest_dbxgate.delivery.plan import plan
from pytest_dbxgate.emulator.server import Running, start
from pytest_dbxgate.notebook import formats
from pytest_dbxgate.workspace.client import Client, connect
from pytest_dbxgate.workspace.credentials import Secret, Veil, fixed
from support import ipynb, source

SAMPLES = Path(__file__).parent.parent / "sample_notebooks"
HOME = "/Users/developer@example.com"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with start(tmp_path_factory.mktemp("workspace")) as running:
        yield running


@pytest.fixture
def client(running: Running) -> Client:
    credentials = fixed("local", "a test", Secret(running.token), veil=Veil())
    return connect(running.host, credentials, sleep=lambda _: None)


def published(client: Client, root: str, items: tuple[Item, ...]) -> Mapping[str, bytes]:
    client.mkdirs(root)
    for item in items:
        client.mkdirs(f"{root}/{item.place}".rpartition("/")[0])
        client.import_object(
            f"{root}/{item.place}",
            item.data,
            format=item.format,
            language=item.language,
            overwrite=True,
        )
    return client.export_folder(root)


def actions(items: tuple[Item, ...], archive: Mapping[str, bytes]) -> dict[str, Action]:
    """What a plan without a manifest makes of them: it compares the very contents."""
    result = plan(items, [], None, remotes(archive), [], prune=Prune.ON, on_drift=OnDrift.REFUSE)
    return {step.place: step.action for step in result.steps}


def test_the_sample_project_comes_back_equal(client: Client) -> None:
    notebooks: dict[str, bytes] = {}
    files: dict[str, bytes] = {}
    for file in sorted(SAMPLES.rglob("*")):
        path = file.relative_to(SAMPLES).as_posix()
        if file.is_file():
            data = file.read_bytes()
            is_notebook = formats.classify(path, data[:4096]) is formats.Kind.NOTEBOOK
            (notebooks if is_notebook else files)[path] = data
    placed = place(notebooks, files)
    assert not placed.refusals
    archive = published(client, f"{HOME}/samples", placed.items)
    assert set(actions(placed.items, archive).values()) == {Action.ADOPT}


SHAPES: Mapping[str, bytes] = {
    "crlf.py": source("a = 1", "b = 2").replace("\n", "\r\n").encode(),
    "no_final_newline.py": source("a = 1").rstrip().encode(),
    "many_final_newlines.py": (source("a = 1") + "\n\n\n").encode(),
    "no_blank_lines.py": b"# Databricks notebook source\na = 1\n# COMMAND ----------\nb = 2\n",
    "many_blank_lines.py": source("\n\na = 1\n\n", "\n\nb = 2\n\n").encode(),
    "empty.py": b"# Databricks notebook source\n",
    "bare_header.py": b"# Databricks notebook source",
    "empty_cells.py": source("", "a = 1", "", "").encode(),
    "titles.py": source(
        "# DBTITLE 1,Load it\na = 1", "# DBTITLE 1,Save\n# MAGIC %md text"
    ).encode(),
    "magics.py": source(
        "# MAGIC %md\n# MAGIC # Head\n# MAGIC\n# MAGIC text",
        "# MAGIC %sql select 1",
        "# MAGIC %run ./b $x=1",
        "%sql\nselect 2",
        "# MAGIC %pip install x",
        "%time x = 1",
    ).encode(),
    "unicode.py": source("a = 'ä€😀\u2028x'", "b = '\x0c'").encode(),
    "blanks.py": source("a = 1   ", "  b = 2").encode(),
    "q.sql": source("select 1", "-- MAGIC %python\n-- MAGIC a = 1", suffix=".sql").encode(),
    "s.scala": source("val a = 1", "// MAGIC %md x", suffix=".scala").encode(),
    "r.r": source("a <- 1", "# MAGIC %sql\n# MAGIC select 1", suffix=".r").encode(),
    "i.ipynb": ipynb("a = 1", "%md\n# Head", "%sql\nselect 1").encode(),
    "sql.ipynb": ipynb("select 1", language="sql").encode(),
    "none.ipynb": ipynb().encode(),
}


@pytest.mark.parametrize("name", SHAPES)
def test_each_shape_of_a_notebook_comes_back_equal(client: Client, name: str) -> None:
    (item,) = place({name: SHAPES[name]}, {}).items
    archive = published(client, f"{HOME}/{name.replace('.', '_')}", (item,))
    assert actions((item,), archive) == {item.place: Action.ADOPT}


@pytest.mark.parametrize("name", ["titles.py", "magics.py", "q.sql", "i.ipynb"])
def test_an_edit_is_seen(client: Client, name: str) -> None:
    (item,) = place({name: SHAPES[name]}, {}).items
    archive = published(client, f"{HOME}/edited_{name.replace('.', '_')}", (item,))
    edited = {
        path: data.replace(b"1", b"7").replace(b"select", b"SELECT")
        for path, data in archive.items()
    }
    assert edited != dict(archive)
    assert actions((item,), edited) == {item.place: Action.FOREIGN}


def test_plain_files_come_back_byte_for_byte(client: Client) -> None:
    files = {
        "m.py": b"a = 1\r\n\r\nb = 2",
        "w/x-1.0-py3-none-any.whl": bytes(range(256)),
        "empty.txt": b"",
        "n.sql": b"select 1",
        "c.yml": b"\xef\xbb\xbfa: 1\n",
    }
    items = place({}, files).items
    archive = published(client, f"{HOME}/files", items)
    assert dict(archive) == files
    assert set(actions(items, archive).values()) == {Action.ADOPT}


SETTINGS: dict[str, Any] = {
    "name": "daily",
    "schedule": {"quartz_cron_expression": "0 0 1 * * ?", "timezone_id": "UTC"},
    "email_notifications": {},
    "parameters": [{"name": "run_date", "default": "2024"}],
    "tags": {"cost": "1"},
    "tasks": [
        {
            "task_key": "b",
            "notebook_task": {"notebook_path": "/x/b"},
            "depends_on": [{"task_key": "a"}],
        },
        {"task_key": "a", "notebook_task": {"notebook_path": "/x/a", "base_parameters": {}}},
    ],
}


def test_a_job_comes_back_as_it_was_sent(client: Client) -> None:
    sent = tagged(SETTINGS, project="shop", key="j.yml#daily")
    job_id = client.create_job(paused(sent), operation="op-1")
    created = client.job(job_id)
    assert created is not None
    assert is_as_sent(paused(sent), created.settings)
    final = activated(created.settings, SETTINGS)
    client.reset_job(job_id, activated(sent, SETTINGS))
    told = client.job(job_id)
    assert told is not None
    assert is_as_sent(SETTINGS, told.settings)
    assert told_digest(told.settings) == told_digest(final)
    result = plan(
        [],
        [JobItem("j.yml#daily", SETTINGS)],
        None,
        {},
        client.jobs_tagged("dbxgate_project", "shop"),
        prune=Prune.ON,
        on_drift=OnDrift.REFUSE,
    )
    assert [(step.action, step.job_id) for step in result.jobs] == [(Action.ADOPT, job_id)]
