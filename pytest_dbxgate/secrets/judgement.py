"""Whether a value can be a secret: placeholders, names and paths are none."""

from __future__ import annotations

import re
from itertools import pairwise

_HOLDER = re.compile(
    r"\{.*\}|<[^<>]*>|\$\(|\$\{|^\$\w+$|^%\w+%$|%s|%\(|^\[.*\]$|\*{3}|\.{3}|…|x{4}|X{4}|^[xX]+$|_{4}"
    r"|^Eby8vdM02xNO|^C2y6yDjf5/R\+"  # the keys of Azure's emulators are public
)
_HOLDER_WORD = re.compile(
    r"change[-_ ]?me|change[-_ ]?it|replace|fill[-_ ]?in|redact|remove|hidden|example|sample|dummy"
    r"|placeholder|masked|insert|goes[-_ ]?here|undefined|to[-_]be[-_]"
    r"|(?<![a-z0-9])(?:your|enter|paste|here|fixme|todo|fake|mock|none|null|true|false|my)(?![a-z0-9])"
    r"|^(?:your|my)(?=[a-z])|(?<![a-z0-9])not[-_ ]"
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HEX = re.compile(r"(?:0x)?[0-9a-fA-F]+")
_OPAQUE = re.compile(r"[\w+/=.~%-]+")
_SEPARATORS = re.compile(r"[-_./:@\s]+")
_WORDY = re.compile(r"[A-Za-z][a-z]*\d{0,4}|[A-Z]+\d{0,4}|\d{1,4}|(?:[A-Z]?[a-z]+){1,5}\d{0,4}|")
_KEY_WORD = re.compile(r"passw|pwd|secret|token|key|credential|user|name|login")
_PATH = re.compile(
    r"[a-z][a-z0-9+.-]*://|/[A-Za-z_]|\.{1,2}/|[A-Za-z]:[\\/]|dbfs:|[\w.]+/[\w./-]+$"
)
_CODE = re.compile(r"[\w.]+\(.*|.*\)$|.*\s.*|[\w.]+\[.*\]", re.DOTALL)

_SHORTEST_TOKEN = 16
_SHORTEST_HEX = 32


def is_placeholder(value: str) -> bool:
    """Whether ``value`` only shows where a secret would go, or is a sample of documentation."""
    if _HOLDER.search(value) or _HOLDER_WORD.search(value.lower()):
        return True
    if len(value) >= 8 and (_is_sequence(value) or value in (value + value)[1:-1]):
        return True
    return len(set(value)) < (6 if len(value) >= 16 else 3)


def is_password(value: str) -> bool:
    """Whether ``value`` can be a password that someone chose."""
    if not 4 <= len(value) <= 200 or is_placeholder(value) or _CODE.fullmatch(value):
        return False
    low = value.lower()
    if _UUID.fullmatch(value) or (_PATH.match(value) and not _is_mixed(value)):
        return False
    parts = [part for part in _SEPARATORS.split(value) if part]
    if len(parts) > 1 and _KEY_WORD.search(low) and all(map(_WORDY.fullmatch, parts)):
        return False  # the name of a secret, such as sql-password-01
    if any(character.isdigit() for character in value):
        return not value.replace(".", "").isdigit() or len(value) >= 6
    if re.search(r"[^\w.:/ -]", value):
        return len(value) >= 6 and any(map(str.isalpha, value))
    return _is_mixed(value) and not _KEY_WORD.search(low)


def is_random(value: str) -> bool:
    """Whether ``value`` looks as if a machine had drawn it: a token, a key."""
    if len(value) < _SHORTEST_TOKEN or not _OPAQUE.fullmatch(value) or is_placeholder(value):
        return False
    if _UUID.fullmatch(value) or (_PATH.match(value) and not _is_mixed(value)):
        return False
    if value.startswith("pk."):
        return False  # the public tokens of Mapbox
    if _HEX.fullmatch(value):
        return len(value) >= _SHORTEST_HEX and not value.isdigit()
    digits = sum(map(str.isdigit, value))
    letters = sum(map(str.isalpha, value))
    if letters < 4 or (digits < 2 and not (digits and _is_mixed(value))):
        return False
    return not all(map(_WORDY.fullmatch, _SEPARATORS.split(value)))


def is_uuid(value: str) -> bool:
    return _UUID.fullmatch(value) is not None


def _is_mixed(value: str) -> bool:
    """Whether small and capital letters and digits follow one another as in no word."""
    if len(value) < 8:
        return False
    kinds = "".join(
        "l" if character.islower() else "u" if character.isupper() else "d"
        for character in value
        if character.isalnum()
    )
    changes = sum(a != b for a, b in pairwise(kinds))
    return changes * 3 >= len(kinds) and "l" in kinds and "u" in kinds


def _is_sequence(value: str) -> bool:
    """Whether half of the characters or more follow the one before them, or repeat it."""
    codes = [ord(character) for character in value]
    near = sum(abs(a - b) <= 1 or (a, b) == (57, 48) for a, b in pairwise(codes))
    return near * 2 >= len(value) - 1
