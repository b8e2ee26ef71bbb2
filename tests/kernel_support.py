"""Notebooks run by the kernel, as real child processes against a real engine."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_dbxgate.execution.engines import ENGINES
from pytest_dbxgate.execution.forks import Forks
from pytest_dbxgate.execution.process import ChildEnd, child_environment, run_child
from pytest_dbxgate.execution.spec import Spec
from pytest_dbxgate.execution.starting import Start, start_python

NO_ENGINE = "sc://127.0.0.1:1"
"""Where nobody listens: a notebook that passes has asked for no Spark."""


def source(*cells: str) -> str:
    """A source notebook in Python. A cell that begins with a magic is written as MAGIC lines."""
    written = []
    for cell in cells:
        lines = cell.strip("\n").split("\n")
        if lines[0].startswith("%"):
            lines = [f"# MAGIC {line}".rstrip() for line in lines]
        written.append("\n".join(lines))
    return "# Databricks notebook source\n" + "\n\n# COMMAND ----------\n\n".join(written) + "\n"


class Bench:
    """A tree of files and runs of its notebooks."""

    def __init__(self, folder: Path, start: Start, remote: str = NO_ENGINE) -> None:
        self.tree = folder / "tree"
        self.tree.mkdir()
        self.files = folder / "files"
        self.files.mkdir()
        self._folder = folder
        self._start = start
        self._runs = 0
        self.spec = Spec(
            tree=str(self.tree),
            path="main.py",
            remote=remote,
            files=str(self.files),
            warehouse=str(folder / "warehouse"),
            packages=str(folder / "packages"),
            session=str(uuid.uuid4()),
        )

    def write(self, path: str, text: str) -> None:
        file = self.tree / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def notebook(self, *cells: str, path: str = "main.py") -> None:
        self.write(path, source(*cells))

    def run(self, *cells: str, timeout: float = 120, **changes: Any) -> ChildEnd:
        """Run ``main.py``, made of these cells where there are any."""
        if cells:
            self.notebook(*cells)
        self._runs += 1
        spec = replace(self.spec, **changes)
        folder = self._folder / f"run-{self._runs}"
        return run_child(spec, folder, timeout=timeout, start=self._start)


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """How the notebooks' processes come about: as they do in a run."""
    if sys.platform != "linux":
        yield start_python
        return
    folder = tmp_path_factory.mktemp("forks")
    forks = Forks(folder, child_environment(folder, {}))
    yield forks.start
    forks.stop()


@pytest.fixture
def bench(tmp_path: Path, start: Start) -> Bench:
    """Runs without an engine."""
    pytest.importorskip("IPython", reason="IPython is not installed")
    return Bench(tmp_path, start)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an engine."""
    pytest.importorskip("pysail", reason="pysail is not installed")
    running = ENGINES["sail"].start(tmp_path_factory.mktemp("engine"), ("main", "dev"))
    yield running.remote
    running.stop()


@pytest.fixture
def lake(tmp_path: Path, start: Start, engine: str) -> Bench:
    """Runs with an engine."""
    return Bench(tmp_path, start, engine)


def gone(pid: int) -> bool:
    """Whether a process has ended; its new parent may be slow to say so."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False
