"""Folders, listing, status, deleting, exporting folders."""

from __future__ import annotations

import base64
import io
import random
import urllib.error
import urllib.request
import zipfile
from typing import TYPE_CHECKING

import pytest
from databricks.sdk.errors import DatabricksError, NotFound
from databricks.sdk.service.workspace import ExportFormat, ObjectType

if TYPE_CHECKING:
    from conftest import Scratch

NOTEBOOK = "# Databricks notebook source\nprint(1)\n"


def filled(scratch: Scratch) -> None:
    scratch.client.workspace.mkdirs(scratch.path("sub"))
    scratch.put("a.py", NOTEBOOK)
    scratch.put("sub/b.py", NOTEBOOK)
    scratch.put("sub/data.txt", "x")


def names_in(scratch: Scratch, format: ExportFormat) -> set[str]:
    exported = scratch.client.workspace.export(scratch.folder, format=format)
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(exported.content or ""))) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


@pytest.mark.grade("doc")
def test_mkdirs_twice_is_no_error_and_makes_what_is_above(scratch: Scratch) -> None:
    for _ in range(2):
        scratch.client.workspace.mkdirs(scratch.path("x/y/z"))
    assert scratch.type("x/y") == "DIRECTORY"


@pytest.mark.grade("doc")
def test_mkdirs_over_a_file_is_refused(scratch: Scratch) -> None:
    scratch.put("a.txt", "x")
    with pytest.raises(DatabricksError) as caught:
        scratch.client.workspace.mkdirs(scratch.path("a.txt"))
    assert caught.value.error_code == "RESOURCE_ALREADY_EXISTS"


@pytest.mark.grade("live")
def test_a_missing_path_is_told_by_status_and_list(scratch: Scratch) -> None:
    path = scratch.path("none")
    for call in (scratch.client.workspace.get_status, scratch.client.workspace.list):
        with pytest.raises(NotFound) as caught:
            result = call(path)
            list(result)  # type: ignore[arg-type]
        assert f"Path ({path}) doesn't exist." in str(caught.value)


@pytest.mark.grade("doc")
def test_list_is_not_recursive(scratch: Scratch) -> None:
    filled(scratch)
    found = {one.path: one.object_type for one in scratch.client.workspace.list(scratch.folder)}
    assert found == {
        scratch.path("a"): ObjectType.NOTEBOOK,
        scratch.path("sub"): ObjectType.DIRECTORY,
    }


@pytest.mark.grade("doc")
def test_list_of_an_object_is_that_object(scratch: Scratch) -> None:
    filled(scratch)
    (found,) = scratch.client.workspace.list(scratch.path("sub/data.txt"))
    assert found.path == scratch.path("sub/data.txt")


@pytest.mark.grade("sdk")
def test_recursive_listing_leaves_folders_out(scratch: Scratch) -> None:
    filled(scratch)
    found = {one.path for one in scratch.client.workspace.list(scratch.folder, recursive=True)}
    assert found == {scratch.path(name) for name in ("a", "sub/b", "sub/data.txt")}


@pytest.mark.grade("doc")
def test_size_is_told_for_files(scratch: Scratch) -> None:
    scratch.put("data.txt", "four")
    found = scratch.client.workspace.get_status(scratch.path("data.txt"))
    assert found.size == 4
    assert found.modified_at


@pytest.mark.grade("doc")
def test_workspace_before_a_path_changes_nothing(scratch: Scratch) -> None:
    scratch.put("a.txt", "x")
    path = scratch.path("a.txt")
    workspace = scratch.client.workspace
    plain = workspace.get_status(path.removeprefix("/Workspace"))
    long = workspace.get_status("/Workspace" + path.removeprefix("/Workspace"))
    assert plain.object_id == long.object_id


@pytest.mark.grade("doc")
def test_a_folder_with_content_is_deleted_only_recursively(scratch: Scratch) -> None:
    filled(scratch)
    workspace = scratch.client.workspace
    with pytest.raises(DatabricksError) as caught:
        workspace.delete(scratch.path("sub"))
    assert caught.value.error_code == "DIRECTORY_NOT_EMPTY"
    workspace.delete(scratch.path("sub"), recursive=True)
    with pytest.raises(NotFound):
        workspace.get_status(scratch.path("sub/b"))


