"""The repository's own modules: where they are found and what is in them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.facts import Import, Name, NotebookFacts, Spot
from pytest_dbxgate.project.modules import Located, ModuleKind, Modules
from pytest_dbxgate.settings import Settings
from support import write

FOUND, MISSING = ModuleKind.FOUND, ModuleKind.MISSING
UNKNOWN, NOTEBOOK = ModuleKind.UNKNOWN, ModuleKind.NOTEBOOK
SPOT = Spot(1, 1, 1)
DEFAULT = Settings()


def modules(root: Path, files: dict[str, str], *notebooks: str) -> Modules:
    write(root, dict(files))
    return Modules(root, [path for path in files if path not in notebooks], notebooks)


def where(
    found: Modules,
    module: str,
    notebook: str = "etl/load.py",
    *search: str,
    settings: Settings = DEFAULT,
) -> str:
    located = found.locate(module, 0, notebook, settings, search)
    if located.kind is MISSING:
        return f"no {located.missing} in {located.path}, {located.near}"
    return located.path or located.kind.value


def test_the_order_of_the_search(tmp_path: Path) -> None:
    files = dict.fromkeys(
        ["etl/a.py", "a.py", "b.py", "src/b.py", "src/c.py", "lib/c.py", "lib/d.py"], ""
    )
    found = modules(tmp_path, files)
    assert [where(found, each) for each in "abcd"] == ["etl/a.py", "b.py", "src/c.py", "unknown"]
    assert where(found, "d", "etl/load.py", "../lib") == "lib/d.py"
    assert where(found, "c", "etl/load.py", "../lib") == "lib/c.py"
    inner = Settings(module_roots=("lib",))
    assert [where(found, each, settings=inner) for each in "cd"] == ["lib/c.py", "lib/d.py"]


def test_roots_of_a_project(tmp_path: Path) -> None:
    found = modules(tmp_path, {"team/lib/a.py": "", "team/b.py": "", "c.py": ""})
    settings = Settings(folder="team", module_roots=("lib",))
    assert where(found, "a", "team/nb/x.py", settings=settings) == "team/lib/a.py"
    assert where(found, "b", "team/nb/x.py", settings=settings) == "team/b.py"
    assert where(found, "c", "team/nb/x.py", settings=settings) == "c.py"
    above = Settings(root_inside="etl", module_roots=("etl/team/lib", "outside"))
    assert where(found, "a", "x.py", settings=above) == "team/lib/a.py"


def test_absolute_search_paths(tmp_path: Path) -> None:
    found = modules(tmp_path, {"lib/a.py": "", "pkg/__init__.py": ""})
    settings = Settings(workspace_roots={"/Repos/team/project": "."})
    place = "/Workspace/Repos/team/project/lib"
    assert where(found, "a", "x/y.py", place, settings=settings) == "lib/a.py"
    assert where(found, "a", "x/y.py", place) == "unknown"
    # What else is on the path is not known, and so is what it lacks.
    assert where(found, "pkg.b", "x.py") == "no pkg.b in pkg, "
    assert where(found, "pkg.b", "x.py", place) == "unknown"
    assert where(found, "pkg.b", "x.py", "?") == "unknown"
    assert where(found, "pkg.b", "x.py", "not/there") == "unknown"


def test_packages(tmp_path: Path) -> None:
    files = ["team/__init__.py", "team/orders/__init__.py", "team/orders/load.py", "team/ns/x.py"]
    found = modules(tmp_path, dict.fromkeys(files, ""))
    assert found.locate("team.orders.load", 0, "n.py", Settings()) == Located(
        FOUND, "team/orders/load.py", packages=("team/__init__.py", "team/orders/__init__.py")
    )
    assert found.locate("team.orders", 0, "n.py", Settings()) == Located(
        FOUND, "team/orders/__init__.py", packages=("team/__init__.py",)
    )
    assert where(found, "team.ns.x") == "team/ns/x.py"
    assert where(found, "team.ns") == "team/ns"
    assert where(found, "team.order.load") == "no team.order in team, team.orders"
    assert where(found, "team.orders.zzz") == "no team.orders.zzz in team/orders, "
    assert where(found, "team.orders.load.x") == "no team.orders.load.x in team/orders/load.py, "
    assert where(found, "other") == "unknown"


def test_a_folder_without_init(tmp_path: Path) -> None:
    found = modules(tmp_path, {"utils/dates.py": "", "docs/x.md": ""})
    assert where(found, "utils.dates") == "utils/dates.py"
    assert where(found, "utils.date") == "no utils.date in utils, utils.dates"
    # An installed ``utils`` comes first: only what looks like a slip counts.
    assert where(found, "utils.strings") == "unknown"
    assert where(found, "docs.x") == "unknown"


def test_a_well_known_name_is_not_ours(tmp_path: Path) -> None:
    found = modules(tmp_path, {"json/__init__.py": "", "delta/__init__.py": "", "dlt.py": ""})
    assert [where(found, each) for each in ("json.x", "delta.tables", "dlt")] == ["unknown"] * 3


def test_a_shared_top_package(tmp_path: Path) -> None:
    found = modules(tmp_path, {"src/databricks/team/__init__.py": ""})
    assert where(found, "databricks.team") == "src/databricks/team/__init__.py"
    assert where(found, "databricks.team.x") == "no databricks.team.x in src/databricks/team, "
    assert where(found, "databricks.other") == "unknown"


def test_what_a_build_writes_or_git_ignores(tmp_path: Path) -> None:
    found = modules(tmp_path, {"team/__init__.py": ""})
    write(tmp_path, {"team/local.py": "", "team/fast.cpython-311.so": ""})
    for each in ("local", "fast", "_version", "api_pb2", "api_pb2_grpc"):
        assert where(found, f"team.{each}") == "unknown"
    assert where(found, "team.slow") == "no team.slow in team, "


@pytest.mark.parametrize("text", ["__path__ = extend_path(__path__, x)", "sys.modules['x'] = 1"])
def test_a_package_that_finds_submodules_itself(tmp_path: Path, text: str) -> None:
    assert where(modules(tmp_path, {"team/__init__.py": text}), "team.x") == "unknown"


def test_notebooks(tmp_path: Path) -> None:
    files = {"etl/shared.py": "", "etl/a.ipynb": "", "etl/q.sql": "", "lib/__init__.py": ""}
    found = modules(
        tmp_path, {**files, "lib/nb.py": ""}, "etl/shared.py", "etl/a.ipynb", "lib/nb.py"
    )
    assert where(found, "shared") == "etl/shared.py"
    assert found.locate("shared", 0, "etl/x.py", Settings()).kind is NOTEBOOK
    assert found.locate("a", 0, "etl/x.py", Settings()).kind is NOTEBOOK
    assert found.locate("lib.nb", 0, "etl/x.py", Settings()).kind is NOTEBOOK
    assert found.locate("q", 0, "etl/x.py", Settings()).kind is UNKNOWN
    assert found.locate("shared", 0, "x.py", Settings()).kind is UNKNOWN


def test_relative_imports_of_a_notebook(tmp_path: Path) -> None:
    found = modules(tmp_path, {"etl/a.py": "", "pkg/__init__.py": "", "pkg/a.py": ""})
    assert found.locate("a", 1, "etl/x.py", Settings()) == Located(MISSING, missing=".a")
    assert found.locate("", 2, "etl/x.py", Settings()) == Located(MISSING, missing="..")
    assert found.locate("a", 1, "pkg/x.py", Settings()).kind is UNKNOWN


def test_folders_above_are_guessed(tmp_path: Path) -> None:
    found = modules(tmp_path, {"a/lib/x.py": "", "a/src/y.py": "", "a/lib/__init__.py": ""})
    located = found.locate("lib.x", 0, "a/b/c/n.py", Settings())
    assert (located.path, located.guessed) == ("a/lib/x.py", True)
    assert where(found, "y", "a/b/c/n.py") == "a/src/y.py"
    assert where(found, "lib.z", "a/b/c/n.py") == "unknown"


@pytest.mark.parametrize(
    ("name", "text", "package"),
    [
        ("pyproject.toml", "[project]\nname = 'x'", "src/team"),
        ("pyproject.toml", "[project]\nname = 'x'", "team"),
        ("pyproject.toml", "[build-system]\n[tool.setuptools.package-dir]\n'' = 'lib'", "lib/team"),
        ("pyproject.toml", "[project]\n[tool.setuptools.packages.find]\nwhere=['lib']", "lib/team"),
        ("pyproject.toml", "[tool.poetry]\npackages=[{include='t',from='lib'}]", "lib/team"),
        (
            "pyproject.toml",
            "[project]\n[tool.hatch.build.targets.wheel]\npackages=['py/team']",
            "py/team",
        ),
        ("setup.cfg", "[metadata]\nname=x\n[options.packages.find]\nwhere = lib", "lib/team"),
        ("setup.cfg", "[options]\npackage_dir =\n    = lib", "lib/team"),
        ("setup.py", "setup(package_dir={'': 'lib'})", "lib/team"),
        ("setup.py", "setup(packages=find_packages(where='lib'))", "lib/team"),
        ("setup.py", "setup(packages=find_packages('lib', exclude=[]))", "lib/team"),
        ("setup.py", "raise SystemExit", "src/team"),
    ],
)
def test_wheels(tmp_path: Path, name: str, text: str, package: str) -> None:
    path = f"python/{package}/__init__.py"
    found = modules(tmp_path, {f"python/{name}": text, path: ""})
    assert where(found, "team") == path
    assert where(found, "team.x") == f"no team.x in python/{package}, "


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "[tool.ruff]"),
        ("pyproject.toml", "[[["),
        ("pyproject.toml", "tool = 1"),
        ("setup.cfg", "[flake8]\nx = 1"),
        ("setup.cfg", "junk"),
    ],
)
def test_no_wheels(tmp_path: Path, name: str, text: str) -> None:
    found = modules(tmp_path, {f"python/{name}": text, "python/team/__init__.py": ""})
    assert where(found, "team") == "unknown"


def test_a_wheel_elsewhere_must_surely_be_meant(tmp_path: Path) -> None:
    found = modules(tmp_path, {"python/setup.py": "", "python/agents/tools.py": ""})
    assert where(found, "agents.tools") == "python/agents/tools.py"
    assert where(found, "agents.tool") == "unknown"


def test_names(tmp_path: Path) -> None:
    text = """
