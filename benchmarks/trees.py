"""The trees of files that are measured: copies of a user's folder, and notebooks of our own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from pytest_dbxgate.project.jobs import recognise

NOTEBOOKS = (".py", ".sql", ".scala", ".r", ".ipynb", ".dbc")
CONFIGURATION = [
    ".sqlfluff",
    "pyproject.toml",
    "dbxgate.toml",
    "ruff.toml",
    ".ruff.toml",
    "setup.cfg",
    "tox.ini",
    "pep8.ini",
]
LIBRARIES, FOLDER_LIBRARIES, FOLDER_SIZE = 10, 4, 20
"""Of a project with ``%run``: notebooks that all folders share, those at the head of each folder,
and all of a folder."""
NEVER = {".git", ".venv", "venv", "node_modules", "__pycache__"}


def copy(source: Path, target: Path, *, suffixes: Sequence[str], exclude: Sequence[str]) -> None:
    """Copy what a gate reads: notebooks, job files, plain Python files, the tools' configuration.

    A benchmark changes files and runs pytest, so it never works on the user's own folder, and
    ``conftest.py`` stays behind.
    """
    for folder, folders, names in os.walk(source):
        relative = Path(folder).relative_to(source)
        folders[:] = [
            name
            for name in sorted(folders)
            if name not in NEVER and not _hit(relative / name, exclude)
        ]
        for name in names:
            file = Path(folder, name)
            if name == "conftest.py" or file.is_symlink() or not file.is_file():
                continue
            wanted = name in CONFIGURATION or file.suffix.lower() in suffixes or _is_job(file)
            if wanted and not _hit(relative / name, exclude):
                (target / relative).mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target / relative / name)
    make_repository(target)


def _is_job(file: Path) -> bool:
    if file.suffix.lower() not in recognise.SUFFIXES or file.stat().st_size > recognise.MAX_SIZE:
        return False
    return recognise.kind_of(file.name, file.read_bytes()) is not None


def _hit(path: Path, patterns: Sequence[str]) -> bool:
    return any(fnmatch(path.as_posix(), pattern) for pattern in patterns)


def make_repository(folder: Path) -> None:
    """Make ``folder`` a git repository of its own, with no file ignored."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)


def synthesise(folder: Path, count: int) -> None:
    """Write ``count`` small notebooks that the gate passes; each is different."""
    for number in range(count):
        target = folder / f"area_{number % 20:02}" / f"notebook_{number:05}"
        target.parent.mkdir(parents=True, exist_ok=True)
        kind = number % 10
        if kind == 9:
            _write(target.with_suffix(".ipynb"), _ipynb(number))
        elif kind >= 7:
            _write(target.with_suffix(".sql"), _source("--", _sql_cells(number)))
        else:
            _write(target.with_suffix(".py"), _source("#", _python_cells(number)))
    make_repository(folder)


def synthesise_failing(folder: Path, count: int, failing: int) -> None:
    """Write ``count`` Python notebooks; in ``failing`` of them lint, format and references
    fail."""
    for number in range(count):
        cells = _python_cells(number)
        if number < failing:
            cells = [
                *cells,
                f'same=store is "store {number}"',
                "# MAGIC %run ./other\n# MAGIC 1 + 1",
            ]
        target = folder / f"area_{number % 20:02}" / f"notebook_{number:05}.py"
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(target, _source("#", cells))
    make_repository(folder)


def synthesise_project(folder: Path, count: int) -> None:
    """Write ``count`` notebooks that run five others each, but for a few that all share.

    A notebook runs three of its folder's first, which run five shared ones, and two shared ones.
    """
    for number in range(count):
        place, home = _project_place(number)
        if number < LIBRARIES:
            targets: list[int] = []
        elif place < FOLDER_LIBRARIES:
            targets = [(number + step) % LIBRARIES for step in range(5)]
        else:
            first = number - place
            targets = [first + (place + step) % FOLDER_LIBRARIES for step in range(3)]
            targets += [number % LIBRARIES, (number + 3) % LIBRARIES]
        target = folder / home / f"notebook_{number:05}.py"
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(target, _source("#", _project_cells(number, home, targets)))
    make_repository(folder)


def _project_place(number: int) -> tuple[int, str]:
    """The number of a notebook in its folder, and that folder."""
    if number < LIBRARIES:
        return number, "common"
    place = (number - LIBRARIES) % FOLDER_SIZE
    return place, f"area_{(number - LIBRARIES) // FOLDER_SIZE:04}"


def _project_cells(number: int, home: str, targets: Sequence[int]) -> list[str]:
    runs = []
    for target in targets:
        folder = _project_place(target)[1]
        path = "." if folder == home else f"../{folder}"
        runs.append(f"# MAGIC %run {path}/notebook_{target:05}")
    uses = "\n".join(f"orders = rows_{target}(orders)" for target in targets)
    return [
        *runs,
        *_python_cells(number)[:3],
        f'def rows_{number}(rows):\n    return rows.where(F.col("store") != {number})',
        uses or "print(store)",
        *_python_cells(number)[3:],
    ]


def change(notebook: Path, number: int) -> None:
    """Add one cell to a source notebook; ``number`` makes it a new one each time."""
    with notebook.open("a", encoding="utf-8", newline="") as stream:
        stream.write(f"\n# COMMAND ----------\n\nchanged = {number}\n")


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(text)


def _source(prefix: str, cells: Sequence[str]) -> str:
    delimiter = f"\n\n{prefix} COMMAND ----------\n\n"
    return f"{prefix} Databricks notebook source\n" + delimiter.join(cells) + "\n"


def _python_cells(number: int) -> list[str]:
    return [
        f"# MAGIC %md\n# MAGIC # Orders of store {number}",
        "from pyspark.sql import functions as F",
        f'store = {number}\norders = spark.table("bronze.orders").where(F.col("store") == store)',
        f"# MAGIC %sql\n# MAGIC SELECT order_id FROM bronze.orders WHERE store = {number}",
        'display(orders.groupBy("day").agg(F.sum("amount").alias("amount")))',
    ]


def _sql_cells(number: int) -> list[str]:
    return [
        f"-- MAGIC %md\n-- MAGIC # Revenue of store {number}",
        f"SELECT order_id FROM bronze.orders WHERE store = {number}",
        f"SELECT count(*) AS orders FROM silver.orders WHERE store = {number}",
    ]


def _ipynb(number: int) -> str:
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": [f"# Store {number}"]},
        {
            "cell_type": "code",
            "execution_count": None,
            "metadata": {},
            "outputs": [],
            "source": [f'orders = spark.table("orders_{number}")\n', "display(orders)"],
        },
    ]
    databricks = {"language": "python", "notebookName": f"notebook_{number:05}", "widgets": {}}
    metadata = {"application/vnd.databricks.v1+notebook": databricks}
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 0}
    return json.dumps(notebook, indent=1) + "\n"
