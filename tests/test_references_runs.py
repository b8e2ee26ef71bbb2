from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_dbxgate.checks.references import runs
from pytest_dbxgate.checks.references.claim import Claim
from pytest_dbxgate.notebook import formats
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project import graph
from pytest_dbxgate.project.extract import facts_of
from pytest_dbxgate.project.facts import Spot
from pytest_dbxgate.project.modules import Modules
from pytest_dbxgate.project.project import Project
from pytest_dbxgate.project.resolving import Resolver
from pytest_dbxgate.settings import Settings
from support import source

PAGES = Path(__file__).resolve().parent.parent / "docs" / "rules"
CODES = [f"DBX3{number:02}" for number in range(1, 11)]


def check(
    notebooks: Mapping[str, str],
    *keys: str,
    others: tuple[str, ...] = (),
    roots: Mapping[str, str] | None = None,
) -> list[Claim]:
    """What is claimed about ``keys``, or about all of ``notebooks`` (path -> text)."""
    settings = replace(Settings(), workspace_roots=roots or {})
    read = [each for path, text in notebooks.items() for each in formats.parse(path, text.encode())]
    facts = {notebook.key: facts_of(notebook) for notebook in read}
    project = Project(facts, frozenset(others), lambda key: settings, Modules(Path(), ()))
    resolver = Resolver(facts, others, project.settings)
    known = graph.Graph(graph.edges(project, resolver))
    chosen = [NotebookKey(each) for each in keys] if keys else list(facts)
    return runs.check(project, known, resolver, chosen)


def only(*cells: str, others: tuple[str, ...] = ()) -> Claim:
    """The only claim about ``etl/main.py`` with these cells, beside two other notebooks."""
    notebooks = {
        "etl/main.py": source(*cells),
        "etl/helpers.py": source("x = 1"),
        "etl/Load Orders.sql": source("SELECT 1", suffix=".sql"),
    }
    (claim,) = check(notebooks, others=others)
    assert claim.key == NotebookKey("etl/main.py")
    assert claim.severity is None
    return claim


def test_what_is_there_is_fine() -> None:
    cells = ("%run ./helpers", "%run Load Orders $x=1", 'dbutils.notebook.run("helpers", 1)')
    text = {"a.py": source(*cells), "helpers.py": source("x = 1"), "Load Orders.py": source("")}
    assert check(text) == []


class TestForm:
    def test_not_alone(self) -> None:
        assert only("# MAGIC %run ./helpers\n# MAGIC print(1)") == Claim(
            NotebookKey("etl/main.py"),
            "DBX301",
            "`%run` is not alone in its cell",
            Spot(1, 1, 6, 1, 15),
            "move the rest of the cell into a cell of its own",
        )

    def test_two_in_a_cell(self) -> None:
        claim = only("x = 1", "# MAGIC %run ./helpers\n# MAGIC %run ./Load Orders")
        assert (claim.code, claim.message) == ("DBX301", "2 `%run` in one cell")
        assert claim.spot == Spot(2, 2, 6, 2, 19)

    def test_without_a_path(self) -> None:
        claim = only("%run")
        assert (claim.code, claim.message) == ("DBX308", "`%run` names no notebook")
        assert claim.spot == Spot(1, 1, 1, 1, 5)

    def test_a_variable(self) -> None:
        claim = only("%run $path")
        assert (claim.code, claim.message) == ("DBX308", "`%run` takes no variable: `$path`")

    def test_an_open_quote(self) -> None:
        claim = only('%run "./nothing here')
        assert (claim.code, claim.message) == ("DBX309", "a quote of `%run` is not closed")


CALLS = ["%run {}", 'dbutils.notebook.run("{}", 60)']


