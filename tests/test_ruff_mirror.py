"""The mirror tree: ruff finds in it what it finds beside the originals."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pytest_dbxgate.checks.python import ruff, ruff_mirror
from pytest_dbxgate.checks.python import style as python_style
from pytest_dbxgate.errors import ToolError
from pytest_dbxgate.languages.python.cells import synthetic
from pytest_dbxgate.notebook.magics import split_cell
from pytest_dbxgate.notebook.model import Cell, Format, Language, Notebook
from pytest_dbxgate.settings import Settings


def notebook(path: str, *sources: str, member: str | None = None) -> Notebook:
    language = Language.SQL if path.endswith(".sql") else Language.PYTHON
    cells = []
    for number, source in enumerate(sources, start=1):
        found = split_cell(source, language)
        cells.append(
            Cell(number, found.language, source, found.code, found.code_line, found.code_column)
        )
    kind = Format.SOURCE if member is None else Format.DBC
    return Notebook(path, kind, language, tuple(cells), b"", "", member=member)


def write_tree(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="")


def lint(
    root: Path, notebooks: Sequence[Notebook], sources: Sequence[str] = ()
) -> list[tuple[str, int | None, str, int | None, int | None]]:
    result = python_style.check(
        notebooks,
        lambda key: Settings(),
        root=root,
        sources=sources,
        broken=frozenset(),
        lint=True,
        format=False,
    )
    return sorted(
        (item.path, item.cell, item.code, item.cell_line, item.cell_column)
        for item in result.findings
    )


def codes(root: Path, *notebooks: Notebook, sources: Sequence[str] = ()) -> list[tuple[str, str]]:
    return [(item[0], item[2]) for item in lint(root, notebooks, sources)]


class LanguageServer:
    """Just enough of the language server protocol to ask ruff about notebooks in place."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None and process.stdout is not None
        self._in, self._out = process.stdin, process.stdout
        self._number = 0

    def notify(self, method: str, params: object) -> None:
        self._send({"method": method, "params": params})

    def ask(self, method: str, params: object) -> Any:
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        while True:
            message = self._receive()
            if message.get("id") == self._number and "method" not in message:
                return message["result"]
            if "id" in message:
                self._send({"id": message["id"], "result": None})

    def _send(self, message: Mapping[str, object]) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._in.write(b"Content-Length: %d\r\n\r\n%b" % (len(data), data))
        self._in.flush()

    def _receive(self) -> dict[str, Any]:
        length = 0
        while header := self._out.readline().strip():
            if header.lower().startswith(b"content-length:"):
                length = int(header.split(b":")[1])
        assert length, "ruff server has ended"
        message: dict[str, Any] = json.loads(self._out.read(length))
        return message


