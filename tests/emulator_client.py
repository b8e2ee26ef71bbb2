"""A plain HTTP client for the embedded workspace: one connection a request, no retries."""

from __future__ import annotations

import base64
import http.client
import json
from typing import Any, NamedTuple
from urllib.parse import urlencode

from pytest_dbxgate.emulator.server import Running

NOTEBOOK = "# Databricks notebook source\n"


class Reply(NamedTuple):
    status: int
    body: Any
    headers: dict[str, str]
    """Names in lower case."""


def send(
    running: Running,
    method: str,
    path: str,
    body: Any = None,
    /,
    *,
    headers: dict[str, str] | None = None,
    **query: str,
) -> Reply | None:
    """The reply; None where the connection was closed without one."""
    address = running.host.removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=10)
    sent = {"Authorization": f"Bearer {running.token}", **(headers or {})}
    data = None if body is None else json.dumps(body).encode()
    target = f"{path}?{urlencode(query)}" if query else path
    try:
        connection.request(method, target, data, sent)
        reply = connection.getresponse()
        content = reply.read()
    except (http.client.RemoteDisconnected, ConnectionResetError):
        return None
    finally:
        connection.close()
    try:
        value = json.loads(content)
    except ValueError:
        value = content
    headers_in = {name.lower(): text for name, text in reply.getheaders()}
    return Reply(reply.status, value, headers_in)


def put(running: Running, path: str, text: str, **fields: Any) -> Reply | None:
    """Import as AUTO, overwriting unless told otherwise."""
    content = base64.b64encode(text.encode()).decode()
    body = {"path": path, "content": content, "format": "AUTO", "overwrite": True, **fields}
    return send(running, "POST", "/api/2.0/workspace/import", body)


def get(running: Running, path: str, format: str = "AUTO") -> str | None:
    """An export's text; None where there is no success."""
    reply = send(running, "GET", "/api/2.0/workspace/export", path=path, format=format)
    if reply is None or reply.status != 200:
        return None
    return base64.b64decode(reply.body["content"]).decode()
