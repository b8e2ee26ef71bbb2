"""Spark Connect servers: they come up, their end is noticed, they end with their parent."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_dbxgate.errors import ConfigurationError, PlatformError
from pytest_dbxgate.execution.engines import ENGINES, Running, pyspark, sail
from pytest_dbxgate.execution.engines.process import Supervised


def _port(remote: str) -> int:
    assert remote.startswith("sc://127.0.0.1:")
    return int(remote.rpartition(":")[2])


def _answers(port: int) -> bool:
    with socket.socket() as attempt:
        attempt.settimeout(5)
        return attempt.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    pytest.importorskip("pysail", reason="pysail is not installed")
    server = ENGINES["sail"].start(tmp_path_factory.mktemp("sail"), ("main", "dev"))
    yield server
    server.stop()


def test_sail_listens_on_this_machine_alone(running: Running) -> None:
    assert running.is_alive()
    assert _answers(_port(running.remote))
    assert running.version.startswith("sail 0.7.")
    assert running.default_catalog == "main"


def test_its_end_is_noticed_and_stopping_twice_is_no_harm(tmp_path: Path) -> None:
    pytest.importorskip("pysail", reason="pysail is not installed")
    server = ENGINES["sail"].start(tmp_path / "new" / "folder", ())
    port = _port(server.remote)
    server.stop()
    server.stop()
    assert not server.is_alive()
    assert not _answers(port)


def _python(code: str, tmp_path: Path, patience: float = 60) -> Supervised:
    return Supervised(
        [sys.executable, "-c", code],
        folder=tmp_path,
        environment={},
        version="spark 0",
        default_catalog="main",
        patience=patience,
    )


ADDRESS = 'print(\'{"address": "127.0.0.1:9"}\', flush=True)'


def test_a_server_that_dies_is_seen_with_its_last_words(tmp_path: Path) -> None:
    server = _python(
        f"{ADDRESS}\nimport sys; sys.stdin.readline(); print('out of memory')", tmp_path
    )
    assert server.is_alive()
    server.stop()
    assert not server.is_alive()
    assert server.last_words() == "out of memory"


def test_a_server_that_ends_as_it_starts_says_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(PlatformError) as raised:
        _python("print('no such catalog'); raise SystemExit(3)", tmp_path)
    assert str(raised.value) == (
        "the Spark engine (spark 0) ended as it started\nno such catalog\n"
        "  next: run it again; if it stays so, report these lines"
    )


def test_a_server_that_never_listens_is_ended(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="did not answer within 0 s"):
        _python("import time; print('{}', flush=True); time.sleep(600)", tmp_path, patience=0.3)


def test_only_the_last_lines_are_kept(tmp_path: Path) -> None:
    server = _python(f"for n in range(5000): print('x' * 5000)\n{ADDRESS}\ninput()", tmp_path)
    server.stop()
    assert len(server.last_words()) < 50_000


def test_no_token_reaches_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_TOKEN", "secret")
    code = f"{ADDRESS}\nimport os; print('DATABRICKS_TOKEN' in os.environ, flush=True); input()"
    server = _python(code, tmp_path)
    server.stop()
    assert server.last_words().startswith("False")


PARENT = """
import sys
from pathlib import Path
from pytest_dbxgate.execution.engines import ENGINES
server = ENGINES["sail"].start(Path(sys.argv[1]), ())
print(server.remote, flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_server_ends_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    pytest.importorskip("pysail", reason="pysail is not installed")
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    assert parent.stdin is not None
    with parent.stdout as lines, parent.stdin:
        port = _port(lines.readline().strip())
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    for _ in range(600):
        if not _answers(port):
            return
        time.sleep(0.05)
    pytest.fail("the server still listens")


def test_without_pysail_the_next_step_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sail, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError) as raised:
        ENGINES["sail"].start(tmp_path, ())
    assert str(raised.value) == (
        "the embedded Spark engine (pysail) is not installed\n"
        '  next: python -m pip install "pytest-dbxgate[local]"'
    )


def test_a_catalog_of_a_strange_name_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("pysail", reason="pysail is not installed")
    with pytest.raises(ConfigurationError, match="takes no catalog of the name 'a\"b'"):
        ENGINES["sail"].start(tmp_path, ['a"b'])


@pytest.fixture
def spark_home(tmp_path: Path) -> Path:
    jars = tmp_path / "spark" / "jars"
    jars.mkdir(parents=True)
    (jars / "spark-connect_2.13-4.0.1.jar").write_bytes(b"")
    return tmp_path / "spark"


def test_without_a_full_spark_the_next_step_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyspark, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match="no Apache Spark with a Spark Connect server"):
        pyspark.find({"SPARK_HOME": "/nowhere"})


def test_without_java_the_next_step_is_told(
    spark_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pyspark.programs, "find", lambda name: None)
    with pytest.raises(ConfigurationError) as raised:
        pyspark.find({"SPARK_HOME": str(spark_home)})
    assert str(raised.value) == (
        "Apache Spark needs Java, and there is none: JAVA_HOME is not set and no `java` is on the "
        'PATH\n  next: install Java 17 (a JRE is enough), or use engine = "sail"'
    )


def test_java_home_comes_first(spark_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyspark.programs, "find", lambda name: "/usr/bin/java")
    found = pyspark.find({"SPARK_HOME": str(spark_home), "JAVA_HOME": str(spark_home)})
    assert found == (spark_home.resolve(), "/usr/bin/java", "4.0.1")
