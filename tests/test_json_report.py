from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.checks.result import NotebookResult, State
from pytest_dbxgate.codes import Check, Severity
from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.notebook.model import Format, Language, NotebookKey
from pytest_dbxgate.project.jobs.model import JobKind
from pytest_dbxgate.reporting import json_report
from pytest_dbxgate.reporting.json_report import build, dumps, schema, write
from pytest_dbxgate.settings import PolicyOrigin

SHA = "0123456789abcdef" * 4
RESULTS = [
    NotebookResult(NotebookKey("etl/b.py"), "source", "python", 3, SHA),
    NotebookResult(NotebookKey("a.dbc", "folder/name"), "dbc", "scala", 0, SHA),
    NotebookResult(NotebookKey("databricks.yml"), "bundle", "yaml", 0, SHA),
    NotebookResult(NotebookKey("adf/daily.json"), "pipeline", "json", 0, SHA),
]
FINDING = Finding(
    path="etl/b.py",
    check=Check.REFERENCES,
    code="F821",
    message="undefined name `df`",
    hint="assign it",
    language="python",
    cell=3,
    cell_title="Load",
    cell_line=2,
    cell_column=5,
    line=14,
    column=5,
    end_line=14,
    end_column=7,
    excerpt=("y = df",),
)
STATES = {
    NotebookKey("etl/b.py"): {Check.FORMAT: State.SKIPPED, Check.SYNTAX: State.PASSED},
    NotebookKey("a.dbc", "folder/name"): {Check.METADATA: State.FAILED},
    NotebookKey("databricks.yml"): {Check.SECRETS: State.FAILED, Check.REFERENCES: State.PASSED},
}
TOOLS = {"sqlfluff": "4.5.0", "ruff": "0.17.6"}
POLICY = PolicyOrigin("acme", "2.1", "acme_policy:policy.toml", SHA)


def report() -> dict[str, Any]:
    whole = Finding("a.dbc", Check.METADATA, "DBX204", "results", Severity.WARNING)
    return build(RESULTS, [FINDING, whole], STATES, TOOLS, [POLICY])


def validate(document: object) -> None:
    jsonschema.Draft202012Validator(schema()).validate(document)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


def test_report_in_full() -> None:
    validate(report())
    assert dumps(report()) == (
        "{\n"
        '"version": 1,\n'
        '"tools": {"ruff": "0.17.6", "sqlfluff": "4.5.0"},\n'
        '"policies": [\n'
        '{"name": "acme", "version": "2.1", "origin": "acme_policy:policy.toml", '
        f'"sha256": "{SHA}"}}\n'
        "],\n"
        '"notebooks": [\n'
        '{"path": "a.dbc", "member": "folder/name", "format": "dbc", "language": "scala", '
        f'"cells": 0, "sha256": "{SHA}", "checks": {{"metadata": "failed"}}}},\n'
        '{"path": "etl/b.py", "member": null, "format": "source", "language": "python", '
        f'"cells": 3, "sha256": "{SHA}", "checks": {{"syntax": "passed", "format": "skipped"}}}}\n'
        "],\n"
        '"jobs": [\n'
        f'{{"path": "adf/daily.json", "kind": "pipeline", "sha256": "{SHA}", "checks": {{}}}},\n'
        f'{{"path": "databricks.yml", "kind": "bundle", "sha256": "{SHA}", '
        '"checks": {"references": "passed", "secrets": "failed"}}\n'
        "],\n"
        '"findings": [\n'
        '{"path": "a.dbc", "member": null, "cell": null, "cell_title": null, "cell_line": null, '
        '"language": null, "line": 1, "column": 1, "end_line": null, "end_column": null, '
        '"code": "DBX204", "severity": "warning", "check": "metadata", "message": "results", '
        '"hint": ""},\n'
        '{"path": "etl/b.py", "member": null, "cell": 3, "cell_title": "Load", "cell_line": 2, '
        '"language": "python", "line": 14, "column": 5, "end_line": 14, "end_column": 7, '
        '"code": "F821", "severity": "error", "check": "references", '
        '"message": "undefined name `df`", '
        '"hint": "assign it"}\n'
        "],\n"
        '"outcomes": [],\n'
        '"verdict": {},\n'
        '"deployment": {}\n'
        "}\n"
    )


