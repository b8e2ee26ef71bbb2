"""Where the ``secrets`` item finds secrets, and what it says of them."""

from __future__ import annotations

import json
import random
import string

import pytest

from planted_secrets import Planted, plant, some
from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.secrets.check import check, check_file
from pytest_dbxgate.codes import Check, Severity
from pytest_dbxgate.notebook import formats
from pytest_dbxgate.settings import Settings
from support import ipynb, source

_RNG = random.Random(5)
DAPI = "dapi" + some(_RNG, "0123456789abcdef", 32)
WORD = some(_RNG, string.ascii_letters + string.digits, 12)


def findings(path: str, data: bytes) -> list[Finding]:
    return [
        finding for notebook in formats.parse(path, data) for finding in check(notebook, Settings())
    ]


def test_what_a_finding_says() -> None:
    text = source("x = 1", f'a = 2\ntoken = "{DAPI}"')
    (finding,) = findings("a.py", text.encode())
    assert finding.code == "DBX601"
    assert finding.check is Check.SECRETS
    assert finding.severity is Severity.ERROR
    assert finding.message == "a Databricks personal access token (`da***`)"
    assert finding.hint == (
        'revoke it; read it with dbutils.secrets.get("scope", "key"), '
        "or sign in without one (OAuth, a managed identity)"
    )
    assert (finding.cell, finding.cell_line, finding.cell_column) == (2, 2, 10)
    assert (finding.cell_end_line, finding.cell_end_column) == (2, 10 + len(DAPI))


def test_a_magic_counts_as_a_line_of_its_cell() -> None:
    text = source(f"# MAGIC %md\n# MAGIC password: {WORD}")
    (finding,) = findings("a.py", text.encode())
    assert (finding.code, finding.cell_line, finding.cell_column) == ("DBX608", 2, 11)


def test_an_output_names_the_cell_and_says_so_once() -> None:
    document = json.loads(ipynb("1", "print(x)"))
    stream = {"output_type": "stream", "name": "stdout", "text": [f"{DAPI}\n", f"{DAPI}\n"]}
    document["cells"][1]["outputs"] = [stream]
    (finding,) = findings("a.ipynb", json.dumps(document).encode())
    assert finding.message == (
        "a Databricks personal access token (`da***`) in the output of the cell"
    )
    assert (finding.cell, finding.cell_line, finding.cell_column) == (2, 1, 1)


def test_images_and_drawings_are_left_alone() -> None:
    document = json.loads(ipynb("1"))
    data = {"image/png": DAPI, "application/vnd.plotly.v1+json": {"a": DAPI}}
    document["cells"][0]["outputs"] = [{"output_type": "display_data", "data": data}]
    assert findings("a.ipynb", json.dumps(document).encode()) == []


def test_a_widget_is_named_and_names_its_value() -> None:
    document = json.loads(ipynb("1"))
    widget = {"currentValue": WORD, "widgetInfo": {"defaultValue": "none"}}
    own = document["metadata"]["application/vnd.databricks.v1+notebook"]
    own["widgets"] = {"db_password": widget, "other": {"currentValue": WORD}}
    (finding,) = findings("a.ipynb", json.dumps(document).encode())
    assert finding.message == f"a password (`{WORD[:2]}***`) in the value of widget `db_password`"
    assert finding.cell is None


def test_the_environment_of_a_notebook() -> None:
    document = json.loads(ipynb("1"))
    own = document["metadata"]["application/vnd.databricks.v1+notebook"]
    index = f"--index-url https://etl:{WORD}@pypi.acme.net/simple"
    own["environmentMetadata"] = {"dependencies": [index]}
    (finding,) = findings("a.ipynb", json.dumps(document).encode())
    assert (finding.code, finding.message[-26:]) == ("DBX608", " in the notebook's metadata"[-26:])


def test_an_unreadable_notebook_is_searched_as_a_file() -> None:
    (finding,) = findings("a.ipynb", f'{{"cells": [\n "{DAPI}"'.encode())
    assert (finding.code, finding.line, finding.column) == ("DBX601", 2, 3)


def test_a_job_file() -> None:
    text = (
        f"tasks:\r\n  - env:\r\n      DB_PASSWORD: {WORD}\r\n      OTHER: '{{{{secrets/a/b}}}}'\r\n"
    )
    (finding,) = check_file("jobs/load.yml", text.encode())
    assert (finding.path, finding.code, finding.cell) == ("jobs/load.yml", "DBX608", None)
    assert (finding.line, finding.column, finding.end_line) == (3, 20, 3)
    assert finding.end_column == 20 + len(WORD)


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00", b"\x00" * 50, b"{" * 9999])
def test_files_that_are_no_text(data: bytes) -> None:
    assert check_file("a.yml", data) == []


def _is_found(planted: Planted) -> bool:
    if planted.is_job:
        found = check_file(planted.path, planted.data)
    else:
        found = findings(planted.path, planted.data)
    assert planted.value not in repr(found), planted.label
    codes = {item.code for item in found if item.cell == planted.cell or planted.cell is None}
    return planted.code in codes


def test_planted_secrets() -> None:
    planted = plant(1)
    assert len(planted) >= 150
    assert len({item.form for item in planted}) == 15
    missed = [item.label for item in planted if not _is_found(item)]
    assert len(missed) <= 0.05 * len(planted), missed