@pytest.mark.parametrize("call", CALLS)
class TestTargets:
    def test_missing(self, call: str) -> None:
        claim = only("x = 1", call.format("./helper"))
        assert (claim.code, claim.message) == ("DBX302", "there is no notebook `etl/helper`")
        assert claim.hint == "did you mean `./helpers`?"
        assert (claim.spot.cell, claim.spot.line) == (2, 1)

    @pytest.mark.parametrize(
        ("target", "hint"),
        [
            ("./zzz", "a path is relative to the folder of the notebook it stands in"),
            ("Users/me/zzz", "a path from the top of the workspace begins with `/`"),
        ],
    )
    def test_nothing_near(self, call: str, target: str, hint: str) -> None:
        assert only(call.format(target)).hint == hint

    def test_missing_below_a_workspace_root(self, call: str) -> None:
        text = {"main.py": source(call.format("/Repos/x/zzz"))}
        (claim,) = check(text, roots={"/Repos/x": "."})
        assert (claim.code, claim.message) == ("DBX302", "there is no notebook `zzz`")
        assert claim.hint == "check the path, and workspace_roots in the settings"

    def test_a_plain_file(self, call: str) -> None:
        claim = only(call.format("./tools"), others=("etl/tools.py",))
        assert claim.code == "DBX303"
        assert claim.message == "`etl/tools.py` is a plain file, not a notebook"
        assert claim.hint == "begin it with `# Databricks notebook source`, or import it"

    def test_another_file(self, call: str) -> None:
        claim = only(call.format("./a.csv"), others=("etl/a.csv",))
        assert (claim.code, claim.hint) == ("DBX303", "name a notebook")

    def test_an_ending(self, call: str) -> None:
        claim = only(call.format("helpers.py"))
        assert claim.code == "DBX304"
        assert claim.message == "`helpers.py` carries a file ending; a notebook's path has none"
        assert claim.hint == "write `./helpers`"

    def test_case(self, call: str) -> None:
        claim = only(call.format("./load orders"))
        assert claim.code == "DBX305"
        assert claim.message == (
            "`./load orders` differs from the notebook's path in upper and lower case"
        )
        assert claim.hint == "write `./Load Orders`"

    @pytest.mark.parametrize(
        ("target", "hint"),
        [
            ("/Shared/a", "name the folder of the repository it stands for in workspace_roots"),
            ("../../a", "only a run on the workspace can tell whether it is there"),
        ],
    )
    def test_outside(self, call: str, target: str, hint: str) -> None:
        claim = only(call.format(target))
        assert (claim.code, claim.message) == ("DBX310", f"`{target}` is outside the repository")
        assert claim.hint == hint


class TestCalls:
    @pytest.mark.parametrize("path", ["path", "f'./{x}'", "''"])
    def test_what_is_not_known_is_not_judged(self, path: str) -> None:
        assert check({"a.py": source(f"dbutils.notebook.run({path}, 60)")}) == []

    def test_a_run_of_itself_may_end(self) -> None:
        assert check({"a.py": source("dbutils.notebook.run('./a', 60)")}) == []

    def test_relative_to_who_brings_the_notebook_in(self) -> None:
        inner = source("dbutils.notebook.run('./lib/load', 60)")
        notebooks = {"lib/setup.py": inner, "lib/load.py": source("x = 1")}
        assert [claim.code for claim in check(notebooks)] == ["DBX302"]
        assert check({**notebooks, "main.py": source("%run ./lib/setup")}) == []


class TestCircles:
    def test_itself(self) -> None:
        claim = only("%run ./main")
        assert (claim.code, claim.message) == ("DBX307", "`./main` is this notebook itself")

    def test_itself_with_an_ending(self) -> None:
        assert only("%run ./main.py").code == "DBX307"

    def test_each_member_sees_its_own_way_round(self) -> None:
        notebooks = {
            "a.py": source("%run ./lib/b"),
            "lib/b.py": source("x = 1", "%run ./c"),
            "lib/c.py": source("%run ../a"),
            "d.py": source("%run ./a"),
        }
        assert [(each.code, each.key.path, each.message) for each in check(notebooks)] == [
            ("DBX306", "a.py", "`%run` in a circle: a -> lib/b -> lib/c -> a"),
            ("DBX306", "lib/b.py", "`%run` in a circle: lib/b -> lib/c -> a -> lib/b"),
            ("DBX306", "lib/c.py", "`%run` in a circle: lib/c -> a -> lib/b -> lib/c"),
        ]
        (claim,) = check(notebooks, "lib/b.py")
        assert claim.spot == Spot(2, 1, 6, 1, 9)

    def test_a_long_one_is_cut_short(self) -> None:
        notebooks = {f"n{i}.py": source(f"%run ./n{(i + 1) % 20}") for i in range(20)}
        (claim,) = check(notebooks, "n0.py")
        assert claim.message == (
            "`%run` in a circle: n0 -> n1 -> n2 -> n3 -> n4 -> n5 -> n6 -> ... 12 more ... "
            "-> n19 -> n0"
        )

    def test_calls_make_no_circle(self) -> None:
        notebooks = {"a.py": source("%run ./b"), "b.py": source("dbutils.notebook.run('./a')")}
        assert check(notebooks) == []


def test_a_notebook_nobody_knows() -> None:
    assert check({"a.py": source("%run ./a")}, "job.yml") == []


@pytest.mark.parametrize("code", CODES)
def test_the_examples_of_the_pages(code: str) -> None:
    around = {
        "helpers.py": source("x = 1"),
        "second.py": source("%run ./first"),
        "first.py": source("%run ./second") if code == "DBX306" else source("x = 1"),
    }
    name = {"DBX306": "first.py"}.get(code, "main.py")

    def codes(heading: str) -> set[str]:
        page = (PAGES / f"{code}.md").read_text(encoding="utf-8")
        section = page.partition(f"## {heading}\n")[2].partition("\n## ")[0]
        (text,) = re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
        notebooks = {**around, name: f"# Databricks notebook source\n{text}"}
        return {claim.code for claim in check(notebooks, name, others=("tools.py",))}

    assert codes("Bad") == {code}
    assert codes("Good") == set()
