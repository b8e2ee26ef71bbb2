"""A call: attempts under a budget and a pace, with a token that is kept fresh."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from pytest_dbxgate.errors import GateError
from pytest_dbxgate.workspace import failures, retry
from pytest_dbxgate.workspace.credentials import Credentials
from pytest_dbxgate.workspace.failures import TRANSIENT, Cause, Failure
from pytest_dbxgate.workspace.retry import Budget, Retries, Times
from pytest_dbxgate.workspace.throttle import Governor
from pytest_dbxgate.workspace.transport import Answer, Request, Transport

_NAMELESS = 3
"""Attempts where nobody knows the host's name: a resolver may stumble, a typing error stays."""


class Outcome(NamedTuple):
    """How a call ended."""

    content: Mapping[str, Any]
    failure: Failure | None
    lost: bool
    """An earlier attempt, or the last one, may have taken effect without an answer."""
    attempts: int


class Caller:
    """Makes calls. Safe to use from several threads."""

    def __init__(
        self,
        host: str,
        credentials: Credentials,
        transport: Transport,
        *,
        times: Times,
        budget: Budget = Budget(),  # noqa: B008
    ) -> None:
        self.host = host
        self.times = times
        self.server_time: float | None = None
        self._credentials = credentials
        self._transport = transport
        self._budget = budget
        self._governor = Governor(times)

    def call(
        self,
        method: str,
        path: str,
        *,
        endpoint: str,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        repeat_lost: bool = True,
        raw: bool = False,
    ) -> Outcome:
        """One call. Without ``repeat_lost`` it ends at the first attempt whose effect is unknown;
        with ``raw`` the content is the answer's very bytes, as ``content`` in base64.

        Raises :class:`~pytest_dbxgate.errors.AuthenticationError` only.
        """
        request = Request(method, path, query or {}, body)
        retries = Retries(self._budget, self.times)
        lost = renewed = False
        while True:
            token = self._credentials.token()
            self._governor.enter(endpoint)
            content, failure = self._read(self._transport(request, token), raw=raw)
            if failure is None:
                self._governor.answered(endpoint)
                return Outcome(content, None, lost, retries.attempts)
            if failure.cause is Cause.THROTTLED:
                self._governor.throttled(endpoint, failure.asked)
            if failure.cause is Cause.TOKEN and not renewed:
                renewed = True
                if self._credentials.refused(token):
                    continue
            lost = lost or failure.maybe_done
            unknown = failure.maybe_done and not repeat_lost
            if (
                unknown
                or failure.cause not in TRANSIENT
                or not retries.again(
                    failure.asked, most=_NAMELESS if failure.cause is Cause.NAMELESS else None
                )
            ):
                return Outcome({}, failure, lost, retries.attempts)

    def error(self, outcome: Outcome, what: str) -> GateError:
        """The error of a call that failed."""
        assert outcome.failure is not None
        return failures.error(
            outcome.failure, what, self.host, lost=outcome.lost, attempts=outcome.attempts
        )

    def get(
        self, path: str, what: str, *, endpoint: str, query: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """What a read gives; None where there is no such thing. Raises the call's error."""
        outcome = self.call("GET", path, endpoint=endpoint, query=query)
        if outcome.failure is None:
            return outcome.content
        if outcome.failure.cause is Cause.MISSING:
            return None
        raise self.error(outcome, what)

    def post(
        self, path: str, what: str, *, endpoint: str, body: Mapping[str, Any], method: str = "POST"
    ) -> Mapping[str, Any]:
        """What a change gives. Raises the call's error."""
        outcome = self.call(method, path, endpoint=endpoint, body=body)
        if outcome.failure is not None:
            raise self.error(outcome, what)
        return outcome.content

    def _read(
        self, answer: Answer | Failure, *, raw: bool
    ) -> tuple[Mapping[str, Any], Failure | None]:
        if isinstance(answer, Failure):
            return {}, self._veiled(answer)
        told = retry.date(_header(answer.headers, "date"))
        if told is not None:
            self.server_time = told
        failure = failures.of_answer(answer.status, answer.headers, answer.body, raw=raw)
        if failure is not None:
            return {}, self._veiled(failure)
        if raw:
            return {"content": base64.b64encode(answer.body).decode("ascii")}, None
        return json.loads(answer.body) if answer.body.strip() else {}, None

    def _veiled(self, failure: Failure) -> Failure:
        # A server may repeat what it was sent.
        return failure._replace(words=self._credentials.veil(failure.words))


def _header(headers: Mapping[str, str], name: str) -> str | None:
    return next((value for key, value in headers.items() if key.lower() == name), None)
