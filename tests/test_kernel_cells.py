"""Cells run in order with IPython's semantics; failures are told in the cell's own lines."""

from __future__ import annotations

import os

import pytest

from kernel_support import Bench
from pytest_dbxgate.execution.outcome import CellPlace, RunState
from pytest_dbxgate.execution.process import ChildEnd


def failed(end: ChildEnd) -> str:
    """The failing cell, its line, its error and its message."""
    assert end.failure is not None, (end.message, end.output)
    place = end.failure.place
    return f"{place.path}:{place.cell}:{place.line} {end.failure.error}: {end.failure.message}"


def test_cells_share_names_and_show_their_last_value(bench: Bench) -> None:
    end = bench.run("x = 20", "%md\n# Not run", "print('x is', x)\nx + 1", "x;")
    assert end.state is RunState.PASSED, end
    assert end.output == "x is 20\n21\n"
    assert [time.place.cell for time in end.cells] == [1, 3, 4]
    assert end.exit_value is None


@pytest.mark.parametrize(
    ("cell", "output"),
    [
        ("import asyncio\nawait asyncio.sleep(0, 'done')", "'done'\n"),
        ("!echo from the shell", "from the shell\n"),
        ("files = !echo one\nprint(files[0])", "one\n"),
        ("%time 1 + 1", "2\n"),
        ("%%time\nx = 3\nprint(x)", "3\n"),
        ("%%capture out\nprint('hidden')", ""),
        ("%load_ext autoreload\n%autoreload 2\nprint('ok')", "ok\n"),
        ("%python\nprint('python')", "python\n"),
        ("%sh\necho one\nexit 3", "one\n"),
        ("%skip\nprint('no')", ""),
        ("# only a comment", ""),
        ("  x = 1\n  print(x)", "1\n"),
        ("%%writefile notes.txt\ntext", "Writing notes.txt\n"),
        ("from __future__ import annotations\ndef f(x: Missing): ...\nprint('lazy')", "lazy\n"),
    ],
)
def test_what_ipython_and_the_platform_know(bench: Bench, cell: str, output: str) -> None:
    end = bench.run(cell)
    assert end.state is RunState.PASSED, end
    kept = [line for line in end.output.splitlines(keepends=True) if "time" not in line]
    assert "".join(kept).replace("\r\n", "\n") == output


def test_automagic_reaches_our_magics(bench: Bench) -> None:
    end = bench.run("pip install pytest")
    assert end.state is RunState.PASSED, end
    assert end.output == "Requirement already satisfied: pytest\n"


def test_a_failure_names_the_cell_and_its_line(bench: Bench) -> None:
    bench.write("helper.py", "def half(x):\n    return x / 0\n")
    end = bench.run("import helper\n\ndef go():\n    return helper.half(1)", "\n# why\n\ngo()")
    assert end.state is RunState.FAILED
    assert failed(end) == "main.py:2:3 ZeroDivisionError: division by zero"
    assert end.failure is not None
    assert end.failure.traceback == (
        "  main.py cell 2, line 3",
        "    go()",
        "  main.py cell 1, line 4, in go",
        "    return helper.half(1)",
        "  helper.py, line 2, in half",
        "    return x / 0",
        "ZeroDivisionError: division by zero",
    )
    assert end.failure.source == "# why\n\ngo()"


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("x = 1\ny = (", "main.py:1:2 SyntaxError: '(' was never closed"),
        ("x = 1\nif x\n  y", "main.py:1:2 SyntaxError: expected ':'"),
        ("%nosuchmagic", "main.py:1:1 UsageError: Line magic function `%nosuchmagic` not found."),
        ("1\nmissing", "main.py:1:2 NameError: name 'missing' is not defined"),
        ("%%time\nx = 1\nmissing", "main.py:1:3 NameError: name 'missing' is not defined"),
        ("%%capture out\nmissing", "main.py:1:2 NameError: name 'missing' is not defined"),
        ("%time missing", "main.py:1:1 NameError: name 'missing' is not defined"),
        ("{}['key']", "main.py:1:1 KeyError: 'key'"),
        (
            "input('name?')",
            "main.py:1:1 StdinNotImplementedError: a notebook that is run has nobody to answer",
        ),
        (
            "import sys\nsys.exit(0)",
            "main.py:1:2 SystemExit: the notebook called exit(0), which fails a run; "
            "dbutils.notebook.exit(value) ends it early",
        ),
        (
            "exit()",
            "main.py:1:1 SystemExit: the notebook called exit(), which fails a run; "
            "dbutils.notebook.exit(value) ends it early",
        ),
        ("def f():\n    f()\nf()", "main.py:1:2 RecursionError: maximum recursion depth exceeded"),
        ("raise KeyboardInterrupt", "main.py:1:1 KeyboardInterrupt: "),
        ("%sh -e\nfalse\necho no", None),
    ],
)
def test_failures(bench: Bench, cell: str, message: str | None) -> None:
    end = bench.run(cell, "print('not reached')")
    assert end.state is RunState.FAILED
    assert "not reached" not in end.output
    assert end.failure is not None
    if message is None:
        assert end.failure.error == "CalledProcessError"
    else:
        found = failed(end)
        assert found == message


