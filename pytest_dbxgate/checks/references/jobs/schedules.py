"""Schedules: Quartz cron expressions and time zones."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_dbxgate.checks.references.claim import Claim
from pytest_dbxgate.checks.references.jobs.quartz import problem as problem_of
from pytest_dbxgate.checks.references.jobs.saying import say
from pytest_dbxgate.checks.references.jobs.timezones import is_known, near
from pytest_dbxgate.project.jobs.job import look
from pytest_dbxgate.project.jobs.nodes import Table, string
from pytest_dbxgate.project.jobs.variables import Scope


def check(scope: Scope, schedule: Table) -> Iterator[Claim]:
    """DBX431."""
    cron = look(scope, schedule, "quartz_cron_expression")
    text = string(cron)
    if cron is not None and text is not None and "\0" not in text:
        problem = problem_of(text)
        if problem:
            hint = "the form is `seconds minutes hours day-of-month month day-of-week [year]`"
            yield say(cron.mark, "DBX431", f"`{text[:60]}`: {problem}", hint)
    zone = look(scope, schedule, "timezone_id")
    name = string(zone)
    if zone is not None and name is not None and not is_known(name):
        closest = near(name)
        hint = (
            f"did you mean `{closest}`?"
            if closest
            else "write an IANA name such as `Europe/Berlin`"
        )
        yield say(zone.mark, "DBX431", f"there is no time zone `{name[:60]}`", hint)
