"""What went wrong with a request, and the error a user gets for it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

from pytest_dbxgate.errors import AuthenticationError, GateError
from pytest_dbxgate.secrets.redact import redact
from pytest_dbxgate.workspace.model import (
    AlreadyExistsError,
    DeniedError,
    NotFoundError,
    RejectedError,
    UnavailableError,
    WorkspaceError,
)
from pytest_dbxgate.workspace.retry import date, retry_after

MOST_WORDS = 600
"""Characters of a server's message that are shown."""


class Cause(Enum):
    """Why there is no result."""

    THROTTLED = "throttled"
    FAILING = "failing"
    """500, 502, 503, 504, or words that say "try again"."""
    BROKEN = "broken"
    """The connection broke, or nothing came in time: the request may have taken effect."""
    UNREACHABLE = "unreachable"
    """No connection came about: nothing was sent."""
    NAMELESS = "nameless"
    """Nobody knows the host's name: most likely it is misspelt."""
    CERTIFICATE = "certificate"
    REDIRECT = "redirect"
    STRANGE = "strange"
    """An answer that is none of the API, such as a proxy's page."""
    TOKEN = "token"
    DENIED = "denied"
    MISSING = "missing"
    EXISTS = "exists"
    TOO_LARGE = "too large"
    REJECTED = "rejected"


TRANSIENT = frozenset(
    {Cause.THROTTLED, Cause.FAILING, Cause.BROKEN, Cause.UNREACHABLE, Cause.NAMELESS}
)


class Failure(NamedTuple):
    """An attempt that failed."""

    cause: Cause
    words: str
    """The server's own, or the system's, not redacted yet."""
    status: int = 0
    code: str = ""
    asked: float | None = None
    """Seconds that the server asks to wait."""

    @property
    def maybe_done(self) -> bool:
        """Whether the request may have taken effect all the same."""
        return self.cause in (Cause.FAILING, Cause.BROKEN)


_MISSING_CODES = ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND", "DIRECTORY_NOT_FOUND")
_EXISTS_CODES = ("RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS")
_LARGE_CODES = ("MAX_NOTEBOOK_SIZE_EXCEEDED", "MAX_READ_SIZE_EXCEEDED", "MAX_BLOCK_SIZE_EXCEEDED")
_AGAIN = re.compile(
    "temporarily unavailable|try again later|please retry|unknown ?worker ?environment"
    "|token bucket limit has been exceeded|does not have any associated worker environments",
    re.IGNORECASE,
)
_BAD_TOKEN = re.compile(
    r"invalid (access )?token|token (is |has )?(expired|invalid|revoked)|expired token"
    r"|credential was not sent|authentication (failed|is required)",
    re.IGNORECASE,
)
_NO_JOB = re.compile(r"\b(job|run) \S+ does not exist", re.IGNORECASE)
_NOTHING_THERE = re.compile("does(n't| not) exist", re.IGNORECASE)


def of_answer(
    status: int, headers: Mapping[str, str], body: bytes, *, raw: bool = False
) -> Failure | None:
    """What is wrong with an answer; None where it is a success in JSON, or in anything but a page
    where it is ``raw``. ``headers`` in any case."""
    low = {name.lower(): value for name, value in headers.items()}
    if raw and status < 300 and "html" not in low.get("content-type", ""):
        return None
    if 300 <= status < 400:
        return Failure(Cause.REDIRECT, f"it points to {low.get('location', 'nowhere')}", status)
    content = _json(body)
    if status < 300 and isinstance(content, dict):
        return None
    asked = retry_after(low.get("retry-after"), date(low.get("date")) or 0.0)
    if not isinstance(content, dict):
        return Failure(_strange(status), _title(body) or f"status {status}", status, "", asked)
    code = str(content.get("error_code") or content.get("error") or content.get("status") or "")
    words = _words(content) or code or f"status {status}"
    return Failure(_cause(status, code, words), words, status, code, asked)


def _cause(status: int, code: str, words: str) -> Cause:
    if status == 429:
        return Cause.THROTTLED
    if status == 401 or (status == 403 and _BAD_TOKEN.search(words)):
        return Cause.TOKEN
    if status == 403:
        return Cause.DENIED
    if code in _EXISTS_CODES:
        return Cause.EXISTS
    if code in _LARGE_CODES or status == 413:
        return Cause.TOO_LARGE
    if code in _MISSING_CODES or (status == 400 and _NO_JOB.search(words)):
        return Cause.MISSING
    if status == 404:
        # A gateway's 404 must not pass for "there is no such job", or the job is made twice.
        return Cause.MISSING if _NOTHING_THERE.search(words) else Cause.STRANGE
    if status in (500, 502, 503, 504, 408) or _AGAIN.search(words):
        return Cause.FAILING
    return Cause.REJECTED


