"""The tools themselves, with nothing of the gate around them but what they are given.

The inputs are the gate's own: notebooks of Python cells as ruff reads them, distinct SQL cells
with their parameters replaced, the same rules and configuration. Making them is not measured.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_dbxgate import discovery, projects
from pytest_dbxgate.checks.python import ruff_bench
from pytest_dbxgate.checks.python import syntax as python_syntax
from pytest_dbxgate.checks.sql.config import Folders
from pytest_dbxgate.codes import INVALID_SYNTAX
from pytest_dbxgate.languages.python import cells as python_cells
from pytest_dbxgate.languages.sql import literals, parameters
from pytest_dbxgate.notebook import formats
from pytest_dbxgate.notebook.model import Language, Notebook

WORKER = Path(__file__).resolve().parent / "bare_sqlfluff.py"


@contextmanager
def prepared(tree: Path, scratch: Path) -> Iterator[Callable[[], float]]:
    """Make the inputs; what is given back runs the tools and tells the seconds they took."""
    found = discovery.discover(tree)
    settings = projects.load(tree, found.others)
    notebooks = [
        notebook
        for item in found.notebooks
        if settings.wants(item.path)
        for notebook in formats.read(tree / item.path, item.path)
    ]
    broken = frozenset(
        (finding.key, finding.cell)
        for finding in python_syntax.check(notebooks, settings.of_key)
        if finding.cell is not None and finding.code in (INVALID_SYNTAX, python_syntax.NOT_CHECKED)
    )
    tasks = scratch / "tasks.json"
    tasks.write_text(json.dumps(sql_tasks(tree, notebooks)), encoding="utf-8")
    sources = [path for path in found.others if path.endswith(".py")]
    with ruff_bench.opened(
        notebooks, settings.of_key, root=tree, sources=sources, broken=broken
    ) as bench:
        yield lambda: _sqlfluff(tasks) + (_ruff(bench) if bench else 0)


def sql_tasks(tree: Path, notebooks: Iterable[Notebook]) -> list[tuple[str, str, bool]]:
    """Folder, text and whether it is linted; every text once a configuration."""
    folders = Folders(tree)
    seen: dict[tuple[str, str, bool], None] = {}
    for notebook in notebooks:
        folder = folders.deciding(notebook.path)
        for cell in notebook.cells:
            if cell.language is Language.SQL:
                texts, linted = [cell.code], True
            elif cell.language is Language.PYTHON and python_cells.prepare(cell):
                texts, linted = [each.text for each in literals.find(cell.code)], False
            else:
                continue
            for text in filter(None, map(str.strip, texts)):
                seen.setdefault((folder, parameters.prepare(text).text, linted))
    return list(seen)


def _sqlfluff(tasks: Path) -> float:
    """In as many processes as there are cores."""
    cores = os.cpu_count() or 1
    start = time.perf_counter()
    workers = [
        subprocess.Popen([sys.executable, str(WORKER), str(tasks), str(number), str(cores)])
        for number in range(cores)
    ]
    codes = [worker.wait() for worker in workers]
    if any(codes):
        raise RuntimeError(f"sqlfluff's processes ended with {codes}")
    return time.perf_counter() - start


def _ruff(bench: ruff_bench.Bench) -> float:
    """One process to check, one to format; ruff uses all cores by itself."""
    arguments = bench.tool.scratch / "bare-arguments"
    arguments.write_text("\n".join(bench.mirror.files.values()), encoding="utf-8", newline="")
    start = time.perf_counter()
    for command in (["check", "--no-fix", "--output-format", "json-lines"], ["format", "--check"]):
        done = subprocess.run(
            [bench.tool.executable, *command, "--no-cache", *bench.options, f"@{arguments}"],
            cwd=bench.mirror.folder,
            env={**os.environ, "RUST_MIN_STACK": str(1 << 28)},
            capture_output=True,
            check=False,
        )
        if done.returncode < 0:
            raise RuntimeError(f"ruff {command[0]} was aborted")
    return time.perf_counter() - start
