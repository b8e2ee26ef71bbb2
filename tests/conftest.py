from __future__ import annotations

import importlib
import os
import pkgutil

import pytest
from hypothesis import HealthCheck, settings

import pytest_dbxgate

pytest_plugins = ["pytester", "kernel_support"]

# How long an example takes says how busy the machine is.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

# Tests start many processes; each would rewrite and compile the whole plugin again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# There pytest prints messages in full; the expected texts are those of a terminal.
for name in ("CI", "BUILD_NUMBER"):
    os.environ.pop(name, None)


_LIBRARIES = (
    *("databricks.sdk", "nbformat", "packaging", "requests", "sqlfluff", "sqlglot", "starlette"),
    *("tree_sitter", "tree_sitter_scala", "uvicorn", "yaml"),
)


@pytest.fixture(scope="session")
def imported() -> None:
    """Everything that a run imports. pytester forgets what was imported since it began, and the
    next run in this process would have classes of its own."""
    for name in _LIBRARIES:
        importlib.import_module(name)
    for module in pkgutil.walk_packages(pytest_dbxgate.__path__, "pytest_dbxgate."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


@pytest.fixture
def pytester(imported: None, pytester: pytest.Pytester) -> pytest.Pytester:
    """For runs of pytest in this process."""
    return pytester
