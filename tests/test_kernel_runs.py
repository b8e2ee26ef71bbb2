"""``%run`` in place, and ``dbutils.notebook.run`` in a process of its own."""

from __future__ import annotations

import pytest

from kernel_support import Bench
from pytest_dbxgate.execution.outcome import CellPlace, RunState


def test_names_are_shared_both_ways(bench: Bench) -> None:
    bench.notebook("from_target = from_caller + 1", path="lib/target.py")
    end = bench.run("from_caller = 1", "%run ./lib/target", "print(from_target)")
    assert end.output == "2\n", end


@pytest.mark.parametrize(
    "target",
    [
        "./lib/target",
        "lib/target",
        '"./lib/target"',
        "'lib/target'",
        "/Workspace/Shared/retail/lib/target",
        "/Shared/retail/lib/target",
        "/Shared/retail/lib/../lib/target",
    ],
)
def test_targets(bench: Bench, target: str) -> None:
    bench.notebook("print('there')", path="lib/target.py")
    roots = {"/Workspace/Shared": "nothing", "/Shared/retail": "."}
    end = bench.run(f"%run {target}", workspace_roots=roots)
    assert end.output == "there\n", end


def test_parameters_are_widgets_of_the_target_only(bench: Bench) -> None:
    show = "print(dbutils.widgets.get('a'), dbutils.widgets.get('b'))"
    bench.notebook("dbutils.widgets.text('a', 'default')", show, path="target.py")
    end = bench.run(
        "dbutils.widgets.text('b', 'callers')",
        '%run ./target $a="one" $b=two',
        show,
        "%run ./target",
    )
    assert end.output == "one two\ndefault callers\ndefault callers\n", end


def test_a_failure_in_a_target_names_its_own_cell_and_the_way_there(bench: Bench) -> None:
    bench.notebook("x = 1", "\n1 / 0", path="lib/inner.py")
    bench.notebook("y = 1", "%run ./inner", path="lib/outer.py")
    end = bench.run("%run ./lib/outer", "print('not reached')")
    assert end.state is RunState.FAILED
    assert end.failure is not None
    assert end.failure.place == CellPlace("lib/inner.py", 2, 1)
    assert end.failure.chain == (CellPlace("main.py", 1, 1), CellPlace("lib/outer.py", 2, 1))
    assert end.output == ""


def test_a_function_of_a_target_that_fails_later(bench: Bench) -> None:
    bench.notebook("def f():\n    1 / 0", path="target.py")
    end = bench.run("%run ./target", "f()")
    assert end.failure is not None
    assert end.failure.place == CellPlace("main.py", 2, 1)
    assert end.failure.chain == ()
    assert end.failure.traceback[2] == "  target.py cell 1, line 2, in f"


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("%run ./nowhere", "Notebook not found: ./nowhere"),
        ("%run ../nowhere", "Notebook not found: ../nowhere (it lies outside of the repository)"),
        ("%run ./plain", "Notebook not found: ./plain"),
        (
            "%run ./main.py",
            "Notebook not found: ./main.py (in a workspace a notebook has no file ending)",
        ),
        ("%run ./$name", "%run names no notebook: a path cannot be a variable"),
        ("%run", "%run names no notebook: a path cannot be a variable"),
        ("%run ./main\nprint(1)", "%run must stand alone in its cell"),
        (
            "%run /Shared/other",
            "Notebook not found: /Shared/other (no folder of the repository stands there; "
            "the setting workspace_roots says which does)",
        ),
        ("%run ./main", "%run leads back to a notebook that runs already: main.py -> main.py"),
    ],
)
def test_runs_that_cannot_be_done(bench: Bench, cell: str, message: str) -> None:
    bench.write("plain.py", "x = 1\n")
    end = bench.run(cell)
    assert end.state is RunState.FAILED
    assert end.failure is not None
    assert (end.failure.error, end.failure.message) == ("RunError", message)


def test_circles_through_others_are_found(bench: Bench) -> None:
    bench.notebook("%run ./main", path="other.py")
    end = bench.run("%run ./other")
    assert end.failure is not None
    assert end.failure.message.endswith(": main.py -> other.py -> main.py")


