"""The copy that a run gets: where everything goes, and %runs that would leave it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.execution.cluster.layout import copies
from pytest_dbxgate.execution.cluster.redirect import Redirection
from pytest_dbxgate.workspace.model import ImportFormat

HEADER = "# Databricks notebook source\n"
INTO = Redirection("/Shared/etl", "/Shared/.dbxgate-runs/etl/1/files")
PREFIX = "/Workspace/Shared/.dbxgate-runs/etl/1/files"


def copied(files: dict[str, str], into: Redirection = INTO) -> dict[str, bytes]:
    found = copies({name: text.encode() for name, text in files.items()}, into)
    return {copy.place: copy.data for copy in found}


def test_the_layout_of_the_repository_is_kept() -> None:
    found = copies(
        {
            "flow/load.py": f"{HEADER}x = 1\n".encode(),
            "flow/report.sql": b"-- Databricks notebook source\nSELECT 1\n",
            "lib/tools.py": b"A = 1\n",
            "notes.ipynb": json.dumps(
                {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
            ).encode(),
        },
        INTO,
    )

    assert [(copy.place, copy.format, copy.language, copy.name) for copy in found] == [
        ("flow/load", ImportFormat.SOURCE, "PYTHON", "flow/load.py"),
        ("flow/report", ImportFormat.SOURCE, "SQL", "flow/report.sql"),
        ("lib/tools.py", ImportFormat.AUTO, None, "lib/tools.py"),
        ("notes", ImportFormat.JUPYTER, None, "notes.ipynb"),
    ]


@pytest.mark.parametrize(
    "target", ["/Shared/etl/lib/setup", "/Workspace/Shared/etl/lib/setup", "/Shared//etl/lib/setup"]
)
def test_an_absolute_run_into_the_target_goes_to_the_copy(target: str) -> None:
    note = f'{HEADER}# MAGIC %run {target} $day="1"\n\n# COMMAND ----------\n\nprint(1)\n'

    found = copied({"flow/load.py": note, "lib/setup.py": HEADER})

    assert found["flow/load"].decode() == note.replace(target, f"{PREFIX}/lib/setup")


def test_quotes_and_other_cells_stay_as_they_are() -> None:
    note = (
        f'{HEADER}# MAGIC %run "/Shared/etl/lib/setup"\r\n\n# COMMAND ----------\n\n'
        "# MAGIC %run ./other\n"
    )

    found = copied({"flow/load.py": note, "flow/other.py": HEADER, "lib/setup.py": HEADER})

    assert found["flow/load"].decode() == note.replace("/Shared/etl", PREFIX)


def test_a_run_in_an_ipynb_is_led_into_the_copy() -> None:
    cell: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": ["%run /Shared/etl/lib/setup"],
    }
    document = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}

    found = copied({"a.ipynb": json.dumps(document), "lib/setup.py": HEADER})

    written = json.loads(found["a"])
    assert "".join(written["cells"][0]["source"]) == f"%run {PREFIX}/lib/setup"


def test_a_notebook_that_code_runs_by_its_absolute_path_is_that_of_the_copy() -> None:
    note = (
        f"{HEADER}run = dbutils.notebook.run\n"
        "a = dbutils.notebook.run('/Shared/etl/a', 0) + dbutils.notebook.run('/Shared/etl/b', 0)\n"
        "dbutils.notebook.run(path, 0)\ndbutils.notebook.run('./a', 0)\n"
        "print('/Shared/etl/a')\n"
    )

    found = copied({"main.py": note, "a.py": HEADER, "b.py": HEADER})

    expected = note.replace("run('/Shared/etl", f"run('{PREFIX}")
    assert found["main"].decode() == expected


def test_what_is_published_from_a_folder_is_found_there() -> None:
    note = f"{HEADER}# MAGIC %run /Shared/etl/setup\n"

    found = copied({"src/a.py": note, "src/setup.py": HEADER}, INTO._replace(base="src"))

    assert found["src/a"].decode() == note.replace("/Shared/etl", f"{PREFIX}/src")


@pytest.mark.parametrize("target", ["../lib/setup", "/Shared/common/setup", "/Shared/etl2/setup"])
def test_every_other_run_stays(target: str) -> None:
    note = f"{HEADER}# MAGIC %run {target}\n"

    assert copied({"flow/load.py": note})["flow/load"].decode() == note


def test_a_run_of_what_is_not_in_the_copy_is_refused_with_its_place() -> None:
    note = f"{HEADER}x = 1\n\n# COMMAND ----------\n\n# MAGIC %run /Shared/etl/lib/setup\n"

    with pytest.raises(ConfigurationError) as caught:
        copied({"flow/load.py": note})

    assert str(caught.value) == (
        "flow/load.py, cell 2, line 1: %run /Shared/etl/lib/setup leads to the target, and the "
        "run has no copy of it\n  next: select it too"
    )


def test_a_run_among_python_is_refused_rather_than_changed_inexactly() -> None:
    note = f"{HEADER}x = 1\n# MAGIC %run /Shared/etl/lib/setup\ny = 2\n"

    with pytest.raises(ConfigurationError) as caught:
        copied({"flow/load.py": note, "lib/setup.py": HEADER})

    assert str(caught.value) == (
        "flow/load.py, cell 1, line 2: %run /Shared/etl/lib/setup cannot be led into the copy\n"
        "  next: write a relative path"
    )


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"a.py": HEADER, "a.sql": "-- Databricks notebook source\n"}, "want one place"),
        ({"A.py": HEADER, "a.py": HEADER}, "want one place"),
        ({"../a.txt": ""}, "'../a.txt' is no path for the workspace"),
        ({"/a.txt": ""}, "'/a.txt' is no path for the workspace"),
        ({"a\n.txt": ""}, "'a\\n.txt' is no path for the workspace"),
        ({"a.ipynb": "{"}, "a.ipynb cannot be read as a notebook"),
    ],
)
def test_what_has_no_place_is_refused(files: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        copied(files)

    assert words in str(caught.value)
