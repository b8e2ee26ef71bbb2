"""Names that flow through ``%run``, judged by ruff over whole sessions."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_dbxgate.checks.references import names
from pytest_dbxgate.checks.references.names import NamesResult
from pytest_dbxgate.notebook import formats
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.extract import facts_of
from pytest_dbxgate.project.facts import Spot
from pytest_dbxgate.project.graph import Graph, edges
from pytest_dbxgate.project.jobs.model import NotebookTask
from pytest_dbxgate.project.modules import Modules
from pytest_dbxgate.project.project import Project
from pytest_dbxgate.project.resolving import Resolver
from pytest_dbxgate.settings import Settings
from support import ipynb, source, write

Rows = list[tuple[str, str, str, str]]


class Memory:
    """A cache that writes what it keeps as JSON, as the real one does."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.hits: list[str] = []

    def names(self, root: NotebookKey, closure: str) -> Any:
        found = self.kept.get((str(root), closure))
        if found is None:
            return None
        self.hits.append(str(root))
        return json.loads(found)

    def put_names(self, root: NotebookKey, closure: str, rows: Any) -> None:
        self.kept[str(root), closure] = json.dumps(rows)


def check(
    root: Path,
    files: Mapping[str, str | bytes],
    *,
    keys: Collection[str] | None = None,
    broken: Collection[tuple[str, int]] = (),
    tasks: Collection[str] = (),
    settings: Settings | None = None,
    known: Memory | None = None,
) -> NamesResult:
    """Check files; those that are notebooks by their header or ending are notebooks."""
    write(root, dict(files))
    chosen = settings or Settings()
    read = {
        notebook.key: notebook
        for path, text in files.items()
        if isinstance(text, bytes) or path.endswith(".ipynb") or "Databricks notebook" in text[:40]
        for notebook in formats.read(root / path, path)
    }
    others = [path for path in files if NotebookKey(path) not in read]
    modules = [path for path in others if path.endswith(".py")]
    project = Project(
        notebooks={key: facts_of(notebook) for key, notebook in read.items()},
        others=frozenset(others),
        settings=lambda key: chosen,
        modules=Modules(root, modules),
        tasks=tuple(
            NotebookTask("job.json", "job", "task", path, NotebookKey(path), (), Spot(0, 1, 1))
            for path in tasks
        ),
    )
    resolver = Resolver(read, others, lambda key: chosen)
    return names.check(
        project,
        read.get,
        list(read) if keys is None else [NotebookKey(path) for path in keys],
        resolver=resolver,
        graph=Graph(edges(project, resolver)),
        broken=lambda keys: frozenset((NotebookKey(path), number) for path, number in broken),
        root=root,
        sources=modules,
        known=known,
    )


def rows(result: NamesResult) -> Rows:
    return [
        (
            claim.key.path,
            f"{claim.spot.cell}:{claim.spot.line}:{claim.spot.column}",
            claim.code,
            claim.message,
        )
        for claim in result.claims
    ]


def run(target: str) -> str:
    return f"# MAGIC %run {target}"


def test_a_lone_notebook(tmp_path: Path) -> None:
    found = check(
        tmp_path,
        {"a.py": source("import json\nx = 1", "print(x, missing)\ndisplay(spark.table('t'))")},
    )
    assert rows(found) == [("a.py", "2:1:10", "F821", "undefined name `missing`")]
    assert found.claims[0].spot == Spot(2, 1, 10, 1, 17)


def test_names_come_from_below_and_from_above(tmp_path: Path) -> None:
    found = check(
        tmp_path,
        {
            "main.py": source("start = 1", run("./lib/setup"), "helper(start, catalog)"),
            "lib/setup.py": source("def helper(a, b):\n    return a", run("./config"), "start + 1"),
            "lib/config.py": source("catalog = 'dev'"),
        },
    )
    assert rows(found) == []


def test_a_child_is_not_judged_alone(tmp_path: Path) -> None:
    files = {
        "a.py": source("x = 1", run("./child")),
        "b.py": source(run("./child")),
        "child.py": source("print(x)"),
    }
    assert rows(check(tmp_path, files)) == [
        ("child.py", "1:1:7", "F821", "undefined name `x` when it is run by `b.py`")
    ]
    assert rows(check(tmp_path, files, keys=["a.py", "b.py"])) == []
    assert rows(check(tmp_path, files, keys=["child.py"])) != []


