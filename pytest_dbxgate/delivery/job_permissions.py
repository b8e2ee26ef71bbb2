"""The permissions that a job file gives, as the permissions API takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_dbxgate.delivery.job_values import BadJobError

OWNER = "IS_OWNER"
LEVELS = ("CAN_VIEW", "CAN_MANAGE_RUN", "CAN_MANAGE", OWNER)
PRINCIPALS = ("user_name", "group_name", "service_principal_name")


def permissions_of(job: Mapping[str, Any], where: str) -> tuple[Mapping[str, str], ...]:
    """The entries of a bundle's ``permissions`` or the API's ``access_control_list``.

    At most one of them is an owner: the API wants exactly one [live], so where there is none the
    present owner is added when they are set. Raises :class:`BadJobError`.
    """
    given = job.get("permissions") or job.get("access_control_list") or ()
    if not isinstance(given, (list, tuple)):
        raise BadJobError("job-permission", f"{where}: the permissions are no list")
    entries = tuple(_entry(each, where) for each in given)
    if sum(entry["permission_level"] == OWNER for entry in entries) > 1:
        raise BadJobError("job-permission", f"{where}: the job has more than one owner")
    if any("group_name" in each and each["permission_level"] == OWNER for each in entries):
        raise BadJobError("job-permission", f"{where}: a group cannot own a job")
    return entries


def _entry(given: Any, where: str) -> Mapping[str, str]:
    if not isinstance(given, Mapping):
        raise BadJobError("job-permission", f"{where}: a permission is no mapping")
    level = given.get("permission_level", given.get("level"))
    named = [name for name in PRINCIPALS if isinstance(given.get(name), str) and given[name]]
    if level not in LEVELS:
        raise BadJobError("job-permission", f"{where}: {str(level)[:40]!a} is no level of a job")
    if len(named) != 1:
        raise BadJobError("job-permission", f"{where}: a permission names nobody, or several")
    return {named[0]: given[named[0]], "permission_level": level}
