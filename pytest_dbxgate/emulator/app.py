"""The workspace as an ASGI application: hosts and origins, headers, closed connections."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from email.utils import formatdate

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pytest_dbxgate.emulator import control_api
from pytest_dbxgate.emulator.control import Control
from pytest_dbxgate.emulator.service import Service
from pytest_dbxgate.emulator.values import Answer, ApiError, Raw, failure


class App:
    """``hosts``: the values of ``Host`` that are served; ``cut`` closes a client's connection."""

    def __init__(
        self,
        service: Service,
        control: Control,
        *,
        token: str,
        hosts: frozenset[str],
        cut: Callable[[tuple[str, int]], None],
    ) -> None:
        self._service = service
        self._control = control
        self._token = token
        self._hosts = hosts
        self._cut = cut

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        raw = Raw(
            request.method,
            request.url.path,
            dict(request.query_params),
            {name.lower(): value for name, value in request.headers.items()},
            await request.body(),
        )
        answer = self._answer(raw)
        if answer is None:
            client = scope["client"]
            self._cut((client[0], client[1]))
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        date = formatdate(self._service.now(), usegmt=True)
        headers = {"Date": date, **answer.headers}
        response = Response(answer.body, answer.status, headers, answer.media)
        await response(scope, receive, send)

    def _answer(self, raw: Raw) -> Answer | None:
        if raw.headers.get("host") not in self._hosts:
            return _denied("This host name is not served here.")
        origin = raw.headers.get("origin")
        if origin is not None and origin.removeprefix("http://") not in self._hosts:
            return _denied("Requests from web pages are refused.")
        if raw.path.startswith(control_api.PREFIX):
            given = raw.headers.get("authorization", "")
            if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
                return _denied("Invalid access token.")
            return control_api.handle(self._control, raw)
        with self._service.store.lock:
            return self._service.handle(raw)


def _denied(message: str) -> Answer:
    return failure(ApiError(403, "PERMISSION_DENIED", message))