@contextmanager
def ruff_server(root: Path) -> Iterator[LanguageServer]:
    process = subprocess.Popen(
        [ruff.find(), "server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=root,
        env=ruff.environment(),
    )
    try:
        server = LanguageServer(process)
        server.ask(
            "initialize",
            {
                "processId": None,
                "rootUri": root.as_uri(),
                "workspaceFolders": [{"uri": root.as_uri(), "name": "root"}],
                "capabilities": {
                    "textDocument": {"diagnostic": {}},
                    "notebookDocument": {"synchronization": {}},
                },
            },
        )
        server.notify("initialized", {})
        yield server
        server.ask("shutdown", None)
        server.notify("exit", None)
        process.wait(10)
    finally:
        process.kill()
        process.communicate()


def ask_about(
    server: LanguageServer, root: Path, item: Notebook
) -> Iterator[tuple[str, int | None, str, int | None, int | None]]:
    """What ruff finds in the notebook at its original path."""
    uri = (root / item.path).as_uri()
    cells = [f"{uri}#{cell.number}" for cell in item.cells]
    server.notify(
        "notebookDocument/didOpen",
        {
            "notebookDocument": {
                "uri": uri,
                "notebookType": "jupyter-notebook",
                "version": 1,
                "cells": [{"kind": 2, "document": cell} for cell in cells],
            },
            "cellTextDocuments": [
                {"uri": uri, "languageId": "python", "version": 1, "text": cell.source}
                for uri, cell in zip(cells, item.cells, strict=True)
            ],
        },
    )
    for number, cell in enumerate(cells, start=1):
        answer = server.ask("textDocument/diagnostic", {"textDocument": {"uri": cell}})
        for found in answer["items"]:
            start = found["range"]["start"]
            code = found.get("code") or "invalid-syntax"
            yield item.path, number, code, start["line"] + 1, start["character"] + 1


CONFIGURED = {
    "ruff.toml": (
        'line-length = 100\nextend-exclude = ["legacy"]\n'
        '[lint]\nselect = ["E", "F", "I", "B", "RUF100"]\n'
        '[lint.per-file-ignores]\n"etl/*" = ["F401"]\n"**/quiet_*.py" = ["ALL"]\n'
    ),
    "shared/common.toml": (
        'target-version = "py38"\n[lint]\nselect = ["F", "I", "E501"]\n'
        '[lint.per-file-ignores]\n"../team/loose*.py" = ["F405"]\n'
    ),
    "team/pyproject.toml": (
        '[project]\nname = "team"\nrequires-python = ">=3.11"\n'
        '[tool.ruff]\nextend = "../shared/common.toml"\nline-length = 60\nsrc = ["src"]\n'
        '[tool.ruff.lint]\nextend-select = ["UP"]\n'
    ),
    "team/deep/.ruff.toml": 'builtins = ["handed_in"]\n[lint]\nselect = ["F405", "E711"]\n',
    "team/src/teamlib/__init__.py": "",
    "helpers.py": "",
}
SOURCES = ["helpers.py", "team/src/teamlib/__init__.py"]

BODY = (
    "import numpy\nimport helpers\nimport os, teamlib",
    "def f(x=[]):\n    return undefined == None\nx = 1; y = 2",
    "import json  # noqa: F401\nfrom typing import Optional, List\na: Optional[int] = None",
    "%pip install z\nimport sys  # noqa: E501\n%time sys.exit( )",
    "z = '" + "long " * 15 + "'",
    "match y:\n    case 1:\n        pass",
    "from helpers import *",
    "handed_in",
)


def test_findings_are_those_of_ruff_beside_the_originals(tmp_path: Path) -> None:
    write_tree(tmp_path, CONFIGURED)
    notebooks = [
        notebook(path, *BODY)
        for path in (
            "etl/load.py",
            "etl/quiet_one.py",
            "legacy/old.py",
            "top.py",
            "with [odd] name.py",
            "team/strict.py",
            "team/loose.py",
            "team/deep/nested.py",
            "team/deep/query.sql.py",
            "team/Book.ipynb",
        )
    ]
    for item in notebooks:
        write_tree(tmp_path, {item.path: "# Databricks notebook source\n"})
    expected: list[tuple[str, int | None, str, int | None, int | None]] = []
    with ruff_server(tmp_path) as server:
        for item in notebooks:
            expected += ask_about(server, tmp_path, item)
    assert {item[0] for item in expected} == {
        "etl/load.py",
        "top.py",
        "with [odd] name.py",
        "team/strict.py",
        "team/loose.py",
        "team/deep/nested.py",
        "team/deep/query.sql.py",
        "team/Book.ipynb",
    }
    assert lint(tmp_path, notebooks, SOURCES) == sorted(expected)


def test_first_party_imports_are_known_without_the_modules_text(tmp_path: Path) -> None:
    write_tree(tmp_path, {"ruff.toml": '[lint]\nselect = ["I"]\n', "helpers.py": "raise Boom"})
    item = notebook("a.py", "import numpy\n\nimport helpers")
    assert codes(tmp_path, item, sources=["helpers.py"]) == []
    assert codes(tmp_path, item) == [("a.py", "I001")]


def test_configuration_above_the_root_counts(tmp_path: Path) -> None:
    write_tree(tmp_path, {"pyproject.toml": '[tool.ruff.lint]\nselect = ["E702"]\n'})
    root = tmp_path / "one" / "two"
    root.mkdir(parents=True)
    assert codes(root, notebook("a.py", "x = 1; y = undefined")) == [("a.py", "E702")]


def test_extended_configuration_above_the_root_counts(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "house/rules.toml": '[lint]\nselect = ["E702"]\n',
            "project/ruff.toml": 'extend = "../house/rules.toml"\n',
        },
    )
    found = codes(tmp_path / "project", notebook("a.py", "x = 1; y = undefined"))
    assert found == [("a.py", "E702")]


def test_pyproject_without_a_table_for_ruff_is_no_configuration(tmp_path: Path) -> None:
    write_tree(tmp_path, {"pyproject.toml": '[project]\nname = "x"\nrequires-python = ">=3.7"\n'})
    item = notebook("a.py", "import os", "match 1:\n    case x:\n        x is 1")
    assert codes(tmp_path, item) == [("a.py", "F632")]


def test_requires_python_beside_ruff_toml_counts(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "pyproject.toml": '[project]\nname = "x"\nrequires-python = ">=3.9"\n',
            "ruff.toml": '[lint]\nselect = ["UP"]\n',
        },
    )
    item = notebook("a.py", "from typing import Optional\n\nx: Optional[int] = None")
    assert codes(tmp_path, item) == []
    write_tree(tmp_path, {"pyproject.toml": '[project]\nname = "x"\nrequires-python = ">=3.10"\n'})
    assert codes(tmp_path, item) == [("a.py", "UP045")]


