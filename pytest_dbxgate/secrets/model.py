"""What a detector says of a text."""

from __future__ import annotations

from typing import NamedTuple


class Secret(NamedTuple):
    """A secret in a text. It does not hold the secret, so it can be shown and kept."""

    code: str
    """The rule: ``DBX601`` ... ``DBX610``."""
    kind: str
    """What it is, for people: ``Databricks personal access token``."""
    start: int
    """Offset of its first character in the text, from 0."""
    end: int
    """Offset after its last character."""


def named(kind: str) -> str:
    """``kind`` with its article."""
    return f"{'an' if kind[0] in 'AEIOUaeiou' else 'a'} {kind}"
