"""Worker processes: time-outs, crashes, start-up failures."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from pytest_dbxgate.checks.sql import pool as sql_pool
from pytest_dbxgate.checks.sql.pool import Failure, Job, Pool
from pytest_dbxgate.errors import ToolError

FAKE = """
import json, os, sys, time
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    text = json.loads(line)["text"]
    if text == "hang": time.sleep(60)
    if text == "die": os._exit(3)
    if text == "garbage": print("not json", flush=True); continue
    if text == "fail": print(json.dumps({"failed": "because"}), flush=True); continue
    print(json.dumps({"text": text.upper(), "pid": os.getpid()}), flush=True)
"""


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_pool, "_START", FAKE)


def run(root: Path, *texts: str, workers: int = 1, timeout: float = 30) -> list[object]:
    with Pool(root=root, workers=workers) as pool:
        answers = pool.run([Job({"text": text}, timeout) for text in texts])
    assert not [item for item in threading.enumerate() if item.name == "dbxgate-sql"]
    return [item if isinstance(item, Failure) else item["text"] for item in answers]


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("workers", [1, 3])
def test_answers_come_in_order(tmp_path: Path, workers: int) -> None:
    texts = ["a" * (n % 7 + 1) for n in range(50)]
    assert run(tmp_path, *texts, workers=workers) == [text.upper() for text in texts]


@pytest.mark.usefixtures("fake")
def test_a_crash_costs_one_job(tmp_path: Path) -> None:
    assert run(tmp_path, "a", "die", "b") == ["A", Failure("sqlfluff's process died of it"), "B"]


@pytest.mark.usefixtures("fake")
def test_an_answer_that_is_none_costs_one_job(tmp_path: Path) -> None:
    assert run(tmp_path, "garbage", "b")[1] == "B"


@pytest.mark.usefixtures("fake")
def test_a_hang_costs_one_job(tmp_path: Path) -> None:
    assert run(tmp_path, "a", "hang", "b", timeout=0.5) == [
        "A",
        Failure("sqlfluff took longer than 0.5 s (setting sql_timeout)"),
        "B",
    ]


@pytest.mark.usefixtures("fake")
def test_a_failure_keeps_the_process(tmp_path: Path) -> None:
    assert run(tmp_path, "fail", "b") == [Failure("sqlfluff failed on it: because"), "B"]


@pytest.mark.usefixtures("fake")
def test_a_worker_that_keeps_dying_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="its process died 20 times"):
        run(tmp_path, *["die"] * 30, workers=2)


def test_sqlfluff_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sql_pool, "_START", "import sys; sys.modules['sqlfluff'] = None;" + sql_pool._START
    )
    with pytest.raises(ToolError) as caught:
        run(tmp_path, "SELECT 1")
    assert str(caught.value).startswith("sqlfluff: cannot be loaded: ModuleNotFoundError")
    assert "pip install sqlfluff" in str(caught.value)


def test_a_worker_that_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_pool, "_START", "raise SystemExit(1)")
    with pytest.raises(ToolError, match="its process does not start"):
        run(tmp_path, "SELECT 1", workers=2)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    with pytest.raises(ToolError, match="its process cannot be started"):
        run(tmp_path, "SELECT 1")


def test_nothing_to_do_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_pool, "_START", "raise SystemExit(1)")
    assert run(tmp_path, workers=0) == []


def test_an_error_while_collecting_ends_the_workers(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="mine"), Pool(root=tmp_path, workers=2):
        raise RuntimeError("mine")
    assert not [item for item in threading.enumerate() if item.name == "dbxgate-sql"]


def test_how_many_workers() -> None:
    assert [sql_pool.size(cells, 4) for cells in (0, 1, 20, 21, 61, 1000)] == [0, 1, 1, 2, 4, 4]


def test_the_environment_is_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_TOKEN", "secret")
    monkeypatch.setattr(
        sql_pool,
        "_START",
        FAKE.replace("text.upper()", "os.environ.get('DATABRICKS_TOKEN', 'unset')"),
    )
    assert run(tmp_path, "a") == ["unset"]
