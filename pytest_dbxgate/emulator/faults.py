"""Faults on demand: rules that say which request meets which misfortune. Deterministic.

A rule in JSON::

    {"match": {"method": "POST", "route": "workspace/import", "path": "/Shared/*", "nth": 3},
     "do": "status", "status": 429, "times": 1}
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any

from pytest_dbxgate.emulator.values import Json, invalid


class Do(str, Enum):
    """What happens to a request."""

    STATUS = "status"
    """It is answered with an error, unprocessed unless ``processed``."""
    CUT_BEFORE = "cut-before"
    """The connection is closed, nothing is processed."""
    LOSE_ANSWER = "lose-answer"
    """It is processed, then the connection is closed."""
    LATE = "late"
    """The connection is closed; it is processed before the ``after``-th request from now on."""
    STALE = "stale"
    """A read sees the state before the last request that changed something."""
    OUTAGE = "outage"
    """From here on every connection is closed, until the faults are cleared."""
    KILL_BEFORE = "kill-client-before"
    """The process ``pid`` (or that of the header ``X-Emulator-Client-Pid``) is killed; nothing
    is processed."""
    KILL_AFTER = "kill-client-after"
    """It is processed, then the process is killed."""
    EDIT = "edit"
    """Somebody edits objects right ``before`` or ``after`` it; the request itself is as ever."""


class When(str, Enum):
    """When an edit happens."""

    BEFORE = "before"
    AFTER = "after"


_NUMBERS = ("number", "nth", "times", "status", "after", "pid")
_TEXTS = ("method", "route", "path", "code", "message", "body", "retry_after")


@dataclass(frozen=True, slots=True)
class Edit:
    """What a person does in the workspace: new content, or ``delete``."""

    path: str
    content: bytes = b""
    delete: bool = False

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Edit:
        """``content`` is text; ``content_base64`` bytes."""
        data = str(value.get("content", "")).encode()
        if "content_base64" in value:
            data = base64.b64decode(value["content_base64"])
        return cls(str(value["path"]), data, delete=bool(value.get("delete")))


@dataclass(frozen=True, slots=True)
class Rule:
    """Which requests meet what. Patterns are shell patterns; ``*`` matches slashes too."""

    do: Do
    method: str = "*"
    route: str = "*"
    """As the request log names it: ``workspace/import``, ``jobs/create``, ``permissions``."""
    path: str = "*"
    number: int = 0
    """Only requests from this number on, as the log counts."""
    nth: int = 1
    """The first one it happens to, counted from 1 over those that match the rest."""
    times: int = 1
    """To how many in a row it happens; -1: to all that follow."""
    status: int = 500
    code: str = ""
    message: str = ""
    body: str = ""
    """In place of the JSON error: a proxy's HTML."""
    retry_after: str = ""
    processed: bool = False
    after: int = 1
    pid: int = 0
    edits: tuple[Edit, ...] = ()
    when: When = When.BEFORE

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Rule:
        """Raises an :class:`~pytest_dbxgate.emulator.values.ApiError` for what is no rule."""
        try:
            fields: Json = {**value.get("match", {}), **value}
            fields.pop("match", None)
            fields |= {name: int(fields[name]) for name in _NUMBERS if name in fields}
            fields |= {name: str(fields[name]) for name in _TEXTS if name in fields}
            fields["do"] = Do(fields["do"])
            fields["when"] = When(fields.get("when", "before"))
            fields["edits"] = tuple(Edit.from_json(one) for one in fields.get("edits", ()))
            return cls(**fields)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise invalid(f"Not a rule: {error}") from None

    def matches(self, number: int, method: str, route: str, path: str) -> bool:
        return (
            number >= self.number
            and fnmatchcase(method, self.method)
            and fnmatchcase(route, self.route)
            and fnmatchcase(path, self.path)
        )


@dataclass(slots=True)
class Faults:
    """The rules in force, with how often each has matched."""

    outage: bool = False
    _rules: list[Rule] = field(default_factory=list)
    _seen: list[int] = field(default_factory=list)

    def add(self, rules: Sequence[Rule]) -> None:
        self._rules.extend(rules)
        self._seen.extend(0 for _ in rules)

    def clear(self) -> None:
        self._rules.clear()
        self._seen.clear()
        self.outage = False

    def decide(
        self, number: int, method: str, route: str, path: str
    ) -> tuple[list[Rule], Rule | None]:
        """The edits of a request, and the first other rule that applies to it."""
        edits: list[Rule] = []
        chosen: Rule | None = None
        for index, rule in enumerate(self._rules):
            if not rule.matches(number, method, route, path):
                continue
            self._seen[index] += 1
            past = self._seen[index] - rule.nth
            if past < 0 or (rule.times >= 0 and past >= rule.times):
                continue
            if rule.do is Do.EDIT:
                edits.append(rule)
            elif chosen is None:
                chosen = rule
        if chosen is not None and chosen.do is Do.OUTAGE:
            self.outage = True
        return edits, chosen
