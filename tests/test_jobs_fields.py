"""The table of the Jobs API's fields is that of databricks-sdk."""

from __future__ import annotations

import pytest

from pytest_dbxgate.project.jobs import fields


def test_the_table_is_that_of_the_installed_sdk() -> None:
    pytest.importorskip("databricks.sdk.service.jobs")
    written = fields.FILE.read_text(encoding="utf-8")
    assert written == fields.text(fields.derive()), (
        "databricks-sdk has other fields now: run `python -m pytest_dbxgate.project.jobs.fields`"
    )


def test_every_type_is_known() -> None:
    known = {"str", "int", "float", "bool", "enum", *fields.classes()}
    for table in fields.classes().values():
        for kind in table.values():
            assert kind.removeprefix("list:").removeprefix("dict:") in known


def test_task_types() -> None:
    assert {"notebook_task", "for_each_task", "sql_task", "run_job_task"} <= fields.task_types()
    assert "task_key" not in fields.task_types()
