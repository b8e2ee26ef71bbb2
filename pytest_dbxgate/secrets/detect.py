"""Finding the secrets of a text. Pure; nothing of a secret is kept or returned."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from pytest_dbxgate.secrets import assignments, links, tokens
from pytest_dbxgate.secrets.model import Secret
from pytest_dbxgate.secrets.views import View

_SHORTEST = 8


def find(text: str, *, bare: bool = False) -> list[Secret]:
    """The secrets in ``text``, in order and without overlaps.

    Escapes of JSON, HTML entities and base64 (one layer of each) are seen through. ``bare``:
    a value behind a name may lack quotes, as in YAML, shell scripts and prose.
    """
    if len(text) < _SHORTEST:
        return []
    view = View(text)
    found = list(_found(view.text, bare=bare))
    if not found:
        return found
    return [
        secret._replace(start=span[0], end=span[1])
        for secret in _distinct(found)
        for span in [view.original(secret.start, secret.end)]
    ]


def _found(text: str, *, bare: bool, inside: bool = False) -> Iterator[Secret]:
    """``inside``: the text came out of base64, and no other is looked for in it."""
    for item in tokens.find(text):
        if isinstance(item, Secret):
            yield item
        elif not inside:
            yield from _carried(item)
    low = _lowered(text)
    yield from links.find(text, low)
    if (
        "key" in low
        or "token" in low
        or "pass" in low
        or "secret" in low
        or "pw" in low
        or "credential" in low
        or "identified by" in low
    ):
        yield from assignments.find(text, low, bare=bare)


def _carried(carrier: tokens.Carrier) -> Iterator[Secret]:
    for secret in _found(carrier.text, bare=True, inside=True):
        kind = f"{secret.kind.removesuffix(' in base64')} in base64"
        yield Secret(secret.code, kind, carrier.start, carrier.end)
        return


def _lowered(text: str) -> str:
    """``text`` in small letters, each at its own offset."""
    low = text.lower()
    # One capital letter of Turkish becomes two characters.
    return low if len(low) == len(text) else text.replace("\u0130", "i").lower()


def _distinct(found: Iterable[Secret]) -> list[Secret]:
    """Of secrets that overlap the one that was found first: a form says more than a name."""
    kept: list[Secret] = []
    for secret in found:
        # The kept ones are in order and apart: only two of them can overlap this one.
        at = bisect_left(kept, secret.start, key=lambda other: other.start)
        if at and kept[at - 1].end > secret.start:
            continue
        if at == len(kept) or kept[at].start >= secret.end:
            kept.insert(at, secret)
    return kept
