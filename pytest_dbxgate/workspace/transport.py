"""One attempt at a request, over the SDK's HTTP client or plainly. Never repeats, never follows.

The only importer of ``databricks.sdk``, and late: the import takes about a second.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from pytest_dbxgate.workspace.credentials import Secret
from pytest_dbxgate.workspace.failures import Cause, Failure

if TYPE_CHECKING:
    import requests

_LOOPBACK = ("127.0.0.1", "localhost", "::1")

TIMEOUT = 60.0
"""Seconds without a byte after which an answer counts as lost."""

CONNECTIONS = 32


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"<answer {self.status} of {len(self.body)} bytes>"


class Request(NamedTuple):
    """What goes out. Texts in ``body`` are kept out of its ``repr``: a folder may hold a secret."""

    method: str
    path: str
    query: Mapping[str, Any]
    body: Mapping[str, Any] | None

    def __repr__(self) -> str:
        return f"<{self.method} {self.path}>"


Transport = Callable[[Request, Secret], "Answer | Failure"]
"""One attempt with a token."""


class _Answered(Exception):  # noqa: N818
    """Carries an answer past the SDK's own reading of it, which would lose its status."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class _Again(Exception):  # noqa: N818
    """The SDK was about to repeat a request."""


class SdkTransport:
    """The SDK's HTTP client with its retries, its redirects and its log of headers switched off.

    ``_BaseClient`` and not ``ApiClient``: the latter reads every ``DATABRICKS_*`` and ``ARM_*`` of
    the environment, asks the host for its configuration first and writes its own configuration
    into error messages. [sdk 0.156]
    """

    def __init__(self, host: str, agent: str, *, timeout: float = TIMEOUT) -> None:
        from databricks.sdk._base_client import _BaseClient
        from databricks.sdk.clock import Clock

        class NoRetries(Clock):
            """The SDK sleeps before it repeats: here it stops instead."""

            def time(self) -> float:
                return 0.0

            def sleep(self, seconds: float) -> None:
                raise _Again

        self._host = host
        self._client = _BaseClient(
            user_agent_base=agent,
            max_connection_pools=CONNECTIONS,
            max_connections_per_pool=CONNECTIONS,
            pool_block=True,
            http_timeout_seconds=timeout,
            clock=NoRetries(),
        )
        session: requests.Session = self._client._session
        session.max_redirects = 0
        # The embedded workspace's token must not go through a proxy of the environment.
        session.trust_env = urlsplit(host).hostname not in _LOOPBACK
        session.hooks["response"].append(_stop)

    def __call__(self, request: Request, token: Secret) -> Answer | Failure:
        """One attempt; a failure only where there was no answer."""
        try:
            self._client.do(
                request.method,
                f"{self._host}{request.path}",
                query=dict(request.query),
                body=None if request.body is None else dict(request.body),
                auth=_Signature(token),
            )
        except _Answered as answered:
            return answered.answer
        except _Again as again:
            # What the SDK wanted to repeat after.
            return of_exception(again.__context__ or again)
        except Exception as error:
            return of_exception(error)
        return Failure(Cause.STRANGE, "no answer")


class _Signature:
    """Puts the token into a request. Its ``repr`` is the class's: it may stand in a frame."""

    def __init__(self, token: Secret | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return request


def _stop(response: requests.Response, **_: object) -> None:
    raise _Answered(Answer(response.status_code, dict(response.headers), response.content))


def of_exception(error: BaseException) -> Failure:
    """What a failed attempt means. ``error`` comes from ``requests``, or from below it."""
    import requests

    words = _reason(error)
    if isinstance(error, requests.exceptions.SSLError) or "CERTIFICATE_VERIFY" in words:
        return Failure(Cause.CERTIFICATE, words)
    if isinstance(error, requests.exceptions.ProxyError | requests.exceptions.ConnectTimeout):
        return Failure(Cause.UNREACHABLE, words)
    if isinstance(error, requests.exceptions.Timeout):
        return Failure(Cause.BROKEN, "nothing came in time")
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return Failure(Cause.REJECTED, words)
    from urllib3.exceptions import NameResolutionError

    reason = _cause(error)
    if isinstance(reason, NameResolutionError):
        return Failure(Cause.NAMELESS, words)
    if _never_sent(reason):
        return Failure(Cause.UNREACHABLE, words)
    return Failure(Cause.BROKEN, words)


_CONNECTION = re.compile(r"^HTTPS?Connection\(.*?\): ")
"""How urllib3 2 begins such a sentence."""


def _cause(error: BaseException) -> object:
    """What ``requests`` wraps."""
    cause = error.args[0] if error.args else None
    return getattr(cause, "reason", cause)


def _never_sent(reason: object) -> bool:
    from urllib3.exceptions import NewConnectionError

    return isinstance(reason, NewConnectionError)


def _reason(error: BaseException) -> str:
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", None) or cause or error
    # "<urllib3...Connection object at 0x7f...>: Failed to ..." says nothing by its first half.
    text = _CONNECTION.sub("", str(reason))
    return text.partition(">: ")[2] or text or type(error).__name__