def test_exit_ends_the_run_with_a_value(bench: Bench) -> None:
    end = bench.run(
        "try:\n    dbutils.notebook.exit(7)\nexcept Exception:\n    print('caught')",
        "print('not reached')",
    )
    assert (end.state, end.exit_value, end.output) == (RunState.PASSED, "7", "")


def test_exit_in_the_target_of_a_run_ends_the_whole_run(bench: Bench) -> None:
    bench.notebook("dbutils.notebook.exit('early')", path="target.py")
    end = bench.run("%run ./target", "print('not reached')")
    assert (end.state, end.exit_value, end.output) == (RunState.PASSED, "early", "")


def test_a_notebook_run_is_a_process_of_its_own(bench: Bench) -> None:
    bench.notebook(
        "print('not shown')",
        "dbutils.notebook.exit(dbutils.widgets.get('n') + str('x' in globals()))",
        path="lib/child.py",
    )
    end = bench.run(
        "x = 1\nvalue = dbutils.notebook.run('lib/child', 60, {'n': 5})\nprint(value)",
        "print(repr(dbutils.notebook.run('./lib/silent', 60)))",
    )
    assert end.output == "5False\n"
    assert end.failure is not None
    assert end.failure.message == "Notebook not found: ./lib/silent"


def test_a_child_that_fails(bench: Bench) -> None:
    bench.notebook("a = 1", "print('last words')\nraise ValueError('no')", path="child.py")
    end = bench.run("dbutils.notebook.run('child', 60)")
    assert end.failure is not None
    assert (end.failure.error, end.failure.message) == (
        "WorkflowException",
        "com.databricks.NotebookExecutionException: FAILED: child: child.py cell 2, line 2: "
        "ValueError: no",
    )
    assert end.output == "last words\n"


def test_a_child_that_takes_too_long(bench: Bench) -> None:
    bench.notebook("import time\ntime.sleep(600)", path="child.py")
    end = bench.run("dbutils.notebook.run('child', 1)")
    assert end.failure is not None
    assert end.failure.message.startswith(
        "com.databricks.NotebookExecutionException: TIMEDOUT: child: child.py cell 1, line 2: "
    )


def test_a_child_that_needs_a_cluster_makes_its_parent_need_one(bench: Bench) -> None:
    bench.notebook("%scala\nval x = 1", path="child.py")
    end = bench.run("dbutils.notebook.run('child', 60)")
    assert end.state is RunState.UNSUPPORTED
    assert end.failure is not None
    assert end.failure.message == (
        "child: child.py cell 1, line 2: NeedsClusterError: a cell in Scala needs a cluster"
    )


def test_notebooks_that_run_each_other_come_to_an_end(bench: Bench) -> None:
    end = bench.run("dbutils.notebook.run('main', 60)", depth=9)
    assert end.failure is not None
    assert "dbutils.notebook.run is nested more than 10 deep at main" in end.failure.message


def test_another_format_as_target(bench: Bench) -> None:
    bench.write("target.ipynb", _IPYNB)
    end = bench.run("%run ./target", "print(x)")
    assert end.output == "5\n", end


_IPYNB = (
    '{"cells": [{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": null, '
    '"source": ["x = 5"]}], "metadata": {}, "nbformat": 4, "nbformat_minor": 0}'
)


def test_a_time_out_names_the_line_that_ran(bench: Bench) -> None:
    bench.notebook("import time\n\ndef wait():\n    time.sleep(600)", path="helper.py")
    end = bench.run("x = 1", "%run ./helper", "print(x)\n\nwait()", timeout=1.5)
    assert end.state is RunState.TIMED_OUT
    assert end.failure is not None
    assert end.failure.place == CellPlace("main.py", 3, 3)
    bench.notebook("import time\ntime.sleep(600)", path="slow.py")
    within = bench.run("x = 1", "%run ./slow", timeout=1.5)
    assert within.failure is not None
    assert within.failure.place == CellPlace("slow.py", 1, 2)
    assert within.failure.chain == (CellPlace("main.py", 2, 1),)
