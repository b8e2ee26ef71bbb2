"""Which notebooks are run, and how: ``[tool.dbxgate.run]`` as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ENGINES = ("sail", "pyspark")
"""What runs a notebook's Spark on this machine."""

PIP = ("skip", "install", "fail")
"""What becomes of a requirement of ``%pip`` that is not satisfied."""

UNSUPPORTED = ("fail", "skip")
"""What a run is that asks for more than its engine can do."""

COMPUTE = (
    "serverless",
    "existing_cluster_id",
    "spark_version",
    "node_type_id",
    "num_workers",
    "instance_pool_id",
    "policy_id",
)
"""What ``compute`` of a target may hold."""

SECRET_SOURCES = ("env:", "file:", "keyvault://", "fake:")
"""How the place of a secret begins."""


@dataclass(frozen=True, slots=True)
class CaseSettings:
    """``[[tool.dbxgate.run.cases]]``: one notebook with one set of parameters."""

    notebook: str = ""
    """Its path, relative to the settings' folder."""
    name: str = ""
    """What its item is called: ``run[name]``; empty: ``run``."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Values of widgets."""
    expect_exit: str | None = None
    """What ``dbutils.notebook.exit`` has to be given."""
    expect_error: str = ""
    """The class of the exception, or Spark's condition, that has to end it."""
    timeout: int = 0
    """Seconds; 0: that of all."""
    retries: int | None = None
    """None: those of all."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What ``--dbx-run`` runs. Patterns are relative to the settings' folder."""

    notebooks: tuple[str, ...] = ()
    """Patterns of the notebooks to run; empty: those named on the command line alone."""
    exclude: tuple[str, ...] = ()
    cases: tuple[CaseSettings, ...] = ()
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Pattern -> patterns of the notebooks that have to pass before, whose tables it reads."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Values of widgets for every notebook; those of a case come first."""
    timeout: int = 600
    """Seconds a notebook may take."""
    retries: int = 0
    """How often a run that failed is tried again."""
    engine: str = "sail"
    lanes: int = 0
    """How many run at once on this machine; 0: one for each core."""
    max_parallel: int = 20
    """How many run at once on a cluster."""
    unsupported: str = "fail"
    pip: str = "skip"
    catalogs: tuple[str, ...] = ()
    """Catalogs that exist besides those the notebooks name."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """``scope/key`` -> where its value is: ``env:NAME``, ``file:PATH`` or
    ``keyvault://VAULT/SECRET``; ``fake:VALUE`` is one that protects nothing."""
    environment: tuple[str, ...] = ()
    """Names of environment variables that notebooks may see."""
    remote: str = ""
    """The Spark Connect address of ``--dbx-run connect``; empty: the target's workspace."""
    cluster_timeout: int = 7200
    """Seconds that a run on a cluster may take as a whole."""
