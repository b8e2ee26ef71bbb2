"""No secret that is found reaches the terminal, a report, the baseline or the cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from planted_secrets import Planted, plant
from pytest_dbxgate import drawing
from pytest_dbxgate.codes import Check
from pytest_dbxgate.reporting import frames, json_report
from pytest_dbxgate.session import Gate
from support import write


def placed(root: Path, planted: list[Planted]) -> dict[str, Planted]:
    """Write each into a folder of its own."""
    files = {f"p{number:03}/{each.path}": each for number, each in enumerate(planted)}
    write(root, {path: each.data for path, each in files.items()})
    return files


def parts(planted: Planted) -> list[str]:
    """What of a secret must not be seen: each of its lines, if it is not too short to tell."""
    lines = planted.value.split("\n")
    return [line for line in lines if len(line) >= 6 and not line.startswith("-----")]


def leaked(
    files: dict[str, Planted], found: set[tuple[str, str]], texts: dict[str, str]
) -> list[str]:
    return [
        f"{planted.label} in {name}"
        for path, planted in files.items()
        if (path, planted.code) in found
        for name, text in texts.items()
        if any(part in text for part in parts(planted))
    ]


def test_every_kind_in_every_form_through_the_whole_gate(tmp_path: Path) -> None:
    planted = plant(5)
    root = tmp_path / "root"
    files = placed(root, planted[::4])
    cache = tmp_path / "cache.json"
    gate = Gate(root, cache_file=cache)
    selection = {
        key: checks & {Check.SECRETS, Check.METADATA, Check.REFERENCES}
        for key, checks in gate.select_all().items()
    }
    outcome = gate.run(selection)
    found = {(each.path, each.code) for each in outcome.findings}
    missed = [each.label for path, each in files.items() if (path, each.code) not in found]
    assert len(missed) <= 0.05 * len(files), missed
    gate.record(outcome, selection).write(tmp_path / "baseline.json")
    report = json_report.build(outcome.results.values(), outcome.findings, outcome.states, {})
    json_report.write(tmp_path / "report.json", report)
    drawing.write(tmp_path / "graph.svg", gate.survey().subject, outcome.findings)
    texts = {
        name: (tmp_path / name).read_text(encoding="utf-8")
        for name in ("cache.json", "baseline.json", "report.json", "graph.svg")
    }
    texts["frames"] = "\n".join(map(frames.frame, outcome.findings))
    texts["findings"] = repr(outcome.findings)
    assert leaked(files, found, texts) == []
    # The cache says the same.
    assert Gate(root, cache_file=cache).run(selection).findings == outcome.findings


def test_nothing_of_it_is_printed(pytester: pytest.Pytester) -> None:
    chosen: dict[str, Planted] = {}
    for each in plant(7):
        if each.code in ("DBX601", "DBX604", "DBX608"):
            chosen.setdefault(f"{each.form} {each.code}", each)
    files = placed(pytester.path, list(chosen.values()))
    assert len(files) >= 30
    arguments = ("--dbx-only", "-vv", "-rA", "--showlocals", "--junitxml=junit.xml")
    outputs = ("--dbx-json=report.json", "--dbx-write-baseline=baseline.json", "--dbx-graph=g.md")
    done = pytester.runpytest_subprocess("-p", "no:randomly", *arguments, *outputs)
    failing = pytester.runpytest_subprocess("-p", "no:randomly", *arguments)
    report = pytester.path / "report.json"
    assert failing.ret == pytest.ExitCode.TESTS_FAILED
    texts = {"stdout": done.stdout.str() + failing.stdout.str(), "stderr": failing.stderr.str()}
    for file in [report, *pytester.path.glob("*.*"), *pytester.path.rglob(".pytest_cache/**/*")]:
        if file.is_file():
            texts[file.name] = file.read_bytes().decode("utf-8", "replace")
    assert {"junit.xml", "report.json", "baseline.json", "g.md", "results.json"} <= texts.keys()
    found = {
        (path, planted.code)
        for path, planted in files.items()
        if f"{path}" in failing.stdout.str() and planted.code in failing.stdout.str()
    }
    assert len(found) >= 0.95 * len(files)
    assert leaked(files, found, texts) == []
