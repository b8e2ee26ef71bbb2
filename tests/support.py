"""Notebook texts for tests."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

HEADER = {
    ".py": "# Databricks notebook source",
    ".sql": "-- Databricks notebook source",
    ".scala": "// Databricks notebook source",
    ".r": "# Databricks notebook source",
}


XDIST = pytest.mark.parametrize("workers", [(), ("-n0",), ("-n2",)], ids=["plain", "n0", "n2"])
"""The same with no xdist, with it switched off, and with two workers."""


QUICK = ("-p", "no:randomly", "-p", "no:hypothesispytest", "-p", "no:anyio")
"""Without plugins that only this project's own tests want: a third of a short run's time."""


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """pytest as a user calls it; in this process, without the second that a new one spends on
    imports, where it starts no workers."""
    if {"-n2", "-n 2"} & set(arguments):
        return run_apart(pytester, *arguments)
    return pytester.runpytest_inprocess(*QUICK, *arguments)


def run_apart(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """The same in a process of its own."""
    return pytester.runpytest_subprocess(*QUICK, *arguments)


def source(*cells: str, suffix: str = ".py") -> str:
    """A source notebook as Databricks exports it."""
    header = HEADER[suffix]
    prefix = header.split(" ")[0]
    delimiter = f"\n\n{prefix} COMMAND ----------\n\n"
    return f"{header}\n{delimiter.join(cells)}\n"


def ipynb(*cells: str, language: str = "python") -> str:
    """A notebook as Databricks writes it to git."""
    document = {
        "cells": [
            {
                "cell_type": "code",
                "execution_count": 0,
                "metadata": {"application/vnd.databricks.v1+cell": {"showTitle": False}},
                "outputs": [],
                "source": cell.splitlines(keepends=True),
            }
            for cell in cells
        ],
        "metadata": {"application/vnd.databricks.v1+notebook": {"language": language}},
        "nbformat": 4,
        "nbformat_minor": 0,
    }
    return json.dumps(document, indent=1) + "\n"


def write(root: Path, files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.invalid", *arguments],
        cwd=root,
        capture_output=True,
        check=True,
        text=True,
    )
    return done.stdout