def test_callers_are_counted(tmp_path: Path) -> None:
    files = {f"c{number}.py": source(run("./child")) for number in range(4)}
    files |= {"ok.py": source("x = 1", run("./child")), "child.py": source("print(x, y)")}
    assert rows(check(tmp_path, files)) == [
        (
            "child.py",
            "1:1:7",
            "F821",
            "undefined name `x` when it is run by `c0.py`, `c1.py` and 2 more",
        ),
        ("child.py", "1:1:10", "F821", "undefined name `y`"),
    ]


def test_a_child_that_a_job_runs_too(tmp_path: Path) -> None:
    files = {"a.py": source("x = 1", run("./child")), "child.py": source("print(x)")}
    assert rows(check(tmp_path, files)) == []
    assert rows(check(tmp_path, files, tasks=["child.py"])) == [
        ("child.py", "1:1:7", "F821", "undefined name `x` when it runs on its own")
    ]


def test_a_function_that_this_caller_does_not_call(tmp_path: Path) -> None:
    files = {
        "a.py": source("import numpy as np", run("./lib"), "mean([1])"),
        "b.py": source(run("./lib"), "# mean([1])\nother().mean()"),
        "lib.py": source("def mean(x):\n    return np.mean(x)\n\ndef other():\n    return 1"),
    }
    assert rows(check(tmp_path, files)) == []
    files["b.py"] = source(run("./lib"), "mean([2])")
    assert rows(check(tmp_path, files)) == [
        ("lib.py", "1:2:12", "F821", "undefined name `np` when it is run by `b.py`")
    ]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["print(x)", "x = 1"], "`x` is used above cell 2, which defines it"),
        (["print(x)\n\nx = 1"], "`x` is used above line 3, which defines it"),
        (
            ["print(x)", run("./lib")],
            "`x` is used above cell 2, where `%run` brings it from `lib.py`",
        ),
        (["print(x)", "for x in []: pass"], "`x` is used above cell 2, which defines it"),
        (["print(x)", "with a() as (x, y): pass"], "`x` is used above cell 2, which defines it"),
    ],
)
def test_used_above_its_definition(tmp_path: Path, cells: list[str], message: str) -> None:
    found = check(tmp_path, {"a.py": source("a = 1", *cells), "lib.py": source("x = 1")})
    cells = [cell for cell in cells if cell != cells[0]]
    shifted = message.replace("cell 2", "cell 3")
    assert rows(found) == [("a.py", "2:1:7", "DBX321", shifted)]


def test_a_child_uses_what_its_caller_defines_later(tmp_path: Path) -> None:
    files = {"a.py": source(run("./child"), "x = 1"), "child.py": source("print(x)")}
    assert rows(check(tmp_path, files)) == [
        ("child.py", "1:1:7", "DBX321", "`x` is used above cell 2 of `a.py`, which defines it")
    ]


def test_functions_may_use_what_comes_later(tmp_path: Path) -> None:
    files = {"a.py": source("def f():\n    return x", "x = 1", "f()")}
    assert rows(check(tmp_path, files)) == []


RESTARTS = [
    "# MAGIC %restart_python",
    "dbutils.library.restartPython()",
    "# MAGIC %pip install holidays\n# MAGIC %restart_python",
    "%pip install holidays\ndbutils.library.restartPython()",
]


@pytest.mark.parametrize("restart", RESTARTS)
def test_lost_by_a_restart(tmp_path: Path, restart: str) -> None:
    files = {"a.py": source("import os\nx = 1", restart, "y = x", "import os\nos.getcwd()")}
    assert rows(check(tmp_path, files)) == [
        (
            "a.py",
            "3:1:5",
            "DBX322",
            "`x` was defined in cell 1 and lost when cell 2 restarted Python",
        )
    ]


@pytest.mark.parametrize(
    "cell",
    [
        "# MAGIC %pip install holidays",
        "# dbutils.library.restartPython()",
        "text = '''\n%restart_python\n'''",
        "def again():\n    dbutils.library.restartPython()",
        "if new:\n    dbutils.library.restartPython()",
    ],
)
def test_no_restart_in_any_case(tmp_path: Path, cell: str) -> None:
    files = {"a.py": source("new = x = 1", cell, "y = x")}
    assert rows(check(tmp_path, files)) == []


