"""Reading what ``ruff format --diff`` prints: the same texts as the formatter writes in place."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_dbxgate.checks.python import ruff, ruff_diff
from pytest_dbxgate.languages.python.cells import synthetic

LINES = st.sampled_from(
    [
        "x=1",
        "x = 1",
        "",
        "-- x",
        "--- a:cell 1",
        "+++ a.ipynb:cell 1",
        "@@ -1 +1 @@",
        "y = '''a\rb  c'''",
        "z = 'a'\x0c",
        "# \u2028 a",
        "k=1;",
        "def f( ):pass",
        "if x :\n  y = 1\nelse:\n   y=2",
        "w = [1,\n2]\r\n",
        "%time x=1",
        "(",
    ]
)
CELLS = st.lists(st.lists(LINES, max_size=12), min_size=1, max_size=6)


def _ruff(folder: Path, *options: str) -> bytes:
    command = [ruff.find(), "format", "--isolated", "--no-cache", *options, "a.ipynb"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).stdout


def _texts(file: Path) -> list[str]:
    cells = json.loads(file.read_bytes())["cells"]
    return ["".join(cell["source"]) for cell in cells]


@given(CELLS)
@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_the_diff_tells_what_the_formatter_writes(tmp_path: Path, cells: list[list[str]]) -> None:
    texts = ["\n".join(lines) for lines in cells]
    file = tmp_path / "a.ipynb"
    file.write_bytes(synthetic(texts))
    diff = _ruff(tmp_path, "--diff").decode()
    told = {item.cell: item.apply(texts[item.cell - 1]) for item in ruff_diff.read(diff)}
    _ruff(tmp_path)
    written = _texts(file)
    expected = {
        number: new
        for number, (old, new) in enumerate(zip(texts, written, strict=True), start=1)
        if old != new
    }
    assert told == expected


def test_a_diff_of_another_text_does_not_fit() -> None:
    (found,) = ruff_diff.read("--- a:cell 2\n+++ a:cell 2\n@@ -1 +1 @@\n-x=1\n+x = 1\n")
    assert (found.file, found.cell, found.apply("x=1")) == ("a", 2, "x = 1")
    with pytest.raises(ValueError, match="cell 2 does not fit"):
        found.apply("x=2")


@pytest.mark.parametrize("rest", ["", "-x=1\n", "-x=1\n?\n"])
def test_a_diff_that_breaks_off_is_no_diff(rest: str) -> None:
    with pytest.raises(ValueError, match="breaks off"):
        list(ruff_diff.read(f"--- a:cell 1\n+++ a:cell 1\n@@ -1 +1 @@\n{rest}"))
