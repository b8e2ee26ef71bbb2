"""Notebooks that are changed cell by cell before they are written, whatever their format.

A :data:`MARK` in a line says that a finding is expected there. It is taken out on writing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

MARK = "\N{CURRENCY SIGN}"

_PREFIXES = {"python": "#", "sql": "--", "scala": "//"}


@dataclass(frozen=True)
class Notebook:
    """Cells as they are seen in the workspace: those of another language begin with a magic."""

    language: str
    cells: tuple[str, ...]


File: TypeAlias = "Notebook | str"
Files: TypeAlias = "dict[str, File]"
"""Paths with ``/``, relative to the root."""


def write(root: Path, files: Mapping[str, File]) -> dict[str, set[int]]:
    """Write all files below ``root``; the marked lines of each, 1-based, as they are on disk."""
    marked: dict[str, set[int]] = {}
    for path, file in files.items():
        lines = render(path, file).split("\n")
        numbers = {number for number, line in enumerate(lines, 1) if MARK in line}
        if numbers:
            marked[path] = numbers
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write("\n".join(lines).replace(MARK, ""))
    return marked


def render(path: str, file: File) -> str:
    """The text of a file, marks included."""
    if isinstance(file, str):
        return file
    return _ipynb(file) if path.endswith(".ipynb") else _source(file)


def _source(notebook: Notebook) -> str:
    prefix = _PREFIXES[notebook.language]
    cells = []
    for text in notebook.cells:
        lines = text.split("\n")
        if text.startswith("%"):
            lines = [f"{prefix} MAGIC {line}".rstrip() for line in lines]
        cells.append("\n".join(lines))
    delimiter = f"\n\n{prefix} COMMAND ----------\n\n"
    return f"{prefix} Databricks notebook source\n" + delimiter.join(cells) + "\n"


def _ipynb(notebook: Notebook) -> str:
    databricks = {"language": notebook.language, "notebookName": "notebook", "widgets": {}}
    tree = {
        "cells": [_json_cell(text) for text in notebook.cells],
        "metadata": {"application/vnd.databricks.v1+notebook": databricks},
        "nbformat": 4,
        "nbformat_minor": 0,
    }
    return json.dumps(tree, indent=1, ensure_ascii=False) + "\n"


def _json_cell(text: str) -> dict[str, object]:
    code: dict[str, object] = {"execution_count": None, "outputs": []}
    is_text = text.startswith("%md\n")
    return {
        "cell_type": "markdown" if is_text else "code",
        "metadata": {},
        "source": (text[4:] if is_text else text).splitlines(keepends=True),
        **({} if is_text else code),
    }
