"""One engine for many notebooks, and what is said where it dies between them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_dbxgate.execution import engines
from pytest_dbxgate.execution.local import Local, Work
from pytest_dbxgate.execution.outcome import RunKey, RunState
from pytest_dbxgate.notebook.model import NotebookKey
from support import source, write

pytest.importorskip("pyspark", reason="the extra local is not installed")


class Engine:
    """One that nobody asks anything; it lives as long as the test wants."""

    remote = "sc://127.0.0.1:1"
    version = "fake 1"

    def __init__(self) -> None:
        self.lives = True

    def is_alive(self) -> bool:
        return self.lives

    def stop(self) -> None:
        self.lives = False


class Kind:
    def __init__(self) -> None:
        self.started: list[Engine] = []

    def start(self, folder: Path, catalogs: tuple[str, ...]) -> Engine:
        self.started.append(Engine())
        return self.started[-1]


def test_what_an_engine_took_along_is_not_missed_by_a_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = Kind()
    monkeypatch.setitem(engines.ENGINES, "fake", kind)
    write(tmp_path, {"tree/nb.py": source("1")})

    def work(**values: object) -> Work:
        return Work(RunKey(NotebookKey("nb.py"), ""), tmp_path / "tree", "nb.py", **values)  # type: ignore[arg-type]

    with Local(tmp_path / "local", engine="fake") as local:
        assert local.run(work(session="chain")).state is RunState.PASSED
        assert local.run(work(session="chain", reads_session=True)).state is RunState.PASSED
        kind.started[-1].lives = False
        outcome = local.run(work(session="chain", reads_session=True))
        assert outcome.state is RunState.PLATFORM
        assert outcome.message == "the engine (fake 1) died, and with it the tables that this needs"
        assert local.run(work(session="other")).state is RunState.PASSED, "the others go on"
        assert local.run(work(session="other", reads_session=True)).state is RunState.PASSED
        assert local.starts == 2
