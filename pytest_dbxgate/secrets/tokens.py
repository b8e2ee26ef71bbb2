"""Secrets that are known by their own form, wherever they stand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from pytest_dbxgate.secrets.judgement import is_placeholder
from pytest_dbxgate.secrets.model import Secret
from pytest_dbxgate.secrets.views import decoded, readable

RUN = re.compile(r"[A-Za-z0-9_~][A-Za-z0-9_\-+/=.~]{19,}")
"""Where a token can stand: all of them are of these characters, and of twenty or more."""

_LONGEST_RUN = 16_000
"""A longer run is an image or a program."""

_SHAPES: tuple[tuple[str, str, str], ...] = (
    ("DBX601", "Databricks personal access token", r"dapi[0-9a-h]{32}(?:-\d{1,2})?"),
    ("DBX601", "Databricks OAuth secret", r"dose[0-9a-h]{32}"),
    ("DBX606", "AWS access key ID", r"(?:AKIA|ASIA)[A-Z0-9]{16}"),
    ("DBX609", "JSON Web Token", r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}"),
    ("DBX610", "GitHub token", r"gh[opsur]_[A-Za-z0-9]{36,}|github_pat_\w{60,}"),
    ("DBX610", "GitLab token", r"glpat-[\w-]{20,}"),
    ("DBX610", "Slack token", r"xox[abeprs]-\d[\w-]{14,}"),
    ("DBX610", "Slack webhook", r"hooks\.slack\.com/services/T\w{6,}/B\w{6,}/\w{20,}"),
    ("DBX610", "Google API key", r"AIza[\w-]{35}"),
    ("DBX610", "Google OAuth client secret", r"GOCSPX-[\w-]{28}"),
    ("DBX610", "Google access token", r"ya29\.[\w-]{40,}"),
    ("DBX610", "npm token", r"npm_[A-Za-z0-9]{36}"),
    ("DBX610", "PyPI token", r"pypi-AgE[\w-]{50,}"),
    ("DBX610", "SendGrid API key", r"SG\.[\w-]{20,24}\.[\w-]{40,46}"),
    ("DBX610", "Stripe key", r"[rs]k_(?:live|test)_[A-Za-z0-9]{20,}"),
    ("DBX610", "Anthropic API key", r"sk-ant-[\w-]{40,}"),
    ("DBX610", "OpenAI API key", r"sk-(?:proj-|svcacct-|admin-)[\w-]{40,}|sk-[A-Za-z0-9]{40,}"),
    ("DBX610", "Hugging Face token", r"hf_[A-Za-z]{34}|hf_[A-Za-z0-9]{34}"),
    ("DBX610", "Docker token", r"dckr_pat_[\w-]{27}"),
    ("DBX610", "DigitalOcean token", r"do[opr]_v1_[0-9a-f]{64}"),
    ("DBX610", "Grafana token", r"glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}"),
    ("DBX610", "Vault token", r"hv[sb]\.[\w-]{24,}"),
    ("DBX610", "Groq API key", r"gsk_[A-Za-z0-9]{40,}"),
    ("DBX610", "Replicate token", r"r8_[A-Za-z0-9]{37}"),
    ("DBX610", "LangSmith API key", r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}"),
    ("DBX610", "NVIDIA API key", r"nvapi-[\w-]{50,}"),
    ("DBX610", "Shopify token", r"shp(?:at|ca|pa|ss)_[0-9a-f]{32}"),
)
_SHAPE = re.compile(
    r"(?<![A-Za-z0-9])(?:" + "|".join(f"({shape})" for *_, shape in _SHAPES) + r")(?![A-Za-z0-9])"
)
_STARTS = re.compile(
    r"dapi|dose|A[KS]IA|eyJ|gh[opsur]_|github_|glpat-|xox|hooks\.|AIza|GOCSPX|ya29|npm_|pypi-"
    r"|SG\.|k_(?:live|test)_|sk-|hf_|dckr_|do[opr]_v1|glsa_|hv[sb]\.|gsk_|r8_|lsv2_|nvapi|shp[acps]"
)
_BASE64 = re.compile(
    # Of three bytes of ASCII the first is below 128: so is the first letter of four.
    r"(?<![A-Za-z0-9+/_-])(?:[A-Za-f][A-Za-z0-9+/_-]{3}){6}[A-Za-z0-9+/_-]*={0,2}"
)
_ENTRA = re.compile(r"(?<![\w~.-])[\w~.-]{3}\dQ~[\w~.-]{31,34}(?![\w~-])")
_AZURE_KEY = re.compile(r"(?<![A-Za-z0-9+/])(?:[A-Za-z0-9+/]{86}==|[A-Za-z0-9+/]{43}=)(?![\w+/=])")
_AZURE_CONTEXT = re.compile(
    r"(?:account|storage|blob|adls|azure|cosmos|datalake|access|primary|secondary)[\w\s.'\"\]()-]*"
    r"|(?:[_-]|\b)key\d?['\"\]\s]*[=:,]",
    re.IGNORECASE,
)
_DIGEST = re.compile(r"sha-?\d+|integrity|digest|checksum|hash", re.IGNORECASE)
_DEVOPS = re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}(?![A-Za-z0-9])")
_PEM = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
    r"([^<>{}]{0,20000}?)(?:-----END|(?=-----BEGIN)|\Z)"
)
_PEM_LINE = re.compile(r"[A-Za-z0-9+/=]{32,}")


class Carrier(NamedTuple):
    """A run of base64 that holds a text."""

    start: int
    end: int
    text: str


def find(text: str) -> Iterator[Secret | Carrier]:
    """The secrets of a known form in a text without escapes, and what may carry others."""
    for run in RUN.finditer(text):
        start, end = run.span()
        length = end - start
        if length > _LONGEST_RUN:
            continue
        if _STARTS.search(text, start, end):
            yield from _shaped(text, start, end)
        if length >= 44:
            yield from _keys(text, start, end)
        if length >= 24:
            yield from _carriers(run[0], start)
    if "Q~" in text:
        for match in _ENTRA.finditer(text):
            if not is_placeholder(match[0]):
                yield Secret("DBX605", "client secret of Microsoft Entra ID", *match.span())
    if "PRIVATE KEY" in text:
        yield from _private_keys(text)


def _carriers(run: str, start: int) -> Iterator[Carrier]:
    # The run may begin with "name=".
    for match in _BASE64.finditer(run):
        inner = decoded(match[0])
        if inner is not None:
            yield Carrier(start + match.start(), start + match.end(), inner)


def _shaped(text: str, start: int, end: int) -> Iterator[Secret]:
    for match in _SHAPE.finditer(text, start, end):
        code, kind, _ = _SHAPES[(match.lastindex or 1) - 1]
        if code == "DBX609" and not _is_jwt(match[0]):
            continue
        if not is_placeholder(match[0][4:]):
            yield Secret(code, kind, *match.span())


def _is_jwt(token: str) -> bool:
    """Whether the first part says how it was signed, and it is not the sample of jwt.io."""
    header, payload, _ = token.split(".", 2)
    try:
        named = json.loads(readable(header) or "")
    except ValueError:
        return False
    return (
        isinstance(named, dict) and "alg" in named and "John Doe" not in (readable(payload) or "")
    )


def _keys(text: str, start: int, end: int) -> Iterator[Secret]:
    for match in _AZURE_KEY.finditer(text, start, end):
        key = match[0]
        if is_placeholder(key):
            continue
        ahead = text[
            max(text.rfind("\n", 0, match.start()) + 1, match.start() - 120) : match.start()
        ]
        if ahead.lower().endswith("accountkey="):
            continue  # of a connection string
        if len(key) == 44:
            if key[33:37] in ("+AEh", "+ASb"):
                yield Secret("DBX604", "key of Event Hubs or Service Bus", *match.span())
        elif key[76:80] == "ACDb" or ("osmos" in ahead and not _DIGEST.search(ahead)):
            yield Secret("DBX604", "key of Cosmos DB", *match.span())
        elif key[76:80] == "+ASt" or (_AZURE_CONTEXT.search(ahead) and not _DIGEST.search(ahead)):
            yield Secret("DBX602", "Azure storage account key", *match.span())
    if end - start >= 84 and "AZDO" in text[start:end]:
        for match in _DEVOPS.finditer(text, start, end):
            yield Secret("DBX610", "Azure DevOps token", *match.span())


def _private_keys(text: str) -> Iterator[Secret]:
    for match in _PEM.finditer(text):
        lines = list(_PEM_LINE.finditer(text, *match.span(1)))
        if lines and not is_placeholder(lines[0][0]):
            yield Secret("DBX607", "private key", lines[0].start(), _end_of_key(text, match, lines))


def _end_of_key(text: str, match: re.Match[str], lines: list[re.Match[str]]) -> int:
    """Up to the last, shorter line, but not to the comment signs ahead of the end marker."""
    if text.startswith("-----END", match.end(1)):
        last = list(re.finditer(r"[A-Za-z0-9+/=]{2,}", text[lines[-1].end() : match.end(1)]))
        if last:
            return lines[-1].end() + last[-1].end()
    return lines[-1].end()
