"""Reading JSON that anybody may have written: sizes, types and names are checked, never assumed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_HEX = re.compile(r"[0-9a-f]{64}")
_ChoiceT = TypeVar("_ChoiceT", bound=Enum)


class BadDocumentError(ValueError):
    """The document is not what it says it is; ``str()`` says in which way."""


def load(data: bytes, *, most: int) -> Fields:
    """The object in ``data``, of at most ``most`` bytes. Raises :class:`BadDocumentError`."""
    if len(data) > most:
        raise BadDocumentError(f"it has {len(data)} bytes, more than {most}")
    try:
        document = json.loads(
            data, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite
        )
    except BadDocumentError:
        raise
    except (ValueError, RecursionError):
        raise BadDocumentError("it is not JSON") from None
    return Fields(document, "the document")


def dump(document: Mapping[str, Any]) -> bytes:
    """The same bytes for the same values, ASCII alone."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


class Fields:
    """An object of a document whose values are read by name and type.

    Each method raises :class:`BadDocumentError`, naming the field.
    """

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise BadDocumentError(f"{where} is not an object")
        self._values = value
        self._where = where

    def only(self, *names: str) -> None:
        """Refuse fields of other names."""
        unknown = sorted(set(self._values) - set(names))
        if unknown:
            raise BadDocumentError(f"{self._where} has an unknown field {unknown[0][:40]!a}")

    def text(self, name: str, *, most: int = 4096) -> str:
        value: str = self._value(name, str)
        if len(value) > most:
            raise BadDocumentError(f"{self._where}: {name} is longer than {most} characters")
        if _CONTROL.search(value):
            raise BadDocumentError(f"{self._where}: {name} holds a control character")
        return value

    def text_or_none(self, name: str) -> str | None:
        return None if self._values.get(name) is None else self.text(name)

    def sha256(self, name: str, *, optional: bool = False) -> str:
        value = self.text(name)
        if not _HEX.fullmatch(value) and (value or not optional):
            raise BadDocumentError(f"{self._where}: {name} is no SHA-256 in hex")
        return value

    def whole(self, name: str, *, least: int = 0) -> int:
        value: int = self._value(name, int)
        if not least <= value < 2**63:
            raise BadDocumentError(f"{self._where}: {name} is out of range")
        return value

    def number(self, name: str) -> float:
        value = self._value(name, (int, float))
        if not 0 <= value < 2**63:
            raise BadDocumentError(f"{self._where}: {name} is out of range")
        return float(value)

    def flag(self, name: str) -> bool:
        value = self._values.get(name)
        if not isinstance(value, bool):
            raise BadDocumentError(f"{self._where}: {name} is neither true nor false")
        return value

    def choice(self, name: str, kind: type[_ChoiceT]) -> _ChoiceT:
        value = self._value(name, str)
        for member in kind:
            if member.value == value:
                return member
        raise BadDocumentError(f"{self._where}: {name} is {value[:40]!a}")

    def table(self, name: str) -> Fields:
        return Fields(self._values.get(name), f"{self._where}: {name}")

    def names(self, *, most: int) -> list[str]:
        """The names of the object's own fields."""
        if len(self._values) > most:
            raise BadDocumentError(f"{self._where} has more than {most} entries")
        for name in self._values:
            _printable(name, self._where)
        return sorted(self._values)

    def strings(self, name: str, *, most: int) -> dict[str, str]:
        """An object whose values are strings."""
        inner = self.table(name)
        if len(inner._values) > most:
            raise BadDocumentError(f"{self._where}: {name} has more than {most} entries")
        for key in inner._values:
            _printable(key, f"{self._where}: {name}")
        return {key: inner.text(key) for key in inner._values}

    def items(self, name: str, *, most: int) -> list[Fields]:
        """A list of objects."""
        return [
            Fields(value, f"{self._where}: {name}[{index}]")
            for index, value in enumerate(self._list(name, most))
        ]

    def texts(self, name: str, *, most: int) -> tuple[str, ...]:
        """A list of strings."""
        values = self._list(name, most)
        if not all(isinstance(value, str) and len(value) <= 4096 for value in values):
            raise BadDocumentError(f"{self._where}: {name} holds what is no string")
        if any(map(_CONTROL.search, values)):
            raise BadDocumentError(f"{self._where}: {name} holds a control character")
        return tuple(values)

    def raw(self, name: str) -> Any:
        """The value as it is; None where there is none."""
        return self._values.get(name)

    def _list(self, name: str, most: int) -> list[Any]:
        value: list[Any] = self._value(name, list)
        if len(value) > most:
            raise BadDocumentError(f"{self._where}: {name} has more than {most} entries")
        return value

    def _value(self, name: str, kind: type | tuple[type, ...]) -> Any:
        if name not in self._values:
            raise BadDocumentError(f"{self._where} has no {name}")
        value = self._values[name]
        if isinstance(value, bool) or not isinstance(value, kind):
            raise BadDocumentError(f"{self._where}: {name} is of the wrong type")
        return value


def _printable(text: str, where: str) -> None:
    # Names are told in messages.
    if not text.isprintable():
        raise BadDocumentError(f"{where}: a name holds a character that cannot be printed")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadDocumentError("a name stands twice in one object")
    return found


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise BadDocumentError(f"the number {text[:40]} is too large")
    return value


def _refuse(constant: str) -> None:
    raise BadDocumentError(f"{constant} is no JSON")
