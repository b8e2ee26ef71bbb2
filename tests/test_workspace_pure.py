"""The parts of the client that decide: paths, retries, paces, archives, hosts, failures."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import pickle
import stat
import zipfile
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dbxgate.errors import AuthenticationError, ConfigurationError
from pytest_dbxgate.workspace import failures, hosts, paths, retry
from pytest_dbxgate.workspace.archives import ArchiveError, Limits, unpack
from pytest_dbxgate.workspace.credentials import Secret, Shielded, Veil
from pytest_dbxgate.workspace.failures import Cause
from pytest_dbxgate.workspace.model import AlreadyExistsError, UnavailableError
from pytest_dbxgate.workspace.retry import Budget, Retries, Times
from pytest_dbxgate.workspace.throttle import Governor, Pace

PUBLIC = "https://adb-1234567890123456.7.azuredatabricks.net"


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def times(self) -> Times:
        return Times(self.sleep, lambda: self.now, lambda: 0.0)


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("/", "/"),
        ("/Workspace", "/"),
        ("/Workspace/Shared/a", "/Shared/a"),
        ("/Shared//a/./b/../c/", "/Shared/a/c"),
        ("/x/../Workspace/y", "/y"),
        ("/WorkspaceX/y", "/WorkspaceX/y"),
        ("/Shared/a b/\u00e9", "/Shared/a b/\u00e9"),
    ],
)
def test_canonical_paths(path: str, canonical: str) -> None:
    assert paths.canonical(path) == canonical


@pytest.mark.parametrize("path", ["", "a/b", "./a", "/..", "/a/../../b", "/a\\b", "/a\nb", "/a\0"])
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(ConfigurationError, match="is no path in a workspace"):
        paths.canonical(path)


@given(st.lists(st.sampled_from(["a", "b", ".", "..", "", "Workspace"]), max_size=8))
def test_a_canonical_path_stays_as_it_is(parts: list[str]) -> None:
    try:
        found = paths.canonical("/" + "/".join(parts))
    except ConfigurationError:
        return
    assert ".." not in found.split("/")
    assert found == "/" or not found.endswith("/")
    if not found.startswith("/Workspace"):
        assert paths.canonical(found) == found


def test_a_relative_path_stays_in_its_folder() -> None:
    assert paths.join("/Workspace/a", "b/../c") == "/a/c"
    for relative in ("../b", "/../../b", "x/../../ab"):
        with pytest.raises(ConfigurationError):
            paths.join("/a", relative)


def test_what_is_inside() -> None:
    assert paths.is_inside("/a/b", "/a")
    assert paths.is_inside("/a", "/")
    assert not paths.is_inside("/ab", "/a")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        ("1.5", 1.5),
        ("-4", 0.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 40.0),
        ("Thu, 01 Jan 1970 00:00:10 GMT", 0.0),
        ("", None),
        (None, None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert retry.retry_after(value, now=60.0) == seconds


@given(st.integers(1, 100), st.floats(0, 1, exclude_max=True))
def test_waits_grow_to_a_limit(attempt: int, chance: float) -> None:
    budget = Budget(first=1.0, longest=20.0)
    step = min(20.0, 2.0 ** (attempt - 1))
    assert step / 2 <= retry.wait(attempt, budget, chance) <= step
    assert retry.wait(attempt, budget, chance, asked=60.0) >= 60.0


def test_a_budget_of_attempts_and_of_seconds() -> None:
    time = Time()
    retries = Retries(Budget(attempts=3), time.times())
    assert [retries.again() for _ in range(4)] == [True, True, False, False]
    assert retries.attempts == 3

    retries = Retries(Budget(attempts=100, seconds=60), time.times())
    began = time.now
    while retries.again(asked=20):
        pass
    assert 40 <= time.now - began <= 60


def test_a_pace_is_kept() -> None:
    time = Time()
    governor = Governor(time.times())
    for _ in range(400):
        governor.enter("workspace/import")
    assert 13.3 <= time.now <= 14.1
    before = time.now
    governor.enter("workspace/export")
    assert time.now == before


def test_a_pace_halves_after_a_429_and_recovers() -> None:
    pace = Pace(30)
    full = pace.rate
    pace.slower(0.0, asked=5.0)
    assert pace.rate == full / 2
    assert pace.reserve(0.0) == 5.0
    for _ in range(50):
        pace.answered()
    assert pace.rate == full
    for _ in range(50):
        pace.slower(0.0, None)
    assert pace.rate == 0.5


def zipped(members: dict[str, bytes], **attributes: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            for key, value in attributes.items():
                setattr(entry, key, value)
            archive.writestr(entry, data)
    return stream.getvalue()


def test_an_archive() -> None:
    members = {"a/b.py": b"x", "c d": b"", "e/": b""}
    assert unpack(zipped(members)) == {"a/b.py": b"x", "c d": b""}
    assert unpack(zipped({})) == {}


@pytest.mark.parametrize(
    "name", ["../a", "a/../../b", "/a", "C:/a", "a\\..\\b", "a//b", "./a", "a\0b", ".."]
)
def test_an_archive_with_a_name_that_leads_out(name: str) -> None:
    data = zipped({name.replace("\0", "0"): b"x"})
    if "\0" in name:
        data = data.replace(b"a0b", b"a\0b")
    with pytest.raises(ArchiveError):
        unpack(data)


def test_an_archive_with_a_link() -> None:
    with pytest.raises(ArchiveError, match="is a link"):
        unpack(zipped({"a": b"/etc/passwd"}, external_attr=(stat.S_IFLNK | 0o777) << 16))


def test_an_archive_that_explodes() -> None:
    data = zipped({"a": bytes(30_000_000)})
    with pytest.raises(ArchiveError, match="unpacks 'a' to more than it may"):
        unpack(data)
    with pytest.raises(ArchiveError, match="more than it may"):
        unpack(zipped({str(n): bytes(1000) for n in range(10)}), limits=Limits(total=5000))
    with pytest.raises(ArchiveError, match="more than 2 members"):
        unpack(zipped({"a": b"", "b": b"", "c": b""}), limits=Limits(members=2))


@pytest.mark.parametrize("data", [b"", b"PK", b"no archive", zipped({"a": b"x" * 100})[:-30]])
def test_a_damaged_archive(data: bytes) -> None:
    with pytest.raises(ArchiveError, match="cannot be read"):
        unpack(data)


@given(st.binary(max_size=300), st.integers(0, 200))
def test_whatever_an_archive_holds_it_is_refused_or_read(noise: bytes, at: int) -> None:
    good = zipped({"a/b": b"hello" * 20})
    with contextlib.suppress(ArchiveError):
        unpack(good[:at] + noise + good[at + len(noise) :])


@pytest.mark.parametrize(
    ("host", "address"),
    [
        (PUBLIC, PUBLIC),
        (PUBLIC + "/", PUBLIC),
        (PUBLIC.removeprefix("https://").upper(), PUBLIC),
        (PUBLIC + ":443", PUBLIC),
        ("https://adb-1.2.databricks.azure.us", "https://adb-1.2.databricks.azure.us"),
        ("https://adb-1.2.databricks.azure.cn", "https://adb-1.2.databricks.azure.cn"),
        ("https://westeurope.azuredatabricks.net", "https://westeurope.azuredatabricks.net"),
    ],
)
def test_hosts_of_databricks(host: str, address: str) -> None:
    assert hosts.approved(host, method="pat", environ={}) == address


@pytest.mark.parametrize(
    "host",
    [
        "http://adb-1.2.azuredatabricks.net",
        "https://adb-1.2.azuredatabricks.net.evil.example",
        "https://evil.example/adb-1.2.azuredatabricks.net",
        "https://adb-1.2.azuredatabricks.net@evil.example",
        "https://adb-1.2.azuredatabricks.net:8443",
        "https://evilazuredatabricks.net",
        "https://a.b.azuredatabricks.net",
        "https://adb-1.2.azuredatabricks.net?x=1",
        "https://adb-1.2.azuredatabricks.net#x",
        "https://\u0430db-1.2.azuredatabricks.net",
        "https://127.0.0.1",
        "https://localhost",
        "ftp://adb-1.2.azuredatabricks.net",
        "https://adb-1.2.azuredatabricks.net\\@evil.example",
        "https://[::1",
        "",
    ],
)
def test_hosts_that_get_no_credential(host: str) -> None:
    with pytest.raises(ConfigurationError):
        hosts.approved(host, method="pat", environ={})


def test_hosts_that_the_pipeline_allows() -> None:
    host = "https://dbx.contoso.example:8443"
    for allowed, environ in (
        (["dbx.contoso.example:8443"], {}),
        ([], {"DBXGATE_ALLOWED_HOSTS": "other.example, dbx.contoso.example:8443"}),
    ):
        assert hosts.approved(host, method="pat", allowed=allowed, environ=environ) == host
        with pytest.raises(ConfigurationError):
            hosts.approved(f"{host}0", method="pat", allowed=allowed, environ=environ)
        with pytest.raises(ConfigurationError, match="not reached over TLS"):
            hosts.approved(
                host.replace("https", "http"), method="pat", allowed=allowed, environ=environ
            )


def test_the_embedded_workspace_is_on_this_machine() -> None:
    assert hosts.approved("http://127.0.0.1:80", method="local") == "http://127.0.0.1:80"
    with pytest.raises(ConfigurationError, match="is no embedded workspace"):
        hosts.approved("http://127.0.0.1.evil.example:80", method="local")


def failure(status: int, code: str, words: str) -> failures.Failure | None:
    body = f'{{"error_code": "{code}", "message": "{words}"}}'.encode()
    return failures.of_answer(status, {}, body)


@pytest.mark.parametrize(
    ("status", "code", "words", "cause"),
    [
        (400, "RESOURCE_ALREADY_EXISTS", "x", Cause.EXISTS),
        (404, "RESOURCE_DOES_NOT_EXIST", "x", Cause.MISSING),
        (404, "", "Path (/a) doesn't exist.", Cause.MISSING),
        (404, "ENDPOINT_NOT_FOUND", "No API found", Cause.STRANGE),
        (404, "", "no route matched", Cause.STRANGE),
        (400, "INVALID_PARAMETER_VALUE", "Job 1234 does not exist.", Cause.MISSING),
        (400, "INVALID_PARAMETER_VALUE", "x", Cause.REJECTED),
        (400, "X", "The service is temporarily unavailable", Cause.FAILING),
        (400, "MAX_NOTEBOOK_SIZE_EXCEEDED", "x", Cause.TOO_LARGE),
        (401, "", "x", Cause.TOKEN),
        (403, "PERMISSION_DENIED", "Invalid access token.", Cause.TOKEN),
        (403, "PERMISSION_DENIED", "no right", Cause.DENIED),
        (429, "", "x", Cause.THROTTLED),
        (504, "", "x", Cause.FAILING),
        (501, "", "x", Cause.REJECTED),
    ],
)
def test_what_an_answer_means(status: int, code: str, words: str, cause: Cause) -> None:
    found = failure(status, code, words)
    assert found is not None
    assert found.cause is cause


def test_a_success_has_no_failure() -> None:
    assert failures.of_answer(200, {}, b"{}") is None
    assert failures.of_answer(200, {}, b"") is None
    strange = failures.of_answer(200, {}, b"<html>")
    assert strange is not None
    assert strange.cause is Cause.STRANGE


@pytest.mark.parametrize("cause", Cause)
def test_every_failure_has_an_error_with_host_and_next_step(cause: Cause) -> None:
    error = failures.error(
        failures.Failure(cause, "its words"), "do x", PUBLIC, lost=True, attempts=3
    )
    assert str(error).startswith(f"{PUBLIC}: do x: ")
    assert "its words" in str(error)
    assert error.next_step
    if isinstance(error, UnavailableError):
        assert error.maybe_done
    if isinstance(error, AlreadyExistsError):
        assert error.after_retry
    assert isinstance(error, AuthenticationError) is (cause is Cause.TOKEN)


def test_a_secret_shows_nothing() -> None:
    secret = Secret("s3cr3t")
    for text in (repr(secret), str(secret), f"{secret}", f"{secret:>40}", repr([secret])):
        assert "s3cr3t" not in text
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    assert "s3cr3t" not in repr(Shielded({"A": "s3cr3t"}))


@given(
    st.text('abcXYZ019!/+ "\u00e9', min_size=8, max_size=40),
    st.binary(max_size=4),
    st.binary(max_size=4),
)
def test_a_veil_sees_through_codings(secret: str, before: bytes, after: bytes) -> None:
    veil = Veil()
    veil.add(Secret(secret))
    data = secret.encode()
    for form in (secret, json.dumps(secret)[1:-1], quote(secret, safe=""), data.hex()):
        assert veil(f"<{form}>") == "<***>"
    for coded in (base64.b64encode, base64.urlsafe_b64encode):
        text = coded(before + data + after).decode()
        shown = veil(text)
        assert "***" in shown
        assert len(shown.replace("***", "")) <= len(text) - (len(data) * 8 // 6 - 2)


def test_a_veil() -> None:
    told: list[str] = []
    veil = Veil(told.append)
    for value in ("abcd", "abcdef", "abcd", "", "x"):
        veil.add(Secret(value))
    assert veil("abcdef abcd x") == "*** *** x"
    assert told == ["abcd", "abcdef", "x"]
    assert "abcd" not in repr(veil)
