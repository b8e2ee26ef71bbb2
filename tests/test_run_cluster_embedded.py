"""Runs on a cluster against the embedded workspace's own runs of jobs, from end to end."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from fake_executor import FakeExecutor
from pytest_dbxgate.emulator.executing import TaskRun
from pytest_dbxgate.emulator.server import start
from pytest_dbxgate.execution.cluster.request import ClusterRequest
from support import source, write
from test_run_cluster import NOTHING, Time, World, request, states

TREE = {
    "dbxgate.toml": 'ignore = ["DBX150"]\n'
    '[run]\nnotebooks = ["nb"]\nexclude = ["nb/helper.py"]\n'
    'secrets = { "team/key" = "fake:known-to-a-few" }\n'
    'needs = { "nb/b.py" = ["nb/a.py"], "nb/after.py" = ["nb/bad.py"] }\n'
    '[[run.cases]]\nnotebook = "nb/b.py"\nname = "june"\n'
    'parameters = { day = "2024-06-30" }\nexpect_exit = "3 2024-06-30"\n'
    '[targets.local]\nroot = "/Shared/team/etl"\n',
    "ruff.toml": 'lint.select = ["E9"]\n',
    "nb/a.py": source(
        'assert dbutils.secrets.get("team", "key") == "known-to-a-few"',
        'spark.range(3).write.saveAsTable("numbers")\n',
    ),
    "nb/b.py": source(
        'rows = spark.table("numbers").count()',
        "dbutils.notebook.exit(f\"{rows} {dbutils.widgets.get('day')}\")",
    ),
    "nb/bad.py": source(
        'print("so far")', "# MAGIC %run ./helper", "x = 1\n\ncheck(x)", 'print("never")'
    ),
    "nb/helper.py": source('def check(number):\n    raise ValueError(f"no rows: {number}")\n'),
    "nb/after.py": source("x = 1\n"),
}


def test_pytest_runs_notebooks_in_the_embedded_workspace(pytester: pytest.Pytester) -> None:
    pytest.importorskip("pysail", reason="the extra local is not installed")
    write(pytester.path, dict(TREE))
    done = pytester.runpytest_subprocess(
        *("--dbx-only", "--dbx-run", "cluster", "--dbx-target", "local", "-m", "dbx_run", "-rA"),
        *("--dbx-json", "report.json"),
    )
    text = re.sub(r"\d+\.\d s", "0.0 s", done.stdout.str())
    assert done.ret == 1, text
    done.assert_outcomes(passed=2, failed=2)
    assert "nb/bad.py:12:1 DBX701 ValueError: no rows: 1" in text
    assert "  12 | check(x)\n" in text
    assert "nb/helper>, line 2, in check" in text
    assert "/files/nb/helper" not in text
    assert "nb/after.py:1:1 DBX705 a notebook that it depends on did not pass" in text
    assert "2 passed, 1 failed, 1 not started" in text
    report = json.loads((pytester.path / "report.json").read_text(encoding="utf-8"))
    found = {each["path"]: each for each in report["outcomes"]}
    assert {path: each["state"] for path, each in found.items()} == {
        "nb/a.py": "passed",
        "nb/b.py": "passed",
        "nb/bad.py": "failed",
        "nb/after.py": "not started",
    }
    assert found["nb/b.py"]["exit_value"] == "3 2024-06-30"
    assert "so far" in found["nb/bad.py"]["output"]
    assert nothing_is_left(pytester.path / ".dbxgate" / "workspace")


def nothing_is_left(data: Path) -> bool:
    """Of a run, in a workspace that was stopped since: no job, no copy, no run that goes on."""
    with start(data, executor=lambda contents: FakeExecutor()) as running:
        dump = running.dump()
        assert dump.jobs == {}
        assert [path for path in dump.objects if ".dbxgate-runs/" in path] == []
        # What went on at the stop would have been made an internal error by this start.
        (run,) = dump.runs.values()
        assert run["state"]["life_cycle_state"] == "TERMINATED"
    return True


class SlowTasks(FakeExecutor):
    """Each task takes some seconds of the test's clock."""

    def __init__(self, time: Time, seconds: float) -> None:
        super().__init__()
        self._time = time
        self._seconds = seconds
        self._going: list[tuple[float, TaskRun]] = []
        self.most_at_a_time = 0

    def start(self, task: TaskRun, report: object) -> None:
        super().start(task, report)  # type: ignore[arg-type]
        self._going.append((self._time.now + self._seconds, task))
        self.most_at_a_time = max(self.most_at_a_time, len(self._going))

    def cancel(self, run_id: int) -> None:
        super().cancel(run_id)
        self._going = [
            (self._time.now + 1 if task.run_id == run_id else when, task)
            for when, task in self._going
        ]

    def pass_time(self) -> None:
        """End what is due."""
        due = [task for when, task in self._going if when <= self._time.now]
        self._going = [one for one in self._going if one[1] not in due]
        for task in due:
            result = "CANCELED" if task.run_id in self.cancelled else "SUCCESS"
            self.end(task.context["taskKey"], result, value=task.parameters["name"])


