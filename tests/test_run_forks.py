"""Forks of a process that is ready: as apart from each other as processes of their own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernel_support import Bench, gone
from pytest_dbxgate.execution.forks import Forks
from pytest_dbxgate.execution.outcome import RunState
from pytest_dbxgate.execution.process import child_environment
from pytest_dbxgate.execution.starting import LOST, Start

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there are forks on Linux only")


@pytest.fixture
def forks(tmp_path: Path) -> Iterator[Forks]:
    folder = tmp_path / "forks"
    made = Forks(folder, child_environment(folder, {"GIVEN": "yes"}))
    yield made
    made.stop()


@pytest.fixture
def own(tmp_path: Path, forks: Forks) -> Bench:
    """Runs of a server that no other test uses."""
    pytest.importorskip("IPython", reason="IPython is not installed")
    return Bench(tmp_path, forks.start)


WHO = (
    "import json, os, sys, tempfile\nprint(json.dumps([os.getppid(), os.getpid(), os.getpgid(0)]))"
)


def test_they_come_from_one_process_and_lead_a_group_each(bench: Bench) -> None:
    runs = [json.loads(bench.run(WHO).output) for _ in range(2)]
    assert runs[0][0] == runs[1][0] != os.getpid()
    assert all(pid == group for _, pid, group in runs)
    assert runs[0][1] != runs[1][1]


def test_each_has_a_home_and_an_environment_of_its_own(own: Bench) -> None:
    show = """
import os, tempfile
print(os.environ["HOME"], tempfile.gettempdir(), os.environ.get("GIVEN"), os.environ.get("SET"))
os.environ["SET"] = "by the first"
"""
    first, second = (own.run(show).output.split() for _ in range(2))
    assert first[0].endswith("run-1/home")
    assert first[1].endswith("run-1/tmp")
    assert second[0].endswith("run-2/home")
    assert second[1].endswith("run-2/tmp")
    assert first[2:] == second[2:] == ["None", "None"]


def test_what_one_changes_of_a_module_no_other_sees(bench: Bench) -> None:
    assert bench.run("import json\njson.dumps = None").state is RunState.PASSED
    assert bench.run("import json\nprint(json.dumps(1))").output == "1\n"


def test_chance_differs(bench: Bench) -> None:
    pytest.importorskip("numpy", reason="numpy is not installed")
    draw = "import random, numpy\nprint(random.random(), numpy.random.rand())"
    (one, two), (other, another) = (bench.run(draw).output.split() for _ in range(2))
    assert one != other
    assert two != another


def test_nothing_that_left_the_session_is_left(bench: Bench) -> None:
    """Not even what never became a program of its own: that is found by its mark, too."""
    end = bench.run(
        """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        time.sleep(600)
    os._exit(0)
time.sleep(0.5)
"""
    )
    assert end.state is RunState.PASSED
    # Python 3.12 and newer warn of a fork ahead of it.
    assert gone(int(end.output.split()[-1]))


def test_nothing_is_left_on_a_time_out_of_what_a_notebook_ran(bench: Bench) -> None:
    bench.notebook(WHO, "import time; time.sleep(600)", path="slow.py")
    bench.notebook(
        """
