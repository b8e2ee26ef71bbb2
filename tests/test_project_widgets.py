"""What a notebook says about widgets, in every language of its cells."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dbxgate.notebook import formats
from pytest_dbxgate.notebook.model import Notebook
from pytest_dbxgate.project import widgets
from pytest_dbxgate.project.facts import Spot
from pytest_dbxgate.project.trees import Trees
from pytest_dbxgate.project.widgets import WidgetFacts
from tests.support import source


def read(*cells: str, suffix: str = ".py") -> Notebook:
    return formats.parse("a" + suffix, source(*cells, suffix=suffix).encode())[0]


def find(*cells: str, suffix: str = ".py") -> WidgetFacts:
    notebook = read(*cells, suffix=suffix)
    return widgets.find(notebook, Trees(notebook))


def reads(*cells: str, suffix: str = ".py") -> list[tuple[str, str]]:
    return [(read.name, read.form) for read in find(*cells, suffix=suffix).reads]


def declared(*cells: str, suffix: str = ".py") -> list[str]:
    return [widget.name for widget in find(*cells, suffix=suffix).widgets]


def sql(code: str) -> list[tuple[str, str]]:
    return reads(code, suffix=".sql")


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ('text("x", "1")', ("x", "text", "1", None, True)),
        ('text(name="x", defaultValue="1", label="X")', ("x", "text", "1", None, True)),
        ('text("x", 1)', ("x", "text", None, None, False)),
        ('text("x", -1)', ("x", "text", None, None, False)),
        ('text("x", None)', ("x", "text", None, None, True)),
        ('text("x", value)', ("x", "text", None, None, True)),
        ('dropdown("x", "a", ["a", "b"])', ("x", "dropdown", "a", ("a", "b"), True)),
        ('combobox("x", "a", choices=("a",))', ("x", "combobox", "a", ("a",), True)),
        ('multiselect("x", "a", all_of_them)', ("x", "multiselect", "a", None, True)),
        ('dropdown("x", "1", [str(n) for n in range(9)])', ("x", "dropdown", "1", None, True)),
        ('dropdown("x", *rest)', ("x", "dropdown", None, None, True)),
    ],
)
def test_declared_in_python(call: str, expected: tuple[object, ...]) -> None:
    found = find(f"dbutils.widgets.{call}")
    [widget] = found.widgets
    assert (
        widget.name,
        widget.kind,
        widget.default,
        widget.choices,
        widget.default_is_string,
    ) == expected
    assert not found.declares_any
    assert not found.reads_any


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('dbutils.widgets.get("x")', [("x", "get")]),
        ('dbutils.widgets.get(name="x")', [("x", "get")]),
        ('self.dbutils.widgets.get("x")', [("x", "get")]),
        ('get_dbutils(spark).widgets.get("x")', [("x", "get")]),
        ('n = int(dbutils.widgets.get("x"))', [("x", "get")]),
        ('X = "x"\ndbutils.widgets.get(X)', [("x", "get")]),
        ('for n in ["x", "y"]:\n    dbutils.widgets.get(n)', [("x", "get"), ("y", "get")]),
        ('{n: dbutils.widgets.get(n) for n in ("x",)}', [("x", "get")]),
        ('try:\n    dbutils.widgets.get("x")\nexcept Exception:\n    pass', [("x", "optional")]),
        ('import widgets\nwidgets.get("x")', []),
        ('# dbutils.widgets.get("x")', []),
        ("\"dbutils.widgets.get('x')\"", []),
    ],
)
def test_read_in_python(code: str, expected: list[tuple[str, str]]) -> None:
    assert reads(code) == expected


def test_get_argument_and_its_default() -> None:
    found = reads('getArgument("x")', 'getArgument("y", "1")', 'dbutils.widgets.getArgument("z")')
    assert ("x", "getArgument") in found
    assert ("z", "getArgument") in found
    assert ("y", "getArgument") not in found
    assert ("y", "optional") in found


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('for n in ["x", "y"]:\n    dbutils.widgets.text(n, "")', ["x", "y"]),
        ('for n, v in {"x": "1"}.items():\n    dbutils.widgets.text(n, v)', ["x"]),
        ('P = {"x": 1}\nfor n in P:\n    dbutils.widgets.text(n, "")', ["x"]),
        ('P = {"x": 1}\nfor n in P.keys():\n    dbutils.widgets.text(n, "")', ["x"]),
        ('for n, v in [("x", "1"), ("y", "2")]:\n    dbutils.widgets.text(n, v)', ["x", "y"]),
        ('[dbutils.widgets.text(n, "") for n in ["x"]]', ["x"]),
    ],
)
def test_loops_over_literals(code: str, expected: list[str]) -> None:
    assert declared(code) == expected
    assert not find(code).declares_any


def test_code_that_is_nested_too_deep() -> None:
    assert find('dbutils.widgets.get("x")\nn = ' + "1 + " * 2500 + "1").reads_any


def test_a_constant_of_another_cell() -> None:
    assert declared(
        'PARAMETERS = ["x"]', "for n in PARAMETERS:\n    dbutils.widgets.text(n, '')"
    ) == ["x"]


@pytest.mark.parametrize(
    "code",
    [
        'for n in names():\n    dbutils.widgets.text(n, "")',
        'for n in ["x"] + more:\n    dbutils.widgets.text(n, "")',
        'for v in {"a": "x"}.values():\n    dbutils.widgets.text(v, "")',
        'P = ["x"]\nP = ["y"]\nfor n in P:\n    dbutils.widgets.text(n, "")',
        'def declare(n):\n    dbutils.widgets.text(n, "")',
        'n = "x"\ndef declare(n):\n    dbutils.widgets.text(n, "")',
        'dbutils.widgets.text(f"x_{n}", "")',
        "dbutils.widgets.text(*row)",
        "w = dbutils.widgets",
        "declare = dbutils.widgets.text",
        "setup(spark, dbutils)",
        "setup(\n    dbutils,\n)",
        "print 1\ndbutils.widgets.text('x', '')",
    ],
)
def test_any_name_may_be_declared(code: str) -> None:
    assert find(code).declares_any


@pytest.mark.parametrize(
    "code",
    [
        "dbutils.widgets.getAll()",
        "dbutils.widgets.get(name)",
        "list(map(dbutils.widgets.get, names))",
        "def p(name):\n    return dbutils.widgets.get(name)",
        "dbutils.notebook.entry_point.getCurrentBindings()",
        "config(widgets=dbutils.widgets)",
    ],
)
def test_any_name_may_be_read(code: str) -> None:
    assert find(code).reads_any


@pytest.mark.parametrize(
    "code",
    [
        "from databricks.sdk.runtime import spark, dbutils",
        "def load(spark, dbutils):\n    pass",
        'dbutils.widgets.remove("x")',
        "dbutils.widgets.removeAll()",
        'dbutils.fs.ls("/")',
    ],
)
def test_nothing_said(code: str) -> None:
    assert find(code) == WidgetFacts()


@pytest.mark.parametrize(
    "code",
    [
        'spark.sql("SELECT ${x}")',
        "spark.sql(\"SELECT getArgument('x')\")",
        '%pip install {dbutils.widgets.get("x")}',
        'team.get_param("x")',
        "%run ./b $a=$x",
    ],
)
def test_what_may_be_a_read(code: str) -> None:
    assert ("x", "optional") in reads(code)


def test_bound_by_args_is_no_widget() -> None:
    assert reads('spark.sql("SELECT :x", args={"x": 1})') == []


def test_settings_of_spark() -> None:
    found = find(
        'spark.conf.set("x", "1")',
        'spark.conf.set("a.b", "1")',
        'spark.conf.set(f"{p}.c", "1")',
        "spark.conf.set(key, 1)",
    )
    assert [(each.name, each.kind) for each in found.widgets] == [
        ("x", "setting"),
        ("*", "setting"),
    ]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("SELECT :x", [("x", ":x")]),
        ("SELECT * FROM t WHERE a = :x AND b=:y", [("x", ":x"), ("y", ":x")]),
        ("SELECT * FROM IDENTIFIER(:c || '.' || :s)", [("c", ":x"), ("s", ":x")]),
        ("SELECT * FROM identifier(:c)", [("c", ":x")]),
        ("SELECT :x::int", [("x", ":x")]),
        ("SELECT * FROM ${x}.t", [("x", "${x}")]),
        ("SELECT * FROM cat_${x}.t", [("x", "${x}")]),
        ("SELECT * FROM $x", [("x", "$x")]),
        ("SELECT '${x}'", [("x", "${x}")]),
        ("SELECT * FROM delta.`/mnt/${x}`", [("x", "${x}")]),
        ("SELECT getArgument('x')", [("x", "sql getArgument")]),
        ("SELECT getArgument('x', '1')", [("x", "optional")]),
        ("SELECT ${getArgument('x')}", [("x", "sql getArgument"), ("x", "sql getArgument")]),
        ("SELECT '$x'", [("x", "optional")]),
        ("BEGIN DECLARE x INT; SELECT :x; END", [("x", "optional")]),
        ("CREATE OR REFRESH STREAMING TABLE t AS SELECT ${x}", [("x", "optional")]),
    ],
)
def test_read_in_sql(code: str, expected: list[tuple[str, str]]) -> None:
    assert sql(code) == expected


@pytest.mark.parametrize(
    "code",
    [
        "SELECT ${a.b}",
        "SELECT raw:field, raw:a:b:c, raw:items[0]:price, f(x):y",
        "SELECT a::int",
        "SELECT slice(a, 1, 2), m['a:b'], '12:30'",
        "SELECT get_json_object(a, '$.b.c'), regexp_replace(a, 'x$', '')",
        r"SELECT '\${x}'",
        "-- ${x} :y getArgument('z') CREATE WIDGET TEXT w DEFAULT ''\nSELECT 1",
        "SELECT CAST(a AS STRUCT<b:INT>)",
        "SELECT {{ x }}",
    ],
)
def test_no_parameter_in_sql(code: str) -> None:
    assert sql(code) == []
    assert declared(code, suffix=".sql") == []


def test_declared_in_sql() -> None:
    found = find(
        'CREATE WIDGET TEXT x DEFAULT "1";\n'
        'create widget dropdown y default "a" choices SELECT b FROM t',
        "REMOVE WIDGET x",
        suffix=".sql",
    )
    assert [(w.name, w.kind, w.default, w.choices) for w in found.widgets] == [
        ("x", "text", "1", None),
        ("y", "dropdown", "a", None),
    ]


@pytest.mark.parametrize(
    ("query", "choices"),
    [
        ("SELECT * FROM (VALUES ('a'), ('b'))", ("a", "b")),
        ('select * from (values ("a"), ("b")) as t(x);', ("a", "b")),
        ("SELECT x FROM VALUES ('a'), ('b c') AS t (x)", ("a", "b c")),
        ("SELECT * FROM (VALUES 'a', 'b') t", ("a", "b")),
        ("SELECT * FROM (VALUES ('a', 1), ('b', 2))", None),
        ("SELECT * FROM (VALUES ('a')) UNION SELECT x FROM t", None),
        ("SELECT * FROM (VALUES ('a'), (x))", None),
        ("SELECT * FROM (VALUES ('it''s'), ('a'))", None),
        (r"SELECT * FROM (VALUES ('\\n'), ('a'))", None),
        ("SELECT upper(x) FROM VALUES ('a') AS t(x)", None),
        ("SELECT x FROM t", None),
    ],
)
def test_choices_in_sql(query: str, choices: tuple[str, ...] | None) -> None:
    found = find(f"CREATE WIDGET DROPDOWN x DEFAULT 'a' CHOICES {query}", suffix=".sql")
    assert [each.choices for each in found.widgets] == [choices]


@pytest.mark.parametrize(
    ("suffix", "choices"),
    [(".scala", 'Seq("a", "b")'), (".r", 'list("a", "b")'), (".r", 'c("a", "b")')],
)
def test_scala_and_r(suffix: str, choices: str) -> None:
    found = find(
        f'dbutils.widgets.dropdown("x", "a", {choices}, "X")',
        'y <- dbutils.widgets.get("y")',
        'dbutils.widgets.text("z", 1)',
        'getArgument("v", "")',
        suffix=suffix,
    )
    assert [(w.name, w.default, w.choices, w.default_is_string) for w in found.widgets] == [
        ("x", "a", ("a", "b"), True),
        ("z", None, None, False),
    ]
    assert [(each.name, each.form) for each in found.reads] == [("y", "get"), ("v", "optional")]
    assert not found.reads_any
    assert not found.declares_any


@pytest.mark.parametrize(
    ("code", "reads_any", "declares_any"),
    [
        ('// dbutils.widgets.text("x", "")', False, False),
        ('val u = "http://x" // dbutils.widgets.get(y)', False, False),
        ("dbutils.widgets.get(y)", True, False),
        ('dbutils.widgets.get(s"x$y")', True, False),
        ('names.foreach(n => dbutils.widgets.text(n, ""))', False, True),
        ("val w = dbutils.widgets", True, True),
        ("dbutils.widgets.getAll", True, False),
    ],
)
def test_unknown_in_scala(code: str, reads_any: bool, declares_any: bool) -> None:
    found = find(code, suffix=".scala")
    assert (found.reads_any, found.declares_any) == (reads_any, declares_any)


@pytest.mark.parametrize(
    ("cells", "suffix", "expected"),
    [
        (['a = 1\nb = dbutils.widgets.get("x")'], ".py", Spot(1, 2, 25, 2, 28)),
        (["1", "# MAGIC %sql SELECT :x"], ".py", Spot(2, 1, 13, 1, 15)),
        (["1", "# MAGIC %sql\n# MAGIC SELECT\n# MAGIC   '${x}'"], ".py", Spot(2, 3, 4, 3, 8)),
        (['val a = dbutils.widgets.get("x")'], ".scala", Spot(1, 1, 29, 1, 32)),
        (["SELECT *\nFROM IDENTIFIER(:x)"], ".sql", Spot(1, 2, 17, 2, 19)),
    ],
)
def test_places(cells: list[str], suffix: str, expected: Spot) -> None:
    [found] = find(*cells, suffix=suffix).reads
    assert found.spot == expected


def test_widgets_added_by_hand() -> None:
    document = {
        "cells": [],
        "metadata": {"application/vnd.databricks.v1+notebook": {"widgets": {"x": {}, "y": None}}},
        "nbformat": 4,
        "nbformat_minor": 0,
    }
    notebook = formats.parse("a.ipynb", json.dumps(document).encode())[0]
    found = widgets.find(notebook, Trees(notebook))
    assert [(each.name, each.kind) for each in found.widgets] == [("x", "stored"), ("y", "stored")]


WORDS = """
    dbutils.widgets .text .get ( ) "x" ' , :x ${x} $ é getArgument( CREATE WIDGET TEXT DEFAULT
    IDENTIFIER( for n in [ \\ %sql %scala # spark.conf.set( BEGIN ` -- /* { }
""".split()  # noqa: SIM905
PIECES = st.lists(st.sampled_from([*WORDS, " ", "\n"]), max_size=18).map("".join)


@given(PIECES, st.sampled_from([".py", ".sql", ".scala", ".r"]))
def test_any_text_has_its_spots_inside_its_cell(text: str, suffix: str) -> None:
    notebook = read(text, suffix=suffix)
    found = widgets.find(notebook, Trees(notebook))
    for each in (*found.widgets, *found.reads):
        lines = notebook.cell(each.spot.cell).source.split("\n")
        assert 1 <= each.spot.line <= len(lines)
        assert 1 <= each.spot.column <= len(lines[each.spot.line - 1]) + 1
