"""One attempt over the network, and what it means when there is no answer."""

from __future__ import annotations

import datetime
import ipaddress
import logging
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import pytest_dbxgate
from pytest_dbxgate.emulator.server import start
from pytest_dbxgate.errors import PlatformError
from pytest_dbxgate.workspace import issuers
from pytest_dbxgate.workspace.client import Client
from pytest_dbxgate.workspace.credentials import Secret, Veil, fixed
from pytest_dbxgate.workspace.failures import Cause, Failure
from pytest_dbxgate.workspace.issuers import Question
from pytest_dbxgate.workspace.retry import Budget, Times
from pytest_dbxgate.workspace.transport import Answer, Request, SdkTransport

ME = Request("GET", "/api/2.0/preview/scim/v2/Me", {}, None)
TOKEN = Secret("dapi-canary-1")


def attempt(host: str, *, timeout: float = 5.0) -> Answer | Failure:
    return SdkTransport(host, "test", timeout=timeout)(ME, TOKEN)


def cause(found: Answer | Failure) -> Cause:
    assert isinstance(found, Failure), found
    return found.cause


def asked(url: str) -> Answer | Failure:
    return issuers.post(Question("ask", url, {"a": TOKEN}, {"Authorization": TOKEN}, ""))


def test_an_answer_comes_as_it_is(tmp_path: Path) -> None:
    with start(tmp_path) as running:
        found = SdkTransport(running.host, "agent/1")(ME, Secret(running.token))
        refused = attempt(running.host)
    assert isinstance(found, Answer)
    assert found.status == 200
    assert b"developer@example.com" in found.body
    assert "developer" not in repr(found)
    assert isinstance(refused, Answer)
    assert refused.status == 403


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_nothing_comes_in_time(silent: str) -> None:
    found = attempt(silent, timeout=0.05)
    assert found == Failure(Cause.BROKEN, "nothing came in time")
    assert found.maybe_done


def test_nobody_listens() -> None:
    for found in (attempt("http://127.0.0.1:1"), asked("http://127.0.0.1:1")):
        assert cause(found) is Cause.UNREACHABLE
        assert isinstance(found, Failure)
        assert not found.maybe_done
        assert found.words == "[Errno 111] Connection refused" or "refused" in found.words


def test_no_such_name() -> None:
    for host in ("http://no-such-host.invalid", "https://no-such-host.invalid"):
        assert cause(attempt(host)) is Cause.NAMELESS
        assert cause(asked(host)) is Cause.NAMELESS


@pytest.fixture(scope="module")
def untrusted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A TLS server whose certificate nobody signed."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "proxy")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = folder / "both.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    class Quiet(HTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            pass

    server = Quiet(("127.0.0.1", 0), BaseHTTPRequestHandler)
    # The handshake is done where the connection is handled, so that a refused one ends there.
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_certificate_that_nobody_signed(untrusted: str) -> None:
    assert cause(asked(untrusted)) is Cause.CERTIFICATE
    assert cause(attempt(untrusted)) is Cause.CERTIFICATE

    times = Times(lambda seconds: None, lambda: 0.0, lambda: 0.0)
    credentials = fixed("pat", "a test", TOKEN, veil=Veil())
    transport = SdkTransport(untrusted, "test")
    client = Client(untrusted, credentials, transport, times=times, budget=Budget(attempts=9))
    with pytest.raises(PlatformError) as caught:
        client.user_name()
    assert "its certificate is not trusted" in str(caught.value)
    assert "REQUESTS_CA_BUNDLE" in str(caught.value)
    assert TOKEN.reveal() not in str(caught.value)


def test_the_sdks_own_log_holds_no_token(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABRICKS_DEBUG_HEADERS", "true")
    caplog.set_level(logging.DEBUG)
    with start(tmp_path) as running:
        attempt(running.host)
        running.add_faults({"do": "cut-before"})
        attempt(running.host)
    assert TOKEN.reveal() not in caplog.text


def test_the_environment_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither another credential nor a .netrc gets into a request."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login evil password evil\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(proxy, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("DATABRICKS_TOKEN", "another")
    monkeypatch.setenv("DATABRICKS_HOST", "https://elsewhere.example")
    with start(tmp_path / "data") as running:
        found = SdkTransport(running.host, "test")(ME, Secret(running.token))
        assert isinstance(found, Answer)
        assert found.status == 200
        assert [entry.route for entry in running.log()] == ["scim/me"]


def test_only_one_module_imports_the_sdk_and_importing_costs_nothing() -> None:
    package = Path(pytest_dbxgate.__file__).parent
    statement = re.compile(r"^\s*(?:from|import) databricks\b", re.MULTILINE)
    importers = [
        file.relative_to(package).as_posix()
        for file in sorted(package.rglob("*.py"))
        if statement.search(file.read_text(encoding="utf-8"))
    ]
    assert importers == ["workspace/transport.py"]
    modules = [
        ".".join(file.relative_to(package.parent).with_suffix("").parts)
        for file in sorted((package / "workspace").rglob("*.py"))
    ]
    program = (
        f"import sys, {', '.join(modules)}\n".replace(".__init__", "")
        + "print([name for name in sys.modules if name in ('databricks', 'requests', 'azure')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