def test_code_below_a_restart_in_its_cell(tmp_path: Path) -> None:
    files = {
        "a.py": source("x = 1", "%pip install a\ndbutils.library.restartPython()\nimport a", "a, x")
    }
    assert [row[1:3] for row in rows(check(tmp_path, files))] == [("3:1:4", "DBX322")]


def test_a_restart_in_a_child_loses_the_callers_names(tmp_path: Path) -> None:
    files = {
        "a.py": source("x = 1", run("./lib"), "setup(x)"),
        "lib.py": source("# MAGIC %restart_python", "def setup(y):\n    return y"),
    }
    assert rows(check(tmp_path, files)) == [
        (
            "a.py",
            "3:1:7",
            "DBX322",
            "`x` was defined in cell 1 and lost when cell 1 of `lib.py` restarted Python",
        )
    ]


def test_what_runs_again_after_a_restart_is_there_again(tmp_path: Path) -> None:
    files = {
        "a.py": source(
            run("./lib"), "helper()", "# MAGIC %restart_python", run("./lib"), "helper()"
        ),
        "lib.py": source("def helper():\n    return 1"),
    }
    assert rows(check(tmp_path, files)) == []


def test_functions_lost_by_a_restart_may_name_what_comes_later(tmp_path: Path) -> None:
    files = {"a.py": source("def f():\n    return x", "# MAGIC %restart_python", "x = 1\nx")}
    assert rows(check(tmp_path, files)) == []


UNKNOWN = [
    run("./missing"),
    run("/Workspace/Shared/setup"),
    "exec(code)",
    "globals()['x'] = 1",
    "globals().update(values)",
    "for name in values:\n    globals()[name] = 1",
    "get_ipython().run_line_magic('run', 'other.py')",
    "from somewhere import *",
    "import builtins\nbuiltins.x = 1",
    "%load other.py",
]


@pytest.mark.parametrize("cell", UNKNOWN)
def test_nothing_is_said_of_what_may_come_from_elsewhere(tmp_path: Path, cell: str) -> None:
    first = "code = values = []\ndef f():\n    return x\nprint(early)"
    found = check(tmp_path, {"a.py": source(first, cell, "print(x)")})
    expected = [("a.py", "1:4:7", "F821", "undefined name `early`")]
    # Of a star import ruff cannot tell what was there ahead of it.
    assert rows(found) == expected


@pytest.mark.parametrize(
    "cell",
    [
        "if 'x' in globals():\n    print(1)",
        "values = dict(globals())",
        "globals().get('x')",
        "cursor.exec('x')",
        "text = 'exec(x)'",
        "# exec(x)",
        "get_ipython().run_line_magic('pip', 'install x')",
        "%load_ext autoreload",
        "def f(**kwargs):\n    return '{a}'.format(**locals())",
        "if __name__ == '__main__':\n    pass",
    ],
)
def test_what_only_looks_like_it(tmp_path: Path, cell: str) -> None:
    found = check(tmp_path, {"a.py": source("cursor = 1", cell, "print(missing)")})
    assert [row[1:3] for row in rows(found)] == [("3:1:7", "F821")]


def test_star_imports_of_known_modules(tmp_path: Path) -> None:
    cells = [
        "from pyspark.sql.functions import *\nfrom pyspark.sql.types import *; print(nope)",
        "col('a'), lit(1), StringType(), clo('a')",
    ]
    found = check(tmp_path, {"a.py": source(*cells)})
    assert [row[1] for row in rows(found)] == ["1:2:40", "2:1:33"]
    assert (
        found.claims[1].hint
        == "define it above, or list it as globals in [tool.dbxgate] where the cluster provides it"
    )


def test_star_imports_of_the_repository(tmp_path: Path) -> None:
    files = {
        "a.py": source("from helpers import *", "one(), two(), _three()"),
        "helpers.py": "def one(): ...\ndef _three(): ...\n",
    }
    assert [row[3] for row in rows(check(tmp_path, files))] == [
        "undefined name `two`",
        "undefined name `_three`",
    ]


