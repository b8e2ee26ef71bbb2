"""Equal digests for what the workspace's import rewrites, different ones for an edit."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_dbxgate.delivery.canonical import archive_name, digest, kind_of, remotes, sha256
from pytest_dbxgate.delivery.model import Kind
from pytest_dbxgate.workspace.model import ImportFormat
from support import ipynb, source

LINE = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=12).filter(
    lambda line: "COMMAND" not in line and "DBTITLE" not in line and "MAGIC" not in line
)
CELL = (
    st.lists(LINE, min_size=1, max_size=4)
    .map("\n".join)
    .filter(lambda text: text.strip() and "%" not in text and "Databricks" not in text)
)


def notebook(text: str | bytes, name: str = "a.py") -> str:
    data = text.encode() if isinstance(text, str) else text
    return digest(data, kind=Kind.NOTEBOOK, name=name)


@settings(deadline=None)
@given(st.lists(CELL, min_size=1, max_size=4))
def test_what_an_import_rewrites_does_not_count(cells: list[str]) -> None:
    text = source(*cells)
    same = notebook(text)
    assert notebook(text.replace("\n", "\r\n")) == same
    assert notebook(text.rstrip("\n")) == same
    assert notebook(text + "\n\n") == same
    assert (
        notebook(text.replace("\n\n# COMMAND ----------\n\n", "\n# COMMAND ----------\n")) == same
    )
    assert notebook(text.replace("# COMMAND ----------", "\n# COMMAND ----------\n")) == same


@settings(deadline=None)
@given(st.lists(CELL, min_size=1, max_size=4))
def test_source_and_ipynb_of_the_same_cells_are_equal(cells: list[str]) -> None:
    assert notebook(source(*cells)) == notebook(ipynb(*cells), "a.ipynb")


@settings(deadline=None)
@given(st.lists(CELL, min_size=1, max_size=4), CELL, st.data())
def test_an_edit_of_a_cell_counts(cells: list[str], new: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(cells) - 1))
    edited = [*cells[:at], cells[at] + " # " + new, *cells[at + 1 :]]
    assert notebook(source(*cells)) != notebook(source(*edited))


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["a.py", "a.ipynb", "a.sql", "a.dbc", "a", "a.r"]))
def test_any_bytes_have_a_digest(data: bytes, name: str) -> None:
    assert len(notebook(data, name)) == 64
    assert digest(data, kind=Kind.FILE, name=name) == sha256(data)


def test_titles_languages_and_order_count() -> None:
    plain = notebook(source("a = 1", "b = 2"))
    assert notebook(source("b = 2", "a = 1")) != plain
    assert notebook(source("# DBTITLE 1,Load\na = 1", "b = 2")) != plain
    assert notebook(source("a = 1", "b = 2", suffix=".sql"), "a.sql") != plain
    assert notebook(source("# MAGIC %sql\n# MAGIC a = 1", "b = 2")) != plain


def test_a_markdown_cell_is_the_same_with_and_without_its_magic() -> None:
    document = json.loads(ipynb("a = 1", "# Head\n\ntext"))
    document["cells"][1]["cell_type"] = "markdown"
    text = source("a = 1", "# MAGIC %md\n# MAGIC # Head\n# MAGIC\n# MAGIC text")
    inline = source("a = 1", "# MAGIC %md # Head\n# MAGIC\n# MAGIC text")
    assert notebook(json.dumps(document), "a.ipynb") == notebook(text) == notebook(inline)


def test_outputs_and_ids_of_an_ipynb_do_not_count_and_widgets_do() -> None:
    plain = json.loads(ipynb("a = 1"))
    run = json.loads(ipynb("a = 1"))
    run["cells"][0] |= {"outputs": [{"output_type": "stream", "text": "1"}], "execution_count": 7}
    run["cells"][0]["metadata"]["application/vnd.databricks.v1+cell"]["nuid"] = "1-2"
    assert notebook(json.dumps(run), "a.ipynb") == notebook(json.dumps(plain), "a.ipynb")
    own = plain["metadata"]["application/vnd.databricks.v1+notebook"]
    widget = {"currentValue": "x", "nuid": "1", "widgetInfo": {"defaultValue": "x"}}
    own["widgets"] = {"load": widget}
    with_widget = notebook(json.dumps(plain), "a.ipynb")
    assert with_widget != notebook(json.dumps(run), "a.ipynb")
    widget |= {"currentValue": "y", "nuid": "2"}
    assert notebook(json.dumps(plain), "a.ipynb") == with_widget
    widget["widgetInfo"] = {"defaultValue": "z"}
    assert notebook(json.dumps(plain), "a.ipynb") != with_widget


def test_a_name_without_ending_is_told_by_the_bytes() -> None:
    assert notebook(source("a = 1"), "etl.v2") == notebook(source("a = 1"))
    assert notebook(ipynb("a = 1"), "etl") == notebook(source("a = 1"))
    assert notebook(source("x", suffix=".sql"), "q") == notebook(
        source("x", suffix=".sql"), "q.sql"
    )


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.py", b"# Databricks notebook source\n", Kind.NOTEBOOK),
        ("a.py", b"import os\n", Kind.FILE),
        ("a.py", b"# COMMAND ----------\n", Kind.FILE),
        ("a.ipynb", b"{}", Kind.NOTEBOOK),
        ("a.dbc", b"PK", Kind.FILE),
        ("a.whl", b"PK", Kind.FILE),
    ],
)
def test_the_header_tells_a_notebook(name: str, data: bytes, kind: Kind) -> None:
    assert kind_of(name, data) is kind


def test_remotes_are_keyed_by_place_and_leave_out_our_own_folder() -> None:
    data = source("a = 1").encode()
    found = remotes(
        {"x/a.py": data, "x/m.py": b"m = 1\n", "b.ipynb": b"{}", ".dbxgate/pointer.json": b"{}"}
    )
    assert sorted(found) == ["b", "x/a", "x/m.py"]
    assert found["x/a"].digest == notebook(data)
    assert found["x/a"].name == "x/a.py"
    assert found["x/m.py"].kind is Kind.FILE


def test_an_archive_name_carries_the_ending_of_a_notebook() -> None:
    assert archive_name("x/a", format=ImportFormat.SOURCE, language="SCALA") == "x/a.scala"
    assert archive_name("x/a", format=ImportFormat.JUPYTER, language="PYTHON") == "x/a.ipynb"
    assert archive_name("x/m.py", format=ImportFormat.AUTO, language=None) == "x/m.py"
