"""What a fault does: the error that is answered, the process that is killed."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import replace
from http import HTTPStatus

from pytest_dbxgate.emulator.faults import Rule
from pytest_dbxgate.emulator.values import Answer, ApiError, failure

CODES = {
    401: ("UNAUTHENTICATED", "Credential was not sent or was of an unsupported type."),
    403: ("PERMISSION_DENIED", "You do not have permission to do this."),
    429: ("REQUEST_LIMIT_EXCEEDED", "Too many requests. Please wait a moment and try again."),
    500: ("INTERNAL_ERROR", "An internal error occurred. Please contact support."),
    502: ("BAD_GATEWAY", "Bad gateway"),
    503: ("TEMPORARILY_UNAVAILABLE", "The service is temporarily unavailable."),
    504: ("DEADLINE_EXCEEDED", "The request took too long."),
}
"""``error_code`` and message by status [report, fake]."""


def refusal(rule: Rule) -> Answer:
    """The error a rule asks for."""
    phrase = next((one.phrase for one in HTTPStatus if one == rule.status), "Error")
    code, message = CODES.get(rule.status, ("ERROR", phrase))
    if rule.body:
        result = Answer(rule.status, rule.body.encode(), "text/html")
    else:
        result = failure(ApiError(rule.status, rule.code or code, rule.message or message))
    headers = {"Retry-After": rule.retry_after} if rule.retry_after else {}
    return replace(result, headers=headers)


def kill(pid: int) -> None:
    """End a process at once; never the workspace's own."""
    if pid > 1 and pid != os.getpid():
        # Windows has no SIGKILL; there SIGTERM ends a process at once.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