def test_hints(tmp_path: Path) -> None:
    cells = ["customers = 1", "col('a')\njson.loads('1')\ncustmers + 1\nunheard"]
    assert [claim.hint for claim in check(tmp_path, {"a.py": source(*cells)}).claims] == [
        "from pyspark.sql.functions import col",
        "import json",
        "did you mean `customers`?",
        "define it above, or list it as globals in [tool.dbxgate] where the cluster provides it",
    ]


@pytest.mark.parametrize(
    ("name", "meant"), [("true", "True"), ("FALSE", "False"), ("null", "None"), ("none", "None")]
)
def test_hints_at_constants_of_other_languages(tmp_path: Path, name: str, meant: str) -> None:
    found = check(tmp_path, {"a.py": source(f"cached = {name}")}).claims
    assert [claim.hint for claim in found] == [f"did you mean `{meant}`?"]


def test_of_very_many_in_one_cell_some_are_told(tmp_path: Path) -> None:
    cell = "\n".join(f"name{number}" for number in range(5_000))
    found = check(tmp_path, {"a.py": source(cell, "other")}).claims
    assert [claim.message for claim in found] == [
        *(f"undefined name `name{number}`" for number in range(200)),
        "more undefined names in this cell are not shown",
        "undefined name `other`",
    ]


def test_code_that_nobody_reads_may_define_it(tmp_path: Path) -> None:
    cells = ["x = (1", "%time y = 1", "%pip install z", "print(x, y, z)"]
    found = check(tmp_path, {"a.py": source(*cells)}, broken=[("a.py", 1)])
    assert [row[3] for row in rows(found)] == ["undefined name `z`"]


def test_annotations_in_quotes(tmp_path: Path) -> None:
    found = check(tmp_path, {"a.py": source("def f(a: 'Missing') -> Other: ...")})
    assert [row[3] for row in rows(found)] == ["undefined name `Other`"]


def test_the_history_of_the_shell_and_settings(tmp_path: Path) -> None:
    settings = Settings(globals=("team_context",))
    found = check(
        tmp_path,
        {"a.py": source("print(_, __, _12, _i3, _sqldf, team_context)")},
        settings=settings,
    )
    assert rows(found) == []


def test_somebody_unknown_may_run_it(tmp_path: Path) -> None:
    files = {
        "a.py": source(run("/Repos/team/project/shared/setup"), "x = 1"),
        "shared/setup.py": source("print(x)"),
        "shared/other.py": source("print(x)"),
    }
    assert [row[0] for row in rows(check(tmp_path, files))] == ["shared/other.py"]
    found = check(tmp_path, files, tasks=["shared/setup.py"])
    assert [row[0] for row in rows(found)] == ["shared/other.py", "shared/setup.py"]


def test_cycles(tmp_path: Path) -> None:
    files = {
        "a.py": source("x = 1", run("./b"), "print(y)"),
        "b.py": source("y = x", run("./a"), "print(z)"),
        "c.py": source(run("./c"), "print(z)"),
    }
    assert [row[:2] for row in rows(check(tmp_path, files))] == [
        ("b.py", "3:1:7"),
        ("c.py", "2:1:7"),
    ]


def test_a_circle_is_no_use_before_definition(tmp_path: Path) -> None:
    files = {
        "c.py": source(run("./b")),
        "b.py": source(run("./a"), "def f():\n    return 1"),
        "a.py": source(run("./b"), "print(f())", "print(g)", "g = 1"),
    }
    assert rows(check(tmp_path, files)) == [
        ("a.py", "3:1:7", "DBX321", "`g` is used above cell 4, which defines it")
    ]


def test_other_languages(tmp_path: Path) -> None:
    files = {
        "a.sql": source(
            "SELECT missing",
            "-- MAGIC %run ./lib",
            "-- MAGIC %python\n-- MAGIC print(x, y)",
            suffix=".sql",
        ),
        "lib.ipynb": ipynb("x = 1", "%sql\nSELECT nothing"),
    }
    assert rows(check(tmp_path, files)) == [("a.sql", "3:2:10", "F821", "undefined name `y`")]