@pytest.mark.grade("live")
def test_deleting_what_is_not_there_is_told(scratch: Scratch) -> None:
    with pytest.raises(NotFound):
        scratch.client.workspace.delete(scratch.path("none"))


@pytest.mark.grade("doc")
def test_an_auto_archive_has_the_plain_files(scratch: Scratch) -> None:
    filled(scratch)
    found = names_in(scratch, ExportFormat.AUTO)
    assert any(name.endswith("sub/data.txt") for name in found)
    assert any(name.endswith("sub/b.py") for name in found)


@pytest.mark.grade("doc")
@pytest.mark.parametrize("format", [ExportFormat.SOURCE, ExportFormat.DBC])
def test_other_archives_drop_the_plain_files(scratch: Scratch, format: ExportFormat) -> None:
    filled(scratch)
    found = names_in(scratch, format)
    assert len(found) >= 2
    assert not any(name.endswith("data.txt") for name in found)


@pytest.mark.grade("fake")
def test_paths_in_an_archive_are_relative_to_the_folder(scratch: Scratch) -> None:
    filled(scratch)
    assert names_in(scratch, ExportFormat.AUTO) == {"a.py", "sub/b.py", "sub/data.txt"}


@pytest.mark.grade("fake")
def test_a_notebook_in_an_archive_is_as_in_an_export(scratch: Scratch) -> None:
    filled(scratch)
    exported = scratch.client.workspace.export(scratch.folder, format=ExportFormat.AUTO)
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(exported.content or ""))) as archive:
        name = next(name for name in archive.namelist() if name.endswith("b.py"))
        assert archive.read(name) == scratch.get("sub/b")


@pytest.mark.grade("fake")
def test_what_was_written_is_read_at_once(scratch: Scratch) -> None:
    for number in range(5):
        scratch.put("a.txt", str(number), overwrite=True)
        assert scratch.get("a.txt") == str(number).encode()


@pytest.mark.grade("fake")
def test_one_of_several_creates_without_overwrite_wins(scratch: Scratch) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def attempt(number: int) -> bool:
        try:
            scratch.put("lock", str(number))
        except DatabricksError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = [number for number, done in enumerate(pool.map(attempt, range(8))) if done]
    assert len(won) == 1
    assert scratch.get("lock") == str(won[0]).encode()


@pytest.mark.grade("doc")
def test_a_large_archive_comes_by_direct_download_only(scratch: Scratch) -> None:
    for name in ("a.bin", "b.bin"):
        scratch.put(name, random.Random(name).randbytes(6 * 1024 * 1024))
    with pytest.raises(DatabricksError) as caught:
        scratch.client.workspace.export(scratch.folder, format=ExportFormat.AUTO)
    assert caught.value.error_code == "MAX_NOTEBOOK_SIZE_EXCEEDED"
    with scratch.client.workspace.download(scratch.folder, format=ExportFormat.AUTO) as stream:
        data = stream.read()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert sum(entry.file_size for entry in archive.infolist()) == 12 * 1024 * 1024


@pytest.mark.grade("fake")
def test_an_empty_folder_is_an_archive_without_files(scratch: Scratch) -> None:
    assert names_in(scratch, ExportFormat.AUTO) == set()


@pytest.mark.grade("fake")
def test_an_ipynb_is_one_in_an_auto_archive(scratch: Scratch) -> None:
    scratch.put("a.ipynb", '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 0}')
    assert names_in(scratch, ExportFormat.AUTO) == {"a.ipynb"}
    assert names_in(scratch, ExportFormat.SOURCE) == {"a.py"}


@pytest.mark.grade("report")
def test_a_request_without_a_token_is_refused(scratch: Scratch) -> None:
    address = f"{scratch.client.config.host}/api/2.0/preview/scim/v2/Me"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(address, timeout=30)
    caught.value.close()
    assert caught.value.code in (401, 403)
