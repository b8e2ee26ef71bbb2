"""Writes that took effect after their deployment had been rolled back: put right, not drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pytest_dbxgate.delivery import journal
from pytest_dbxgate.delivery.journal import Change
from pytest_dbxgate.delivery.model import Action, Plan
from pytest_dbxgate.delivery.run import Run
from pytest_dbxgate.delivery.snapshot import is_as
from pytest_dbxgate.delivery.state import Published, State
from pytest_dbxgate.delivery.undo import Undone, restore_one
from pytest_dbxgate.errors import GateError

_LOOKED_AT = 3


def is_possible(plan: Plan, record: Published) -> bool:
    """Whether some of what the plan refuses may be a late write of ours."""
    return bool(_suspects(plan)) and bool(record.closed.undone)


def repair(run: Run, state: State, plan: Plan) -> bool:
    """Restore what a late write of a deployment that was undone changed; True where it did."""
    suspects = _suspects(plan)
    repaired = False
    for operation in reversed(state.published.closed.undone[-_LOOKED_AT:]):
        try:
            record = journal.load(run.store, operation, project=run.project)
        except GateError:
            continue
        if record.previous != state.published.release:
            continue
        for change in record.changes:
            if change.place in suspects and _is_late(change, state):
                run.tell("heal", f"a late write of {operation}: {run.path(change.place)}")
                restore_one(
                    replace(run, operation=operation, forward=False), record, change, Undone()
                )
                suspects.discard(change.place)
                repaired = True
    return repaired


def _is_late(change: Change, state: State) -> bool:
    found = state.remote.get(change.place)
    return not change.is_removal and found is not None and is_as(found, change.after)


def _suspects(plan: Plan) -> set[str]:
    refused: Sequence[Action] = (Action.EDITED, Action.FOREIGN)
    return {step.place for step in plan.steps if step.action in refused}