def test_neither_environment_nor_home_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    write_tree(home, {"ruff/ruff.toml": '[lint]\nselect = ["ALL"]\n'})
    write_tree(home, {".config/ruff/ruff.toml": '[lint]\nselect = ["ALL"]\n'})
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("RUFF_OUTPUT_FORMAT", "github")
    monkeypatch.setenv("RUFF_NO_CACHE", "nonsense")
    root = tmp_path / "build" / "dist"
    root.mkdir(parents=True)
    # Neither the folder's name nor ruff's usual exclusions keep a notebook from being checked.
    found = codes(root, notebook("build/a.py", "x=1;y=2"), notebook("venv/b.py", "1 is 2"))
    assert found == [("venv/b.py", "F632")]


def test_configuration_that_writes_or_prints_otherwise_does_neither(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {"ruff.toml": 'fix = true\noutput-format = "github"\n[lint]\nselect = ["F401"]\n'},
    )
    assert codes(tmp_path, notebook("a.py", "import os")) == [("a.py", "F401")]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"ruff.toml": "[lint\n"}, "Failed to parse {root}ruff.toml"),
        ({"sub/ruff.toml": "colour = 1\n"}, "unknown field `colour`"),
        ({"pyproject.toml": '[tool.ruff.lint]\nselect = ["XYZ1"]\n'}, "Unknown rule selector"),
        ({"ruff.toml": 'extend = "gone.toml"\n'}, "{root}gone.toml"),
        ({"ruff.toml": 'required-version = "==0.0.1"\n'}, "Required version `==0.0.1`"),
    ],
)
def test_broken_configuration_is_told_by_its_own_name(
    tmp_path: Path, files: dict[str, str], told: str
) -> None:
    write_tree(tmp_path, files)
    with pytest.raises(ToolError) as caught:
        codes(tmp_path, notebook("sub/a.py", "x = 1"))
    message = str(caught.value)
    assert told.format(root=f"{tmp_path}{os.sep}") in message
    assert str(tmp_path / next(iter(files))) in message
    assert "dbxgate-" not in message
    assert f"next: mend {tmp_path / next(iter(files))} and run again" in message


def test_unreadable_pyproject_that_is_not_about_ruff_is_left_alone(tmp_path: Path) -> None:
    write_tree(tmp_path, {"pyproject.toml": "[project\n"})
    assert codes(tmp_path, notebook("a.py", "1 is 2")) == [("a.py", "F632")]


def test_archive_members_are_linted_with_the_configuration_around_the_archive(
    tmp_path: Path,
) -> None:
    write_tree(tmp_path, {"sub/ruff.toml": '[lint]\nselect = ["E702"]\n'})
    members = (
        "folder/one",
        "../../escape",
        "/etc/absolute",
        "A",
        "a",
        "new\nline",
        "",
        "dot.",
        "x" * 300,
    )
    notebooks = [notebook("sub/all.dbc", "x = 1; y = 2", member=name) for name in members]
    assert codes(tmp_path, *notebooks) == [("sub/all.dbc", "E702")] * len(members)
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["ruff.toml", "sub"]


def test_names_that_no_file_system_should_see(tmp_path: Path) -> None:
    item = notebook("a\nb/c\ud800.py", "1 is 2")
    assert codes(tmp_path, item) == [("a\nb/c\ud800.py", "F632")]


def test_layout_of_the_tree(tmp_path: Path) -> None:
    root, folder = tmp_path / "top" / "root", tmp_path / "mirror"
    write_tree(tmp_path, {"top/ruff.toml": "", "top/root/lib/x.py": "secret"})
    folder.mkdir()
    items = [notebook("a/b.py", "x"), notebook("c.SQL", "%python\nx"), notebook("d.ipynb", "x")]
    mirror = ruff_mirror.build(
        folder, items, root=root, sources=["lib/x.py", "a/b.py"], default="# ours\n"
    )
    for item in items:
        mirror.put(item.key, ["1"])
    files = {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }
    assert files == {
        "ruff.toml": b"# ours\n",
        "tree/ruff.toml": b"",
        "tree/root/a/b.py": synthetic(["1"]),
        "tree/root/c.SQL": synthetic(["1"]),
        "tree/root/d.ipynb": synthetic(["1"]),
        "tree/root/lib/x.py": b"",
    }
    assert mirror.base == tmp_path / "top"
    assert mirror.extensions == "SQL:ipynb,py:ipynb"
    assert mirror.configured == {item.key for item in items}
