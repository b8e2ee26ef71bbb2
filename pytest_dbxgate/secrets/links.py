"""Secrets in addresses, connection strings, headers and command lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_dbxgate.secrets.judgement import is_password, is_placeholder, is_random
from pytest_dbxgate.secrets.model import Secret
from pytest_dbxgate.secrets.views import readable

_URL = re.compile(r"://([^\s:/@'\"<>?#,;|\\]{0,80}):([^\s/@'\"<>?#;|\\]{3,200})@[\w\[{$]")
_S3_URL = re.compile(r"s3[an]?://([A-Z0-9]{16,}):([A-Za-z0-9/+%]{40,})@")
_SIGNATURE = re.compile(r"(?:(?<=[?&;\s'\"=])|^)sig=([\w%+/=-]{40,80})")
_SIGNED = re.compile(r"(?:^|[?&;\s'\"])(?:s[vepr]|s[ikt]\w?|srt|sks|spr)=")
_SHARED_KEY = re.compile(r"shared_?access_?key\s*=\s*")
_ACCOUNT_KEY = re.compile(r"accountkey\s*=\s*")
_BEARER = re.compile(r"bearer\s+")
_BASIC = re.compile(r"(?<![a-z])basic\s+")
"""What stands ahead of a secret, in small letters: a pattern that is quick to find."""

_KEY = re.compile(r"[A-Za-z0-9+/%]{20,}={0,2}")
_TOKEN = re.compile(r"[\w.~+/=-]{20,}")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{8,}={0,2}(?![\w.-])")
_CURL = re.compile(r"\s(?:-u|--user)[\s=]+['\"]?[\w.@$\\{}-]+:([^\s'\"]{3,100})")

_AUTH = re.compile(r"\bauth\s*=\s*\(\s*['\"][^'\"\n]{1,80}['\"]\s*,\s*['\"]([^'\"\n]{4,100})['\"]")

_WEB = ("http", "https", "ftp", "ftps", "sftp", "git", "ssh", "svn", "ws", "wss")
_REACH = 600
"""How far around a signature its other parts may stand."""


def find(text: str, low: str) -> Iterator[Secret]:
    """The secrets of such places in a text without escapes; ``low`` is the text in small
    letters."""
    if "://" in text:
        yield from _urls(text)
    if "sig=" in text:
        yield from _signatures(text)
    if "key" in low:
        yield from _connection_strings(text, low)
    if "bearer " in low:
        for match in _behind(_BEARER, _TOKEN, text, low):
            if is_random(match[0]):
                yield Secret("DBX610", "token", *match.span())
    if "basic " in low:
        yield from _headers(text, low)
    if "auth" in low:
        for match in _AUTH.finditer(text):
            if is_password(match[1]):
                yield Secret("DBX608", "password", *match.span(1))
    if "curl " in low:
        for match in _CURL.finditer(text):
            if is_password(match[1]):
                yield Secret("DBX608", "password", *match.span(1))


def _urls(text: str) -> Iterator[Secret]:
    for match in _S3_URL.finditer(text):
        if not is_placeholder(match[2]):
            yield Secret("DBX606", "AWS secret access key", *match.span(2))
    for match in _URL.finditer(text):
        password = match[2]
        if password.isdigit() and len(password) <= 5:
            continue  # a port
        if not is_password(password) and not _is_plain(match[1], password):
            continue
        before = re.search(r"[\w+.-]*\Z", text[max(0, match.start() - 30) : match.start()])
        scheme = before[0].lower() if before else ""
        if scheme in _WEB or not scheme:
            yield Secret("DBX608", "password in a URL", *match.span(2))
        else:
            yield Secret("DBX604", f"connection string with a password ({scheme})", *match.span(2))


def _is_plain(user: str, password: str) -> bool:
    """Whether the password is a word, but none that only says what stands there."""
    low = password.lower()
    return (
        password.isalpha()
        and len(password) >= 6
        and not is_placeholder(password)
        and not is_placeholder(user)
        and not re.search(r"pass|pwd|secret|token|key|host|port|user", low)
    )


def _signatures(text: str) -> Iterator[Secret]:
    for match in _SIGNATURE.finditer(text):
        around = text[max(0, match.start() - _REACH) : match.end() + _REACH]
        if _SIGNED.search(around) and not is_placeholder(match[1]):
            yield Secret("DBX603", "shared access signature", *match.span(1))


def _connection_strings(text: str, low: str) -> Iterator[Secret]:
    if "access" in low:
        for match in _behind(_SHARED_KEY, _KEY, text, low):
            if is_random(match[0]):
                kind = "connection string of Event Hubs or Service Bus"
                yield Secret("DBX604", kind, *match.span())
    if "accountkey" in low:
        for match in _behind(_ACCOUNT_KEY, _KEY, text, low):
            if not is_random(match[0]):
                continue
            ahead = low[max(0, match.start() - 300) : match.start()]
            if "accountendpoint" in ahead:
                yield Secret("DBX604", "connection string of Cosmos DB", *match.span())
            elif "cosmos" in ahead.rpartition("\n")[2]:
                yield Secret("DBX604", "key of Cosmos DB", *match.span())
            elif "accountname" in ahead or "defaultendpoints" in ahead:
                yield Secret("DBX604", "connection string of a storage account", *match.span())
            else:
                yield Secret("DBX602", "Azure storage account key", *match.span())


def _headers(text: str, low: str) -> Iterator[Secret]:
    for match in _behind(_BASIC, _BASE64, text, low):
        _, colon, password = (readable(match[0]) or "").partition(":")
        if colon and len(password) >= 3 and not is_placeholder(password):
            yield Secret("DBX608", "password in base64", *match.span())


def _behind(
    head: re.Pattern[str], value: re.Pattern[str], text: str, low: str
) -> Iterator[re.Match[str]]:
    """What matches ``value`` in ``text`` right behind ``head`` in ``low``."""
    for ahead in head.finditer(low):
        match = value.match(text, ahead.end())
        if match is not None:
            yield match
