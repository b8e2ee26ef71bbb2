"""What goes in and out: a request as the handlers see it, an answer, an error."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Json = dict[str, Any]

MEGABYTE = 1024 * 1024


class ApiError(Exception):
    """An answer that is no success: status, ``error_code``, ``message`` as the API gives them."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def invalid(message: str) -> ApiError:
    """400 INVALID_PARAMETER_VALUE."""
    return ApiError(400, "INVALID_PARAMETER_VALUE", message)


def exists(message: str) -> ApiError:
    """400 RESOURCE_ALREADY_EXISTS."""
    return ApiError(400, "RESOURCE_ALREADY_EXISTS", message)


def missing(message: str) -> ApiError:
    """404 RESOURCE_DOES_NOT_EXIST."""
    return ApiError(404, "RESOURCE_DOES_NOT_EXIST", message)


def rows(fields: Mapping[str, Any], name: str) -> list[Json]:
    """A field that is a list of objects, empty where there is none."""
    value = fields.get(name) or []
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise invalid(f"Invalid {name}: a list of objects is expected.")
    return value


class Raw(NamedTuple):
    """A request as it came over the wire. Header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose sender is known and whose body is read."""

    method: str
    query: Mapping[str, str]
    body: Mapping[str, Any]
    user: str
    arguments: tuple[str, ...] = ()
    """What the route's placeholders stand for."""

    def text(self, name: str) -> str:
        """A parameter of the query or the body; raises :class:`ApiError` where it is missing."""
        value = self.body.get(name, self.query.get(name))
        if not isinstance(value, str) or not value:
            raise invalid(f"Missing required field: {name}")
        return value

    def number(self, name: str) -> int:
        """A whole number, from a text too; raises :class:`ApiError` where it is none."""
        value = self.body.get(name, self.query.get(name))
        try:
            return int(str(value))
        except ValueError:
            raise invalid(f"Missing required field: {name}") from None

    def rows(self, name: str) -> list[Json]:
        """A list of objects, empty where there is none; raises :class:`ApiError` for others."""
        return rows(self.body, name)

    def flag(self, name: str) -> bool:
        """A truth value, as JSON or as text."""
        return str(self.body.get(name, self.query.get(name, ""))).lower() == "true"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back."""

    status: int = 200
    body: bytes = b"{}"
    media: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Answer]


def answer(value: Any, status: int = 200) -> Answer:
    """An answer in JSON."""
    return Answer(status, json.dumps(value).encode())


def failure(error: ApiError) -> Answer:
    """An error in the API's form."""
    return answer({"error_code": error.code, "message": error.message}, error.status)
