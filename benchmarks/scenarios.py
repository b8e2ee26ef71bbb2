"""The benchmarks, one function each; every one returns rows of ratios."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable, Mapping, Sequence

import bare_tools
import planted
import project_cost
import trees
from gate import Bench, BenchmarkError
from measure import Run, run
from setup import Setup
from table import Row

from pytest_dbxgate.notebook import formats
from pytest_dbxgate.notebook.model import Language

LARGE = 1667
"""Notebooks of the benchmark of failing items: 10,000 items."""
FAILING = 1000
"""Of these, the ones in which three of six items fail: 3,000 items."""


def gate(setup: Setup) -> list[Row]:
    """Cold, warm, one changed notebook, in one process and in two workers."""
    bench = setup.bench
    bench.items()  # warms the disk's cache for all of them
    # The tools know nothing of other files and of secrets.
    alike = setup.beside("alike", *project_cost.WITHOUT).bench
    actions = {
        "baseline": lambda: bench.empty().seconds,
        "baseline, the tools' checks": lambda: alike.empty().seconds,
        "cold": lambda: _cold(bench),
        "cold, the tools' checks": lambda: _cold(alike),
        "warm": lambda: bench.gate().seconds,
    }
    parallel = {
        "baseline -n 2": lambda: bench.empty("-n", "2").seconds,
        "cold -n 2": lambda: _cold(bench, "-n", "2"),
        "warm -n 2": lambda: bench.gate("-n", "2").seconds,
    }
    if importlib.util.find_spec("xdist") is None:
        setup.say("pytest-xdist is not installed: -n 2 was not measured")
        parallel = {}
    with bare_tools.prepared(bench.tree, bench.scratch) as bare_run:
        took = setup.medians_of({**actions, "bare tools": bare_run, **parallel})
    bare, everything = took["bare tools"], took["cold"] - took["baseline"]
    checks = took["cold, the tools' checks"] - took["baseline, the tools' checks"]
    rows = [
        Row("the tools' checks, cold - baseline", checks, "bare tools", bare, "at most 1.2"),
        Row("all checks, cold - baseline", everything, "bare tools", bare),
        _row(took, "cold", "baseline"),
        _row(took, "warm", "baseline", "at most 1.5"),
        *_changed(setup, took["warm"]),
    ]
    if parallel:
        rows += [
            _row(took, "cold -n 2", "cold", "at most 1.2"),
            _row(took, "warm -n 2", "baseline -n 2", "at most 1.2"),
        ]
    return rows


def _row(took: Mapping[str, float], name: str, against: str, goal: str = "") -> Row:
    return Row(name, took[name], against, took[against], goal)


def _cold(bench: Bench, *arguments: str) -> float:
    bench.forget()
    return bench.gate(*arguments).seconds


def _changed(setup: Setup, warm: float) -> list[Row]:
    """What the change of one notebook costs, and what the gate costs for that one alone."""
    bench = setup.bench
    python = [path for path in bench.items() if path.endswith(".py")]
    if not python:
        setup.say("no Python notebook in the tree: one changed notebook was not measured")
        return []
    path = python[len(python) // 2]
    numbers = iter(range(1_000_000))

    def once() -> float:
        trees.change(bench.tree / path, next(numbers))
        return bench.gate().seconds

    def alone() -> float:
        bench.forget()
        return bench.gate(only=path).seconds - bench.gate(only=path).seconds

    changed = setup.median_of("one changed notebook", once)
    one = setup.median_of("one notebook alone, cold - warm", alone)
    goal = "about 1"
    return [Row("one changed notebook - warm", changed - warm, "the same one alone", one, goal)]


def memory(setup: Setup) -> list[Row]:
    """The largest process of a cold run."""
    bench = setup.bench
    bench.forget()
    cold = bench.gate().memory_mb
    base = bench.empty().memory_mb
    if not cold:
        setup.say("this system does not tell how much memory a process took")
        return []
    goal = "under 500 MB"
    return [Row("largest process, cold", cold, "baseline", base, goal, unit="MB")]


def failures(setup: Setup) -> list[Row]:
    """3,000 failing items of 10,000 against none, both warm."""
    passing, failing = setup.on("passing"), setup.on("failing")
    trees.synthesise_failing(passing.bench.tree, LARGE, 0)
    trees.synthesise_failing(failing.bench.tree, LARGE, FAILING)
    _expect(passing.bench.gate(), failed=0)
    _expect(failing.bench.gate(), failed=3 * FAILING)
    green = passing.median_of("none failing", lambda: passing.bench.gate().seconds)
    red = failing.median_of("3,000 failing", lambda: failing.bench.gate().seconds)
    return [Row("3,000 of 10,000 failing", red, "none failing", green, "at most 2 s more")]


def _expect(done: Run, *, failed: int) -> None:
    output = done.output
    found = re.search(r"(\d+) failed", output)
    if (int(found[1]) if found else 0) != failed:
        tail = "\n".join(output.splitlines()[-5:])
        raise BenchmarkError(f"expected {failed} failing items:\n{tail}")


_OTHER_LANGUAGES = {Language.SQL, Language.SCALA, Language.R}


def pytest_ruff(setup: Setup) -> list[Row]:
    """pytest-ruff and the gate's lint and format, over the notebooks that hold Python alone: SQL in
    the others is the gate's work only."""
    if importlib.util.find_spec("pytest_ruff") is None:
        setup.say("pytest-ruff is not installed: pip install pytest-ruff to compare with it")
        return []
    items = setup.bench.items()
    python = setup.on("python")
    for path in items:
        file = setup.bench.tree / path
        cells = [cell for each in formats.read(file, path) for cell in each.cells]
        if path.endswith(".py") and not _OTHER_LANGUAGES & {cell.language for cell in cells}:
            target = python.bench.tree / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    trees.make_repository(python.bench.tree)
    ours = python.median_of("gate", lambda: _cold(python.bench, "-m", "dbx_lint or dbx_format"))
    # Once: it takes minutes. `python_files=` keeps pytest from importing a notebook test_x.py.
    theirs = python.bench.plain("--ruff", "--ruff-format", "-o", "python_files=").seconds
    return [Row("pytest --ruff --ruff-format", theirs, "gate, cold", ours, "at least 40")]


