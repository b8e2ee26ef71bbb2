"""Sail: a Spark Connect server in Rust, of the package pysail. No Java."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.execution.engines.catalogs import default_catalog
from pytest_dbxgate.execution.engines.model import Running
from pytest_dbxgate.execution.engines.process import Supervised

_PATIENCE = 60.0
"""Seconds to come up; it takes one, and more on a machine that is busy."""


class Sail:
    """Starts :mod:`sail_server`."""

    def start(
        self, folder: Path, catalogs: Sequence[str], *, paths: Sequence[Path] = ()
    ) -> Running:
        if find_spec("pysail") is None:
            raise ConfigurationError(
                "the embedded Spark engine (pysail) is not installed",
                next_step='python -m pip install "pytest-dbxgate[local]"',
            )
        for name in catalogs:
            if not re.fullmatch(r"[\w -]+", name):
                raise ConfigurationError(
                    f"the embedded Spark engine takes no catalog of the name {name!r}",
                    next_step="use letters, digits, underscores and hyphens",
                )
        default = default_catalog(catalogs)
        return Supervised(
            [sys.executable, "-m", "pytest_dbxgate.execution.engines.sail_server"],
            folder=folder,
            environment=_environment(dict.fromkeys((default, *catalogs)), default, paths),
            version=f"sail {metadata.version('pysail')}",
            default_catalog=default,
            patience=_PATIENCE,
        )


def _environment(
    catalogs: Sequence[str] | dict[str, None], default: str, paths: Sequence[Path]
) -> dict[str, str]:
    declared = ",".join(
        f'{{name="{name}",type="memory",initial_database=["default"]}}' for name in catalogs
    )
    package = str(Path(__file__).resolve().parents[3])
    return {
        "SAIL_CATALOG__LIST": f"[{declared}]",
        "SAIL_CATALOG__DEFAULT_CATALOG": default,
        "RUST_LOG": "error",
        # clusters keep UTC [report]
        "TZ": "UTC",
        "PYTHONPATH": os.pathsep.join((package, *map(str, paths))),
    }
