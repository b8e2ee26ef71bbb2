"""Items that pass take a shorter way, and nobody can tell but by the clock."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_dbxgate.collection import CheckItem
from pytest_dbxgate.passing import PassingPlugin
from support import XDIST, run, source, write

COUNT = """
import json
import pytest

from pytest_dbxgate.passing import PassingPlugin

shortened = []
report_of = PassingPlugin._report

def _report(self, item, when):
    shortened.append((item.nodeid, when))
    return report_of(self, item, when)

PassingPlugin._report = _report
"""
RECORD = (
    COUNT
    + """
seen = []

def pytest_runtest_logstart(nodeid, location):
    seen.append(["start", nodeid, *location])

def pytest_runtest_logreport(report):
    keywords = sorted(name for name in report.keywords if name.startswith("dbx"))
    told = [name for name, _ in report.user_properties]
    seen.append([report.when, report.nodeid, report.outcome, keywords, told])

def pytest_runtest_logfinish(nodeid, location):
    seen.append(["finish", nodeid, *location])

def pytest_sessionfinish(session):
    with open("seen.json", "w") as stream:
        json.dump([seen, shortened], stream)
"""
)
WATCH = """
watched = []

def pytest_runtest_setup(item):
    watched.append(item.nodeid)
    if item.name == "metadata":
        pytest.skip("not today")
"""
TEST = """
import pytest


@pytest.fixture(scope="session", autouse=True)
def lake():
    print("filled")
    yield
    print("emptied")
    open("emptied", "w").close()

def test_it(lake):
    pass
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    write(
        pytester.path,
        {
            "a.py": source("x = 1"),
            "b.py": source("x=1", "y = ("),
            "c.py": source("x = 2"),
            "tests/test_it.py": TEST,
            "pytest.ini": "[pytest]\ntestpaths = tests\n",
        },
    )
    return pytester


def recorded(pytester: pytest.Pytester) -> tuple[list[list[object]], list[list[str]]]:
    seen, shortened = json.loads((pytester.path / "seen.json").read_text(encoding="utf-8"))
    return seen, shortened


def test_nobody_can_tell(project: pytest.Pytester) -> None:
    write(project.path, {"conftest.py": RECORD})
    run(project, "--dbx-gate")
    seen, shortened = recorded(project)
    write(project.path, {"conftest.py": RECORD + "\ndef pytest_runtest_setup(item):\n    pass\n"})
    run(project, "--dbx-gate")
    assert recorded(project) == (seen, [])
    passed = [each[1] for each in seen if each[:1] == ["call"] and each[2] == "passed"]
    ours = [nodeid for nodeid in passed if str(nodeid).endswith(("syntax", "lint", "format"))]
    assert ours
    assert {nodeid for nodeid, _ in shortened} >= set(ours)
    assert "b.py::syntax" not in {nodeid for nodeid, _ in shortened}


def test_where_nobody_looks_the_calls_alone_are_reported(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    report_of = PassingPlugin._report

    def report(self: PassingPlugin, item: CheckItem, when: Any) -> pytest.TestReport:
        told.append(when)
        return report_of(self, item, when)

    monkeypatch.setattr(PassingPlugin, "_report", report)
    result = run(project, "--dbx-gate", "-v", "--durations=0", "-rA")
    result.assert_outcomes(passed=20, failed=2)
    assert told == ["call"] * 15
    told.clear()
    run(project, "--dbx-gate", "--junitxml=junit.xml")
    assert told == ["setup", "call", "teardown"] * 15
    told.clear()
    write(
        project.path, {"conftest.py": "def pytest_report_teststatus(report, config):\n    pass\n"}
    )
    run(project, "--dbx-gate")
    assert told == ["setup", "call", "teardown"] * 15


READ = """
import pytest

class Read:
    seen = []

    def pytest_runtest_logreport(self, report):
        self.seen.append(report.when)

    def pytest_sessionfinish(self):
        open("seen.txt", "w").write(" ".join(sorted(set(self.seen))))

def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Read())
"""


@pytest.mark.parametrize("more", ["", READ], ids=["nobody", "somebody"])
def test_workers_report_what_the_controlling_process_looks_at(
    project: pytest.Pytester, more: str
) -> None:
    counts = (
        "\n@pytest.hookimpl(tryfirst=True)\n"
        "def pytest_report_from_serializable(data):\n"
        "    open('phases.txt', 'a').write(data['when'] + ' ' + data['nodeid'] + '\\n')\n"
    )
    write(project.path, {"conftest.py": "import pytest\n" + more + counts})
    result = run(project, "--dbx-gate", "-n2")
    result.assert_outcomes(passed=20, failed=2)
    lines = (project.path / "phases.txt").read_text(encoding="utf-8").splitlines()
    ours = [line.split(" ") for line in lines if line.endswith("::lint")]
    calls_alone = [item for when, item in ours if (["setup", item] not in ours)]
    # The last item of a worker goes the long way.
    assert bool(calls_alone) is not bool(more)
    if more:
        seen = (project.path / "seen.txt").read_text(encoding="utf-8")
        assert seen == "call setup teardown"


def test_whoever_takes_part_is_asked(project: pytest.Pytester) -> None:
    write(project.path, {"conftest.py": RECORD + WATCH})
    result = run(project, "--dbx-gate", "-rs")
    seen, shortened = recorded(project)
    assert shortened == []
    assert ["setup", "a.py::metadata", "skipped", ["dbx", "dbx_metadata"], []] in seen
    result.stdout.fnmatch_lines(["SKIPPED*not today"])


def test_a_mark_of_somebody_else_decides(project: pytest.Pytester) -> None:
    mark = (
        "\ndef pytest_collection_modifyitems(items):\n"
        "    for item in items:\n"
        "        if item.nodeid == 'a.py::lint':\n"
        "            item.add_marker(pytest.mark.skip(reason='not today'))\n"
    )
    write(project.path, {"conftest.py": RECORD + mark})
    result = run(project, "--dbx-gate", "-rs")
    assert "a.py::lint" not in {nodeid for nodeid, _ in recorded(project)[1]}
    result.stdout.fnmatch_lines(["SKIPPED*not today"])


@XDIST
def test_fixtures_of_other_tests_are_torn_down(
    project: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    result = run(project, "--dbx-gate", "--capture=fd", *workers)
    result.assert_outcomes(passed=20, failed=2)
    assert "emptied" not in result.stdout.str()
    assert (project.path / "emptied").exists()
