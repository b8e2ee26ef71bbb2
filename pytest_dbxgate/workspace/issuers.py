"""Asking somebody who issues tokens: over TLS, no redirects, one form in, one JSON out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pytest_dbxgate.errors import AuthenticationError
from pytest_dbxgate.workspace import failures
from pytest_dbxgate.workspace.credentials import Secret, Token, Veil
from pytest_dbxgate.workspace.failures import TRANSIENT, Cause, Failure
from pytest_dbxgate.workspace.retry import Budget, Retries, Times
from pytest_dbxgate.workspace.transport import TIMEOUT, Answer, of_exception

Values = Mapping[str, "str | Secret"]

_OUR_MATTER = frozenset({Cause.TOKEN, Cause.DENIED, Cause.MISSING, Cause.EXISTS, Cause.REJECTED})


class Question(NamedTuple):
    """What is asked of an issuer."""

    what: str
    """For errors: ``exchange the pipeline's token``."""
    url: str
    form: Values
    headers: Values
    next_step: str
    """For the case that it refuses."""


Post = Callable[[Question], "Answer | Failure"]
"""One attempt."""


def post(question: Question) -> Answer | Failure:
    """Over the network."""
    import requests

    try:
        with requests.Session() as session:
            # Without this a .netrc would put its own Authorization into the request.
            session.auth = _unchanged
            response = session.post(
                question.url,
                data={name: _text(value) for name, value in question.form.items()},
                headers={name: _text(value) for name, value in question.headers.items()},
                allow_redirects=False,
                timeout=TIMEOUT,
            )
            return Answer(response.status_code, dict(response.headers), response.content)
    except Exception as error:
        return of_exception(error)


def _unchanged(request: Any) -> Any:
    return request


def _text(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value


class Issuers:
    """Whoever issues tokens. Transient failures are repeated under a budget."""

    def __init__(
        self,
        veil: Veil,
        times: Times,
        *,
        post: Post = post,
        budget: Budget = Budget(attempts=5, seconds=60.0),  # noqa: B008
    ) -> None:
        self.veil = veil
        self._times = times
        self._post = post
        self._budget = budget

    def token(self, question: Question) -> Token:
        """An OAuth token. Raises :class:`~pytest_dbxgate.errors.AuthenticationError` where it is
        refused, a :class:`~pytest_dbxgate.errors.PlatformError` where nobody answers."""
        answer = self.ask(question, "access_token")
        lasts = _seconds(answer.get("expires_in"))
        expires = None if lasts is None else self._times.clock() + lasts
        return Token(self.secret(answer, "access_token"), expires)

    def secret(self, answer: _Told, name: str) -> Secret:
        """A field of an answer, registered as a secret."""
        return self.veil.add(Secret(str(answer[name])))

    def ask(self, question: Question, field: str) -> _Told:
        """An answer that has ``field``; raises as :meth:`token`."""
        retries = Retries(self._budget, self._times)
        while True:
            found = self._attempt(question, field)
            if not isinstance(found, Failure):
                return found
            if found.cause not in TRANSIENT or not retries.again(found.asked):
                break
        host = f"https://{urlsplit(question.url).netloc}"
        if found.cause in _OUR_MATTER:
            raise AuthenticationError(
                f"{host}: {question.what}: {failures.told(found.words)}",
                next_step=question.next_step,
            )
        raise failures.error(found, question.what, host, lost=False, attempts=retries.attempts)

    def _attempt(self, question: Question, field: str) -> _Told | Failure:
        answer = self._post(question)
        if isinstance(answer, Failure):
            return answer._replace(words=self.veil(answer.words))
        failure = failures.of_answer(answer.status, answer.headers, answer.body)
        if failure is not None:
            return failure._replace(words=self.veil(failure.words))
        told = _Told(json.loads(answer.body or b"{}"))
        if not told.get(field):
            return Failure(Cause.REJECTED, f"the answer holds no {field}", answer.status)
        return told


class _Told(dict[str, Any]):
    """An answer with a secret in it: shows nothing."""

    def __repr__(self) -> str:
        return f"<an answer with {len(self)} fields>"


def _seconds(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None
