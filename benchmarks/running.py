"""Measure running notebooks on this machine against the same Spark work in one plain script.

python benchmarks/running.py [--notebooks 50] [--runs 3]

Each notebook makes a table, reads it back and checks a sum. The plain script does the same work
over and over in one process, with one session on the same engine. Every run of pytest starts one
engine; its start is counted.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NOTEBOOK = """\
# Databricks notebook source
from pyspark.sql import functions as F

rows = spark.range({number} + 10).withColumn("double", F.col("id") * 2)
rows.write.mode("overwrite").saveAsTable("numbers")

# COMMAND ----------

total = spark.sql("SELECT SUM(double) AS total FROM numbers").collect()[0]["total"]
assert total == sum(range({number} + 10)) * 2
"""

SCRIPT = """\
import sys
from pathlib import Path
from pyspark.sql import SparkSession, functions as F
from pytest_dbxgate.execution.engines import ENGINES

folder = Path(sys.argv[1])
engine = ENGINES["sail"].start(folder / "engine", ("main",))
spark = (
    SparkSession.builder.remote(engine.remote)
    .config("spark.sql.warehouse.dir", str(folder / "warehouse"))
    .config("spark.sql.sources.default", "delta")
    .create()
)
for number in range(int(sys.argv[2])):
    rows = spark.range(number + 10).withColumn("double", F.col("id") * 2)
    rows.write.mode("overwrite").saveAsTable(f"numbers_{number}")
    total = spark.sql(f"SELECT SUM(double) AS total FROM numbers_{number}").collect()[0]["total"]
    assert total == sum(range(number + 10)) * 2
spark.stop()
engine.stop()
"""

SETTINGS = '[run]\nnotebooks = ["nb"]\n'


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure running notebooks")
    parser.add_argument("--notebooks", type=int, default=50)
    parser.add_argument("--runs", type=int, default=3)
    chosen = parser.parse_args()
    pairs = [_pair(chosen.notebooks) for _ in range(chosen.runs)]
    ours, plain = (statistics.median(each) for each in zip(*pairs, strict=True))
    print(
        f"{chosen.notebooks} notebooks: {ours:.1f} s, {ours / chosen.notebooks:.2f} s each; "
        f"the same work in one script {plain:.1f} s, so {ours / plain:.1f} times that"
    )
    return 0


def _pair(count: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "nb").mkdir()
        (folder / "dbxgate.toml").write_text(SETTINGS, encoding="utf-8")
        for number in range(count):
            file = folder / "nb" / f"n{number:03}.py"
            file.write_text(NOTEBOOK.format(number=number), encoding="utf-8")
        command = ["-m", "pytest", "--rootdir", name, "--dbx-only", "--dbx-run", "local"]
        told = _run([*command, "-q", "-m", "dbx_run", name])
        if not re.search(rf"^{count} passed", told[1], re.MULTILINE):
            sys.exit(told[1])
        # PySpark asks for a script: without a file it looks for a Spark of its own.
        script = folder / "plain.py"
        script.write_text(SCRIPT, encoding="utf-8")
        plain = _run([str(script), name, str(count)])
        return told[0], plain[0]


def _run(arguments: list[str]) -> tuple[float, str]:
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return time.perf_counter() - began, done.stdout


if __name__ == "__main__":
    sys.exit(main())
