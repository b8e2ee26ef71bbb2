"""Time zones that Databricks takes: Java's, which are those of the IANA and a few more."""

from __future__ import annotations

import re
from functools import cache

from pytest_dbxgate.project.jobs.near import closest_word

_OFFSET = re.compile(r"(GMT|UTC|UT)([+-][0-9]{1,2}(:?[0-9]{2})?)?")
_OLD = re.compile(r"(US|Canada|Brazil|Mexico|Chile|SystemV|Etc)/.+|[A-Z]{3}[0-9]?[A-Z]{0,3}")
"""Names that Java knows and a system need not: some keep them in a package of their own."""
_OLD_WORDS = frozenset(
    {
        "Cuba",
        "Egypt",
        "Eire",
        "Greenwich",
        "Hongkong",
        "Iceland",
        "Iran",
        "Israel",
        "Jamaica",
        "Japan",
        "Kwajalein",
        "Libya",
        "Navajo",
        "Poland",
        "Portugal",
        "Singapore",
        "Turkey",
        "Universal",
        "Zulu",
        "GB",
        "NZ",
        "GB-Eire",
        "NZ-CHAT",
        "W-SU",
    }
)


@cache
def is_known(name: str) -> bool:
    """Whether ``name`` is a time zone, as far as this machine can tell."""
    if _OFFSET.fullmatch(name) or _OLD.fullmatch(name) or name in _OLD_WORDS:
        return True
    names = _names()
    return not names or name in names


def near(name: str) -> str:
    """The nearest time zone; empty where none comes near."""
    tail = name.rpartition("/")[2].replace(" ", "_")
    same = sorted(
        each for each in _names() if each.rpartition("/")[2].casefold() == tail.casefold()
    )
    return same[0] if same else closest_word(name, (each for each in _names() if "/" in each))


@cache
def _names() -> frozenset[str]:
    """The time zones of this machine; empty where it has none, as on Windows without tzdata."""
    import zoneinfo

    return frozenset(zoneinfo.available_timezones())
