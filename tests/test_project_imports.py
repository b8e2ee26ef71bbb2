"""The imports of a notebook and what it adds to sys.path."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dbxgate.notebook import source as reader
from pytest_dbxgate.notebook.model import Language, Notebook
from pytest_dbxgate.project import imports
from pytest_dbxgate.project.facts import Import, Name, Spot
from pytest_dbxgate.project.known_packages import is_known
from pytest_dbxgate.project.trees import Trees
from support import source


def notebook(*cells: str) -> Notebook:
    return reader.read("etl/load.py", source(*cells).encode(), Language.PYTHON)


def imported(*cells: str) -> tuple[Import, ...]:
    found = notebook(*cells)
    return imports.find(found, Trees(found))[0]


def paths(*cells: str) -> tuple[str, ...]:
    found = notebook(*cells)
    return imports.find(found, Trees(found))[1]


def shown(*cells: str) -> list[str]:
    return [
        "." * each.level
        + each.module
        + ("*" if each.star else "".join(f" {name.name}" for name in each.names))
        + "".join(f" .{name.name}" for name in each.uses)
        + (" (guarded)" if each.guarded else "")
        for each in imported(*cells)
    ]


def test_where_it_stands() -> None:
    assert imported("x = 1\nfrom  team.orders import (\n    clean as c,\n    load,\n)", "# s") == (
        Import(
            "team.orders",
            Spot(1, 2, 7, 2, 18),
            names=(
                Name("clean", Spot(1, 3, 5, 3, 15)),
                Name("load", Spot(1, 4, 5, 4, 9)),
            ),
        ),
    )
    assert imported("%time\nimport team.orders as o\nü = o.load()") == (
        Import("team.orders", Spot(1, 2, 8, 2, 24), uses=(Name("load", Spot(1, 3, 5, 3, 11)),)),
    )


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import os, pandas as pd\nfrom pyspark.sql import functions as F", []),
        ("from databricks.sdk import WorkspaceClient\nimport databricks", []),
        ("from databricks.labs.own import x", ["databricks.labs.own x"]),
        ("import os, team", ["team"]),
        ("import os; import team", ["team"]),
        ("if x: from team import y", ["team y"]),
        ("from .team import y\nfrom . import z\nfrom .. import a", [".team y", ". z", ".. a"]),
        ("from team import *", ["team*"]),
        ("def f():\n    from team import y", ["team y"]),
        ("text = '''\nfrom team import y\n'''", []),
        ("# import team", []),
        ("spark.sql('''\nselect *\nfrom orders\n''')", []),
        ("import team\n)", []),
    ],
)
def test_forms(code: str, expected: list[str]) -> None:
    assert shown(code) == expected


@pytest.mark.parametrize(
    "code",
    [
        "try:\n    import team\nexcept ImportError:\n    team = None",
        "try:\n    import team\nexcept (KeyError, ModuleNotFoundError):\n    pass",
        "try:\n    import team\nexcept:\n    pass",
        "try:\n    import os\nexcept builtins.Exception:\n    import team",
        "with contextlib.suppress(ImportError):\n    import team",
        "if TYPE_CHECKING:\n    import team",
        "if typing.TYPE_CHECKING:\n    import team",
    ],
)
def test_guarded(code: str) -> None:
    assert shown(code) == ["team (guarded)"]


@pytest.mark.parametrize(
    "code",
    [
        "try:\n    import team\nexcept KeyError:\n    pass",
        "try:\n    pass\nexcept ImportError:\n    pass\nelse:\n    import team",
        "try:\n    pass\nfinally:\n    import team",
        "with open('x'):\n    import team",
        "if x:\n    pass\nelif y:\n    import team",
        "match x:\n    case 1:\n        import team",
    ],
)
def test_not_guarded(code: str) -> None:
    assert shown(code) == ["team"]


def test_uses_over_all_cells() -> None:
    assert shown(
        "import team.orders\nimport team.items as i\nimport team",
        "team.orders.load().x\nteam.orders.load\ni.price(team.version)",
        "team.orders.clean = 1\nteam.orders.clean()\ni.later()",
    ) == ["team.orders .load", "team.items .price .later", "team .orders .version"]


@pytest.mark.parametrize(
    "code",
    [
        "i = Items()",
        "def f(i):\n    i.x",
        "for i in x:\n    pass",
        "from x import i",
        "class i: ...",
    ],
)
def test_no_uses_of_a_name_that_means_something_else_too(code: str) -> None:
    assert shown("import team.items as i\ni.price", code)[0] == "team.items"


def test_uses_of_what_may_be_a_module() -> None:
    assert shown(
        "from team import Base, items as i, orders",
        "orders.load()\norders.load.x\ni.price\nBase.of()",
    ) == ["team Base items orders .orders.load .items.price"]


@pytest.mark.parametrize(
    "code", ["orders = 1", "def f(orders): ...", "from x import orders", "import orders"]
)
def test_no_uses_of_what_came_from_elsewhere_too(code: str) -> None:
    assert shown("from team import orders\norders.load()", code)[0] == "team orders"


def test_a_module_that_the_notebook_writes() -> None:
    assert shown("%%writefile src/agent.py\nx = 1", "from agent import x") == ["agent x (guarded)"]
    assert shown("open('agent.py', 'w').write(x)", "import agent", "import team") == [
        "agent (guarded)",
        "team",
    ]


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ('"../src"', "../src"),
        ('""', "."),
        ('os.path.abspath("../src")', "../src"),
        ('os.path.join(os.getcwd(), "..", "src")', "./../src"),
        ("os.path.abspath(os.pardir)", ".."),
        ("os.path.dirname(os.getcwd())", ".."),
        ('os.path.dirname("../a/b")', "../a"),
        ('str(Path("../src").resolve())', "../src"),
        ('str(Path.cwd().parent / "src")', "../src"),
        ('(Path("..") / "src").as_posix()', "../src"),
        ('"/Workspace/Repos/team/src"', "/Workspace/Repos/team/src"),
        ('f"{base}/src"', "?"),
        ("base", "?"),
        ("os.path.join(base, 'src')", "?"),
        ("Path(a, b)", "?"),
    ],
)
def test_search_paths(argument: str, expected: str) -> None:
    assert paths(f"sys.path.append({argument})") == (expected,)
    assert paths(f"sys.path.insert(0, {argument})") == (expected,)
    assert paths(f"sys.path += [{argument}]") == (expected,)


def test_more_search_paths() -> None:
    code = 'sys.path.extend(["a", "b"])\nsys.path = ["a", *sys.path]\nsys.path[0:0] = ["c"]'
    assert sorted(paths(code)) == ["?", "a", "b", "c"]
    assert paths("sys.path.remove('a')\nprint(sys.path)") == ()
    assert paths("if sys.path.append('a')") == ("?",)


@pytest.mark.parametrize(
    ("module", "known"),
    [
        ("json", True),
        ("os.path", True),
        ("delta.tables", True),
        ("databricks", True),
        ("databricks.sdk.service", True),
        ("databricks.labs.x", False),
        ("jsonic", False),
        ("utils", False),
        ("", False),
    ],
)
def test_known_packages(module: str, known: bool) -> None:
    assert is_known(module) is known


@given(
    st.lists(
        st.sampled_from(
            [
                *(
                    "import ",
                    "from ",
                    "team",
                    ".",
                    "*",
                    ",",
                    " as a",
                    "\n",
                    "(",
                    ")",
                    "try:\n ",
                    "  ",
                ),
                *(
                    "except ImportError: ",
                    "sys.path.append(",
                    "'",
                    "a.b",
                    ";",
                    "%",
                    "ü",
                    "\r",
                    "\\\n",
                ),
            ]
        )
    )
)
def test_anything_is_survived(parts: list[str]) -> None:
    for each in imported("".join(parts)):
        assert each.spot.cell == 1