def test_empty_run_is_valid() -> None:
    document = build([], [], {}, {})
    validate(document)
    assert json.loads(dumps(document)) == document


def test_order_of_the_run_does_not_show() -> None:
    other = Finding("etl/b.py", Check.LINT, "E711", "comparison", line=14, column=5, cell=3)
    one = build(RESULTS, [FINDING, other], STATES, TOOLS)
    two = build(RESULTS[::-1], [other, FINDING], STATES, dict(reversed(TOOLS.items())))
    assert dumps(one) == dumps(two)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("extra",), 1),
        (("version",), 2),
        (("policies", 0, "extra"), 1),
        (("policies", 0, "sha256"), "abc"),
        (("notebooks", 0, "extra"), 1),
        (("notebooks", 0, "sha256"), "abc"),
        (("notebooks", 0, "checks"), {"syntax": "ok"}),
        (("notebooks", 0, "checks"), {"spelling": "passed"}),
        (("jobs", 0, "extra"), 1),
        (("jobs", 0, "kind"), "source"),
        (("jobs", 0, "sha256"), "abc"),
        (("jobs", 0, "checks"), {"references": "ok"}),
        (("findings", 0, "extra"), 1),
        (("findings", 0, "line"), 0),
        (("findings", 0, "severity"), "info"),
        (("verdict",), {"x": 1}),
        (("outcomes",), [{}]),
    ],
)
def test_the_schema_is_strict(place: tuple[Any, ...], value: object) -> None:
    document = report()
    inner: Any = document
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        validate(document)


@pytest.mark.parametrize("name", list(report()))
def test_the_schema_misses_nothing(name: str) -> None:
    document = report()
    del document[name]
    with pytest.raises(jsonschema.ValidationError):
        validate(document)


def test_the_schema_knows_the_values_of_the_code() -> None:
    definitions = schema()["$defs"]
    notebook = definitions["notebook"]["properties"]
    job = definitions["job"]["properties"]
    finding = definitions["finding"]["properties"]
    languages = [language.value for language in Language]
    assert definitions["check"]["enum"] == [check.value for check in Check]
    assert notebook["format"]["enum"] == [format_.value for format_ in Format]
    assert notebook["language"]["enum"] == [*languages[:4], "other"]
    assert notebook["checks"]["additionalProperties"]["enum"] == [state.value for state in State]
    assert job["kind"]["enum"] == [kind.value for kind in JobKind]
    assert job["checks"]["additionalProperties"] == notebook["checks"]["additionalProperties"]
    assert finding["language"]["enum"] == [*languages, None]
    assert finding["severity"]["enum"] == [severity.value for severity in Severity]
    assert schema()["properties"]["version"] == {"const": json_report.VERSION}


def test_hostile_text_is_inert_in_the_file_and_whole_when_read(tmp_path: Path) -> None:
    message = "##vso[task.complete]\u202e\x1b[0m \ud800 größer"
    finding = Finding("a\x9b.py", Check.LINT, "F821", message)
    file = tmp_path / "report.json"
    write(file, build([], [finding], {}, {}))
    text = file.read_text(encoding="utf-8")
    assert "##vso\\u005btask.complete]\\u202e\\u001b[0m \\ud800 größer" in text
    assert json.loads(text)["findings"][0]["message"] == message
    assert json.loads(text)["findings"][0]["path"] == "a\x9b.py"


def test_file_is_written_with_its_folder_and_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "reports" / "gate.json"
    write(file, report())
    write(file, build([], [], {}, {}))
    assert file.read_bytes() == dumps(build([], [], {}, {})).encode()
    assert [each.name for each in file.parent.iterdir()] == ["gate.json"]


def test_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigurationError) as caught:
        write(tmp_path / "file" / "gate.json", report())
    assert str(caught.value).startswith(f"--dbx-json {tmp_path / 'file' / 'gate.json'}: cannot be ")
    assert str(caught.value).endswith("\n  next: name a file in a folder that can be written to")


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write(tmp_path, report())
    assert tmp_path.is_dir()


def test_the_documented_report_is_valid() -> None:
    page = Path(__file__).parent.parent / "docs" / "json-report.md"
    example = page.read_text(encoding="utf-8").partition("```json\n")[2].partition("```")[0]
    document = json.loads(example)
    validate(document)
    assert dumps(document) == example
