"""Data flows one way: nothing imports upward, and importing the plugin costs nothing."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest

import pytest_dbxgate

ROOT = Path(pytest_dbxgate.__file__).parent
LAYERS = [
    ["errors", "codes", "programs", "quiet"],
    ["files", "notebook"],
    ["languages", "secrets"],
    ["settings"],
    ["project"],
    ["discovery", "checks"],
    ["workspace"],
    ["execution"],
    ["delivery", "emulator"],
    ["changes", "projects", "reporting"],
    ["toolchain", "survey"],
    ["session", "arguments"],
    ["contents", "targets", "interrupts"],
    ["running"],
    ["bundles"],
    ["publishing"],
    ["packaging"],
    ["drawing", "fixing", "narrowing", "collection", "options", "publish_options", "hookspecs"],
    ["runsession"],
    ["outside", "gateplugin", "passing", "summary_lines", "precommit"],
    ["publishplugin", "commands"],
    ["plugin"],
]
"""From the ground up. A module imports from its own layer and those below it."""

LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
MODULES = sorted(
    name.removeprefix("pytest_dbxgate.")
    for _, name, _ in pkgutil.walk_packages([str(ROOT)], "pytest_dbxgate.")
)


def imported(module: str) -> set[str]:
    file = ROOT / (module.replace(".", "/") + ".py")
    if not file.exists():
        file = ROOT / module.replace(".", "/") / "__init__.py"
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "pytest_dbxgate":
                names.update(alias.name for alias in node.names)
            else:
                names.add(node.module.removeprefix("pytest_dbxgate."))
                names.update(
                    f"{node.module.removeprefix('pytest_dbxgate.')}.{alias.name}"
                    for alias in node.names
                )
        elif isinstance(node, ast.Import):
            names.update(alias.name.removeprefix("pytest_dbxgate.") for alias in node.names)
    return {name for name in names if name in MODULES}


def test_every_module_has_its_layer() -> None:
    assert {module.partition(".")[0] for module in MODULES} == set(LEVEL)


@pytest.mark.parametrize("module", MODULES)
def test_nothing_reaches_upward(module: str) -> None:
    own = LEVEL[module.partition(".")[0]]
    upward = {name for name in imported(module) if LEVEL[name.partition(".")[0]] > own}
    assert not upward


def test_no_cycles() -> None:
    graph = {module: imported(module) - {module} for module in MODULES}
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path, module])
        if module not in done:
            for other in sorted(graph[module]):
                visit(other, (*path, module))
            done.add(module)

    for module in MODULES:
        visit(module, ())


def test_nothing_that_the_embedded_workspace_uses_is_its_client() -> None:
    """A mistake in the one must not be hidden by the same mistake in the other."""
    graph = {module: imported(module) for module in MODULES}
    reached = {module for module in MODULES if module.startswith("emulator")}
    waiting = list(reached)
    while waiting:
        new = graph[waiting.pop()] - reached
        reached |= new
        waiting += new
    client = ("workspace", "execution.cluster", "delivery")
    assert not {module for module in reached if module.startswith(client)}


@pytest.mark.parametrize("module", MODULES)
def test_every_module_can_be_imported(module: str) -> None:
    importlib.import_module(f"pytest_dbxgate.{module}")


def test_the_core_knows_no_pytest() -> None:
    for module in MODULES:
        if module.startswith(("checks", "fixing", "languages", "notebook", "project", "session")):
            file = ROOT / (module.replace(".", "/") + ".py")
            if file.exists():
                assert "import pytest\n" not in file.read_text(encoding="utf-8"), module


def test_what_runs_a_notebook_loads_nothing_heavy_ahead_of_it() -> None:
    """Each child process imports these; a tenth of a second counts for each notebook."""
    for module in MODULES:
        if module.startswith("execution.kernel"):
            heavy = ("checks", "workspace", "delivery", "emulator", "session")
            assert not [name for name in imported(module) if name.startswith(heavy)], module
