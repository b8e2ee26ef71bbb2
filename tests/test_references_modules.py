"""Missing modules, missing names and imported notebooks."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_dbxgate.checks.references import modules as check
from pytest_dbxgate.checks.references.claim import Claim
from pytest_dbxgate.notebook import source as reader
from pytest_dbxgate.notebook.model import Language, NotebookKey
from pytest_dbxgate.project import imports
from pytest_dbxgate.project.facts import NotebookFacts, Run, Spot
from pytest_dbxgate.project.modules import Modules
from pytest_dbxgate.project.project import Project
from pytest_dbxgate.project.trees import Trees
from pytest_dbxgate.settings import Settings
from support import source, write

KEY = NotebookKey("etl/load.py")
NEAR = "`team/orders.py` has no `claen` | did you mean `clean`?"
TEAM = {
    "team/__init__.py": "from team.orders import clean\n",
    "team/orders.py": "def clean(): ...\ndef load_all(): ...\n_private = 1\n",
    "flat/dates.py": "def parse(): ...\n",
}


def project(root: Path, files: dict[str, str], *, runs: dict[str, str] | None = None) -> Project:
    """``files`` that begin with the header are notebooks."""
    write(root, dict(files))
    known = {}
    for path, text in files.items():
        if text.startswith("# Databricks notebook source"):
            notebook = reader.read(path, text.encode(), Language.PYTHON)
            found, paths = imports.find(notebook, Trees(notebook))
            target = (runs or {}).get(path)
            run = (Run(target, Spot(1, 1, 1)),) if target else ()
            known[notebook.key] = NotebookFacts(
                notebook.key, "", run, imports=found, search_paths=paths
            )
    others = [path for path in files if NotebookKey(path) not in known]
    own = Modules(root, others, [key.path for key in known])
    return Project(known, frozenset(others), lambda _: Settings(), own)


def claims(root: Path, *cells: str, files: dict[str, str] | None = None) -> list[Claim]:
    everything = {**(TEAM if files is None else files), KEY.path: source(*cells)}
    return check.check(project(root, everything), [KEY])


def said(found: list[Claim]) -> list[str]:
    return [f"{each.code} {each.message} | {each.hint}" for each in found]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import team.order", "no module `team.order` in `team/` | did you mean `team.orders`?"),
        (
            "from team.zzz import x",
            "no module `team.zzz` in `team/` | mend the import or add the module",
        ),
        (
            "import team.orders.clean",
            "no module `team.orders.clean`: `team/orders.py` is no package | "
            "mend the import or add the module",
        ),
        ("import flat.date", "no module `flat.date` in `flat/` | did you mean `flat.dates`?"),
        (
            "from .orders import clean",
            "`.orders`: a notebook is in no package, so a relative import fails | "
            "import the module by its full name",
        ),
    ],
)
def test_a_missing_module(tmp_path: Path, code: str, expected: str) -> None:
    assert said(claims(tmp_path, code)) == [f"DBX330 {expected}"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (
            "from team.orders import claen",
            "`team/orders.py` has no `claen` | did you mean `clean`?",
        ),
        (
            "from team.orders import zzz",
            "`team/orders.py` has no `zzz` | mend the name, or define it in `team/orders.py`",
        ),
        (
            "import team.orders as o\no.zzz()",
            "`team/orders.py` has no `zzz` | mend the name, or define it in `team/orders.py`",
        ),
        (
            "from team import orders as o\no.clean()\no.claen()",
            "`team/orders.py` has no `claen` | did you mean `clean`?",
        ),
        ("from team import order", "`team/__init__.py` has no `order` | did you mean `orders`?"),
        (
            "import team.orders\nteam.orders.claen()",
            "`team/orders.py` has no `claen` | did you mean `clean`?",
        ),
        ("from flat import date", "`flat` has no `date` | did you mean `dates`?"),
    ],
)
def test_a_missing_name(tmp_path: Path, code: str, expected: str | None) -> None:
    if expected is None:
        expected = (
            "`team/orders.py` has no `load` | mend the name, or define it in `team/orders.py`"
        )
    assert said(claims(tmp_path, code)) == [f"DBX331 {expected}"]


@pytest.mark.parametrize(
    "code",
    [
        "from team.orders import clean, load_all, _private, __name__, __doc__",
        "from team import orders, clean",
        "import team.orders as o\no.clean(), o.__file__",
        "from flat import dates",
        "from team import clean\nclean.zzz",
        "from flat import dates\ndates.zzz = 1\ndates.zzz",
        "from team import orders\norders = orders.copy()\norders.zzz",
        "import flat.zzz",
        "from flat import zzz",
        "from team.orders import *",
        "try:\n    from team.orders import claen\nexcept ImportError:\n    pass",
        "import unheard.of",
        "import json.decoders",
        "o = 1\nimport team.orders as o\no.claen",
        "%%writefile team/orders.py\nclaen = 1\n",
    ],
)
def test_nothing_to_say(tmp_path: Path, code: str) -> None:
    assert claims(tmp_path, code) == []


def test_where_it_stands(tmp_path: Path) -> None:
    (name,) = claims(tmp_path, "x = 1", "from team.orders import clean, claen as c")
    assert (name.key, name.spot) == (KEY, Spot(2, 1, 32, 1, 42))
    (module,) = claims(tmp_path, "x = 1", "from team.order import clean")
    assert module.spot == Spot(2, 1, 6, 1, 16)


def test_open_and_borrowed_names(tmp_path: Path) -> None:
    files = {
        "a.py": "from pyspark.sql.functions import *\ndef tidy_orders(): ...",
        "b.py": "from elsewhere import *\ndef tidy_orders(): ...",
    }
    code = "from a import col, tidy_order\nfrom b import tidy_order"
    assert said(claims(tmp_path, code, files=files)) == [
        "DBX331 `a.py` has no `tidy_order` | did you mean `tidy_orders`?"
    ]


def test_a_module_that_is_guessed(tmp_path: Path) -> None:
    files = {"a/lib.py": "def tidy(): ..."}
    files["a/b/n.py"] = source("from lib import tidi, other")
    found = check.check(project(tmp_path, files), [NotebookKey("a/b/n.py")])
    assert said(found) == ["DBX331 `a/lib.py` has no `tidi` | did you mean `tidy`?"]


def test_an_imported_notebook(tmp_path: Path) -> None:
    files = {"etl/shared.py": source("def tidy(x):\n    return x", "LIMIT: int = 3")}
    message = "DBX332 `shared` is a notebook (`etl/shared.py`), which cannot be imported | "
    hint = "use %run, or make it a plain Python file"
    for code in ("from shared import tidy", "import shared\nshared.LIMIT"):
        assert said(claims(tmp_path, code, files=files)) == [message + hint]
    # It may be an installed package of that name.
    for code in ("import shared", "from shared import something", "import shared\nshared.x"):
        assert claims(tmp_path, code, files=files) == []


def test_what_a_run_adds_to_the_path(tmp_path: Path) -> None:
    files = {
        **TEAM,
        "other/team/extra.py": "",
        KEY.path: source("import team.extra"),
        "setup/paths.py": source("sys.path.append('../other')"),
    }
    missing = "DBX330 no module `team.extra` in `team/` | mend the import or add the module"
    assert said(check.check(project(tmp_path, files), [KEY])) == [missing]
    runs = {KEY.path: "../setup/paths"}
    assert check.check(project(tmp_path, files, runs=runs), [KEY]) == []
    runs = {"setup/paths.py": "../etl/load"}
    assert check.check(project(tmp_path, files, runs=runs), [KEY]) == []
    files["setup/paths.py"] = source("sys.path.append(somewhere)")
    assert check.check(project(tmp_path, files, runs=runs), [KEY]) == []


def test_archives_and_unknown_keys_are_left_alone(tmp_path: Path) -> None:
    found = project(tmp_path, TEAM)
    assert check.check(found, [NotebookKey("x.dbc", "n"), NotebookKey("gone.py")]) == []
