"""A plan as a person reads it: on a terminal, in a pull request; and as JSON values."""

from __future__ import annotations

import html
from collections import Counter
from typing import Any, NamedTuple

from pytest_dbxgate.delivery import plan as plans
from pytest_dbxgate.delivery import plan_jobs
from pytest_dbxgate.delivery.model import Action, JobStep, Kind, Plan, Refusal, Step
from pytest_dbxgate.delivery.places import shown

MOST_ROWS = 500
"""Rows of a table; the rest is counted."""

_SILENT = (Action.KEEP,)
"""Counted, not listed."""


class _Row(NamedTuple):
    action: str
    kind: str
    name: str
    remark: str


def counts(plan: Plan) -> dict[Action, int]:
    """How many objects and jobs each action concerns, in the order of :class:`Action`."""
    counted = Counter(step.action for step in plan.steps)
    counted.update(step.action for step in plan.jobs)
    return {action: counted[action] for action in Action if counted[action]}


def summary(plan: Plan) -> str:
    """``2 added, 1 changed, 14 unchanged``."""
    found = counts(plan)
    return ", ".join(f"{number} {action.value}" for action, number in found.items()) or "nothing"


def table(plan: Plan, *, target: str, root: str) -> list[str]:
    """The plan as lines of plain text."""
    rows = _rows(plan)
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    lines = [f"plan for {shown(target)} ({shown(root)}): {summary(plan)}"]
    for row in rows[:MOST_ROWS]:
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=False)]
        lines.append(f"  {'  '.join([*cells, row.remark])}".rstrip())
    if len(rows) > MOST_ROWS:
        lines.append(f"  and {len(rows) - MOST_ROWS} more")
    for refusal in plan.refusals:
        lines.append(f"refused ({refusal.name}): {refusal.message}")
        lines.append(f"  next: {refusal.next_step}")
    return lines


def markdown(plan: Plan, *, target: str, root: str) -> str:
    """The plan for a pull request's summary."""
    rows = _rows(plan)
    lines = [f"### Plan for {_cell(shown(target))}", "", f"{_code(root)}: {summary(plan)}", ""]
    if rows:
        lines += ["| | | | |", "|---|---|---|---|"]
        for row in rows[:MOST_ROWS]:
            cells = (row.action, row.kind, _code(row.name), _cell(row.remark))
            lines.append(f"| {' | '.join(cells)} |".replace("|  |", "| |"))
        if len(rows) > MOST_ROWS:
            lines += ["", f"and {len(rows) - MOST_ROWS} more"]
        lines.append("")
    for refusal in plan.refusals:
        lines.append(f"**Refused ({refusal.name})**: {_cell(refusal.message)}  ")
        lines += [f"Next: {_cell(refusal.next_step)}", ""]
    return "\n".join(lines)


def document(plan: Plan) -> dict[str, Any]:
    """The plan as JSON values, for ``--dbx-json``. Actions by their names in lower case."""
    return {
        "is_empty": plan.is_empty,
        "counts": {action.name.lower(): number for action, number in counts(plan).items()},
        "objects": [_object(step) for step in plan.steps],
        "jobs": [_job(step) for step in plan.jobs],
        "refusals": [refusal_document(refusal) for refusal in plan.refusals],
    }


def refusal_document(refusal: Refusal) -> dict[str, str]:
    """A refusal as JSON values."""
    return {
        "name": refusal.name,
        "message": shown(refusal.message, limit=0),
        "next_step": refusal.next_step,
    }


def _rows(plan: Plan) -> list[_Row]:
    """Those that say something, by action, objects before jobs."""
    order = {action: number for number, action in enumerate(Action)}
    steps = sorted(
        (step for step in plan.steps if step.action not in _SILENT),
        key=lambda step: (order[step.action], step.place),
    )
    jobs = sorted(
        (step for step in plan.jobs if step.action not in _SILENT),
        key=lambda step: (order[step.action], step.name),
    )
    return [
        *(_Row(each.action.value, _kind(each), shown(each.place), _remark(each)) for each in steps),
        *(_Row(each.action.value, "job", shown(each.name), _job_remark(each)) for each in jobs),
    ]


def _kind(step: Step) -> str:
    known = step.item or step.entry or step.remote
    return (known.kind if known is not None else Kind.FILE).value


def _remark(step: Step) -> str:
    if step.moved_from:
        return f"from {shown(step.moved_from)}"
    if step.action is not Action.EDITED and plans.is_edited(step):
        return "an edit in the workspace goes into a backup"
    return "of another kind: deleted and imported" if step.replaces_type else ""


def _job_remark(step: JobStep) -> str:
    if step.action is not Action.EDITED and plan_jobs.is_edited(step):
        return "an edit in the workspace goes into a backup"
    return ""


def _object(step: Step) -> dict[str, Any]:
    source = step.item.source if step.item else step.entry.source if step.entry else ""
    return {
        "action": step.action.name.lower(),
        "place": shown(step.place, limit=0),
        "kind": _kind(step),
        "source": shown(source, limit=0),
        "moved_from": shown(step.moved_from, limit=0),
        "edited": plans.is_edited(step),
    }


def _job(step: JobStep) -> dict[str, Any]:
    return {
        "action": step.action.name.lower(),
        "key": shown(step.key, limit=0),
        "name": shown(step.name, limit=0),
        "job_id": step.job_id,
        "edited": plan_jobs.is_edited(step),
    }


def _code(text: str) -> str:
    """A name as code: no character of it is read as Markdown or HTML."""
    return f"<code>{_cell(shown(text))}</code>" if text else ""


def _cell(text: str) -> str:
    escaped = html.escape(text, quote=False)
    return "".join(f"\\{char}" if char in "\\`*_[]|~#" else char for char in escaped)
