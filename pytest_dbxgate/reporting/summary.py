"""The short summary by code that ends a run."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.codes import RULES, Severity
from pytest_dbxgate.reporting.text import clean

FIRST_RUN_HINT = "--dbx-write-baseline FILE records today's findings so that only new ones fail"
"""What an old repository can do about a red first run."""

_QUOTED = re.compile(r"`[^`]*`")
_BLANKS = re.compile(r"\s+")
_TEXT_LIMIT = 70
_SAMPLE = 200
"""Messages of one code that are looked at; the rest would say the same."""


def by_code(findings: Iterable[Finding]) -> list[str]:
    """One line a code: how often, how grave and what it means; errors first, then by count."""
    groups: dict[tuple[bool, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        groups[finding.severity is not Severity.ERROR, finding.code].append(finding)
    rows = sorted(groups.items(), key=lambda row: (row[0][0], -len(row[1]), row[0][1]))
    if not rows:
        return []
    digits = max(4, *(len(str(len(group))) for _, group in rows))
    letters = max(len(clean(code)) for (_, code), _ in rows)
    return [
        f"{len(group):>{digits}}  {clean(code):<{letters}}  {group[0].severity.value:<7}  "
        f"{_meaning(code, group)}"
        for (_, code), group in rows
    ]


def _meaning(code: str, findings: Sequence[Finding]) -> str:
    if code in RULES:
        return RULES[code].summary
    messages = [finding.message for finding in findings[:_SAMPLE]]
    if len(set(messages)) > 1:
        messages = [_general(message) for message in messages]
    # The commonest; the first in the alphabet of several.
    counted = Counter(messages).most_common()
    text = min(message for message, count in counted if count == counted[0][1])
    return clean(text.strip(), newline=" ", limit=_TEXT_LIMIT)


def _general(message: str) -> str:
    """``message`` without the names it quotes."""
    general = _BLANKS.sub(" ", _QUOTED.sub("", message)).strip()
    return general or message
