"""What share of the SQL in real notebooks the embedded Spark engine takes.

python benchmarks/sql_share.py TREE... [--reasons 20] [--list DECISION]

Every distinct statement of the SQL cells below the trees is decided as a run would decide it, and
what is accepted or rewritten is parsed and planned by the engine (EXPLAIN). Nothing is executed,
and paths of other machines are taken out first. A table that is not there ends the planning of
its statement: then the grammar and the functions up to that point are what was looked at.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pytest_dbxgate import discovery
from pytest_dbxgate.execution.engines import ENGINES
from pytest_dbxgate.execution.sql import Kind, adapt, limit_of, split
from pytest_dbxgate.languages.sql import parameters
from pytest_dbxgate.notebook import formats
from pytest_dbxgate.notebook.model import Language

WIDGET = re.compile(r"(?:CREATE|REMOVE)\s+WIDGET\b", re.IGNORECASE)
BLANK = re.compile(r"<\s*FILL|FILL_IN\b|\b_{6,}\b")
PIPELINE = "Sail has no streaming tables, materialized views and pipelines"
ELSEWHERE = re.compile(r"\b(?:abfss?|s3a?|wasbs?|gs|https?|adl|dbfs):/*[^'\"`\s]*")
UNKNOWN = [("_c1", "string"), ("_c2", "string")]
"""The columns of a table that is not there."""

BROKEN = "no SQL (exercises with blanks, errors)"
DECISIONS = ("accepted", "rewritten", "acknowledged", "widgets", "cannot", "pipelines", BROKEN)


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure what the embedded engine takes")
    parser.add_argument("trees", type=Path, nargs="+")
    parser.add_argument("--reasons", type=int, default=20)
    parser.add_argument("--list", default="", help="print the statements of one decision")
    chosen = parser.parse_args()
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    texts = dict.fromkeys(text for tree in chosen.trees for text in statements(tree))
    with session() as (spark, version):
        for text in texts:
            decision, reason = decided(spark, text)
            found[decision].append((text, reason))
    print(f"{len(texts)} distinct statements, {version}\n")
    print("| | Statements | Share |\n|---|---|---|")
    for decision in DECISIONS:
        count = len(found[decision])
        print(f"| {decision} | {count} | {count / max(1, len(texts)):.1%} |")
    reasons = Counter(reason for _, reason in found["cannot"])
    print("\n| Cannot, because | Statements |\n|---|---|")
    for reason, count in reasons.most_common(chosen.reasons):
        print(f"| {reason} | {count} |")
    for text, reason in found[chosen.list] if chosen.list else ():
        print(f"\n-- {reason}\n{text}")
    return 0


def statements(tree: Path) -> Iterator[str]:
    """The statements of the SQL cells of a tree, their parameters replaced by stand-ins."""
    for item in discovery.discover(tree).notebooks:
        try:
            notebooks = list(formats.read(tree / item.path, item.path))
        except Exception as error:
            print(f"{item.path} is left out: {error}", file=sys.stderr)
            continue
        for notebook in notebooks:
            for cell in notebook.cells:
                if cell.language is Language.SQL:
                    for statement in split(parameters.prepare(cell.code).text):
                        yield ELSEWHERE.sub("/nowhere", statement.text)


@contextmanager
def session() -> Iterator[tuple[Any, str]]:
    from pyspark.sql import SparkSession

    with tempfile.TemporaryDirectory() as folder:
        running = ENGINES["sail"].start(Path(folder), ("main",))
        try:
            spark = SparkSession.builder.remote(running.remote).create()
            spark.conf.set("spark.sql.warehouse.dir", str(Path(folder, "warehouse")))
            spark.conf.set("spark.sql.sources.default", "delta")
            yield spark, running.version
            spark.stop()
        finally:
            running.stop()


def decided(spark: Any, text: str) -> tuple[str, str]:
    """The decision about a statement, and why."""

    def columns(query: str) -> list[tuple[str, str]]:
        return list(spark.sql(query).dtypes)

    if WIDGET.match(text):
        return "widgets", ""
    if BLANK.search(text):
        return BROKEN, ""
    try:
        adapted = adapt(text, engine="sail", columns=columns)
    except Exception:  # a star over a table that is not there
        adapted = adapt(text, engine="sail", columns=lambda query: UNKNOWN)
    if adapted.kind is Kind.ACKNOWLEDGE:
        return "acknowledged", ""
    if adapted.kind is Kind.CANNOT:
        return ("pipelines" if adapted.notice == PIPELINE else "cannot"), adapted.notice
    try:
        for statement in (*adapted.before, adapted.text):
            spark.sql(f"EXPLAIN {statement}")
    except Exception as error:
        reason = limit_of(error, text)
        if reason:
            return "cannot", re.sub(r" at `.*`$", "", reason)
        if "expected" in str(error) and "invalid argument: found" in str(error):
            return BROKEN, str(error)
    return ("rewritten" if adapted.kind is Kind.REWRITE else "accepted"), adapted.notice


if __name__ == "__main__":
    sys.exit(main())
