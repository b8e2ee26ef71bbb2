"""The table of the Jobs API's fields is that of databricks-sdk."""

from __future__ import annotations

import pytest

from pytest_dbxgate.project.jobs import fields


def test_the_table_is_that_of_its_sdk() -> None:
    pytest.importorskip("databricks.sdk.service.jobs")
    if fields.installed() != fields.version():
        pytest.skip(f"the table is of databricks-sdk {fields.version()}")
    written = fields.FILE.read_text(encoding="utf-8")
    assert written == fields.text(fields.derive(), fields.installed()), (
        "the table was changed by hand: run `python -m pytest_dbxgate.project.jobs.fields`"
    )


def test_another_sdk_does_not_contradict_the_table() -> None:
    """A newer one may know more, an older one less: neither makes the table wrong."""
    pytest.importorskip("databricks.sdk.service.jobs")
    installed = fields.derive()
    table = fields.classes()
    both = sorted(
        (name, field)
        for name in table.keys() & installed.keys()
        for field in table[name].keys() & installed[name].keys()
    )
    assert len(both) > 300
    ours = {each: table[each[0]][each[1]] for each in both}
    assert ours == {each: installed[each[0]][each[1]] for each in both}


def test_every_type_is_known() -> None:
    known = {"str", "int", "float", "bool", "enum", *fields.classes()}
    for table in fields.classes().values():
        for kind in table.values():
            assert kind.removeprefix("list:").removeprefix("dict:") in known


def test_task_types() -> None:
    assert {"notebook_task", "for_each_task", "sql_task", "run_job_task"} <= fields.task_types()
    assert "task_key" not in fields.task_types()
