from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.resolving import Resolution, ResolutionKind, Resolver
from pytest_dbxgate.settings import Settings

FOUND, MISSING = ResolutionKind.FOUND, ResolutionKind.MISSING
FILE, EXTENSION, CASE = ResolutionKind.FILE, ResolutionKind.EXTENSION, ResolutionKind.CASE
OUTSIDE = Resolution(ResolutionKind.OUTSIDE)

NOTEBOOKS = [
    "main.py",
    "etl/orders.py",
    "etl/my orders.sql",
    "etl/1.config.ipynb",
    "etl/old.run.py",
    "shared/Setup.scala",
    "shared/deep/model.r",
]
OTHERS = ["etl/helpers.py", "etl/data.csv", "shared/notes.md", "README.md"]


def resolver(
    *,
    notebooks: list[str] | None = None,
    others: list[str] | None = None,
    settings: Settings | None = None,
) -> Resolver:
    keys = [
        NotebookKey(path, member or None)
        for path, _, member in (each.partition("::") for each in notebooks or NOTEBOOKS)
    ]
    chosen = settings or Settings()
    return Resolver(keys, OTHERS if others is None else others, lambda key: chosen)


def resolve(target: str, source: str = "etl/orders.py", **changes: Settings) -> Resolution:
    return resolver(**changes).resolve(NotebookKey(source), target)


class TestRelative:
    @pytest.mark.parametrize(
        ("target", "found"),
        [
            ("./my orders", "etl/my orders.sql"),
            ("my orders", "etl/my orders.sql"),
            ("./1.config", "etl/1.config.ipynb"),
            ("./old.run", "etl/old.run.py"),
            ("../main", "main.py"),
            ("../shared/Setup", "shared/Setup.scala"),
            ("../shared/./deep/../deep//model/", "shared/deep/model.r"),
            ("./orders", "etl/orders.py"),
        ],
    )
    def test_found(self, target: str, found: str) -> None:
        got = resolve(target)
        assert (got.kind, got.notebook, got.near) == (FOUND, NotebookKey(found), "")

    def test_from_the_root(self) -> None:
        assert resolve("etl/orders", "main.py").notebook == NotebookKey("etl/orders.py")

    @pytest.mark.parametrize("target", ["../../orders", "../..", "../../etl/orders"])
    def test_above_the_root_nobody_knows(self, target: str) -> None:
        assert resolve(target) == OUTSIDE

    @pytest.mark.parametrize(
        ("target", "path"),
        [
            ("./helpers", "etl/helpers.py"),
            ("./helpers.py", "etl/helpers.py"),
            ("./data.csv", "etl/data.csv"),
        ],
    )
    def test_a_plain_file(self, target: str, path: str) -> None:
        assert resolve(target) == Resolution(FILE, path)

    @pytest.mark.parametrize(
        ("target", "near"),
        [
            ("./orders.py", "./orders"),
            ("orders.PY", "./orders"),
            ("./old.run.py", "./old.run"),
            ("./1.config.py", "./1.config"),
            ("../shared/setup.scala", "../shared/Setup"),
        ],
    )
    def test_an_extension(self, target: str, near: str) -> None:
        got = resolve(target)
        assert (got.kind, got.near) == (EXTENSION, near)
        assert got.notebook is not None

    def test_upper_and_lower_case(self) -> None:
        assert resolve("../Shared/setup") == Resolution(
            CASE, "shared/Setup", NotebookKey("shared/Setup.scala"), "../shared/Setup"
        )

    def test_two_of_one_name(self) -> None:
        either = resolver(notebooks=["a.py", "a.ipynb", "b.py"])
        assert either.resolve(NotebookKey("b.py"), "./a").notebook == NotebookKey("a.ipynb")


class TestMissing:
    @pytest.mark.parametrize(
        ("target", "path", "near"),
        [
            ("./order", "etl/order", "./orders"),
            ("./config", "etl/config", "./1.config"),
            ("./model", "etl/model", "../shared/deep/model"),
            ("../share/Setup", "share/Setup", "../shared/Setup"),
            ("..\\shared\\Setup", "etl/..\\shared\\Setup", "../shared/Setup"),
            ("./nothing like it", "etl/nothing like it", ""),
            ("./", "etl", ""),
        ],
    )
    def test_the_nearest(self, target: str, path: str, near: str) -> None:
        assert resolve(target) == Resolution(MISSING, path, None, near)

    def test_the_closest_of_several(self) -> None:
        many = resolver(notebooks=["a/x/setup.py", "b/setup.py", "b/y/n.py"])
        assert many.resolve(NotebookKey("b/y/n.py"), "./setup").near == "../setup"

    def test_moved_and_renamed_only_below_one_top_folder(self) -> None:
        many = resolver(notebooks=["a/load_orders.py", "b/x/n.py", "b/read_invoices.py"])
        assert many.resolve(NotebookKey("b/x/n.py"), "./load_order").near == ""
        assert many.resolve(NotebookKey("b/x/n.py"), "./read_invoice").near == "../read_invoices"

    def test_thousands_are_answered_fast(self) -> None:
        many = resolver(notebooks=[f"a/note_{number}.py" for number in range(3000)])
        for number in range(3000):
            assert many.resolve(NotebookKey("a/note_1.py"), f"../b/other_{number}").kind is MISSING


