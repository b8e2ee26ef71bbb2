"""Which paths below a target's root may be used, and how outside names are shown."""

from __future__ import annotations

import re

from pytest_dbxgate.delivery.model import OWN_FOLDER
from pytest_dbxgate.secrets.redact import redact

MAX_LENGTH = 4096
"""Characters of a place."""

_MAX_SHOWN = 200
_FORBIDDEN = "\\"
_COMMAND = re.compile(r"(##(?:vso)?)\[", re.IGNORECASE)


def fault(place: str) -> str:
    """What is wrong with a place, in words that follow its name; empty where nothing is."""
    if not place:
        return "is empty"
    if len(place) > MAX_LENGTH:
        return f"is longer than {MAX_LENGTH} characters"
    if place.startswith("/"):
        return "is absolute"
    parts = place.split("/")
    if ".." in parts:
        return 'holds ".."'
    if "" in parts or "." in parts:
        return 'holds an empty part or "."'
    if any(part != part.strip() for part in parts):
        return "has a part that begins or ends with a blank"
    if any(part.casefold() == OWN_FOLDER for part in parts):
        return f"lies in {OWN_FOLDER}, which belongs to the deployment itself"
    if any(char in _FORBIDDEN or not char.isprintable() for char in place):
        return "holds a backslash or a character that cannot be printed"
    return ""


def shown(text: str, *, limit: int = _MAX_SHOWN) -> str:
    """A string from outside on one line: no secrets, no control characters, no logging commands,
    at most ``limit`` characters (0: all)."""
    text = "".join(char if char.isprintable() else "\ufffd" for char in redact(text))
    text = text if not limit or len(text) <= limit else text[: limit - 3] + "..."
    return _COMMAND.sub(r"\1\\[", text)


def listed(names: list[str], *, most: int = 5) -> str:
    """The first names, and how many there are besides."""
    text = ", ".join(shown(name) for name in names[:most])
    return text if len(names) <= most else f"{text} and {len(names) - most} more"