import os, a.b, c as d
from e import f as g, h
from .other import *
x: int = 1
(y, [z]) = w[0].v = 1, [2]
def function(): inner = 1; global late; late = 1
async def coroutine(): ...
class Class: attribute = 1
if True:
    branch = 1
try:
    tried = 1
except OSError as gone:
    caught = 1
with open("x") as stream:
    for loop in stream:
        pass
while (walrus := 1):
    pass
match x:
    case {"k": captured, **rest}: pass
    case [*many]: pass
    case str() as whole: pass
"""
    found = modules(tmp_path, {"m.py": text, "other.py": "star = 1\n_private = 1"})
    names = found.names_of("m.py")
    assert " ".join(sorted(names.names)) == (
        "Class a branch captured caught coroutine d function g h late loop many os rest star "
        "stream tried walrus whole x y z"
    )
    assert (names.listed, names.submodules, names.open) == (None, frozenset(), False)


@pytest.mark.parametrize(
    "text",
    [
        "def __getattr__(name): ...",
        "globals().update(x=1)",
        "g = globals()",
        "fill(globals())",
        "def f():\n    globals()['x'] = 1",
        "exec('x = 1')",
        "locals()['x'] = 1",
        "import sys\nsys.modules['m'] = 1",
        "setattr(sys.modules[__name__], 'x', 1)",
        "from somewhere import *",
        "from m import *\nfrom nowhere import *",
        "from .. import *",
        "def (",
        "\x00",
    ],
)
def test_open(tmp_path: Path, text: str) -> None:
    assert modules(tmp_path, {"m.py": text}).names_of("m.py").open


@pytest.mark.parametrize(
    "text",
    [
        *(
            "class A:\n    def __getattr__(self): ...",
            "vars(x)",
            "con.exec('x')",
            "from m import *",
        ),
        *("globals().get(name)", "globals()[name]()", "if name in globals(): pass"),
        *("sys.modules[f.__module__]", "def f():\n    'exec(x), *globals()*'\n    locals()"),
    ],
)
def test_not_open(tmp_path: Path, text: str) -> None:
    assert not modules(tmp_path, {"m.py": text}).names_of("m.py").open


def test_unreadable_modules_are_open(tmp_path: Path) -> None:
    write(tmp_path, {"latin.py": b"x = '\xe9'", "large.py": b"#" * (2 * 1024 * 1024 + 1)})
    found = Modules(tmp_path, ["latin.py", "large.py", "gone.py"])
    for path in ("latin.py", "large.py", "gone.py"):
        assert found.names_of(path).open
    assert found.digest("latin.py") == hashlib.sha256(b"x = '\xe9'").hexdigest()
    assert found.digest("large.py") == found.digest("gone.py") == ""


def test_borrowed(tmp_path: Path) -> None:
    files = {"m.py": "from pyspark.sql.functions import *\nx = 1", "n.py": "from m import *"}
    found = modules(tmp_path, files)
    for path in files:
        names = found.names_of(path)
        assert (names.open, names.borrowed, "x" in names.names) == (True, True, True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 1\n_b = 2", {"a"}),
        ("__all__ = ['_b']\na = _b = 2", {"_b"}),
        ("__all__: list[str] = ['a']\n__all__ += ['b']", {"a", "b"}),
        ("__all__ = ['a'] + other", None),
        ("__all__ = ['a']\n__all__.append('b')", None),
        ("__all__ = ['a']\nexec('')", {"a"}),
        ("exec('')", None),
        ("from .sub import *", {"deep"}),
        ("from .hidden import *", set()),
        ("from .hidden import *\n__all__ = ('_h',)", {"_h"}),
    ],
)
def test_exports(tmp_path: Path, text: str, expected: set[str] | None) -> None:
    more = {"p/sub.py": "deep = 1", "p/hidden.py": "__all__ = ['_h']\n_h = h = 1"}
    found = modules(tmp_path, {"p/__init__.py": text, **more})
    assert found.exports("p", "n.py", Settings()) == expected
    assert found.exports("pandas", "n.py", Settings()) is None


def test_stars_in_a_circle(tmp_path: Path) -> None:
    found = modules(tmp_path, {"a.py": "from b import *\nx = 1", "b.py": "from a import *\ny = 1"})
    assert {"x", "y"} <= found.names_of("a.py").names


def facts(*imports: Import, search: tuple[str, ...] = ()) -> NotebookFacts:
    return NotebookFacts(NotebookKey("etl/n.py"), "", imports=imports, search_paths=search)


def test_edges(tmp_path: Path) -> None:
    files = ["team/__init__.py", "team/a.py", "team/sub/__init__.py", "etl/b.py", "lib/c.py"]
    found = modules(tmp_path, dict.fromkeys(files, ""))

    def edges(item: Import, *search: str) -> list[str]:
        known = list(found.edges(facts(item, search=search), Settings()))
        assert all(spot == SPOT for _, spot in known)
        return [path for path, _ in known]

    assert edges(Import("team.a", SPOT)) == ["team/__init__.py", "team/a.py"]
    names = (Name("a", SPOT), Name("sub", SPOT), Name("x", SPOT))
    whole = ["team/__init__.py", "team/a.py", "team/sub/__init__.py"]
    assert edges(Import("team", SPOT, names=names)) == whole
    assert edges(Import("team", SPOT, uses=names)) == whole
    assert edges(Import("b", SPOT)) == ["etl/b.py"]
    assert edges(Import("c", SPOT)) == []
    assert edges(Import("c", SPOT), "../lib") == ["lib/c.py"]
    assert edges(Import("pandas", SPOT)) == edges(Import("team.x", SPOT)) == []
    member = facts(Import("b", SPOT))._replace(key=NotebookKey("etl/x.dbc", "n"))
    assert list(found.edges(member, Settings())) == []


def test_imported_by(tmp_path: Path) -> None:
    text = "import os, helper\nfrom . import a\nfrom .sub.deep import x\nfrom .. import team\n"
    text += "def f():\n    import team.late\nfrom team import b"
    files = dict.fromkeys(
        [
            *("src/team/a.py", "src/team/b.py", "src/team/late.py", "src/team/sub/deep.py"),
            *("src/team/__init__.py", "src/team/helper.py", "helper.py"),
        ],
        "",
    )
    found = modules(tmp_path, {**files, "src/team/m.py": text})
    assert set(found.imported_by("src/team/m.py")) == {
        *("src/team/__init__.py", "src/team/a.py", "src/team/b.py", "src/team/late.py"),
        *("src/team/sub/deep.py", "src/team/helper.py"),
    }
    assert list(found.imported_by("gone.py")) == []


def test_settings_with_a_mapping_can_be_asked_twice(tmp_path: Path) -> None:
    found = modules(tmp_path, {"a.py": ""})
    settings = replace(Settings(), workspace_roots={"/x": "."})
    assert where(found, "a", settings=settings) == where(found, "a", settings=settings) == "a.py"
