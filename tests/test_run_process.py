"""A child process: whatever it does, it ends, it is told how, and nothing of it is left."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from kernel_support import gone
from pytest_dbxgate.execution import process
from pytest_dbxgate.execution.outcome import CellPlace, RunState
from pytest_dbxgate.execution.process import ChildEnd, run_child
from pytest_dbxgate.execution.spec import Spec
from pytest_dbxgate.execution.starting import start_python

PRELUDE = """
import json, os, sys, time, signal, subprocess
spec = json.loads(sys.stdin.readline())
def tell(kind, **more):
    with open(spec["events_file"], "a") as stream:
        stream.write(json.dumps({"kind": kind, "time": 0, **more}) + "\\n")
"""
BEGUN = (
    PRELUDE
    + """
tell("start", digest="d")
tell("cell", path="a.py", member=None, cell=2, chain=[["main.py", 1, 1, None]])
"""
)


def child(
    folder: Path,
    code: str,
    *,
    timeout: float | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> ChildEnd:
    """What came of a child that runs ``code`` in place of a notebook."""
    spec = Spec(tree=str(folder), path="a.py", environment={"GIVEN": "yes"})
    start = partial(start_python, command=["-c", code])
    own = folder / "run"
    return run_child(spec, own, timeout=timeout, cancelled=cancelled, start=start)


def test_what_is_told_is_what_came_of_it(tmp_path: Path) -> None:
    end = child(
        tmp_path,
        BEGUN
        + """
print("hello")
tell("cell-done", seconds=1.5)
tell("notice", text="n"); tell("notice", text="n")
tell("task-value", name="rows", value=[1])
tell("end", state="passed", exit_value=5)
""",
    )
    assert (end.state, end.exit_value, end.digest) == (RunState.PASSED, "5", "d")
    assert end.output == "hello\n"
    assert end.notices == ("n",)
    assert end.task_values == {"rows": [1]}
    assert [(cell.place, cell.seconds) for cell in end.cells] == [(CellPlace("a.py", 2), 1.5)]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("os._exit(0)", "ended by itself (exit code 0)"),
        ("os._exit(3)", "ended by itself (exit code 3)"),
        pytest.param(
            "os.kill(os.getpid(), signal.SIGKILL)",
            "was killed by SIGKILL",
            marks=pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals"),
        ),
    ],
)
def test_a_process_that_ends_early_is_red(tmp_path: Path, code: str, words: str) -> None:
    end = child(tmp_path, BEGUN + code)
    assert end.state is RunState.FAILED
    assert end.message == f"the process {words} before the notebook was done"
    assert end.failure is not None
    assert (end.failure.place, end.failure.error) == (CellPlace("a.py", 2), "exit")
    assert end.failure.chain == (CellPlace("main.py", 1),)


def test_one_that_somebody_else_ended_was_not_cancelled(tmp_path: Path) -> None:
    end = child(tmp_path, BEGUN + "tell('end', state='cancelled')")
    assert end.state is RunState.FAILED
    assert end.message == "the process was asked to end (SIGTERM) before the notebook was done"
    assert end.failure is not None
    assert end.failure.place == CellPlace("a.py", 2)


def test_a_process_that_does_not_begin_is_no_fault_of_the_notebook(tmp_path: Path) -> None:
    end = child(tmp_path, "raise SystemExit('no such module')")
    assert end.state is RunState.PLATFORM
    assert end.message == "the process ended before the notebook began: no such module"


def test_one_that_never_ends_is_ended(tmp_path: Path) -> None:
    end = child(tmp_path, BEGUN + "time.sleep(600)", timeout=1.0)
    assert (end.state, end.message) == (RunState.TIMED_OUT, "it did not end within 1 s")
    assert end.failure is not None
    assert end.failure.place == CellPlace("a.py", 2)


def test_one_that_does_not_listen_is_ended_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GRACE", 0.2)
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: time.sleep(1)"
    assert child(tmp_path, BEGUN + deaf, timeout=1.0).state is RunState.TIMED_OUT


def test_the_cell_that_ran_is_told_though_the_process_had_time_to_end_it(tmp_path: Path) -> None:
    code = (
        BEGUN
        + """
def late(*_):
    with open(spec["events_file"], "a") as stream:
        for kind in ("cell-done", "end"):
            told = {"kind": kind, "time": time.time(), "state": "cancelled"}
            stream.write(json.dumps(told) + "\\n")
    os._exit(0)
signal.signal(signal.SIGTERM, late)
time.sleep(600)
"""
    )
    end = child(tmp_path, code, timeout=1.0)
    assert end.failure is not None
    assert (end.state, end.failure.place) == (RunState.TIMED_OUT, CellPlace("a.py", 2))


def test_a_cancel_is_told(tmp_path: Path) -> None:
    begun = tmp_path / "run" / "events.jsonl"
    end = child(tmp_path, BEGUN + "time.sleep(600)", cancelled=begun.exists)
    assert (end.state, end.message) in [
        (RunState.CANCELLED, "it was cancelled"),
        (RunState.CANCELLED, "it was cancelled before it began"),
    ]


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="this system has no /proc")
def test_nothing_that_it_started_is_left(tmp_path: Path) -> None:
    """Not its children, and not those that left its session either."""
    code = (
        BEGUN
        + """
one = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
two = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                       start_new_session=True)
print(one.pid, two.pid, flush=True)
tell("end", state="passed")
"""
    )
    end = child(tmp_path, code)
    assert end.state is RunState.PASSED
    for pid in map(int, end.output.split()):
        assert gone(pid)


def test_of_much_output_the_end_is_kept(tmp_path: Path) -> None:
    code = (
        BEGUN
        + """
for _ in range(2000): sys.stdout.write("x" * 10_000)
sys.stdout.write("the end\\n")
tell("end", state="passed")
"""
    )
    end = child(tmp_path, code)
    assert end.output.endswith("the end\n")
    assert len(end.output) < process.OUTPUT_BYTES + 100
    left = 2000 * 10_000 + len("the end\n") - process.OUTPUT_BYTES
    assert end.output.startswith(f"[{left:,} bytes before this are left out]\n")


def test_bytes_that_are_no_text_are_shown(tmp_path: Path) -> None:
    end = child(tmp_path, BEGUN + "os.write(1, b'a\\xffb')\ntell('end', state='passed')")
    assert end.output == "a\ufffdb"


def test_it_sees_no_token_and_nothing_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABRICKS_TOKEN", "canary-0123456789")
    monkeypatch.setenv("SYSTEM_ACCESSTOKEN", "canary-0123456789")
    code = BEGUN + "print(json.dumps(dict(os.environ)))\ntell('end', state='passed')"
    output = child(tmp_path, code).output
    assert "canary" not in output
    assert '"GIVEN": "yes"' in output
    assert str(Path.home()) not in output.replace(os.environ.get("PATH", ""), "")


@pytest.mark.parametrize(
    "event",
    [
        '"kind": "end", "state": "splendid"',
        '"kind": "end", "state": "failed", "failure": {"place": 1}',
    ],
)
def test_what_is_damaged_is_never_green(tmp_path: Path, event: str) -> None:
    code = BEGUN + f"open(spec['events_file'], 'a').write('''{{{event}}}\\n''')"
    end = child(tmp_path, code)
    assert (end.state, end.message) == (RunState.PLATFORM, "what the process told is damaged")
