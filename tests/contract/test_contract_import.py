"""Importing: what becomes a notebook, what a file, and what is said no to."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING

import pytest
from databricks.sdk.errors import DatabricksError, NotFound
from databricks.sdk.service.workspace import ExportFormat, ImportFormat, Language

if TYPE_CHECKING:
    from conftest import Scratch

HEADERS = {
    ".py": "# Databricks notebook source",
    ".sql": "-- Databricks notebook source",
    ".scala": "// Databricks notebook source",
    ".r": "# Databricks notebook source",
}
LANGUAGES = {
    ".py": Language.PYTHON,
    ".sql": Language.SQL,
    ".scala": Language.SCALA,
    ".r": Language.R,
}


def ipynb(*cells: str) -> str:
    return json.dumps(
        {
            "cells": [
                {
                    "cell_type": "code",
                    "execution_count": 7,
                    "metadata": {},
                    "outputs": [{"output_type": "stream", "name": "stdout", "text": "x"}],
                    "source": cell,
                }
                for cell in cells
            ],
            "metadata": {"language_info": {"name": "python"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    )


def error_of(call: object, *arguments: object, **options: object) -> DatabricksError:
    with pytest.raises(DatabricksError) as caught:
        call(*arguments, **options)  # type: ignore[operator]
    return caught.value


@pytest.mark.grade("live")
@pytest.mark.parametrize("ending", HEADERS)
def test_auto_takes_a_source_with_header_as_a_notebook_without_its_ending(
    scratch: Scratch, ending: str
) -> None:
    scratch.put(f"a{ending}", f"{HEADERS[ending]}\n1\n")
    assert scratch.type("a") == "NOTEBOOK"
    assert scratch.client.workspace.get_status(scratch.path("a")).language is LANGUAGES[ending]


@pytest.mark.grade("live")
@pytest.mark.parametrize("ending", HEADERS)
def test_auto_takes_a_source_without_header_as_a_file(scratch: Scratch, ending: str) -> None:
    scratch.put(f"a{ending}", "1\n")
    assert scratch.type(f"a{ending}") == "FILE"


@pytest.mark.grade("live")
def test_auto_takes_an_ipynb_as_a_notebook_without_its_ending(scratch: Scratch) -> None:
    scratch.put("a.ipynb", ipynb("1"))
    assert scratch.type("a") == "NOTEBOOK"


@pytest.mark.grade("live")
def test_source_with_a_language_keeps_the_path_as_it_is(scratch: Scratch) -> None:
    scratch.put("a.py", "1", ImportFormat.SOURCE, language=Language.PYTHON)
    assert scratch.type("a.py") == "NOTEBOOK"


@pytest.mark.grade("live")
def test_a_source_without_header_is_exported_with_one(scratch: Scratch) -> None:
    scratch.put("a", "print(1)", ImportFormat.SOURCE, language=Language.PYTHON)
    assert scratch.get("a").startswith(b"# Databricks notebook source\nprint(1)")


@pytest.mark.grade("live")
def test_source_without_a_language_is_an_archive(scratch: Scratch) -> None:
    error = error_of(scratch.put, "a", "print(1)", ImportFormat.SOURCE)
    assert "The zip archive contains no items." in str(error)


@pytest.mark.grade("live")
def test_jupyter_is_exported_as_source_with_the_header_of_its_language(scratch: Scratch) -> None:
    scratch.put("a", ipynb("print(1)", "%sql\nselect 1"), ImportFormat.JUPYTER)
    text = scratch.get("a").decode()
    assert text.startswith("# Databricks notebook source\nprint(1)")
    assert "# MAGIC %sql\n# MAGIC select 1" in text


@pytest.mark.grade("live")
def test_the_parent_folder_is_not_made(scratch: Scratch) -> None:
    error = error_of(scratch.put, "none/a.txt", "x")
    assert isinstance(error, NotFound)
    assert error.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert f"The parent folder ({scratch.path('none')}) does not exist." in str(error)


@pytest.mark.grade("doc")
@pytest.mark.parametrize("name", ["a.txt", "a.py"])
def test_without_overwrite_what_is_there_stays(scratch: Scratch, name: str) -> None:
    scratch.put(name, "# Databricks notebook source\n1")
    error = error_of(scratch.put, name, "# Databricks notebook source\n2")
    assert error.error_code == "RESOURCE_ALREADY_EXISTS"
    assert b"1" in scratch.get(name.removesuffix(".py"))


@pytest.mark.grade("fake")
def test_overwriting_keeps_the_object_id(scratch: Scratch) -> None:
    scratch.put("a.txt", "1")
    before = scratch.client.workspace.get_status(scratch.path("a.txt")).object_id
    scratch.put("a.txt", "2", overwrite=True)
    assert scratch.client.workspace.get_status(scratch.path("a.txt")).object_id == before
    assert scratch.get("a.txt") == b"2"


@pytest.mark.grade("report")
def test_a_file_does_not_overwrite_a_notebook(scratch: Scratch) -> None:
    scratch.put("a", "1", ImportFormat.SOURCE, language=Language.PYTHON)
    error = error_of(scratch.put, "a", "text", overwrite=True)
    assert "type mismatch (asked: FILE, actual: NOTEBOOK)" in str(error)


@pytest.mark.grade("report")
def test_nothing_overwrites_a_folder(scratch: Scratch) -> None:
    scratch.client.workspace.mkdirs(scratch.path("a"))
    assert error_of(scratch.put, "a", "text", overwrite=True)
    assert scratch.type("a") == "DIRECTORY"


@pytest.mark.grade("doc")
def test_a_dbc_cannot_be_overwritten(scratch: Scratch) -> None:
    scratch.put("a", "1", ImportFormat.SOURCE, language=Language.PYTHON)
    archive = scratch.get("a", ExportFormat.DBC)
    assert error_of(scratch.put, "a", archive, ImportFormat.DBC, overwrite=True)
    error = error_of(scratch.put, "a", archive, ImportFormat.DBC)
    assert error.error_code == "RESOURCE_ALREADY_EXISTS"


@pytest.mark.grade("fake")
def test_a_dbc_of_one_notebook_is_a_notebook(scratch: Scratch) -> None:
    scratch.put("a", "1", ImportFormat.SOURCE, language=Language.SQL)
    scratch.put("b", scratch.get("a", ExportFormat.DBC), ImportFormat.DBC)
    assert scratch.get("b") == scratch.get("a")


@pytest.mark.grade("doc")
def test_content_over_ten_megabytes_is_refused(scratch: Scratch) -> None:
    error = error_of(scratch.put, "a.txt", b"x" * (10 * 1024 * 1024 + 1))
    assert error.error_code == "MAX_NOTEBOOK_SIZE_EXCEEDED"


@pytest.mark.grade("fake")
def test_seven_megabytes_fit(scratch: Scratch) -> None:
    scratch.put("a.txt", b"x" * (7 * 1024 * 1024))
    assert len(scratch.get("a.txt")) == 7 * 1024 * 1024


@pytest.mark.grade("doc")
def test_a_zip_becomes_a_folder_with_auto_and_stays_a_file_with_raw(scratch: Scratch) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("inner.txt", "x")
    scratch.put("a.zip", stream.getvalue())
    assert scratch.get("a/inner.txt") == b"x"
    scratch.put("b.zip", stream.getvalue(), ImportFormat.RAW)
    assert scratch.get("b.zip", ExportFormat.AUTO) == stream.getvalue()


@pytest.mark.grade("fake")
def test_a_plain_file_keeps_every_byte(scratch: Scratch) -> None:
    data = bytes(range(256)) + b"\r\nx\n\n"
    scratch.put("a.bin", data)
    assert scratch.get("a.bin", ExportFormat.AUTO) == data


@pytest.mark.grade("fake")
def test_a_source_notebook_is_normalised(scratch: Scratch) -> None:
    scratch.put("a.py", "# Databricks notebook source\r\n1\r\n# COMMAND ----------\r\n2\r\n")
    expected = "# Databricks notebook source\n1\n\n# COMMAND ----------\n\n2"
    assert scratch.get("a").decode() == expected


@pytest.mark.grade("fake")
def test_a_byte_order_mark_is_stripped(scratch: Scratch) -> None:
    scratch.put("a.py", "\ufeff# Databricks notebook source\n1")
    assert scratch.get("a") == b"# Databricks notebook source\n1"


@pytest.mark.grade("fake")
def test_what_is_exported_can_be_imported_and_exported_the_same(scratch: Scratch) -> None:
    text = (
        "# Databricks notebook source\n# DBTITLE 1,Title\n# MAGIC %md\n# MAGIC # Head\n\n"
        "# COMMAND ----------\n\nprint(1)\n"
    )
    scratch.put("a.py", text)
    once = scratch.get("a")
    scratch.put("a.py", once, overwrite=True)
    assert scratch.get("a") == once


@pytest.mark.grade("doc")
def test_an_ipynb_comes_back_rewritten_with_the_same_cells(scratch: Scratch) -> None:
    data = ipynb("print(1)", "%sql\nselect 1")
    scratch.put("a.ipynb", data)
    back = scratch.get("a", ExportFormat.JUPYTER)
    assert back != data.encode()
    cells = json.loads(back)["cells"]
    assert ["".join(cell["source"]) for cell in cells] == ["print(1)", "%sql\nselect 1"]


@pytest.mark.grade("doc")
def test_an_ipynb_is_said_to_be_python(scratch: Scratch) -> None:
    scratch.put("a.ipynb", ipynb("1"))
    assert scratch.client.workspace.get_status(scratch.path("a")).language is Language.PYTHON


@pytest.mark.grade("sdk")
def test_upload_sends_a_form(scratch: Scratch) -> None:
    data = b"a\r\n--boundary\r\nb\r\n\r\n"
    scratch.client.workspace.upload(scratch.path("a.bin"), data, format=ImportFormat.AUTO)
    assert scratch.client.workspace.download(scratch.path("a.bin")).read() == data
