"""Values that are given to something called a password, a secret, a token or a key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pytest_dbxgate.secrets.judgement import is_password, is_random
from pytest_dbxgate.secrets.model import Secret

_WORD = re.compile(r"pass(?:w(?:or)?d|wort|phrase|)|pwd?|secret|token|credential|key|identified by")
"""What tells that a secret follows, in small letters."""

_KEYED = re.compile(
    r"(?:api|access|account|auth|storage|shared|subscription|service|sas|master|encryption"
    r"|signing|admin|function|cosmos|adls|blob|hub)[_. -]?\Z"
)
"""What stands ahead of a ``key`` that opens something."""

_ENDS = frozenset("'\"=: ],)")
_LONGEST_NAME = 100
_TAIL = re.compile(
    r"([\w.-]{0,120})(?![\w.-])"
    r"(['\"`*]{0,3}\]?['\"`]?)"
    r"(?P<between>[ \t]*(?::[ \t]*(?:str|String|Optional\[str\]|str[ ]?\|[ ]?None)[ \t]*)?"
    r"(?P<sign>={1,3}|!={1,2}|=>|<-|->|:=|:)[ \t]*(?:\([ \t]*)?"
    r"|(?P<comma>[ \t]*,\s*)"
    r"|(?P<value>[ \t]*,?\s*(?:-[ \t]+)?['\"]?"
    r"(?:value|default|currentvalue|defaultvalue|default_value|string_value)['\"]?[ \t]*[:=][ \t]*)"
    r"|(?P<cell>[ \t]*(?:\||</t[dh]>\s*<t[dh][^>\n]*>)[ \t]*)"
    r"|(?P<call>\([ \t]*)"
    r"|(?P<blank>[ \t]+))",
    re.IGNORECASE,
)
_VALUE_AHEAD = re.compile(
    r"[\w.-]{0,60}['\"]?[ \t]*,?\s*(?:-[ \t]+)?['\"]?"
    r"(?:value|default|currentvalue|defaultvalue|default_value|string_value)['\"]?[ \t]*[:=][ \t]*",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"(?P<prefix>[rRbBuUfFsN]{0,2})(?P<quote>\"\"\"|'''|\"|'|`)")
_INLINE = re.compile(r"[^\s\"'`;&,<>|\\]{4,400}")
_BARE = re.compile(r"([^\s<|]{4,400})[ \t]*(?:#[^\n]*)?(?:$|\n|<|\|)")
_ARGUMENT = re.compile(r"([^\s\"'`\\]{4,400})")

_SETTER = re.compile(
    r"(?:option|options|set|setproperty|put|property|config|conf|text|combobox|setdefault|putenv"
    r"|setenv|getenv|environ\.get|addproperty|getargument|withproperty)\s*\(\s*['\"]\Z"
)
_TUPLE = re.compile(r"(?:^|[^\w\s])\s*\(\s*['\"]\Z")
_LINE_HEAD = re.compile(
    # Of a file or a difference as it is, too: comment signs, "# MAGIC".
    r"(?:^|[\n>])[ \t]*[-*>|#+/]*[ \t]*(?:MAGIC[ \t]+)?(?:[-*]+[ \t]+)?"
    r"(?:(?:export|ENV|set)[ \t]+)?['\"*`]*\Z"
)
_FLAG = re.compile(
    r"(?:\s|^|['\"])--?(?:conf[ \t=]+|D)?['\"]?\Z|(?:^|\n)[ \t]*(?:SET|set|export)[ \t]+\Z"
)
_CONNECTION = re.compile(r"(?:jdbc:|(?:server|data source|driver)=)[^\n\"']*;\Z")
_NO_VALUE = re.compile(
    r"(?:name|scope|id|ids|url|uri|path|file|field|column|col|type|provider|class|expiry|expires"
    r"|expiration|ttl|length|len|count|limit|size|index|hash|digest|prefix|suffix|label|version"
    r"|vault|ref|reference|arn|regex|pattern|policy|hint|prompt|page|endpoint|host|header|env|var"
    r"|widget|param|parameter|izer|ization|ize|ized|s|message|error|text|title|description)$"
)


class _Value(NamedTuple):
    text: str
    start: int
    end: int


def find(text: str, low: str, *, bare: bool) -> Iterator[Secret]:
    """The secrets that stand behind such a name in a text without escapes.

    ``low`` is the text in small letters; ``bare``: values may lack quotes, as in YAML.
    """
    for match in _WORD.finditer(low):
        if not _is_meant(low, match):
            continue
        tail = _TAIL.match(text, match.end())
        if tail is None:
            continue
        key_start = _start_of_name(low, match.start())
        key = low[key_start : tail.end(1)]
        value = _value(text, key, key_start, tail, bare=bare)
        if value is None:
            continue
        judged = _judge(key, match[0], tail[1].lower(), value.text)
        if judged is None:
            continue
        if judged[0] == "DBX608" and _CONNECTION.search(low, max(0, key_start - 400), key_start):
            judged = ("DBX604", "connection string with a password")
        yield Secret(*judged, value.start, value.end)


def _start_of_name(low: str, at: int) -> int:
    """Where the name begins that goes on at ``at``; the dashes of an option are not its own."""
    start, first = at, max(0, at - _LONGEST_NAME)
    while start > first and (low[start - 1].isalnum() or low[start - 1] in "_.-"):
        start -= 1
    while start < at and low[start] == "-":
        start += 1
    return start


def _is_meant(low: str, match: re.Match[str]) -> bool:
    start = match.start()
    if match[0] == "key":
        return _KEYED.search(low, max(0, start - 14), start) is not None
    if match[0] not in ("pass", "pw"):
        return True
    # Both are parts of many words, and one is a statement.
    return not low[start - 1 : start].isalpha() and low[match.end() : match.end() + 1] in _ENDS


def _value(
    text: str, key: str, key_start: int, tail: re.Match[str], *, bare: bool
) -> _Value | None:
    ahead = text[max(0, key_start - 60) : key_start]
    named = _VALUE_AHEAD.match(text, tail.end(1))
    at = named.end() if named else tail.end()
    quoted = _QUOTED.match(text, at)
    if quoted is not None:
        if not named and not _may_be_quoted(ahead, key, tail):
            return None
        return _in_quotes(text, quoted)
    if named or tail["cell"]:
        return _whole(text, _BARE.match(text, at)) if bare else None
    if tail["sign"] in ("=", ":", "=:") and not tail[2].strip("*"):
        if tail["between"] == "=" and (ahead[-1:] in (*";?&'\"", "{") or _FLAG.search(ahead)):
            return _whole(text, _INLINE.match(text, at))
        if bare and _LINE_HEAD.search(ahead):
            return _whole(text, _BARE.match(text, at))
    elif bare and tail["sign"] in ("=", ":") and _LINE_HEAD.search(ahead):
        return _whole(text, _BARE.match(text, at))
    if tail["blank"] and _FLAG.search(ahead) and ahead.rstrip("'\"").endswith("--"):
        return _whole(text, _ARGUMENT.match(text, at))
    return None


def _may_be_quoted(ahead: str, key: str, tail: re.Match[str]) -> bool:
    if tail["sign"]:
        return True
    if tail["comma"]:
        if not tail[2]:
            return False
        low = ahead.lower()
        return bool(_SETTER.search(low) or _TUPLE.search(low))
    if tail["call"]:
        return not tail[2] and re.search(r"\.(?:set|with|)_?pass\w*\Z", key) is not None
    # SQL: OPTIONS (user 'x', password 'y'); a command line: --password 'x'
    return bool(tail["blank"]) and (
        re.search(r"[(,\n]\s*['\"`]?\Z", ahead) is not None
        or ahead.endswith("--")
        or key == "identified by"
    )


def _in_quotes(text: str, quoted: re.Match[str]) -> _Value | None:
    quote, start = quoted["quote"], quoted.end()
    end = text.find(quote, start, start + 2000)
    if end <= start or "\n" in text[start:end]:
        return None
    value = text[start:end]
    # 'password=' + x + ';': what stands between two strings.
    outside = value.strip().startswith(("+", ",", "||", ".")) or value.strip().endswith("+")
    return None if outside else _Value(value, start, end)


def _whole(text: str, match: re.Match[str] | None) -> _Value | None:
    if match is None:
        return None
    group = 1 if match.re.groups else 0
    value = match[group].rstrip(",") if group else match[group]
    return _Value(value, match.start(group), match.start(group) + len(value))


def _judge(key: str, word: str, tail: str, value: str) -> tuple[str, str] | None:
    """The rule and the kind; None where the value is no secret, or the name asks for none."""
    # Data Factory keeps encryptedCredential, which is of use to its own service only.
    if _NO_VALUE.search(tail) or "encrypted" in key:
        return None
    if word.startswith("pass") or word in ("pwd", "pw", "identified by"):
        return ("DBX608", "password") if is_password(value) else None
    if not is_random(value):
        return None
    flat = re.sub(r"[^a-z0-9]", "", key)
    if "clientsecret" in flat or (
        "secret" in flat and re.search(r"serviceprincipal|entra|aad", flat)
    ):
        return "DBX605", "client secret"
    if re.search(r"aws|s3|secretaccesskey", flat) and "secret" in flat:
        return "DBX606", "AWS secret access key"
    if "secretkey" in flat and len(value) == 40:
        return "DBX606", "AWS secret access key"
    if "cosmos" in flat and "key" in flat:
        return "DBX604", "key of Cosmos DB"
    if re.search(r"accountkey|storage\w*key|adls\w*key|blob\w*key", flat) and len(value) >= 40:
        return "DBX602", "Azure storage account key"
    if "key" in word:
        return "DBX610", "API key"
    return "DBX610", "token" if "token" in word else "secret"
