"""Apache Spark's own Spark Connect server, where Java and a full Spark are."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from pytest_dbxgate import programs
from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.execution.engines.model import Running
from pytest_dbxgate.execution.engines.process import Supervised

_PATIENCE = 180.0
"""Seconds to come up; it takes about ten."""

_CATALOG = "spark_catalog"
_CONNECT = re.compile(r"spark-connect_[\d.]+-(\d[\w.-]*)\.jar")

# What Spark's launcher opens to itself (JavaModuleOptions), for Java 17 and newer.
_OPENED = (
    *("java.base/java.lang", "java.base/java.lang.invoke", "java.base/java.lang.reflect"),
    *("java.base/java.io", "java.base/java.net", "java.base/java.nio", "java.base/java.util"),
    *("java.base/java.util.concurrent", "java.base/java.util.concurrent.atomic"),
    *("java.base/jdk.internal.ref", "java.base/sun.nio.ch", "java.base/sun.nio.cs"),
    *("java.base/sun.security.action", "java.base/sun.util.calendar"),
)


class Found(NamedTuple):
    """A full Spark on this machine."""

    home: Path
    java: str
    version: str


class PySpark:
    """Starts :mod:`spark_server`, which runs Java."""

    def start(
        self, folder: Path, catalogs: Sequence[str], *, paths: Sequence[Path] = ()
    ) -> Running:
        """``catalogs`` are of no use here: Spark brings one, ``spark_catalog``, and no package of
        Python carries another."""
        found = find(os.environ)
        folder.mkdir(parents=True, exist_ok=True)
        server = [sys.executable, "-m", "pytest_dbxgate.execution.engines.spark_server"]
        return Supervised(
            [*server, json.dumps(_command(found, folder))],
            folder=folder,
            environment=_environment(found, paths),
            version=f"spark {found.version}",
            default_catalog=_CATALOG,
            patience=_PATIENCE,
        )


def find(environment: Mapping[str, str]) -> Found:
    """Where Spark and Java are. Raises ConfigurationError, with the next step, where they are
    not."""
    home = _home(environment)
    if home is None:
        raise ConfigurationError(
            "no Apache Spark with a Spark Connect server on this machine: SPARK_HOME names none, "
            "and the installed pyspark is the client alone",
            next_step="set SPARK_HOME to a Spark 4, unpacked from spark.apache.org or installed "
            'with `python -m pip install --target spark "pyspark[connect]"` (spark/pyspark); '
            'or use engine = "sail"',
        )
    version = next(
        match[1] for jar in (home / "jars").iterdir() if (match := _CONNECT.fullmatch(jar.name))
    )
    java = _java(environment)
    if java is None:
        raise ConfigurationError(
            "Apache Spark needs Java, and there is none: JAVA_HOME is not set and no `java` is on "
            "the PATH",
            next_step='install Java 17 (a JRE is enough), or use engine = "sail"',
        )
    return Found(home, java, version)


def _home(environment: Mapping[str, str]) -> Path | None:
    candidates = [Path(environment["SPARK_HOME"])] if environment.get("SPARK_HOME") else []
    spec = find_spec("pyspark")
    if spec is not None and spec.submodule_search_locations:
        candidates += map(Path, spec.submodule_search_locations)
    for candidate in candidates:
        jars = candidate / "jars"
        if jars.is_dir() and any(_CONNECT.fullmatch(jar.name) for jar in jars.iterdir()):
            return candidate.resolve()
    return None


def _java(environment: Mapping[str, str]) -> str | None:
    home = environment.get("JAVA_HOME")
    if home:
        program = shutil.which("java", path=str(Path(home) / "bin"))
        if program:
            return program
    return programs.find("java")


def _command(found: Found, folder: Path) -> list[str]:
    settings = {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": "0",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": (folder / "warehouse").as_uri(),
        "spark.local.dir": str(folder / "local"),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "4",
        "spark.pyspark.python": sys.executable,
    }
    return [
        found.java,
        "-cp",
        os.path.join(str(found.home / "jars"), "*"),  # noqa: PTH118 - a pattern of Java's
        "-Xmx2g",
        "-XX:+IgnoreUnrecognizedVMOptions",
        "--add-modules=jdk.incubator.vector",
        *(f"--add-opens={module}=ALL-UNNAMED" for module in _OPENED),
        "-Dio.netty.tryReflectionSetAccessible=true",
        "-Duser.timezone=UTC",
        "org.apache.spark.deploy.SparkSubmit",
        *("--master", f"local[{min(4, os.cpu_count() or 1)}]"),
        *(part for item in settings.items() for part in ("--conf", "=".join(item))),
        *("--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal"),
    ]


def _environment(found: Found, paths: Sequence[Path]) -> dict[str, str]:
    # The workers of Python functions need the pyspark of that Spark, not the client's.
    own = found.home / "python"
    archives = sorted(map(str, (own / "lib").glob("*.zip"))) if (own / "lib").is_dir() else []
    package = str(Path(__file__).resolve().parents[3])
    return {
        "SPARK_HOME": str(found.home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "TZ": "UTC",
        "PYTHONPATH": os.pathsep.join((*archives, package, *map(str, paths))),
    }
