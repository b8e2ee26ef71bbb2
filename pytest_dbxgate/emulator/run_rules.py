"""What the calls about runs ask for, and what they say no to. Pure.

The words are the server's own where it is known what it says [report]; the rest is [fake].
"""

from __future__ import annotations

from collections.abc import Callable

from pytest_dbxgate.emulator.run_states import is_active
from pytest_dbxgate.emulator.values import Call, Json, invalid


def wanted(call: Call) -> Callable[[Json], bool]:
    """Which runs ``runs/list`` is asked for [doc]."""
    active, completed = call.flag("active_only"), call.flag("completed_only")
    if active and completed:
        raise invalid("Only one of active_only and completed_only can be true.")
    asked = {name: call.query.get(name) for name in ("job_id", "run_type")}
    same = {name: value for name, value in asked.items() if value is not None}
    since, until = _time(call, "start_time_from"), _time(call, "start_time_to")

    def is_wanted(run: Json) -> bool:
        if run["start_time"] < since or (until and run["start_time"] > until):
            return False
        if (active or completed) and is_active(run["state"]) is not active:
            return False
        return all(str(run[name]) == value for name, value in same.items())

    return is_wanted


def _time(call: Call, name: str) -> int:
    """Milliseconds since 1970; 0 where it is not asked for."""
    asked = call.query.get(name) or "0"
    if not asked.isdigit():
        raise invalid(f"Invalid {name}: {asked}")
    return int(asked)
