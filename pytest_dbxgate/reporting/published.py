"""What came of publishing: for the terminal, as Markdown, and for the JSON report."""

from __future__ import annotations

from typing import Any

from pytest_dbxgate.delivery import plan_text
from pytest_dbxgate.delivery.journal import DONE
from pytest_dbxgate.delivery.model import Plan, Refusal
from pytest_dbxgate.delivery.published import Mode, Published
from pytest_dbxgate.errors import DriftError, GateError, RefusedError
from pytest_dbxgate.reporting.text import clean
from pytest_dbxgate.secrets.redact import redact


def lines(published: Published) -> list[str]:
    """The whole story, the verdict last."""
    found: list[str] = []
    plan = published.plan
    if plan is not None and (published.mode is Mode.PLAN or not plan.is_empty):
        found += plan_text.table(plan, target=published.target, root=_root(published))
    for healed in published.healed:
        done = "finished" if healed.outcome == DONE else "undone"
        whose = f" of {healed.whose}" if healed.whose else ""
        found.append(f"healed: the deployment {healed.operation}{whose} was {done}")
        found += [f"  left alone, somebody edited it: {place}" for place in healed.left]
    found += published.notes
    for name, reason in published.overridden.items():
        found.append(f"overridden ({name}): {reason}")
    found += [*_refused(published.refusals), *_end(published)]
    return [_safe(line) for text in found for line in text.split("\n")]


def headline(published: Published) -> str:
    """One line: what was done where."""
    return _safe(_headline(published))


def markdown(published: Published) -> str:
    """For a build's or a pull request's summary."""
    parts = [f"## Databricks: {headline(published)}", ""]
    if published.plan is not None:
        root = _root(published)
        parts += [plan_text.markdown(published.plan, target=published.target, root=root), ""]
    for refusal in published.refusals:
        parts += [f"- **{refusal.name}**: {_safe(refusal.message)}  "]
        parts.append(f"  {_safe(refusal.next_step)}")
    for name, reason in published.overridden.items():
        parts.append(f"- overridden **{name}**: {_safe(reason)}")
    if published.error is not None:
        parts += ["```text", _safe(str(published.error), newline="\n"), "```"]
    return "\n".join(parts).rstrip() + "\n"


def verdict_document(published: Published) -> dict[str, Any]:
    """``verdict`` of the JSON report."""
    return {
        "publish": not published.refusals,
        "target": published.target,
        "refusals": [plan_text.refusal_document(each) for each in published.refusals],
        "overridden": {name: redact(reason) for name, reason in published.overridden.items()},
    }


def deployment_document(published: Published) -> dict[str, Any]:
    """``deployment`` of the JSON report."""
    deployment, error = published.deployment, published.error
    return {
        "mode": published.mode.value,
        "target": published.target,
        "host": published.host,
        "root": _root(published),
        "project": published.project,
        "commit": published.origin.commit,
        "branch": published.origin.branch,
        "release": deployment.release if deployment else "",
        "manifest": deployment.manifest if deployment else "",
        "changed": deployment.changed if deployment else False,
        "pending": list(deployment.pending) if deployment else [],
        "healed": [
            {"operation": each.operation, "outcome": each.outcome} for each in published.healed
        ],
        "plan": plan_text.document(published.plan) if published.plan else None,
        "error": None
        if error is None
        else {
            "exit_code": error.exit_code,
            "name": _name(error),
            "message": redact(error.message),
            "next_step": error.next_step,
        },
        "exit_code": published.exit_code,
    }


def _headline(published: Published) -> str:
    target, deployment = published.target or "no target", published.deployment
    if published.error is not None:
        name, first = _name(published.error), _first_line(published.error.message)
        if name:
            return f"refused to publish to {target}: {name}: {first}"
        return f"{_VERBS[published.mode]} {target}: {first}"
    if published.refusals:
        names = ", ".join(each.name for each in published.refusals)
        return f"refused to publish to {target}: {names}"
    if deployment is None:
        return f"{published.mode.value} {target}"
    if not deployment.changed:
        return f"nothing to publish: {target} holds release {deployment.release} already"
    return f"published to {target}: {_summary(published.plan)}"


_VERBS = {
    Mode.DEPLOY: "not published to",
    Mode.PLAN: "no plan for",
    Mode.PACKAGE: "no package for",
    Mode.ROLLBACK: "not rolled back:",
    Mode.HEAL: "not healed:",
    Mode.UNLOCK: "not unlocked:",
}


def _end(published: Published) -> list[str]:
    deployment = published.deployment
    nothing = f"nothing was published to {published.target or 'any target'}"
    if published.error is not None:
        name = _name(published.error)
        if name:
            return [f"refused ({name}): {published.error}", nothing]
        return [f"{_VERBS[published.mode]} {published.target}: {published.error}"]
    if published.mode is Mode.PLAN:
        refused = published.refusals or (published.plan is not None and published.plan.refusals)
        return [f"publishing to {published.target} would be refused"] if refused else []
    if published.refusals:
        return [nothing]
    if deployment is None:
        return []
    # The address of the embedded workspace is another one each time.
    host = "" if published.host.startswith("http://127.0.0.1:") else published.host
    where = f"{host}{_root(published)}"
    if not deployment.changed:
        return [
            f"nothing to publish: {published.target} holds release {deployment.release} already "
            f"({_summary(published.plan)})"
        ]
    told = [
        f"published release {deployment.release} to {published.target} ({where}): "
        f"{_summary(published.plan)}"
    ]
    if deployment.pending:
        told += ["new, clean-up pending (the next run or --dbx-heal does it):"]
        told += [f"  {each}" for each in deployment.pending]
    return told


def _refused(refusals: tuple[Refusal, ...]) -> list[str]:
    return [
        line
        for refusal in refusals
        for line in (f"refused ({refusal.name}): {refusal.message}", f"  next: {refusal.next_step}")
    ]


def _name(error: GateError) -> str:
    """That of a refusal, as ``--dbx-override`` takes it; empty where it is none."""
    return error.name if isinstance(error, (RefusedError, DriftError)) else ""


def _root(published: Published) -> str:
    return f"/Workspace{published.root}" if published.root else ""


def _summary(plan: Plan | None) -> str:
    return plan_text.summary(plan) if plan is not None else ""


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def _safe(text: str, *, newline: str = "\\n") -> str:
    return clean(redact(text), newline=newline)
