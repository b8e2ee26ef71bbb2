"""What all roots together say about the names of a notebook."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pytest_dbxgate.checks.references.claim import Claim
from pytest_dbxgate.checks.references.verdicts import LOST, TOO_EARLY, Fault, Verdict
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.facts import Spot

_SHOWN = 2
"""Callers that a message names."""

_HINTS = {
    TOO_EARLY: "move the definition up, or the use down",
    LOST: "restart before anything is defined, or define it again below the restart",
}

_DEFINE = "define it above, or list it as globals in [tool.dbxgate] where the cluster provides it"

Place = tuple[int, int, int]


class Judged(NamedTuple):
    """A root, everything that runs with it, and what that showed."""

    root: NotebookKey
    keys: tuple[NotebookKey, ...]
    verdict: Verdict | None
    """None where nothing is known."""
    doubtful: bool
    """Whether somebody who is not known may run it, and define what it lacks."""


def claims_of(judged: Sequence[Judged], keys: frozenset[NotebookKey]) -> list[Claim]:
    """One claim for each name that is missing somewhere, with the callers that lack it."""
    containing: dict[NotebookKey, int] = defaultdict(int)
    found: dict[tuple[NotebookKey, Spot, str], dict[NotebookKey, Fault]] = defaultdict(dict)
    for each in judged:
        for key in each.keys:
            containing[key] += 1
        for fault in each.verdict.faults if each.verdict else ():
            if fault.key in keys and (fault.code == LOST or not each.doubtful):
                by_root = found[fault.key, fault.spot, fault.name]
                by_root.setdefault(each.root, fault)
    claims = []
    for (key, _, _), by_root in found.items():
        if len(by_root) == containing[key]:
            claims.append(_claim(by_root, everywhere=True))
            continue
        # A function need not work for those who do not call it.
        awake = {root: fault for root, fault in by_root.items() if not fault.dormant}
        if awake:
            claims.append(_claim(awake, everywhere=False))
    return sorted(claims, key=lambda claim: (claim.key.path, claim.key.member or "", claim.spot))


def unused_of(
    judged: Iterable[Judged], keys: frozenset[NotebookKey]
) -> Mapping[NotebookKey, frozenset[Place]]:
    """The imports that every root which brings their notebook in calls unused."""
    unused: dict[NotebookKey, frozenset[Place]] = {}
    for each in judged:
        places: dict[NotebookKey, set[Place]] = defaultdict(set)
        for key, place in each.verdict.unused if each.verdict else ():
            places[key].add(place)
        for key in each.keys:
            if key in keys:
                here = frozenset(places.get(key, ()))
                unused[key] = unused[key] & here if key in unused else here
    return unused


def _claim(by_root: Mapping[NotebookKey, Fault], *, everywhere: bool) -> Claim:
    fault = min(by_root.values(), key=lambda each: (each.code, each.message))
    message = fault.message
    if not everywhere and not any(f"`{root}`" in message for root in by_root):
        message += _when([root for root, each in by_root.items() if each.code == fault.code], fault)
    return Claim(
        fault.key, fault.code, message, fault.spot, _HINTS.get(fault.code) or fault.hint or _DEFINE
    )


def _when(roots: Sequence[NotebookKey], fault: Fault) -> str:
    """In whose session the name is missing."""
    others = sorted(str(root) for root in roots if root != fault.key)
    parts = ["when it runs on its own"] if fault.key in roots else []
    if others:
        shown = [f"`{root}`" for root in others[:_SHOWN]]
        if len(others) > _SHOWN:
            shown.append(f"{len(others) - _SHOWN} more")
        listed = " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))
        parts.append(f"when it is run by {listed}")
    return " " + " and ".join(parts)