import os, pathlib
dbutils.notebook.run("slow", 1)
"""
    )
    end = bench.run()
    assert end.state is RunState.FAILED
    assert "TIMEDOUT" in end.failure.message if end.failure else False
    server, pid, group = json.loads(end.output.splitlines()[0])
    assert pid == group
    assert server != os.getpid()
    assert gone(pid)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os; os._exit(3)", "ended by itself (exit code 3)"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "was killed by SIGKILL"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "was killed by SIGSEGV"),
    ],
)
def test_how_one_ended_is_told(bench: Bench, code: str, words: str) -> None:
    end = bench.run(code)
    assert (end.state, end.message) == (
        RunState.FAILED,
        f"the process {words} before the notebook was done",
    )


def test_many_at_once_are_told_apart(start: Start, tmp_path: Path) -> None:
    outputs: dict[int, str] = {}

    def one(number: int) -> None:
        (tmp_path / f"of-{number}").mkdir()
        own = Bench(tmp_path / f"of-{number}", start)
        outputs[number] = own.run(f"import os\nprint({number})\nos._exit({number})").message

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outputs == {
        number: f"the process ended by itself (exit code {number}) before the notebook was done"
        for number in range(8)
    }


def test_without_the_server_there_is_a_new_python(own: Bench) -> None:
    server = json.loads(own.run(WHO).output)[0]
    os.kill(server, signal.SIGKILL)
    parent = json.loads(own.run(WHO).output)[0]
    assert parent == os.getpid()


def test_when_the_server_dies_no_notebook_is_blamed(own: Bench) -> None:
    end = own.run("import os, signal, time\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(600)")
    assert (end.state, end.message) == (
        RunState.PLATFORM,
        "the process that notebooks are forked from ended, and this one with it",
    )
    assert own.run("1").state is RunState.PASSED


def test_a_stop_ends_what_runs(tmp_path: Path) -> None:
    folder = tmp_path / "forks"
    forks = Forks(folder, child_environment(folder, {}))
    child = forks.start(tmp_path, child_environment(tmp_path / "own", {}))
    forks.stop()
    assert gone(child.pid)
    assert child.wait(10) == LOST
    for stream in (child.stdin, child.stdout):
        assert stream is not None
        with contextlib.suppress(BrokenPipeError):
            stream.close()


def test_a_package_imported_ahead_starts_spark_when_it_is_imported(bench: Bench) -> None:
    pytest.importorskip("pyspark", reason="pyspark is not installed")
    end = bench.run("import importlib\nimportlib.import_module('pys' + 'park.sql.types')")
    assert end.failure is not None
    assert end.failure.message.startswith("the engine does not answer")


def test_modules_of_the_repository_come_before_those_imported_ahead(bench: Bench) -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    bench.write("pandas.py", "OWN = 'its own'")
    bench.write("numpy/notes.txt", "no package")
    end = bench.run(WHO, "import pandas, numpy\nprint(pandas.OWN, numpy.arange(3).sum())")
    server, one, _ = json.loads(end.output.splitlines()[0])
    assert end.output.endswith("\nits own 3\n")
    # It became a new Python, and is ended like any other.
    assert server != os.getpid()
    assert gone(one)


def test_so_do_those_of_a_folder_that_the_notebook_adds(bench: Bench) -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    for name in ("pandas", "dateutil", "zoneinfo"):
        bench.write(f"lib/{name}/__init__.py", "OWN = 'its own'")
    end = bench.run(
        """
import sys
sys.path.insert(0, "lib")
import pandas, dateutil, zoneinfo, numpy
print(pandas.OWN, dateutil.OWN, zoneinfo.OWN, numpy.arange(3).sum())
"""
    )
    assert end.output == "its own its own its own 3\n"


def test_what_is_not_imported_yet_is_not_seen(bench: Bench) -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    end = bench.run(
        """
import sys
names = ("pandas", "numpy", "pyspark", "pyarrow", "tarfile")
print([name for name in names if name in sys.modules])
sys.modules["pyarrow"] = None
import pandas
print([name for name in names if name in sys.modules], sys.modules["pyarrow"])
from decimal import Decimal
print(pandas.Series([Decimal(1)]).sum(), pandas.DataFrame({"a": [1, 2]}).sum()["a"])
"""
    )
    assert end.output == "[]\n['pandas', 'numpy', 'pyarrow'] None\n1 3\n"


def test_an_import_of_what_was_imported_ahead_is_the_same_module(lake: Bench) -> None:
    end = lake.run(
        """
import pyspark.sql.types as types, pyspark, sys
from pyspark.sql import functions as F
print(pyspark.__spec__.name, types.__spec__.name, sys.modules["pyspark"] is pyspark)
print(isinstance(spark.range(1).schema, types.StructType), F.lit(1) is not None)
"""
    )
    assert end.output == "pyspark pyspark.sql.types True\nTrue True\n"
