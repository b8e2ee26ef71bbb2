"""What ``databricks bundle plan -o json`` says, as values: resources and what happens to them.

Only keys and actions are read. The rest of that document holds whole settings of jobs and
clusters, with whatever secrets people have put there, and is dropped at once.

The form is that of the CLI's source, 0.277 to 1.13 [doc]; no real CLI has been run.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pytest_dbxgate.delivery.model import Refusal
from pytest_dbxgate.errors import PlatformError

DESTRUCTIVE = "bundle-destructive"
"""The refusal's name, as ``--dbx-override`` takes it."""

_PREFIX = "resources."
_SAME = frozenset({"", "skip"})
_ADDING = frozenset({"create"})
_REPLACING = frozenset({"recreate"})
_REMOVING = frozenset({"delete"})
_HARMLESS = frozenset({"jobs"})
"""What may be removed without a word: it holds nothing that the repository does not."""


class Change(NamedTuple):
    """What a deployment would do to one resource."""

    key: str
    """Such as ``jobs.nightly`` or ``jobs.nightly.permissions``."""
    action: str
    """In the CLI's words: create, update, update_id, resize, recreate, delete."""
    gone: bool = False
    """A deletion of what is not in the workspace any more: only the bundle's state changes."""

    @property
    def is_destructive(self) -> bool:
        """Something is deleted, or deleted and made anew, that may hold data or an identity."""
        if self.gone:
            return False
        group, _, name = self.key.partition(".")
        if self.action in _REPLACING:
            return True
        return self.action in _REMOVING and group not in _HARMLESS and "." not in name


@dataclass(frozen=True, slots=True)
class BundlePlan:
    """What a bundle's deployment would do to its resources; its files are not in it."""

    changes: tuple[Change, ...] = ()
    """By key; without those that stay as they are."""
    unchanged: int = 0
    cli_version: str = ""

    @property
    def added(self) -> int:
        return sum(change.action in _ADDING | _REPLACING for change in self.changes)

    @property
    def removed(self) -> int:
        return sum(change.action in _REMOVING | _REPLACING for change in self.changes)

    @property
    def changed(self) -> int:
        """Every action of a name that is none of ours counts as a change."""
        known = _ADDING | _REMOVING | _REPLACING
        return sum(change.action not in known for change in self.changes)


def parse(output: str) -> BundlePlan:
    """The plan in what the CLI printed on stdout. Raises PlatformError if that is no plan."""
    try:
        document = json.loads(output)
    except (ValueError, RecursionError):
        raise _no_plan("is not JSON") from None
    if not isinstance(document, dict):
        raise _no_plan("is not an object")
    # A bundle without resources: the key is left out.
    if "plan" not in document and "cli_version" not in document:
        raise _no_plan("has neither `plan` nor `cli_version`")
    entries = document.get("plan")
    entries = {} if entries is None else entries
    if not isinstance(entries, dict):
        raise _no_plan("has a `plan` that is no object")
    changes = [_change(key, entry) for key, entry in sorted(entries.items())]
    version = document.get("cli_version")
    return BundlePlan(
        tuple(change for change in changes if change.action not in _SAME),
        sum(change.action in _SAME for change in changes),
        version if isinstance(version, str) else "",
    )


def _change(key: str, entry: Any) -> Change:
    action = entry.get("action", "") if isinstance(entry, dict) else None
    if not isinstance(action, str):
        raise _no_plan("has an entry without an action")
    return Change(key.removeprefix(_PREFIX), action, entry.get("gone") is True)


def _no_plan(reason: str) -> PlatformError:
    return PlatformError(
        f"what `databricks bundle plan -o json` printed {reason}",
        next_step="run that command by hand; if it looks right there, report its CLI's version",
    )


def lines(plan: BundlePlan, *, title: str) -> tuple[str, ...]:
    """The plan as plain text. Keys are strings from outside: show them cleaned."""
    counts = (
        f"{title}: {plan.added} to add, {plan.changed} to change, {plan.removed} to remove, "
        f"{plan.unchanged} unchanged"
    )
    width = max((len(change.action) for change in plan.changes), default=0)
    return (
        counts,
        *(f"  {change.action:{width}}  {change.key}" for change in plan.changes),
        "  files are uploaded besides; the plan of a bundle does not list them",
    )


def refusals(plan: BundlePlan, *, allowed: Collection[str]) -> tuple[Refusal, ...]:
    """Why this plan may not be carried out. ``allowed``: the names that were overridden."""
    lost: Sequence[str] = [
        f"{change.action} {change.key}" for change in plan.changes if change.is_destructive
    ]
    if not lost or DESTRUCTIVE in allowed:
        return ()
    shown = ", ".join(lost[:5]) + (f" and {len(lost) - 5} more" if len(lost) > 5 else "")
    return (
        Refusal(
            DESTRUCTIVE,
            f"the bundle's plan deletes or replaces what may hold data: {shown}",
            f"if that is meant: --dbx-override {DESTRUCTIVE} --dbx-reason TEXT, where the "
            "target's `overrides` allows it",
        ),
    )
