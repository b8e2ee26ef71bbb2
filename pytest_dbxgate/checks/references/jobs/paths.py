"""Whether the notebooks that job files name are there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_dbxgate.checks.references.claim import Claim
from pytest_dbxgate.notebook.model import NotebookKey
from pytest_dbxgate.project.jobs.calls import Call
from pytest_dbxgate.project.jobs.places import Fault

_SAYINGS = {
    Fault.MISSING: ("there is no notebook `{}`", "name a notebook of the repository"),
    Fault.FILE: (
        "`{}` is a plain file, no notebook",
        "begin it with `# Databricks notebook source`, or run it as another type of task",
    ),
    Fault.ENDING: ("`{}` carries a file ending, which a workspace does not know", "leave it out"),
    Fault.NO_ENDING: ("`{}` lacks the file's ending, which a bundle wants", "add the ending"),
    Fault.CASE: ("`{}` differs from the file in upper and lower case", "write it as the file"),
    Fault.LEADING: ("a path of `git_source` does not begin as `{}` does", "leave `/` or `./` out"),
    Fault.RELATIVE: (
        "`{}` is relative and leads nowhere; the Jobs API takes absolute paths",
        "write the path in the workspace",
    ),
}
_IN_GIT = {
    Fault.ENDING: ("`{}` carries a file ending, which `git_source` does not take", "leave it out")
}


def check(calls: Iterable[Call]) -> Iterator[Claim]:
    """DBX423 and DBX430."""
    for task, found, in_git in calls:
        if found.fault is None or (task.target is None and not found.near):
            continue
        of_git = in_git and found.fault in (Fault.ENDING, Fault.LEADING)
        message, otherwise = (_IN_GIT if in_git else _SAYINGS).get(
            found.fault, _SAYINGS[found.fault]
        )
        yield Claim(
            NotebookKey(task.file),
            "DBX430" if of_git else "DBX423",
            message.format(task.target or found.near),
            task.spot,
            _hint(found.fault, found.near, otherwise),
        )


def _hint(fault: Fault, near: str, otherwise: str) -> str:
    if not near:
        return otherwise
    return f"did you mean `{near}`?" if fault is Fault.MISSING else f"write `{near}`"
