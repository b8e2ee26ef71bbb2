"""The trees of files that are measured: copies of a user's folder, and notebooks of our own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

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
NEVER = {".git", ".venv", "venv", "node_modules", "__pycache__"}


def copy(source: Path, target: Path, *, suffixes: Sequence[str], exclude: Sequence[str]) -> None:
    """Copy what a gate reads: notebooks, plain Python files and the tools' configuration.

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
            wanted = name in CONFIGURATION or file.suffix.lower() in suffixes
            if not wanted or name == "conftest.py" or file.is_symlink() or not file.is_file():
                continue
            if not _hit(relative / name, exclude):
                (target / relative).mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target / relative / name)
    make_repository(target)


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
    """Write ``count`` Python notebooks; in ``failing`` of them lint, format and metadata fail."""
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
