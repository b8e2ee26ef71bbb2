"""Conversions: round trips, and agreement with the readers of the gate, which share no code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dbxgate.emulator import archives, cells, jupyter
from pytest_dbxgate.emulator.cells import Cell, Notebook
from pytest_dbxgate.emulator.values import ApiError
from pytest_dbxgate.notebook import formats

SAMPLES = sorted((Path(__file__).parent.parent / "sample_notebooks").rglob("*"))
LANGUAGES = st.sampled_from(sorted(cells.COMMENT))

LINES = st.sampled_from(
    [
        "",
        "  ",
        "print(1)",
        "    indented",
        "é ✓",
        "# COMMAND ----------",
        "-- COMMAND ----------",
        "// COMMAND ----------  ",
        "# MAGIC %sql",
        "# MAGIC select 1",
        "# MAGIC",
        "-- MAGIC %python",
        "# DBTITLE 1,Title",
        "// DBTITLE 0,Hidden",
        "%md",
        "%run ./other",
        "# Databricks notebook source",
    ]
)
TEXTS = st.builds(
    lambda lines, end: end.join(lines), st.lists(LINES), st.sampled_from(["\n", "\r\n", "\r"])
)


@given(LANGUAGES, TEXTS)
def test_normalising_twice_changes_nothing(language: str, text: str) -> None:
    once = cells.normalise(text.encode(), language)
    assert cells.normalise(once, language) == once
    assert cells.has_header(once, language)
    assert b"\r" not in once
    assert not once.endswith(b"\n")


@given(LANGUAGES, TEXTS)
def test_every_form_settles_after_one_round(language: str, text: str) -> None:
    notebook = cells.parse(text.encode(), language)
    source = cells.write(notebook)
    assert cells.write(cells.parse(source, language)) == source
    data = jupyter.write(cells.parse(source, language), "a")
    assert jupyter.write(jupyter.parse(data), "a") == data
    ((name, again),) = archives.unpack_dbc(archives.pack_dbc([("f/a", notebook)]))
    assert name == "f/a"
    assert [cell.text for cell in again.cells] == [cell.text for cell in notebook.cells]


@given(st.binary(max_size=200))
def test_any_bytes_are_a_source(data: bytes) -> None:
    once = cells.normalise(data, "PYTHON")
    assert cells.normalise(once, "PYTHON") == once


@given(
    st.binary(max_size=200)
    | st.builds(
        lambda v: json.dumps(v).encode(),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["cells", "metadata", "nbformat", "source", "cell_type", "commands"]
                    ),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=8,
        ),
    )
)
def test_what_is_no_notebook_is_refused(data: bytes) -> None:
    for read in (jupyter.parse, archives.unpack_dbc, archives.unpack):
        try:
            read(data)
        except ApiError as error:
            assert error.status == 400


@pytest.mark.parametrize("name", ["../a.python", "/a.python", "a/../../b.python"])
def test_a_member_outside_the_archive_is_refused(name: str) -> None:
    with pytest.raises(ApiError, match="outside its folder"):
        archives.unpack(archives.pack({name: b"{}"}))


NOTEBOOK = Notebook(
    "PYTHON",
    (
        Cell("%md\n# Head"),
        Cell("print(1)", "Shown", True),
        Cell("%sql\nselect 1", "Hidden", False),
        Cell("%run ./other"),
    ),
    {},
)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.py", cells.write(NOTEBOOK)),
        ("a.ipynb", jupyter.write(NOTEBOOK, "a")),
        ("a.dbc", archives.pack_dbc([("a", NOTEBOOK)])),
    ],
)
def test_the_gate_reads_what_it_writes(name: str, data: bytes) -> None:
    (notebook,) = formats.parse(name, data)
    assert not [problem for problem in notebook.problems if problem.fatal]
    languages = [cell.language.name for cell in notebook.cells]
    assert languages[1:3] == ["PYTHON", "SQL"]
    assert len(languages) == 4
    assert notebook.cells[1].title == "Shown"
    assert notebook.cells[2].source == "%sql\nselect 1"


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.name)
def test_samples_keep_their_cells(file: Path) -> None:
    language = cells.LANGUAGE.get(file.suffix.lower())
    if language is None or not cells.has_header(file.read_bytes(), language):
        return
    data = cells.normalise(file.read_bytes(), language)
    (before,) = formats.parse(file.name, file.read_bytes())
    (after,) = formats.parse(file.name, data)
    assert [cell.source.strip() for cell in after.cells] == [
        cell.source.strip() for cell in before.cells
    ]
