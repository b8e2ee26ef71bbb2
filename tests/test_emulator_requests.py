"""Requests that no client should send are answered, never with a server's fault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator_client import NOTEBOOK, get, put, send
from pytest_dbxgate.emulator import wire
from pytest_dbxgate.emulator.objects import Sizes, Unknowns
from pytest_dbxgate.emulator.paths import canonical
from pytest_dbxgate.emulator.server import Running, start
from pytest_dbxgate.emulator.values import ApiError, Raw


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with start(tmp_path_factory.mktemp("data")) as running:
        made = send(running, "POST", "/api/2.2/jobs/create", {"name": "a"})
        assert made is not None
        assert made.body == {"job_id": 1000}
        send(running, "POST", "/api/2.0/secrets/scopes/create", {"scope": "s"})
        yield running


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "/", "/Shared/x", "AUTO"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["task_key", "depends_on", "notebook_task"]), inner)
    ),
    max_leaves=6,
)
FIELDS = (
    *("content", "format", "language", "overwrite", "recursive", "new_settings", "tasks", "tags"),
    *("name", "job_clusters", "fields_to_remove", "access_control_list", "parameters", "rules"),
    *("key", "string_value", "edits", "delete", "rates", "do"),
)
KNOWN = st.fixed_dictionaries({"path": st.just("/Shared/x"), "scope": st.just("s")})
BODIES = st.builds(
    lambda known, more, job_id: {**known, **more, "job_id": job_id, "new_settings": more},
    KNOWN,
    st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=3),
    st.sampled_from([1000, 1, None, "x"]),
)
ROUTES = st.sampled_from(
    [
        ("POST", "/api/2.0/workspace/import"),
        ("POST", "/api/2.0/workspace/mkdirs"),
        ("POST", "/api/2.0/workspace/delete"),
        ("POST", "/api/2.2/jobs/create"),
        ("POST", "/api/2.2/jobs/reset"),
        ("POST", "/api/2.2/jobs/update"),
        ("PUT", "/api/2.0/permissions/jobs/1000"),
        ("PATCH", "/api/2.0/permissions/directories/1000"),
        ("POST", "/api/2.0/secrets/put"),
        ("POST", "/_emulator/faults"),
        ("POST", "/_emulator/edit"),
    ]
)
QUERIES = st.dictionaries(
    st.sampled_from(["path", "format", "limit", "page_token", "offset", "job_id", "scope", "key"]),
    st.sampled_from(["", "/", "x", "-1", "/Shared", "AUTO", "999999999999999999999999"]),
)
READS = st.sampled_from(
    [
        "/api/2.0/workspace/export",
        "/api/2.0/workspace/list",
        "/api/2.0/workspace/get-status",
        "/api/2.2/jobs/get",
        "/api/2.2/jobs/list",
        "/api/2.2/jobs/runs/list",
        "/api/2.0/secrets/get",
        "/api/2.0/permissions/jobs/x",
    ]
)
MANY = settings(
    max_examples=250,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@MANY
@given(ROUTES, BODIES)
def test_no_body_breaks_it(
    running: Running, route: tuple[str, str], body: dict[str, object]
) -> None:
    reply = send(running, *route, body)
    assert reply is not None
    assert reply.status < 500, reply


@MANY
@given(READS, QUERIES)
def test_no_query_breaks_it(running: Running, path: str, query: dict[str, str]) -> None:
    reply = send(running, "GET", path, **query)
    assert reply is not None
    assert reply.status < 500, reply


@pytest.mark.parametrize(
    ("given_path", "expected"),
    [
        ("/Workspace/Shared/a/", "/Shared/a"),
        ("//Shared//./a", "/Shared/a"),
        ("/Workspace", "/"),
        ("/", "/"),
        ("/WorkspaceX/a", "/WorkspaceX/a"),
    ],
)
def test_one_path_has_one_form(given_path: str, expected: str) -> None:
    assert canonical(given_path) == expected


@pytest.mark.parametrize("path", ["", "a", "/a/../b", "/a\0"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ApiError):
        canonical(path)


@given(st.binary(max_size=50), st.sampled_from([b"", b"\r\n", b"\r\n--b", b"--b--\r\n"]))
def test_a_form_keeps_the_bytes_of_its_file(data: bytes, end: bytes) -> None:
    boundary = "01234567890123456789"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="path"\r\n\r\n/a\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="content"; filename="content"'
        "\r\n\r\n"
    ).encode()
    body += data + end + f"\r\n--{boundary}--\r\n".encode()
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    fields = wire.body_of(Raw("POST", "/", {}, headers, body))
    assert fields == {"path": "/a", "content": data + end}


def test_an_import_of_many_is_all_or_nothing(running: Running) -> None:
    import base64

    from pytest_dbxgate.emulator import archives

    put(running, "/Shared/whole.txt", "x")
    archive = archives.pack({"a.txt": b"1", "b.ipynb": b"no notebook"})
    body = {
        "path": "/Shared/half",
        "format": "SOURCE",
        "content": base64.b64encode(archive).decode(),
    }
    reply = send(running, "POST", "/api/2.0/workspace/import", body)
    assert reply is not None
    assert reply.status == 400
    assert "/Shared/half" not in running.dump().objects


def test_limits_of_size_can_be_set(tmp_path: Path) -> None:
    with start(tmp_path, sizes=Sizes(content=10, export=5)) as running:
        reply = put(running, "/Shared/a", "x" * 9)
        assert reply is not None
        assert reply.body["error_code"] == "MAX_NOTEBOOK_SIZE_EXCEEDED"
        put(running, "/Shared/a", "x" * 6)
        assert get(running, "/Shared/a") is None
        query = {"path": "/Shared/a", "format": "AUTO", "direct_download": "true"}
        reply = send(running, "GET", "/api/2.0/workspace/export", **query)
        assert reply is not None
        assert reply.body == b"xxxxxx"


@pytest.mark.parametrize(
    ("unknowns", "names"),
    [
        (Unknowns(), {"a.ipynb", "b.py"}),
        (Unknowns(ipynb_as_source=True), {"a.py", "b.py"}),
        (Unknowns(folder_in_archive=True), {"Shared/a.ipynb", "Shared/b.py"}),
    ],
)
def test_what_is_not_known_can_be_either(
    tmp_path: Path, unknowns: Unknowns, names: set[str]
) -> None:
    from pytest_dbxgate.emulator import archives

    with start(tmp_path, unknowns=unknowns) as running:
        put(running, "/Shared/a.ipynb", '{"cells": [], "metadata": {}, "nbformat": 4}')
        put(running, "/Shared/b.py", NOTEBOOK)
        query = {"path": "/Shared", "format": "AUTO", "direct_download": "true"}
        reply = send(running, "GET", "/api/2.0/workspace/export", **query)
        assert reply is not None
        assert set(archives.unpack(reply.body)) == names
