from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dbxgate.checks.metadata import names
from pytest_dbxgate.notebook.model import Format, Language, Notebook, NotebookKey
from pytest_dbxgate.settings import Settings

MEGABYTE = 1024 * 1024


def notebook(path: str = "a.py", **values: object) -> Notebook:
    given: dict[str, object] = {
        "format": Format.SOURCE,
        "language": Language.PYTHON,
        "cells": (),
        "data": b"",
        "digest": "",
    }
    return Notebook(path=path, **(given | values))  # type: ignore[arg-type]


def told(book: Notebook, settings: Settings | None = None) -> list[tuple[str, str]]:
    return [(item.code, item.message) for item in names.check(book, settings or Settings())]


def colliding(
    *paths: str, files: tuple[str, ...] = (), near_misses: tuple[str, ...] = ()
) -> list[tuple[str, str]]:
    keys = [NotebookKey(path) for path in paths]
    found = names.collisions(keys, files, near_misses=near_misses)
    return [(item.path, item.code) for item in found]


class TestSize:
    def test_at_the_limit(self) -> None:
        assert told(notebook(data=bytes(10 * MEGABYTE))) == []

    def test_over_the_limit(self) -> None:
        assert told(notebook(data=bytes(11 * MEGABYTE))) == [
            ("DBX210", "11.0 MB, an import takes 10 MB")
        ]

    def test_the_limit_is_a_setting(self) -> None:
        book = notebook(data=bytes(2 * MEGABYTE))
        assert [code for code, _ in told(book, Settings(max_size_mb=1))] == ["DBX210"]
        assert told(book, Settings(max_size_mb=0)) == []


class TestWindows:
    @pytest.mark.parametrize(
        ("path", "reason"),
        [
            ("etl/Part 2: Serving.py", "'Part 2: Serving.py' holds :"),
            ("what?/a.py", "'what?' holds ?"),
            ('a<b>"c.py', "'a<b>\"c.py' holds \" < >"),
            ("a\x01.py", "'a\\x01.py' holds the control character 1"),
            ("con.py", "'con.py' is a device's name"),
            ("etl/NUL.tar.py", "'NUL.tar.py' is a device's name"),
            ("com1/a.py", "'com1' is a device's name"),
            ("etl./a.py", "'etl.' ends in a dot"),
            ("etl /a.py", "'etl ' ends in a blank"),
        ],
    )
    def test_refused(self, path: str, reason: str) -> None:
        message = f"Windows cannot check the file out: {reason}"
        assert told(notebook(path)) == [("DBX212", message)]

    @pytest.mark.parametrize(
        "path", ["console.py", "com10/a.py", "a.b/c d.py", "01 - \u00fcber.py", "null.py"]
    )
    def test_taken(self, path: str) -> None:
        assert told(notebook(path)) == []

    def test_long_paths(self) -> None:
        folder = "f" * 100
        path = f"{folder}/{folder}/{'n' * 35}.py"
        assert len(path) == 240
        assert told(notebook(path)) == []
        message = "Windows cannot check the file out: the path has 241 characters, more than 240"
        assert told(notebook("x" + path)) == [("DBX212", message)]


class TestWorkspace:
    def test_a_long_name_in_bytes(self) -> None:
        book = notebook("a.dbc", format=Format.DBC, member="folder/" + "\u00e9" * 128)
        assert told(book) == [("DBX213", "a name in its path has 256 bytes, more than 255")]

    def test_a_slash_in_an_archived_name(self) -> None:
        book = notebook("a.dbc", format=Format.DBC, member="in_out", metadata={"name": "in/out"})
        assert told(book) == [("DBX213", "the notebook's name holds a /")]

    @pytest.mark.parametrize("path", ["...py", "etl/ .py"])
    def test_nothing_left_of_the_name(self, path: str) -> None:
        assert told(notebook(path)) == [
            ("DBX213", "without its ending nothing is left of the name")
        ]


class TestCollisions:
    def test_two_endings(self) -> None:
        assert colliding("etl/a.py", "etl/a.ipynb", "b/a.sql") == [
            ("etl/a.py", "DBX211"),
            ("etl/a.ipynb", "DBX211"),
        ]

    def test_the_message_names_the_other(self) -> None:
        (first, _) = names.collisions([NotebookKey("etl/a.py"), NotebookKey("etl/a.sql")])
        assert first.message == (
            'in a workspace its name is "a", and so is that of notebook etl/a.sql'
        )

    def test_a_folder(self) -> None:
        assert colliding("etl/a.py", "etl/a/b.py") == [("etl/a.py", "DBX211")]
        assert colliding("a.py", files=("a/readme.md",)) == [("a.py", "DBX211")]

    def test_a_plain_file_keeps_its_ending(self) -> None:
        assert colliding("a.sql", files=("a.py", "a.csv")) == []
        assert colliding("a.sql", files=("a",)) == [("a.sql", "DBX211")]
        assert colliding("a.py.sql", files=("a.py",)) == [("a.py.sql", "DBX211")]

    def test_a_near_miss_is_a_plain_file_and_keeps_its_ending(self) -> None:
        assert colliding("a.py", "a.sql", near_misses=("a.py",)) == []
        assert colliding("a.py", "a.sql", near_misses=("a.py", "a.sql")) == []
        assert colliding("a.py.sql", "a.py", near_misses=("a.py",)) == [("a.py.sql", "DBX211")]

    def test_a_near_miss_collides_on_windows_all_the_same(self) -> None:
        assert colliding("a.py", "A.py", near_misses=("a.py",)) == [
            ("a.py", "DBX212"),
            ("A.py", "DBX212"),
        ]

    def test_notebooks_among_the_files_do_no_harm(self) -> None:
        assert colliding("a.py", files=("a.py",)) == []

    def test_case_on_windows(self) -> None:
        assert colliding("etl/a.py", "etl/A.py", files=("ETL/a.py",)) == [
            ("etl/a.py", "DBX212"),
            ("etl/A.py", "DBX212"),
        ]

    def test_members_of_an_archive_stand_apart(self) -> None:
        keys = [NotebookKey("a.dbc", "f/x"), NotebookKey("a.dbc", "f/y"), NotebookKey("x.py")]
        assert names.collisions(keys, ["f/x"]) == []

    @given(st.lists(st.text("aAb./", min_size=1, max_size=8), max_size=6, unique=True))
    def test_any_paths_are_survived(self, paths: list[str]) -> None:
        keys = [NotebookKey(path) for path in paths]
        for finding in names.collisions(keys, paths):
            assert finding.path in paths
            assert finding.code in ("DBX211", "DBX212")