@pytest.mark.parametrize("language", ["scala", "r"])
def test_other_languages_need_a_cluster(bench: Bench, language: str) -> None:
    end = bench.run(f"%{language}", f"%{language}\nval x = 1")
    assert end.state is RunState.UNSUPPORTED
    name = {"scala": "Scala", "r": "R"}[language]
    assert failed(end) == f"main.py:2:2 NeedsClusterError: a cell in {name} needs a cluster"


def test_it_runs_in_the_notebooks_folder_and_imports_as_a_workspace_does(bench: Bench) -> None:
    bench.write("etl/near.py", "WHERE = 'beside the notebook'\n")
    bench.write("shared/near.py", "WHERE = 'no'\n")
    bench.write("shared/far.py", "WHERE = 'module root'\n")
    bench.write("lib/inside/__init__.py", "WHERE = 'appended'\n")
    cells = ["import os, near, far", "import sys\nsys.path.append('../lib')\nimport inside"]
    show = "print(os.path.basename(os.getcwd()), near.WHERE, far.WHERE, inside.WHERE, sep=', ')"
    bench.notebook(*cells, show, path="etl/main.py")
    end = bench.run(path="etl/main.py", module_roots=(".", "shared"))
    assert end.output == "etl, beside the notebook, module root, appended\n", end


def test_python_restarts_without_widgets_being_lost(bench: Bench) -> None:
    bench.write("helper.py", "VALUE = 1\n")
    end = bench.run(
        "import helper\nx = 1\ndbutils.widgets.text('a', 'kept')",
        "open('helper.py', 'w').write('VALUE = 2222')\n%restart_python\nprint('not reached')",
        "import helper\nprint('x' in globals(), helper.VALUE, dbutils.widgets.get('a'))",
        "dbutils.library.restartPython()",
        "helper",
        remote="",
    )
    assert end.output == "False 2222 kept\n"
    assert failed(end) == "main.py:5:1 NameError: name 'helper' is not defined"


def test_threads_and_forks_left_behind_change_nothing(bench: Bench) -> None:
    fork = (
        "import warnings\nwarnings.simplefilter('ignore')\n"
        "if os.fork() == 0:\n    print('in the fork', flush=True)\nelse:\n    os.wait()"
    )
    end = bench.run(
        "import os, threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()",
        fork if hasattr(os, "fork") else "print('in the fork')",
        "print('once')",
    )
    assert end.state is RunState.PASSED
    assert end.output == "in the fork\nonce\n"
    assert [time.place.cell for time in end.cells] == [1, 2, 3]


def test_a_notebook_that_changed_is_not_run(bench: Bench) -> None:
    end = bench.run("print('no')", digest="0" * 64)
    assert end.state is RunState.PLATFORM
    assert end.message == "main.py is not the notebook that was checked: it changed"
    assert end.output == ""


def test_a_notebook_that_is_missing(bench: Bench) -> None:
    end = bench.run()
    assert end.state is RunState.PLATFORM


def test_an_engine_that_is_missing_is_the_platforms_fault(bench: Bench) -> None:
    pytest.importorskip("pyspark", reason="pyspark is not installed")
    end = bench.run("x = 1", "spark.range(1)")
    assert end.state is RunState.PLATFORM
    assert failed(end).startswith("main.py:2:1 EngineError: the engine does not answer: ")
    assert "\n" not in failed(end)


def test_a_failure_keeps_the_end_of_the_output_and_few_lines(bench: Bench) -> None:
    end = bench.run("raise ValueError('\\n'.join(map(str, range(100))))")
    assert end.failure is not None
    assert end.failure.message.split("\n") == [*map(str, range(20)), "..."]


def test_a_place_of_an_ipynb(bench: Bench) -> None:
    bench.write(
        "main.ipynb",
        '{"cells": [{"cell_type": "code", "metadata": {}, "outputs": [], '
        '"execution_count": null, "source": ["x = 1\\n", "1 / 0"]}], "metadata": {}, '
        '"nbformat": 4, "nbformat_minor": 0}',
    )
    end = bench.run(path="main.ipynb")
    assert end.failure is not None
    assert end.failure.place == CellPlace("main.ipynb", 1, 2)


@pytest.mark.parametrize(
    "cells",
    [
        ["import sys\nsys.stdout = None\nsys.stderr = None"],
        ["import json\njson.dumps = None", "open = print = None"],
        ["globals().clear()", "x = 1"],
        ["import os\nos.chdir('/')\nos.environ.clear()"],
        ["list(range(2))", "assert _ == [0, 1]"],
    ],
)
def test_what_notebooks_do_to_their_process(bench: Bench, cells: list[str]) -> None:
    end = bench.run(*cells)
    assert end.state is RunState.PASSED, end
    assert [time.place.cell for time in end.cells] == list(range(1, len(cells) + 1))


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("import os\nos._exit(3)", "the process ended by itself (exit code 3)"),
        ("try:\n    1 / 0\nexcept Exception as e:\n    raise e from e", "division by zero"),
        ("raise type('Odd', (BaseException,), {})('base')", "base"),
        ("class E(Exception):\n    __str__ = None\nraise E", "its message cannot be shown"),
    ],
)
def test_ends_of_another_kind(bench: Bench, cell: str, message: str) -> None:
    end = bench.run(cell)
    assert end.state is RunState.FAILED
    assert end.failure is not None
    assert end.failure.message.startswith(message)
    assert end.failure.place.cell == 1