def _strange(status: int) -> Cause:
    if status == 429:
        return Cause.THROTTLED
    if status == 401:
        return Cause.TOKEN
    return Cause.FAILING if status in (500, 502, 503, 504, 408) else Cause.STRANGE


def _json(body: bytes) -> Any:
    try:
        return json.loads(body) if body.strip() else {}
    except ValueError:
        return None


def _words(content: Mapping[str, Any]) -> str:
    for name in ("message", "error_description", "detail", "error"):
        value = content.get(name)
        if isinstance(value, str) and value.strip():
            return value
    return ""


_TITLE = re.compile(r"<(title|h1)[^>]*>(.*?)</\1>", re.IGNORECASE | re.DOTALL)


def _title(body: bytes) -> str:
    text = body[:65536].decode("utf-8", "replace")
    found = _TITLE.search(text)
    if found:
        return f"a page with the title {' '.join(found.group(2).split())!r}"
    return "" if "<" in text[:200] else text[:MOST_WORDS]


def told(text: str) -> str:
    """A server's words as they may be shown: one line, redacted, nothing a terminal obeys."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    line = redact(line).replace("##vso[", "##vso\\[").replace("##[", "##\\[")
    return line if len(line) <= MOST_WORDS else f"{line[:MOST_WORDS]}..."


def error(failure: Failure, what: str, host: str, *, lost: bool, attempts: int) -> GateError:
    """The error for a call that failed. ``what`` says what was asked for, such as
    ``import /Shared/a/b``; ``lost``: an earlier attempt may have taken effect. The failure's words
    must not hold a known secret any more."""
    words = told(failure.words)
    kind, sentence, next_step = _WORDING[failure.cause]
    message = f"{host}: {told(what)}: {sentence.format(words=words, attempts=attempts)}"
    made: GateError = kind(message, next_step=next_step)
    if isinstance(made, UnavailableError):
        made.maybe_done = lost or failure.maybe_done
    if isinstance(made, AlreadyExistsError):
        made.after_retry = lost
    return made


_WORDING: Mapping[Cause, tuple[type[GateError], str, str]] = {
    Cause.THROTTLED: (
        UnavailableError,
        "throttled in each of {attempts} attempts: {words}",
        "run again later; other jobs of this workspace may use up its rate",
    ),
    Cause.FAILING: (
        UnavailableError,
        "failed in each of {attempts} attempts: {words}",
        "look at https://status.azuredatabricks.net, then run again",
    ),
    Cause.BROKEN: (
        UnavailableError,
        "no answer in {attempts} attempts: {words}",
        "check the network between here and the workspace, then run again",
    ),
    Cause.UNREACHABLE: (
        UnavailableError,
        "cannot be reached in {attempts} attempts: {words}",
        "check the host's name, the proxy (HTTPS_PROXY) and the firewall",
    ),
    Cause.NAMELESS: (
        UnavailableError,
        "no address is known for this name ({attempts} attempts): {words}",
        "check the spelling of the host, then the network and its proxy (HTTPS_PROXY)",
    ),
    Cause.CERTIFICATE: (
        WorkspaceError,
        "its certificate is not trusted: {words}",
        "if a proxy of your company opens TLS, set REQUESTS_CA_BUNDLE to its certificate; "
        "otherwise somebody may be listening",
    ),
    Cause.REDIRECT: (
        WorkspaceError,
        "answered with a redirect, which is not followed: {words}",
        "write the workspace's own address as host, https://adb-<number>.<number>."
        "azuredatabricks.net; a redirect to a sign-in page also comes with private link",
    ),
    Cause.STRANGE: (
        WorkspaceError,
        "the answer is none of the Databricks API: {words}",
        "check the host's name, and whether a proxy (HTTPS_PROXY) answers in its place",
    ),
    Cause.TOKEN: (
        AuthenticationError,
        "the token was refused: {words}",
        "run pytest --dbx-doctor: it says which method was used, and what it needs",
    ),
    Cause.DENIED: (
        DeniedError,
        "the identity may not do this: {words}",
        "give it CAN_MANAGE on the target's folder and on the jobs that are deployed",
    ),
    Cause.MISSING: (NotFoundError, "{words}", "check the path or the id"),
    Cause.EXISTS: (AlreadyExistsError, "{words}", "look at what stands there"),
    Cause.TOO_LARGE: (
        RejectedError,
        "too large for the workspace: {words}",
        "split it: a notebook takes 10 MB at most",
    ),
    Cause.REJECTED: (RejectedError, "{words}", "mend what the message names"),
}