class Served(World):
    """A workspace whose tasks take time, and what was asked of it when."""

    def __init__(self, data: Path, seconds: float) -> None:
        time = Time()
        self.fake = SlowTasks(time, seconds)
        running = start(
            data, executor=lambda contents: self.fake, clock=time.wall, monotonic=time.clock
        )
        running.edit("/Shared/team/theirs.py", "X = 1\n")
        super().__init__(running, time)
        self.looks: list[tuple[float, int]] = []
        real_sleep = time.sleep

        def sleep(seconds: float) -> None:
            self.looks.append((time.now, self.count()["jobs/runs/get"]))
            real_sleep(seconds)
            self.fake.pass_time()

        time.sleep = sleep  # type: ignore[method-assign]

    def count(self) -> Counter[str]:
        return Counter(entry.route for entry in self.running.log())

    def most_looks_a_minute(self) -> int:
        return max(
            count - next((before for then, before in self.looks if then >= now - 60), 0)
            for now, count in self.looks
        )

    def run_it(self, wanted: ClusterRequest) -> dict[str, str]:
        ran = self.run(self.client(), wanted)  # type: ignore[arg-type]
        assert ran.left == ()
        assert self.left() == NOTHING
        assert [outcome.exit_value for outcome in ran.outcomes] == [
            work.parameters["name"] for work in wanted.works
        ]
        return states(ran)


NAMES = [f"n{number:03}" for number in range(200)]


def test_two_hundred_notebooks_are_one_job(tmp_path: Path) -> None:
    world = Served(tmp_path, seconds=30)
    with world.running:
        found = world.run_it(request(NAMES, max_parallel=20))
        assert found == dict.fromkeys(NAMES, "passed")
        count = world.count()
        assert (count["jobs/create"], count["jobs/run-now"], count["jobs/delete"]) == (1, 1, 1)
        assert count["jobs/runs/get-output"] == 200
        assert count["jobs/runs/export"] == 0
        assert world.fake.most_at_a_time == 20
        assert world.time.now - 1000 > 300
        assert world.most_looks_a_minute() <= 12


def test_a_few_notebooks_are_looked_at_as_seldom(tmp_path: Path) -> None:
    world = Served(tmp_path, seconds=300)
    with world.running:
        world.run_it(request("abc", after={"c": "a"}))
        assert world.most_looks_a_minute() <= 12
        assert world.count()["jobs/runs/get-output"] == 3


@pytest.mark.parametrize("fault", ["lose-answer", "late"])
@pytest.mark.parametrize("route", ["jobs/create", "jobs/run-now", "jobs/delete"])
def test_a_lost_answer_leaves_nothing(tmp_path: Path, route: str, fault: str) -> None:
    world = Served(tmp_path, seconds=5)
    with world.running:
        world.running.add_faults({"match": {"route": route}, "do": fault, "after": 3})
        assert world.run_it(request("ab")) == {"a": "passed", "b": "passed"}
        world.running.flush_late()
        assert world.left() == NOTHING
        assert len(world.fake.keys()) == 2


@pytest.mark.parametrize("nth", range(1, 6))
def test_a_stale_look_changes_nothing(tmp_path: Path, nth: int) -> None:
    world = Served(tmp_path, seconds=5)
    with world.running:
        rule = {"match": {"route": "jobs/runs/get", "nth": nth}, "do": "stale"}
        world.running.add_faults(rule)
        assert world.run_it(request("ab", after={"b": "a"})) == {"a": "passed", "b": "passed"}


def test_a_signal_cancels_what_runs(tmp_path: Path) -> None:
    world = Served(tmp_path, seconds=1e9)
    with world.running:

        def cancelled() -> bool:
            return world.count()["jobs/runs/get"] >= 2

        ran = world.run(world.client(), request("ab"), cancelled=cancelled)  # type: ignore[arg-type]
        assert states(ran) == {"a": "cancelled", "b": "cancelled"}
        assert world.left() == NOTHING
