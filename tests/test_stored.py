from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from typing import Any

import pytest

from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.metadata import stored
from pytest_dbxgate.notebook import dbc, ipynb, source
from pytest_dbxgate.notebook.model import Language
from support import ipynb as plain_ipynb

_NOTEBOOK = "application/vnd.databricks.v1+notebook"
_CELL = "application/vnd.databricks.v1+cell"


def from_ipynb(change: dict[str, Any] | None = None, *cells: dict[str, Any]) -> list[Finding]:
    """Check a notebook of two cells into whose objects ``cells`` were merged."""
    document = json.loads(plain_ipynb("x = 1", "y = 2"))
    for cell, extra in zip(document["cells"], cells, strict=False):
        cell.update(extra)
    document["metadata"] |= change or {}
    return stored.check(ipynb.read("a.ipynb", json.dumps(document).encode()))


def from_dbc(*commands: dict[str, Any], **metadata: Any) -> list[Finding]:
    """Check the notebook of an archive, as it is read, whose commands hold ``commands``."""
    document = {
        "version": "NotebookV1",
        "name": "a",
        "language": "python",
        "commands": [
            {"command": "x = 1", "position": number} | command
            for number, command in enumerate(commands, start=1)
        ],
    }
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as members:
        members.writestr("folder/a.python", json.dumps(document | metadata))
    (notebook,) = dbc.read("a.dbc", archive.getvalue())
    return stored.check(notebook)


def told(findings: list[Finding]) -> list[tuple[str, int | None, str]]:
    return [(item.code, item.cell, item.message) for item in findings]


def test_a_fresh_notebook_is_clean() -> None:
    assert from_ipynb() == []
    assert from_dbc({"results": None, "latestUser": "", "startTime": 0}) == []


def test_source_files_store_nothing() -> None:
    notebook = source.read("a.py", b"# Databricks notebook source\nx = 1\n", Language.PYTHON)
    assert stored.check(replace(notebook, metadata={_NOTEBOOK: {"widgets": 1}})) == []


def test_outputs() -> None:
    output = [{"output_type": "stream", "name": "stdout", "text": ["\u00e9"]}]
    found = from_ipynb(None, {}, {"outputs": output})
    assert told(found) == [("DBX201", 2, "outputs stored in cell 2 (56 bytes)")]


def test_outputs_are_counted_together() -> None:
    output = [{"output_type": "stream", "name": "stdout", "text": ["a" * 1024]}]
    found = from_ipynb(None, {"outputs": output}, {"outputs": output})
    assert told(found) == [("DBX201", 1, "outputs stored in cells 1 and 2 (2 KB)")]


def test_execution_counts() -> None:
    found = from_ipynb(None, {"execution_count": 0}, {"execution_count": 7})
    assert told(found) == [("DBX202", 2, "execution counts stored in cell 2")]


@pytest.mark.parametrize("key", ["startTime", "submitTime", "finishTime"])
def test_times(key: str) -> None:
    found = from_ipynb(None, {"metadata": {_CELL: {key: 1700000000000}}})
    assert told(found) == [("DBX206", 1, "times of a run stored in cell 1")]


def test_times_in_an_archive() -> None:
    assert [item.code for item in from_dbc({"startTime": 1})] == ["DBX206"]


def test_results_in_an_archive() -> None:
    found = from_dbc({"results": None}, {"results": {"data": [1]}}, {"error": "boom"})
    assert told(found) == [("DBX204", 2, "results stored in cells 2 and 3")]


@pytest.mark.parametrize("data", [[], "", '<div class="ansiout"></div>'])
def test_the_empty_frame_of_a_command_that_printed_nothing(data: object) -> None:
    assert from_dbc({"results": {"type": "html", "data": data}}) == []


def test_people_in_an_archive_are_never_named() -> None:
    found = from_dbc({"latestUser": "ann@example.com"}, {"latestUserId": "12"})
    assert told(found) == [("DBX205", 1, "who ran it is stored in cells 1 and 2")]
    assert "example" not in repr(found)


def widget(value: object, default: object = "dev", **typed: object) -> dict[str, Any]:
    return {
        "currentValue": value,
        "widgetInfo": {"widgetType": "text", "name": "schema", "defaultValue": default},
        "typedWidgetInfo": typed,
    }


class TestWidgets:
    def test_a_personal_value_is_never_shown(self) -> None:
        widgets = {"schema": widget("s3cret"), "day": widget("dev")}
        found = from_ipynb({_NOTEBOOK: {"language": "python", "widgets": widgets}})
        assert told(found) == [
            ("DBX203", None, 'a value other than the default is stored for widget "schema"')
        ]
        assert "s3cret" not in repr(found)

    @pytest.mark.parametrize(
        "item",
        [
            widget("dev"),
            widget(None),
            widget(""),
            widget([]),
            widget("typed", "dev", defaultValue="typed"),
            {"currentValue": None},
            "no object",
        ],
    )
    def test_no_personal_value(self, item: object) -> None:
        assert from_ipynb({_NOTEBOOK: {"widgets": {"a": item}}}) == []

    def test_a_value_without_a_default(self) -> None:
        found = from_ipynb({_NOTEBOOK: {"widgets": {"a": {"currentValue": "x"}}}})
        assert [item.code for item in found] == ["DBX203"]

    def test_many_are_cut_short(self) -> None:
        widgets = {f"w{number}": widget("x") for number in range(7)}
        (found,) = from_ipynb({_NOTEBOOK: {"widgets": widgets}})
        assert found.message.endswith('"w0", "w1", "w2", "w3", "w4" and 2 more')

    def test_in_an_archive(self) -> None:
        found = from_dbc(inputWidgets={"schema": widget("mine")})
        assert [item.code for item in found] == ["DBX203"]

    @pytest.mark.parametrize("odd", [None, 1, "x", [1], {"widgets": [1]}, {"widgets": None}])
    def test_odd_metadata_is_survived(self, odd: object) -> None:
        assert from_ipynb({_NOTEBOOK: odd}) == []


@pytest.mark.parametrize("odd", [None, 1, "x", [1], {_CELL: 1}, {_CELL: {"startTime": None}}])
def test_odd_cell_metadata_is_survived(odd: object) -> None:
    assert from_ipynb(None, {"metadata": odd}) == []
