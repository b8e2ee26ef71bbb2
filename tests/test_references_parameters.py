"""Parameters against widgets, over everything that runs together."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_dbxgate.checks.references import parameters
from pytest_dbxgate.checks.references.claim import Claim
from pytest_dbxgate.codes import RULES
from pytest_dbxgate.notebook import formats
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project import graph
from pytest_dbxgate.project.extract import facts_of
from pytest_dbxgate.project.facts import Argument, Spot
from pytest_dbxgate.project.jobs.model import NotebookTask
from pytest_dbxgate.project.modules import Modules
from pytest_dbxgate.project.project import Project
from pytest_dbxgate.project.resolving import Resolver
from pytest_dbxgate.settings import Settings
from tests.support import source

JOB = "jobs/daily.yml"


def task(
    notebook: str | None, *names: str, file: str = JOB, line: int = 10, text: bool = True
) -> NotebookTask:
    """A task that passes ``names``, one a line from ``line`` on."""
    key = NotebookKey(notebook) if notebook else None
    given = tuple(
        Argument(name, "1" if text else None, Spot(0, line + index, 5), text)
        for index, name in enumerate(names)
    )
    return NotebookTask(file, "daily", "load", notebook, key, given, Spot(0, 3, 1))


def claims(files: dict[str, list[str]], *tasks: NotebookTask, runtime: str = "") -> list[Claim]:
    notebooks = {}
    for path, cells in files.items():
        text = source(*cells, suffix=path[path.rindex(".") :])
        for notebook in formats.parse(path, text.encode()):
            notebooks[notebook.key] = facts_of(notebook)
    settings = Settings(runtime=runtime)
    project = Project(
        notebooks, frozenset(), lambda key: settings, Modules(Path(), ()), tasks=tasks
    )
    resolver = Resolver(notebooks, (), lambda key: settings)
    built = graph.Graph(graph.edges(project, resolver))
    keys = [*notebooks, *dict.fromkeys(NotebookKey(each.file) for each in tasks)]
    return parameters.check(project, built, resolver, keys)


def found(files: dict[str, list[str]], *tasks: NotebookTask, runtime: str = "") -> list[str]:
    """``file cell:line code severity`` and what is meant, if something is."""
    shown = []
    for claim in claims(files, *tasks, runtime=runtime):
        severity = claim.severity or RULES[claim.code].severity
        assert severity is not None
        meant = claim.hint.partition("did you mean `")[2].partition("`")[0]
        place = f"{claim.key.path} {claim.spot.cell}:{claim.spot.line}"
        shown.append(f"{place} {claim.code} {severity.value} {meant}".rstrip())
    return sorted(shown)


LOAD = ['dbutils.widgets.text("country", "NL")', 'print(dbutils.widgets.get("country"))']
SQL = ["-- MAGIC %python\n-- MAGIC dbutils.widgets.text('country', '')"]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param(
            {"a.py": ['dbutils.widgets.text("nation", "NL")', LOAD[1]]},
            ["a.py 1:1 DBX404 warning", "a.py 2:1 DBX402 warning"],
            id="renamed widget",
        ),
        pytest.param(
            {"a.py": ['dbutils.widgets.text("country_", "NL")', LOAD[1]]},
            ["a.py 2:1 DBX402 error country_"],
            id="renamed widget, by a little",
        ),
        pytest.param(
            {"a.py": [LOAD[0], 'print(dbutils.widgets.get("contry"))']},
            ["a.py 2:1 DBX402 error country"],
            id="misspelt read",
        ),
        pytest.param(
            {"a.py": ['# MAGIC %run ./load $countri="BE"'], "load.py": LOAD},
            ["a.py 1:1 DBX401 error country"],
            id="wrong %run parameter",
        ),
        pytest.param(
            {"a.py": ['dbutils.notebook.run("./load", 60, {"land": "BE"})'], "load.py": LOAD},
            ["a.py 1:1 DBX401 warning"],
            id="wrong notebook.run argument",
        ),
        pytest.param(
            {
                "a.scala": ['dbutils.notebook.run("load", 60, Map("contry" -> "B"))'],
                "load.py": LOAD,
            },
            ["a.scala 1:1 DBX401 error country"],
            id="wrong argument in Scala",
        ),
        pytest.param(
            {"a.py": ['dbutils.widgets.dropdown("country", "DE", ["NL", "BE"])', LOAD[1]]},
            ["a.py 1:1 DBX405 error"],
            id="default outside its choices",
        ),
        pytest.param(
            {"a.py": ['dbutils.widgets.dropdown("country", "Nl", ["NLD", "BE"])', LOAD[1]]},
            ["a.py 1:1 DBX405 error"],
            id="default that was a choice",
        ),
        pytest.param(
            {"a.py": ['dbutils.widgets.text("country", 31)', LOAD[1]]},
            ["a.py 1:1 DBX406 error"],
            id="default that is no string",
        ),
        pytest.param(
            {"a.py": ['dbutils.notebook.run("./load", 60, {"country": 31})'], "load.py": LOAD},
            ["a.py 1:1 DBX406 error"],
            id="argument that is no string",
        ),
        pytest.param(
            {"a.py": [*LOAD, 'dbutils.widgets.text("region", "")']},
            ["a.py 3:1 DBX404 warning"],
            id="unread widget",
        ),
        pytest.param(
            {"a.sql": [*SQL, "SELECT *\nFROM t\nWHERE c = :contry"]},
            ["a.sql 2:3 DBX403 error country"],
            id="misspelt :parameter",
        ),
        pytest.param(
            {"a.sql": [*SQL, "SELECT * FROM t WHERE c = '${contry}'"]},
            ["a.sql 2:1 DBX403 error country"],
            id="misspelt ${parameter}",
        ),
        pytest.param(
            {"a.sql": [*SQL, "SELECT * FROM t_$day WHERE c = getArgument('country')"]},
            ["a.sql 2:1 DBX403 warning"],
            id="undeclared $parameter",
        ),
        pytest.param(
            {"a.py": [LOAD[0], 'print(dbutils.widgets.get("contry"))', "# MAGIC %run ./gone"]},
            ["a.py 2:1 DBX402 error country"],
            id="misspelt read beside an unknown notebook",
        ),
        pytest.param(
            {"a.py": [LOAD[0], "# MAGIC %run ./b"], "b.sql": ["SELECT :contry"]},
            ["b.sql 1:1 DBX403 error country"],
            id="misspelt read of a caller's widget",
        ),
        pytest.param(
            {"a.py": [f'dbutils.widgets.text("country", "{"é" * 1025}")', LOAD[1]]},
            ["a.py 1:1 DBX408 error"],
            id="default too long",
        ),
    ],
)
def test_planted(files: dict[str, list[str]], expected: list[str]) -> None:
    assert found(files) == expected


def test_what_is_said() -> None:
    files = {"a.py": ['# MAGIC %run ./load $countri="BE"'], "load.py": LOAD}
    [claim] = claims(files)
    assert claim.message == "`countri` is passed to load.py, where nothing reads it"
    assert claim.hint == "did you mean `country`?"
    assert claim.spot == Spot(1, 1, 13, 1, 26)


READ = 'print(dbutils.widgets.get("country"))'
DECLARE = 'dbutils.widgets.text("country", "NL")'
OTHER = 'dbutils.widgets.text("day", "")\nprint(dbutils.widgets.get("day"))'


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"a.py": LOAD}, id="declared and read"),
        pytest.param({"a.py": [DECLARE, "# MAGIC %run ./b"], "b.py": [READ]}, id="by a caller"),
        pytest.param({"a.py": ["# MAGIC %run ./b", READ], "b.py": [DECLARE]}, id="by a child"),
        pytest.param(
            {"a.py": ["# MAGIC %run ./b", "# MAGIC %run ./c"], "b.py": [DECLARE], "c.py": [READ]},
            id="by a sister",
        ),
        pytest.param(
            {"a.py": [DECLARE], "b.sql": ["SELECT :country", "-- MAGIC %run ./a"]},
            id="read in the SQL of a caller",
        ),
        pytest.param({"a.py": [OTHER, 'getArgument("country", "NL")']}, id="with a default"),
        pytest.param({"a.py": [READ]}, id="fed from outside"),
        pytest.param({"a.sql": ["SELECT :country, ${day}, $hour"]}, id="SQL fed from outside"),
        pytest.param({"a.py": [OTHER, READ, "# MAGIC %run /Shared/x"]}, id="run from outside"),
        pytest.param({"a.py": [OTHER, DECLARE, "# MAGIC %run ../x"]}, id="unread, or read outside"),
        pytest.param(
            {"a.py": ['# MAGIC %run ./b $country="NL"'], "b.py": [OTHER, READ]}, id="passed by %run"
        ),
        pytest.param(
            {"a.py": ['dbutils.notebook.run("b", 9, {"country": "NL"})'], "b.py": [OTHER, READ]},
            id="passed by a run",
        ),
        pytest.param(
            {"a.py": ['dbutils.notebook.run(p, 9, {"country": "NL"})'], "b.py": [OTHER, READ]},
            id="passed to somebody",
        ),
        pytest.param(
            {"a.py": ['dbutils.notebook.run("b", 9, given)'], "b.py": [OTHER, READ]},
            id="passed by a variable",
        ),
        pytest.param(
            {"a.py": ['dbutils.notebook.run("b", 9, {"x": ""})'], "b.py": ["f(dbutils)"]},
            id="dbutils handed on",
        ),
        pytest.param(
            {"a.py": ["# MAGIC %run ./b $x=1"], "b.py": ["dbutils.widgets.getAll()"]}, id="getAll"
        ),
        pytest.param(
            {"a.py": ["# MAGIC %run ./b $x=1"], "b.py": ["# MAGIC %run ./gone"]}, id="unknown child"
        ),
        pytest.param({"a.py": ["# MAGIC %run ./gone $x=1"]}, id="unknown target"),
        pytest.param({"a.py": ['# MAGIC %run ./b $x="1"'], "b.sql": ["SELECT :x"]}, id="SQL reads"),
        pytest.param(
            {"a.py": ["import team", DECLARE + '\ndbutils.widgets.text("day", "")']},
            id="left to a library",
        ),
        pytest.param(
            {"a.sql": [*SQL, "SET day = 1", "SELECT ${day}, :country"]}, id="a setting in SQL"
        ),
        pytest.param(
            {
                "a.sql": [
                    *SQL,
                    "-- MAGIC %python\n-- MAGIC spark.conf.set(k, 1)",
                    "SELECT ${d}, :country",
                ]
            },
            id="any setting",
        ),
        pytest.param(
            {"a.py": ['dbutils.widgets.combobox("country", "DE", ["NL"])', READ]}, id="combobox"
        ),
        pytest.param(
            {"a.py": ['dbutils.widgets.multiselect("country", "a,b", ["a", "b", "c"])', READ]},
            id="several choices",
        ),
        pytest.param(
            {"a.py": [f'dbutils.widgets.text("country", "{"x" * 2048}")', READ]}, id="long"
        ),
        pytest.param({"a.py": ["# MAGIC %run ./a", DECLARE, READ]}, id="runs itself"),
        pytest.param(
            {"a.py": ["# MAGIC %run ./b", DECLARE], "b.py": ["# MAGIC %run ./a", READ]},
            id="a cycle",
        ),
    ],
)
def test_nothing_to_say(files: dict[str, list[str]]) -> None:
    assert found(files) == []


def test_a_job_that_feeds() -> None:
    files = {"load.py": [OTHER, READ]}
    assert found(files, task("load.py", "country")) == []
    assert found(files, task("load.py", "day")) == ["load.py 2:1 DBX402 warning"]
    assert found(files, task(None, "country")) == []
    unknown = task("load.py")._replace(arguments=None)
    assert found(files, unknown) == []


def test_a_job_that_passes_too_much() -> None:
    files = {"load.py": LOAD}
    assert found(files, task("load.py", "country", "contry_", "run_id")) == [
        f"{JOB} 0:11 DBX401 warning",
        f"{JOB} 0:12 DBX401 warning",
    ]
    assert found(files, task("load.py", "contry")) == [f"{JOB} 0:10 DBX401 error country"]


def test_what_a_job_passes_to_all_of_its_tasks() -> None:
    files = {"load.py": LOAD, "other.py": [*LOAD, OTHER]}
    shared = frozenset({"run_id", "contry"})
    alone = task("load.py", "run_id")._replace(shared=shared)
    assert found(files, alone) == []
    tasks = [task(name, "contry")._replace(shared=shared) for name in files]
    assert found(files, *tasks) == [f"{JOB} 0:10 DBX401 error country"]
    assert found(files, task("load.py", "contry", "country")._replace(shared=shared)) == []


def test_no_string_in_a_job() -> None:
    files = {"load.py": LOAD}
    assert found(files, task("load.py", "country", text=False)) == [f"{JOB} 0:10 DBX406 warning"]
    in_json = task("load.py", "country", file="job.json", text=False)
    assert found(files, in_json, in_json) == ["job.json 0:10 DBX406 error"]


@pytest.mark.parametrize(
    ("runtime", "expected"),
    [("14.3", ["a.sql 2:1 DBX407 error"]), ("15.4", []), ("", [])],
)
def test_markers_need_a_runtime(runtime: str, expected: list[str]) -> None:
    files = {"a.sql": [*SQL, "SELECT :country, '${country}'"]}
    assert found(files, runtime=runtime) == expected


@pytest.mark.parametrize(
    ("name", "others", "expected"),
    [
        ("countri", ["country", "day"], "country"),
        ("Country", ["country"], "country"),
        ("start-date", ["start_date"], "start_date"),
        ("country", ["counter_of_all"], None),
        ("path_1", ["path_2"], None),
        ("input_path", ["output_path"], None),
        ("min_value", ["max_value"], None),
        ("source_tabel", ["target_table", "source_table"], "source_table"),
        ("data_sorce", ["data_source"], "data_source"),
        ("training_data_en_date", ["training_data_end_date"], "training_data_end_date"),
        ("x", [], None),
    ],
)
def test_near_names(name: str, others: list[str], expected: str | None) -> None:
    assert parameters.near(name, others) == expected