class TestAbsolute:
    def mapped(self, roots: Mapping[str, str], **changes: str) -> Settings:
        return replace(Settings(), workspace_roots=roots, **changes)

    def test_without_a_root_nobody_knows(self) -> None:
        assert resolve("/Repos/team/project/main") == OUTSIDE

    @pytest.mark.parametrize("prefix", ["", "/Workspace"])
    @pytest.mark.parametrize("root", ["/Repos/team/project", "/Workspace/Repos/team/project/"])
    def test_with_a_root(self, prefix: str, root: str) -> None:
        settings = self.mapped({root: "."})
        got = resolve(f"{prefix}/Repos/team/project/etl/orders", settings=settings)
        assert (got.kind, got.notebook) == (FOUND, NotebookKey("etl/orders.py"))

    def test_the_longest_root_decides(self) -> None:
        settings = self.mapped({"/Repos": "shared", "/Repos/team": "etl"})
        assert resolve("/Repos/team/orders", settings=settings).kind is FOUND
        assert resolve("/Repos/Setup", settings=settings).kind is FOUND
        assert resolve("/Repository/Setup", settings=settings) == OUTSIDE

    def test_the_whole_workspace(self) -> None:
        assert resolve("/etl/orders", settings=self.mapped({"/": "."})).kind is FOUND

    @pytest.mark.parametrize("prefix", ["", "/Workspace"])
    def test_missing(self, prefix: str) -> None:
        settings = self.mapped({"/Repos/team": "etl"})
        assert resolve(f"{prefix}/Repos/team/order", settings=settings) == Resolution(
            MISSING, "etl/order", None, f"{prefix}/Repos/team/orders"
        )
        assert resolve(f"{prefix}/Repos/team/model", settings=settings).near == (
            "../shared/deep/model"
        )

    def test_relative_to_the_folder_of_the_settings(self) -> None:
        settings = self.mapped({"/Repos/team": "deep"}, folder="shared")
        got = resolve("/Repos/team/model", settings=settings)
        assert got.notebook == NotebookKey("shared/deep/model.r")
        assert resolve("/Repos/team/modle", settings=settings).near == "/Repos/team/model"

    def test_settings_above_the_root(self) -> None:
        settings = self.mapped({"/Repos/team": "."}, root_inside="data")
        assert resolve("/Repos/team/data/etl/orders", settings=settings).kind is FOUND
        assert resolve("/Repos/team/other/orders", settings=settings) == OUTSIDE
        assert resolve("/Repos/team/data/etl/order", settings=settings).near == (
            "/Repos/team/data/etl/orders"
        )


class TestArchives:
    MEMBERS = ("a.dbc::x/main", "a.dbc::x/lib/tools", "etl/orders.py", "b/n.py")

    def inside(self, target: str) -> Resolution:
        found = resolver(notebooks=list(self.MEMBERS), others=[])
        return found.resolve(NotebookKey("a.dbc", "x/main"), target)

    def test_among_its_members(self) -> None:
        assert self.inside("./lib/tools").notebook == NotebookKey("a.dbc", "x/lib/tools")
        assert self.inside("./lib/Tools").near == "./lib/tools"

    @pytest.mark.parametrize("target", ["./other", "../etl/orders", "etl/orders", "/x/main"])
    def test_everything_else_is_outside(self, target: str) -> None:
        assert self.inside(target) == OUTSIDE

    def test_what_an_archive_becomes_is_not_known(self) -> None:
        found = resolver(notebooks=list(self.MEMBERS), others=[])
        assert found.resolve(NotebookKey("b/n.py"), "../a/x/main") == OUTSIDE

    def test_but_a_folder_beside_it_is(self) -> None:
        found = resolver(notebooks=[*self.MEMBERS, "a/x/main.py"], others=[])
        assert found.resolve(NotebookKey("b/n.py"), "../a/x/mian").near == "../a/x/main"
