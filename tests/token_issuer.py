"""A token issuer on loopback for tests: Entra, Databricks and Azure DevOps in one."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from pytest_dbxgate.workspace import issuers
from pytest_dbxgate.workspace.failures import Failure
from pytest_dbxgate.workspace.issuers import Question
from pytest_dbxgate.workspace.transport import Answer


class Asked(NamedTuple):
    """A request that came in."""

    path: str
    query: str
    form: dict[str, str]
    headers: dict[str, str]


class Issuer:
    """Answers with ``replies`` in turn, the last one for ever; remembers what was asked."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.asked: list[Asked] = []
        self.give: Callable[[Asked], tuple[int, Any]] = lambda asked: (404, {})
        self.headers: dict[str, str] = {}

    def post(self, question: Question) -> Answer | Failure:
        """The real thing, sent here whatever host it names."""
        url = urlsplit(question.url)
        assert url.scheme == "https"
        here = f"{self.address}/{url.netloc}{url.path}?{url.query}"
        return issuers.post(question._replace(url=here))


@contextmanager
def serving() -> Iterator[Issuer]:
    """An issuer that serves."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            form = parse_qs(self.rfile.read(length).decode())
            path, _, query = self.path.partition("?")
            asked = Asked(
                path.lstrip("/"),
                query,
                {name: values[0] for name, values in form.items()},
                dict(self.headers.items()),
            )
            issuer.asked.append(asked)
            status, told = issuer.give(asked)
            body = told if isinstance(told, bytes) else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            for name, value in issuer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer = Issuer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def jwt(**claims: str) -> str:
    """A token of three parts, not signed."""
    parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims, {"s": "canary"})]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
