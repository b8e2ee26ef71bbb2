"""Builds the ``.dbc`` archives of the samples, the same bytes each time.

Run it from the root of the repository to write them anew: ``python tests/samples/build_dbc.py``.
"""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The oldest time a zip can hold, so that an archive does not depend on when it was built."""


@dataclass(frozen=True, slots=True)
class Command:
    """One cell. ``extra`` replaces fields of the stored object."""

    source: str
    title: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Member:
    """One notebook; ``stored_order`` is the order its commands stand in, by index, ``name`` the
    stored name where it differs from the path's."""

    path: str
    language: str
    commands: tuple[Command, ...]
    stored_order: tuple[int, ...] = ()
    name: str = ""


def build(members: tuple[Member, ...]) -> bytes:
    """The archive's bytes. Members are stored, not deflated: zlib's output differs by version."""
    folders = sorted({member.path.rpartition("/")[0] + "/" for member in members} - {"/"})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for folder in folders:
            archive.writestr(zipfile.ZipInfo(folder, _EPOCH), b"")
        for number, member in enumerate(members, start=1):
            name = f"{member.path}.{member.language}"
            text = json.dumps(_notebook(member, number * 1000), ensure_ascii=False)
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), text.encode())
    return buffer.getvalue()


def _notebook(member: Member, first_id: int) -> dict[str, Any]:
    commands = [
        _command(command, member.path, number, first_id)
        for number, command in enumerate(member.commands, start=1)
    ]
    order = member.stored_order or tuple(range(len(commands)))
    return {
        "version": "NotebookV1",
        "origId": first_id,
        "name": member.name or member.path.rpartition("/")[2],
        "language": member.language,
        "commands": [commands[index] for index in order],
        "dashboards": [],
        "guid": _guid(member.path),
        "globalVars": {},
        "iPythonMetadata": None,
        "inputWidgets": {},
        "notebookMetadata": {},
    }


def _command(command: Command, path: str, number: int, first_id: int) -> dict[str, Any]:
    return {
        "version": "CommandV1",
        "origId": first_id + number,
        "guid": _guid(f"{path}#{number}"),
        "subtype": "command",
        "commandType": "auto",
        "position": float(number),
        "command": command.source,
        "commandVersion": 0,
        "state": "finished",
        "results": None,
        "errorSummary": None,
        "error": None,
        "workflows": [],
        "startTime": 0,
        "submitTime": 0,
        "finishTime": 0,
        "collapsed": False,
        "bindings": {},
        "inputWidgets": {},
        "displayType": "table",
        "width": "auto",
        "height": "auto",
        "commentThread": [],
        "commentsVisible": False,
        "diffInserts": [],
        "diffDeletes": [],
        "globalVars": {},
        "latestUser": "",
        "commandTitle": command.title,
        "showCommandTitle": bool(command.title),
        "hideCommandCode": False,
        "hideCommandResult": False,
        "iPythonMetadata": None,
        "nuid": _guid(f"{path}#{number}/nuid"),
        **command.extra,
    }


def _guid(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"dbx-sample:{name}"))


LEGACY_REPORTS = (
    Member(
        path="legacy_reports/Monthly revenue",
        language="python",
        commands=(
            Command(
                "%md\n# Monthly revenue\n\nThe report of the years before the gold layer.\n\n"
                "Owner: Finance Reporting"
            ),
            Command("from pyspark.sql import functions as F"),
            Command(
                "monthly = (\n"
                '    spark.table("main.retail_gold.daily_revenue")\n'
                '    .withColumn("month", F.date_trunc("MONTH", "order_date"))\n'
                '    .groupBy("month")\n'
                '    .agg(F.sum("revenue").alias("revenue"))\n'
                '    .orderBy("month")\n'
                ")\n"
                "display(monthly)",
                title="Revenue by month",
            ),
        ),
    ),
    Member(
        path="legacy_reports/stores/Store ranking",
        language="sql",
        commands=(
            Command("%md\n# Store ranking\n\nOwner: Finance Reporting"),
            Command(
                "SELECT\n"
                "    shop,\n"
                "    SUM(revenue) AS revenue\n"
                "FROM main.retail_gold.daily_revenue\n"
                "GROUP BY shop\n"
                "ORDER BY revenue DESC",
                title="Shops by revenue",
            ),
        ),
    ),
)

_RESULTS = {
    "type": "table",
    "data": [[1, "Ada"]],
    "schema": [
        {"name": "id", "type": '"long"', "metadata": "{}"},
        {"name": "name", "type": '"string"', "metadata": "{}"},
    ],
    "overflow": False,
}

CLEAN = (
    Member(
        path="clean/out of order",
        language="python",
        commands=(
            Command("%md\n# Stored out of order\n\nOwner: Samples"),
            Command('answer = spark.table("samples.tpch.orders").count()', title="Count"),
            Command("print(answer)"),
            Command("\n\n%sql\nSELECT 1 AS one", title="Lines stand before the magic"),
        ),
        stored_order=(3, 0, 2, 1),
    ),
)

LEAKY = (
    Member(
        path="leaky/results",
        language="python",
        commands=(
            Command(
                "# expect-file: DBX204\nprint(1)",
                extra={"results": _RESULTS},
            ),
        ),
    ),
    Member(
        path="leaky/people",
        language="python",
        commands=(
            Command(
                "# expect-file: DBX205\nprint(1)",
                extra={"latestUser": "somebody@example.com"},
            ),
        ),
    ),
)

BROKEN = (
    Member(
        path="broken/deep/folder/syntax",
        language="python",
        commands=(
            Command("total = 1"),
            Command("# expect-next: invalid-syntax\ntotal = = 1", title="Wrong"),
            Command("print(totals)  # expect: F821"),
            Command("%sql\n-- expect-next: DBX501\nSELECT FROM WHERE ORDER"),
        ),
        stored_order=(1, 0, 3, 2),
    ),
)

NAMES = (
    Member(
        path="names/slash",
        language="python",
        commands=(Command("# expect-file: DBX213\nprint(1)"),),
        name="in/out",
    ),
)

ARCHIVES: Mapping[str, tuple[Member, ...]] = {
    "sample_notebooks/archive/legacy_reports.dbc": LEGACY_REPORTS,
    "tests/samples/dbc/clean.dbc": CLEAN,
    "tests/samples/dbc/leaky.dbc": LEAKY,
    "tests/samples/dbc/broken.dbc": BROKEN,
    "tests/samples/dbc/names.dbc": NAMES,
}
"""Path from the root of the repository -> what stands in the archive."""


def main() -> None:
    for path, members in ARCHIVES.items():
        (ROOT / path).write_bytes(build(members))


if __name__ == "__main__":
    main()
