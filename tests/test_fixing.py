from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pytest_dbxgate import fixing
from pytest_dbxgate.session import Gate
from support import ipynb, source, write


def fix(root: Path) -> tuple[list[str], list[str]]:
    """The notebooks that were fixed, and what was refused."""
    gate = Gate(root)
    fixes = fixing.plan(gate, gate.select_all())
    refused = fixing.apply(root, fixes.changes)
    return [change.path for change in fixes.changes], [*fixes.refusals, *refused]


def test_only_what_is_wrong_changes(tmp_path: Path) -> None:
    text = source("x=1", "# MAGIC %sql\n# MAGIC select  1", "y = 2").replace("\n", "\r\n")
    write(tmp_path, {"a.py": text, "b.py": source("y = 2")})
    assert fix(tmp_path) == (["a.py"], [])
    assert (tmp_path / "a.py").read_bytes() == text.replace("x=1", "x = 1").encode()
    assert fix(tmp_path) == ([], [])


def test_magic_prefixes_stay(tmp_path: Path) -> None:
    text = source("-- MAGIC %python\n-- MAGIC x=1\n-- MAGIC y = 2", suffix=".sql")
    write(tmp_path, {"a.sql": text})
    fix(tmp_path)
    assert (tmp_path / "a.sql").read_text() == text.replace("x=1", "x = 1")


def test_a_jupyter_notebook_is_spliced(tmp_path: Path) -> None:
    text = ipynb("x=1\ny = 2", "z = 3")
    write(tmp_path, {"a.ipynb": text})
    fix(tmp_path)
    assert (tmp_path / "a.ipynb").read_text() == text.replace("x=1", "x = 1")


def test_stored_outputs_are_emptied(tmp_path: Path) -> None:
    clean = ipynb("z = 3")
    output = '"outputs": [{"output_type": "stream", "name": "stdout", "text": ["secret"]}]'
    write(tmp_path, {"a.ipynb": clean.replace('"outputs": []', output)})
    assert fix(tmp_path) == (["a.ipynb"], [])
    assert "secret" not in (tmp_path / "a.ipynb").read_text()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_the_mode_stays(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": source("x=1")})
    (tmp_path / "a.py").chmod(0o751)
    fix(tmp_path)
    assert stat.S_IMODE((tmp_path / "a.py").stat().st_mode) == 0o751


def test_a_read_only_file_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": source("x=1")})
    (tmp_path / "a.py").chmod(0o444)
    assert fix(tmp_path) == (["a.py"], ["a.py: not fixed: it is read-only"])
    (tmp_path / "a.py").chmod(0o644)
    assert (tmp_path / "a.py").read_text() == source("x=1")


@pytest.mark.parametrize("setting", ['ignore = ["DBX150"]\n', 'ignore = ["a.py"]\n'])
def test_what_is_switched_off_is_not_fixed(tmp_path: Path, setting: str) -> None:
    write(tmp_path, {"a.py": source("x=1"), "dbxgate.toml": setting})
    assert fix(tmp_path) == ([], [])


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": source("x=1")})
    gate = Gate(tmp_path)
    fixes = fixing.plan(gate, gate.select_all())
    write(tmp_path, {"a.py": source("x=2")})
    assert fixing.apply(tmp_path, fixes.changes) == [
        "a.py: not fixed: it changed while it was checked"
    ]
    assert (tmp_path / "a.py").read_text() == source("x=2")


@pytest.mark.parametrize(
    "cell",
    [
        "import os",  # unused here, perhaps not where it is run
        "import os\nimport os",
        "def f():\n    x = 1",
    ],
)
def test_names_that_a_caller_may_need_stay(tmp_path: Path, cell: str) -> None:
    write(
        tmp_path,
        {
            "a.py": source(cell),
            "ruff.toml": 'lint.select = ["F"]\n',
        },
    )
    assert fix(tmp_path) == ([], [])


def test_imports_do_not_move_across_cells_or_pip(tmp_path: Path) -> None:
    text = source("import sys", "%pip install x", "import os\nimport ast")
    write(tmp_path, {"a.py": text, "ruff.toml": 'lint.select = ["I"]\n'})
    fix(tmp_path)
    expected = source("import sys", "%pip install x", "import ast\nimport os")
    assert (tmp_path / "a.py").read_text() == expected
