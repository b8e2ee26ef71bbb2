"""On a build agent pytest's short summary says each failure in one line."""

from __future__ import annotations

import pytest

from support import XDIST, run, source, write


@XDIST
def test_one_line_a_failure(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    monkeypatch.setenv("CI", "true")
    write(pytester.path, {"a.py": source("x = (")})
    result = run(pytester, "--dbx-only", "--junitxml=report.xml", *workers)
    lines = result.stdout.lines
    assert lines.count("   2 | x = (") == 1
    at = next(n for n, line in enumerate(lines) if "short test summary" in line)
    assert lines[at + 1] == (
        "FAILED a.py::syntax - a.py:2:6 invalid-syntax unexpected EOF while parsing"
    )
    assert lines[at + 2].startswith("=")
    report = (pytester.path / "report.xml").read_text(encoding="utf-8")
    assert "   2 | x = (" in report


def test_other_failures_are_told_as_ever(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    test = "def test_it():\n    assert 0, 'a\\nb'\n"
    write(pytester.path, {"a.py": source("x = 1"), "tests/test_it.py": test})
    result = run(pytester, "--dbx-gate", "tests")
    result.stdout.fnmatch_lines(["FAILED tests/test_it.py::test_it - AssertionError: a", "  b"])
