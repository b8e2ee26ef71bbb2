"""The seeded mistakes are found, each where its comment says, and nothing else is."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.session import Gate, Outcome
from sample_expectations import Difference, Found, difference, expected
from samples import generate

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "tests" / "samples"
HAS_R = shutil.which("Rscript") is not None
NOT_WORTH_A_COMMENT = {"DBX170"}
"""Says what this machine lacks, not what is wrong with a sample."""


def gate(root: Path) -> Outcome:
    runner = Gate(root)
    return runner.run(runner.select_all())


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """The samples elsewhere, where this repository's own configuration is not above them."""
    root = tmp_path_factory.mktemp("samples") / "copy"
    shutil.copytree(SAMPLES, root)
    return root, gate(root)


def samples() -> list[str]:
    suffixes = {".py", ".sql", ".scala", ".r", ".ipynb", ".dbc", ".yml", ".json"}
    return sorted(
        file.relative_to(SAMPLES).as_posix()
        for file in SAMPLES.rglob("*")
        if file.suffix.lower() in suffixes and file.parent != SAMPLES
    )


@pytest.mark.parametrize("path", samples())
def test_exactly_what_the_comments_say(path: str, outcome: tuple[Path, Outcome]) -> None:
    if path.startswith("r/") and not HAS_R:
        pytest.skip("Rscript is not on the PATH")
    root, result = outcome
    found = [
        _found(finding)
        for finding in result.findings
        if finding.path == path and finding.code not in NOT_WORTH_A_COMMENT
    ]
    assert difference(expected(root / path), found) == Difference([], [])


def _found(finding: Finding) -> Found:
    return Found(finding.code, finding.line, finding.cell, finding.cell_line, finding.member)


def test_every_sample_was_gated(outcome: tuple[Path, Outcome]) -> None:
    gated = {key.path for key in outcome[1].results}
    assert set(samples()) - gated == {
        "clean/header_in_code.py",
        "references/team/orders.py",
        "references/tools.py",
    }


Writer = Callable[[Path], generate.Expected]


@pytest.mark.parametrize(
    "writer",
    [
        generate.write_bad_inputs,
        generate.write_large_inputs,
        generate.write_links,
        generate.write_unreadable,
        generate.write_names,
        generate.write_refused_names,
    ],
)
def test_bad_input_is_named_and_the_rest_is_checked(writer: Writer, tmp_path: Path) -> None:
    wanted = writer(tmp_path)
    if not wanted:
        pytest.skip("this system has no such files, or lets this user read everything")
    before = _contents(tmp_path)
    result = gate(tmp_path)
    found: dict[str, set[str]] = {path: set() for path in wanted}
    for finding in result.findings:
        found.setdefault(finding.path, set()).add(finding.code)
    assert found == {path: set(codes) for path, codes in wanted.items()}
    assert not [tool for tool in result.tools if tool.error]
    assert _contents(tmp_path) == before


def _contents(root: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(root)): file.read_bytes()
        for file in root.rglob("*")
        if file.is_file() and file.stat().st_mode & 0o400
    }


def test_nothing_of_a_repository_is_imported(pytester: pytest.Pytester) -> None:
    generate.write_traps(pytester.path)
    result = pytester.runpytest_subprocess("--dbx-gate")
    assert "failed" not in result.parseoutcomes()
    assert result.parseoutcomes()["passed"] > 3


def test_the_sample_lakehouse_is_clean(tmp_path: Path) -> None:
    root = tmp_path / "retail"
    shutil.copytree(ROOT / "sample_notebooks", root)
    result = gate(root)
    assert [item for item in result.findings if item.code not in NOT_WORTH_A_COMMENT] == []
    forms = Counter(item.format for item in result.results.values())
    assert forms == {"source": 13, "ipynb": 1, "dbc": 2, "bundle": 2, "job": 2}
