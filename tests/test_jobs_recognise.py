"""Which of a repository's JSON and YAML are job files."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_dbxgate.discovery import discover
from pytest_dbxgate.project.jobs.model import JobKind
from pytest_dbxgate.project.jobs.reading import read
from pytest_dbxgate.project.jobs.recognise import kind_of

ACTIVITY = '{"name": "a", "type": "DatabricksNotebook", "typeProperties": {"notebookPath": "/a"}}'
TASK = "tasks:\n  - task_key: a\n    notebook_task: {notebook_path: /a}\n"
FRAGMENT = "resources:\n  jobs:\n    a:\n      tasks:\n        - task_key: a\n"


@pytest.mark.parametrize(
    ("path", "text", "kind"),
    [
        ("databricks.yml", "bundle:\n  name: a\n", JobKind.BUNDLE),
        ("x/databricks.yaml", "include:\n  - a.yml\n", JobKind.BUNDLE),
        ("bundle.yml", "bundle:\n  name: a\n", JobKind.BUNDLE),
        ("resources/a.job.yml", FRAGMENT, JobKind.BUNDLE),
        ("resources/a.yml", "resources:\n  schemas:\n    s:\n      name: x\n", JobKind.BUNDLE),
        ("vars.yml", "variables:\n  a:\n    default: 1\n", JobKind.BUNDLE),
        (
            "a.yml",
            "x: &x\n  j: {tasks: [{task_key: a}]}\ntargets:\n  dev:\n    resources:\n      jobs:\n"
            "        <<: *x\n",
            JobKind.BUNDLE,
        ),
        (
            "a.json",
            '{"resources": {"jobs": {"a": {"tasks": [{"task_key": "a"}]}}}}',
            JobKind.BUNDLE,
        ),
        ("job.yml", f"name: a\n{TASK}", JobKind.JOB),
        ("job.yml", f"name: a\ntrigger: {{}}\n{TASK}", JobKind.JOB),
        ("job.yml", f"# tab\nname: a\n{TASK}\n\tbroken: 1\n", JobKind.JOB),
        ("job.json", '{"name": "a", "tasks": [{"task_key": "a"}]}', JobKind.JOB),
        ("job.json", '{"name": "a", "tasks": [{"task_key": "a"}],}', JobKind.JOB),
        ("job.json", '{"run_name": "a", "notebook_task": {"notebook_path": "/a"}}', JobKind.JOB),
        ("job.json", '{"job_id": 1, "new_settings": {"spark_jar_task": {}}}', JobKind.JOB),
        (
            "p.json",
            f'{{"name": "p", "properties": {{"activities": [{ACTIVITY}]}}}}',
            JobKind.PIPELINE,
        ),
        # others
        ("p.json", '{"name": "p", "properties": {"activities": [{"type": "Copy"}]}}', None),
        ("arm.json", f'{{"$schema": "x", "properties": {{"activities": [{ACTIVITY}]}}}}', None),
        ("arm.json", f'{{"$schema": "x", "resources": [{{"properties": {ACTIVITY}}}]}}', None),
        ("run.json", '{"run_id": 1, "tasks": [{"task_key": "a", "notebook_task": {}}]}', None),
        ("dash.json", '{"q": "SELECT notebook_task, task_key FROM t"}', None),
        ("tasks.json", '{"version": "2.0.0", "tasks": [{"label": "a", "my_task": 1}]}', None),
        ("package.json", '{"name": "a", "scripts": {}}', None),
        ("docker-compose.yml", "services:\n  a:\n    image: b\n", None),
        ("azure-pipelines.yml", "trigger: none\nsteps:\n  - script: x_task\n", None),
        ("azure-pipelines.yml", "variables:\n  - name: a\n    value: b\n", None),
        ("ci.yml", "on: push\njobs:\n  a:\n    steps:\n      - run: my_task\n", None),
        ("kustomization.yml", "resources:\n  - a.yml\n", None),
        ("pipe.yml", "resources:\n  pipelines:\n    - pipeline: a\nstages: []\n", None),
        ("Taskfile.yml", "version: '3'\ntasks:\n  build:\n    cmds: [x_task]\n", None),
        ("databricks.yml", "host: a\n", None),
        ("bundle.yml", "targets: {}\n", None),
        ("t/{{.name}}/databricks.yml", "bundle:\n  name: a\n", None),
        ("databricks.yml", "bundle:\n  name: {{.project_name}}\n", None),
        ("job.yml", "{% for x in y %}\nname: a\n" + TASK, None),
        ("a.yml", "", None),
    ],
)
def test_kinds(path: str, text: str, kind: JobKind | None) -> None:
    assert kind_of(path, text.encode()) is kind


def test_no_bytes_raise() -> None:
    assert kind_of("a.json", b'\xff"task_key": "tasks": ') is JobKind.JOB
    assert kind_of("a.json", b'"task_key": ' + b"[" * 200_000) is None
    assert kind_of("a.yml", b"\xff\xfe\x00task_key") is None


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-be"])
def test_a_bundle_in_utf_16_is_told_not_passed_over(tmp_path: Path, coding: str) -> None:
    data = "\ufeffbundle:\n  name: b\n".encode(coding)
    (tmp_path / "databricks.yml").write_bytes(data)
    (tmp_path / "other.yml").write_bytes(data)
    assert [item.path for item in discover(tmp_path).jobs] == ["databricks.yml"]
    assert [trouble.message for trouble in read("databricks.yml", data)[1]] == [
        "the file is not UTF-8"
    ]
