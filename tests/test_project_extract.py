from __future__ import annotations

import json

from pytest_dbxgate.notebook import formats
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.extract import facts_of
from pytest_dbxgate.project.facts import NotebookFacts, as_json, from_json
from support import source


def test_everything_is_there_and_survives_json() -> None:
    text = source(
        "# MAGIC %md\n# MAGIC # Title",
        '# MAGIC %run ./setup $day="1"',
        "import lib.tools\nimport sys\nsys.path.append('../src')",
        "dbutils.widgets.text('day', '1')\nx = dbutils.widgets.get('day')",
        "# MAGIC %sql\n# MAGIC SELECT 1",
        "dbutils.notebook.run('./load', 60, {'x': x})",
        "",
    )
    (notebook,) = formats.parse("a.py", text.encode())
    facts = facts_of(notebook)
    assert facts.key == NotebookKey("a.py")
    assert facts.digest == notebook.digest
    assert [run.target for run in facts.runs] == ["./setup"]
    assert [run.target for run in facts.notebook_runs] == ["./load"]
    assert [item.module for item in facts.imports] == ["lib.tools"]
    assert facts.search_paths == ("../src",)
    assert [widget.name for widget in facts.widgets] == ["day"]
    assert [read.name for read in facts.reads] == ["day"]
    assert facts.languages == ("python", "sql")
    assert from_json(facts.key, json.loads(json.dumps(as_json(facts)))) == facts


def test_nothing_of_a_notebook_that_cannot_be_read() -> None:
    (notebook,) = formats.parse("a.ipynb", b"%run ./a")
    assert facts_of(notebook) == NotebookFacts(notebook.key, notebook.digest)