def project(setup: Setup) -> list[Row]:
    """What it costs to know the whole project."""
    return [*project_cost.of_growth(setup), *project_cost.on_the_tree(setup)]


def planted_defects(setup: Setup) -> list[Row]:
    """How many planted defects are found, and on the right line."""
    return planted.rows(setup.on("planted").bench.tree, setup.say)


def imports(setup: Setup) -> list[Row]:
    """What the plugin adds to the start of a pytest run that does not use it."""
    plugin = setup.median_of("import", lambda: _import_ms(setup, "pytest_dbxgate.plugin"))
    whole = setup.median_of("import pytest", lambda: _import_ms(setup, "pytest"))
    return [Row("import of the inert plugin", plugin, "import pytest", whole, "10 ms", unit="ms")]


def _import_ms(setup: Setup, module: str) -> float:
    """Milliseconds that importing ``module`` takes where pytest, if another, is loaded."""
    statement = f"import {module}" if module == "pytest" else f"import pytest, {module}"
    done = run(
        [sys.executable, "-X", "importtime", "-c", statement],
        folder=setup.bench.scratch,
        extra_environment={},
    )
    if done.exit_code:
        raise BenchmarkError(done.output)
    return imported_ms(done.output.splitlines(), module.partition(".")[0])


def imported_ms(lines: Sequence[str], package: str) -> float:
    """Sum the cumulative times of the outermost imports of ``package``.

    A module is written after what it imports, which stands further to the right: read backwards,
    every module comes before its imports.
    """
    total = 0
    inside: int | None = None
    for line in reversed(lines):
        found = re.fullmatch(r"import time:\s+\d+ \|\s+(\d+) \|( +)(\S+)", line)
        if not found:
            continue
        depth = len(found[2])
        if inside is not None and depth > inside:
            continue
        inside = None
        if found[3].partition(".")[0] == package:
            total += int(found[1])
            inside = depth
    return total / 1000


ALL: dict[str, Callable[[Setup], list[Row]]] = {
    "gate": gate,
    "memory": memory,
    "failures": failures,
    "pytest-ruff": pytest_ruff,
    "imports": imports,
    "project": project,
    "planted": planted_defects,
}

WITHOUT_TREE = frozenset({"failures", "imports", "project", "planted"})
"""Those that need no tree of the caller's; ``project`` measures more with one."""