def test_noqa(tmp_path: Path) -> None:
    files = {
        "a.py": source(run("./quiet"), "x  # noqa: F821\ny  # noqa\nz"),
        "quiet.py": source("# ruff: noqa: F821\nq1", "q2"),
        "b.py": source("# flake8: noqa\nq3"),
        "c.py": source("# ruff: noqa: E501\nq4"),
    }
    assert [row[3] for row in rows(check(tmp_path, files))] == [
        "undefined name `z`",
        "undefined name `q4`",
    ]


def test_the_users_own_configuration(tmp_path: Path) -> None:
    files = {
        "ruff.toml": 'builtins = ["session"]\nexclude = ["*.py"]\n'
        '[lint.per-file-ignores]\n"legacy/*" = ["F821"]\n',
        "a.py": source("session\nmissing"),
        "legacy/b.py": source("missing"),
    }
    assert [row[0] for row in rows(check(tmp_path, files))] == ["a.py"]


def test_unused_imports(tmp_path: Path) -> None:
    files = {
        "ruff.toml": '[lint]\nselect = ["F"]\n',
        "a.py": source("import os, re\nimport json", run("./lib"), "re.compile(''); loads('1')"),
        "b.py": source(run("./lib"), "import csv"),
        "lib.py": source("import sys, io\nfrom json import loads", "os.getcwd() if 0 else io"),
        "c.py": source("import os\nimport json", run("./nowhere"), "import io"),
    }
    assert {key.path: sorted(places) for key, places in check(tmp_path, files).unused.items()} == {
        "a.py": [(1, 2, 8)],
        "b.py": [(2, 1, 8)],
        "lib.py": [(1, 1, 8)],
        "c.py": [(3, 1, 8)],
    }


def test_only_what_changed_is_judged_again(tmp_path: Path) -> None:
    files = {
        "a.py": source(run("./lib"), "one()\nmissing"),
        "b.py": source("missing"),
        "lib.py": source("def one(): ..."),
    }
    memory = Memory()
    first = check(tmp_path, files, known=memory)
    assert memory.hits == []
    assert check(tmp_path, files, known=memory) == first
    assert sorted(memory.hits) == ["a.py", "b.py"]
    memory.hits.clear()
    files["lib.py"] = source("def two(): ...")
    found = check(tmp_path, files, known=memory)
    assert memory.hits == ["b.py"]
    assert [row[3] for row in rows(found)] == [
        "undefined name `one`",
        "undefined name `missing`",
        "undefined name `missing`",
    ]


def test_a_damaged_cache(tmp_path: Path) -> None:
    class Damaged(Memory):
        def names(self, root: NotebookKey, closure: str) -> Any:
            return [[["a"]], 7]

    found = check(tmp_path, {"a.py": source("missing")}, known=Damaged())
    assert len(found.claims) == 1


def test_a_chain_too_long_to_follow(tmp_path: Path) -> None:
    files = {f"n{number}.py": source(run(f"./n{number + 1}"), "x") for number in range(1_200)}
    files["n1200.py"] = source("1")
    assert rows(check(tmp_path, files)) == []


def test_too_many_cells(tmp_path: Path) -> None:
    files = {
        "a.py": source(*(run(f"./n{number}") for number in range(60)), "missing"),
        **{f"n{number}.py": source(*["x = 1"] * 100) for number in range(60)},
    }
    assert rows(check(tmp_path, files)) == []


def test_an_archive(tmp_path: Path) -> None:
    import zipfile

    archive = tmp_path / "all.dbc"
    with zipfile.ZipFile(archive, "w") as file:
        for name, commands in {
            "p/a": ["%run ./lib", "%restart_python", "one()"],
            "p/lib": ["def one(): ..."],
        }.items():
            document = {
                "version": "NotebookV1",
                "name": name.rpartition("/")[2],
                "language": "python",
                "commands": [
                    {"version": "CommandV1", "command": text, "position": float(number)}
                    for number, text in enumerate(commands, start=1)
                ],
            }
            file.writestr(f"{name}.python", json.dumps(document))
    found = check(tmp_path, {"all.dbc": archive.read_bytes()})
    assert [(str(claim.key), claim.code) for claim in found.claims] == [("all.dbc::p/a", "DBX322")]
