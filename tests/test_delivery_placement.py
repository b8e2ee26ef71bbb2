"""Every file has one place, and what has none is refused before any call."""

from __future__ import annotations

import io
import itertools
import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_dbxgate.delivery.model import Item, Kind
from pytest_dbxgate.delivery.placement import place
from pytest_dbxgate.delivery.ranks import ranks
from pytest_dbxgate.notebook import dbc, formats
from pytest_dbxgate.notebook.source_text import UnwritableError, source_of
from pytest_dbxgate.workspace.model import ImportFormat
from support import ipynb, source

SAMPLE = Path(__file__).parent.parent / "sample_notebooks" / "archive" / "legacy_reports.dbc"
PY = source("a = 1").encode()


def archive(members: dict[str, dict[str, object]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        for name, document in members.items():
            out.writestr(name, json.dumps({"version": "NotebookV1", **document}))
    return buffer.getvalue()


def command(text: str, position: int, title: str = "") -> dict[str, object]:
    shown = {"commandTitle": title, "showCommandTitle": bool(title)}
    return {"command": text, "position": position, **shown}


def test_each_kind_of_file_has_its_place_and_format() -> None:
    placed = place(
        {
            "nb/etl/a.py": PY,
            "nb/b.ipynb": ipynb("x = 1").encode(),
            "nb/c.SQL": source("select 1", suffix=".sql").encode(),
            "nb/d.R": source("x", suffix=".r").encode(),
            "nb/e.scala": source("x", suffix=".scala").encode(),
        },
        {"nb/lib/m.py": b"m = 1\n", "nb/dist/w-1.0-py3-none-any.whl": b"PK"},
        base="nb",
    )
    assert not placed.refusals
    assert [
        (item.place, item.kind.value, item.format.value, item.language) for item in placed.items
    ] == [
        ("b", "notebook", "JUPYTER", "PYTHON"),
        ("c", "notebook", "SOURCE", "SQL"),
        ("d", "notebook", "SOURCE", "R"),
        ("dist/w-1.0-py3-none-any.whl", "file", "AUTO", None),
        ("e", "notebook", "SOURCE", "SCALA"),
        ("etl/a", "notebook", "SOURCE", "PYTHON"),
        ("lib/m.py", "file", "AUTO", None),
    ]
    assert next(item for item in placed.items if item.place == "etl/a").data == PY


def test_the_members_of_an_archive_become_source_notebooks_with_their_titles() -> None:
    placed = place({"x/legacy_reports.dbc": SAMPLE.read_bytes()}, {}, base="x")
    assert not placed.refusals
    assert [(item.place, item.language, item.format) for item in placed.items] == [
        ("legacy_reports/Monthly revenue", "PYTHON", ImportFormat.SOURCE),
        ("legacy_reports/stores/Store ranking", "SQL", ImportFormat.SOURCE),
    ]
    text = placed.items[0].data.decode()
    assert text.startswith("# Databricks notebook source\n# MAGIC %md\n# MAGIC # Monthly revenue\n")
    assert "\n\n# COMMAND ----------\n\n# DBTITLE 1,Revenue by month\nmonthly = (" in text
    assert placed.items[0].source == "x/legacy_reports.dbc::legacy_reports/Monthly revenue"


CELL = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\0"), min_size=1, max_size=30
).filter(lambda text: "COMMAND" not in text and "MAGIC" not in text and "DBTITLE" not in text)
MAGIC = st.sampled_from(["", "%sql\n", "%md\n", "%scala ", "%run ./b\n", "%pip install x\n"])


@settings(deadline=None)
@given(
    st.lists(st.tuples(MAGIC, CELL, st.text(max_size=10)), min_size=1, max_size=4),
    st.sampled_from(["python", "sql", "scala", "r"]),
)
def test_a_member_reads_back_the_same(cells: list[tuple[str, str, str]], language: str) -> None:
    commands = [command(m + text, n, title) for n, (m, text, title) in enumerate(cells)]
    data = archive({f"n.{language}": {"language": language, "commands": commands}})
    (notebook,) = dbc.read("a.dbc", data)
    try:
        written = source_of(notebook)
    except UnwritableError:
        return
    ending = {"python": ".py", "sql": ".sql", "scala": ".scala", "r": ".r"}[language]
    (again,) = formats.parse(f"n{ending}", written)
    assert [cell.language for cell in again.cells if cell.source.strip()] == [
        cell.language for cell in notebook.cells if cell.source.strip()
    ]


def test_a_cell_that_looks_like_a_delimiter_is_refused() -> None:
    cells = [command("a = 1\n# COMMAND ----------\nb = 2", 1)]
    data = archive({"n.python": {"language": "python", "commands": cells}})
    placed = place({"a.dbc": data}, {})
    assert [each.name for each in placed.refusals] == ["unwritable-member"]
    assert "a.dbc::n" in placed.refusals[0].message


@pytest.mark.parametrize(
    ("notebooks", "files", "refusal"),
    [
        ({"a.py": PY, "a.sql": source("select 1", suffix=".sql").encode()}, {}, "place-collision"),
        ({"a.py": PY, "A.py": PY}, {}, "place-collision"),
        ({"a.py": PY, "a/b.py": PY}, {}, "place-collision"),
        ({"a.py": PY}, {"a": b"x"}, "place-collision"),
        ({"a.ipynb": ipynb("x").encode()}, {"A/m.py": b"x"}, "place-collision"),
        ({}, {"m": b"x", "m/n.py": b"x"}, "place-collision"),
        ({}, {"nb.py": PY}, "notebook-as-file"),
        ({}, {"x.ipynb": b"{}"}, "notebook-as-file"),
        ({}, {"x.dbc": b"PK"}, "notebook-as-file"),
        ({".dbxgate/a.py": PY}, {}, "forbidden-place"),
        ({}, {"x/.DbxGate/m.txt": b"x"}, "forbidden-place"),
        ({}, {"x\ny.txt": b"x"}, "forbidden-place"),
        ({"../a.py": PY}, {}, "outside-project"),
        ({"a.ipynb": b"{}"}, {}, "unreadable-notebook"),
        ({"a.dbc": b"PK"}, {}, "unreadable-notebook"),
        ({"a.ipynb": ipynb("x", language="julia").encode()}, {}, "unknown-language"),
        ({}, {"big.bin": b"x" * 1001}, "too-large"),
    ],
)
def test_what_has_no_place_is_refused(
    notebooks: dict[str, bytes], files: dict[str, bytes], refusal: str
) -> None:
    placed = place(notebooks, files, max_bytes=1000)
    assert [each.name for each in placed.refusals] == [refusal]
    assert placed.refusals[0].next_step


def test_a_module_beside_a_notebook_of_another_name_is_no_collision() -> None:
    assert not place({"a.py": PY, "b/a.py": PY}, {"m.py": b"m = 1", "b/m.py": b"m = 1"}).refusals


def test_a_notebook_and_a_file_that_an_archive_could_not_tell_apart_collide() -> None:
    sql = source("select 1", suffix=".sql").encode()
    placed = place({"a.sql": sql}, {"a.SQL.txt": b"x"})
    assert not placed.refusals
    placed = place(
        {"x.dbc": archive({"a.sql": {"language": "sql", "commands": []}})}, {"x/a.sql": b"-"}
    )
    assert [each.name for each in placed.refusals] == ["place-collision"]


def test_callees_come_before_callers() -> None:
    edges = [("a.py", "b.py"), ("b.py", "m.py"), ("a.py", "m.py"), ("a.py", "gone.py")]
    placed = place({"a.py": PY, "b.py": PY}, {"m.py": b"m = 1"}, edges=edges)
    order = {item.source: item.rank for item in placed.items}
    assert order["m.py"] < order["b.py"] < order["a.py"]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=30))
def test_without_circles_every_callee_ranks_lower(pairs: list[tuple[int, int]]) -> None:
    edges = [(str(max(pair)), str(min(pair))) for pair in pairs if pair[0] != pair[1]]
    found = ranks([str(number) for number in range(9)], edges)
    assert all(found[callee] < found[caller] for caller, callee in edges)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=30))
def test_circles_end(pairs: list[tuple[int, int]]) -> None:
    found = ranks([str(number) for number in range(9)], [(str(a), str(b)) for a, b in pairs])
    assert len(found) == 9


def test_a_long_chain_needs_no_recursion() -> None:
    names = [f"{number:05}" for number in range(5000)]
    found = ranks(names, itertools.pairwise(names))
    assert found["00000"] == 4999


def test_items_show_no_bytes() -> None:
    (item,) = place({"a.py": PY}, {}).items
    assert isinstance(item, Item)
    assert item.kind is Kind.NOTEBOOK
    assert "notebook source" not in repr(item)
