"""Whatever a run writes, the secret is not in it: not even where the finding is another's."""

from __future__ import annotations

import base64
import gzip
import io
import json
import random
import zipfile
from pathlib import Path

import pytest

from planted_secrets import some
from pytest_dbxgate.checks.secrets import check as secrets
from pytest_dbxgate.notebook import formats
from pytest_dbxgate.settings import Settings
from support import ipynb, source, write

TOKEN = "dapi" + some(random.Random(7), "0123456789abcdef", 32)
PASSWORD = "Tr0ub4dor-Zx93kq"
LINE = f'token = "{TOKEN}"; print(token is "x", missing)'
KEY = "\n".join(
    [
        "-----BEGIN " + "RSA PRIVATE KEY-----",
        *(some(random.Random(8 + row), "ABCDEFGHKLMabcdefghkm23456789", 64) for row in range(3)),
        "-----END " + "RSA PRIVATE KEY-----",
    ]
)
XDIST = pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["plain", "n2"])


@XDIST
def test_in_nothing_that_a_run_writes(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    write(
        pytester.path,
        {
            "nb/a.py": source(f"{LINE}  # dbx: ignore[nonsense]", f'key = """{KEY}"""\nkey is "x"'),
            "nb/values.py": source(
                f'# MAGIC %run ./a $token="{TOKEN}"',
                f'dbutils.notebook.run("./a", 60, {{"token": "{TOKEN}"}})',
                f'dbutils.widgets.text("password", "{PASSWORD}")',
            ),
            "nb/b.ipynb": ipynb(LINE),
            "nb/c.sql": source(f"SELEC '{TOKEN}' FROM", suffix=".sql"),
            "job.json": json.dumps({"name": "x", "tasks": [{"task_key": "a", "tokn": TOKEN}]}),
        },
    )
    result = pytester.runpytest_subprocess(
        *("-p", "no:randomly", "--dbx-only", "-v", "-rA", *workers),
        *("--dbx-json", "out/report.json", "--dbx-graph", "out/graph.svg"),
        *("--junitxml", "out/junit.xml"),
    )
    assert result.ret == 1
    again = pytester.runpytest_subprocess(
        "-p", "no:randomly", "--dbx-write-baseline", "out/base.json", *workers
    )
    diff = pytester.runpytest_subprocess("-p", "no:randomly", "--dbx-only", "--dbx-diff", *workers)
    result.stdout.fnmatch_lines(["nb/a.py:2:10 DBX601 *`da[*][*][*]`*"])
    texts = {
        "terminal": "\n".join([*result.outlines, *result.errlines]),
        "baseline run": "\n".join([*again.outlines, *again.errlines]),
        "diff": "\n".join([*diff.outlines, *diff.errlines]),
    }
    for folder in ("out", ".pytest_cache"):
        for file in (pytester.path / folder).rglob("*"):
            if file.is_file():
                texts[str(file)] = file.read_text(encoding="utf-8")
    assert {"report.json", "graph.svg", "junit.xml", "base.json", "results.json"} <= {
        Path(name).name for name in texts
    }
    hidden = [TOKEN, TOKEN[4:], PASSWORD, *KEY.split("\n")[1:-1]]
    assert [name for name, text in texts.items() if any(each in text for each in hidden)] == []


@pytest.mark.parametrize("wrap", [bytes, gzip.compress, base64.b64encode])
def test_in_the_results_of_an_archive_however_it_is_packed(wrap: type[bytes]) -> None:
    member = {
        "version": "NotebookV1",
        "language": "python",
        "commands": [
            {"version": "CommandV1", "position": 2.0, "command": "b()", "results": None},
            {
                "version": "CommandV1",
                "position": 1.0,
                "command": "a()",
                "results": {"type": "html", "data": f"<div>{TOKEN}</div>"},
            },
        ],
    }
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("n.python", wrap(json.dumps(member).encode()))
    (notebook,) = formats.parse("a.dbc", data.getvalue())
    found = [
        (each.code, each.cell)
        for each in secrets.check(notebook, Settings())
        if each.code == "DBX601"
    ]
    assert found == [("DBX601", 1)]
