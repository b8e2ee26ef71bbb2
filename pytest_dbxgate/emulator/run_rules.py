"""What the calls about runs ask for, and what they say no to. Pure.

The words are the server's own where it is known what it says [report]; the rest is [fake].
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from pytest_dbxgate.emulator.run_states import EXCLUDED, SUCCESS, is_active, latest, tasks_of
from pytest_dbxgate.emulator.values import Call, Json, invalid, rows


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


def only(call: Call, settings: Json) -> Json:
    """The settings with the tasks that ``run-now`` names; ``+`` ahead of a key adds what it
    depends on, behind it what depends on it [doc]. The others do not appear [fake]."""
    asked = _texts(call, "only")
    if not asked:
        return settings
    tasks = {str(each["task_key"]): each for each in rows(settings, "tasks")}
    before = {key: _before(task) for key, task in tasks.items()}
    kept: set[str] = set()
    for each in asked:
        key = each.removeprefix("+").removesuffix("+")
        if key not in tasks:
            raise invalid(f"Task {key} does not exist.")
        kept.add(key)
        if each.startswith("+"):
            kept |= _reached({key}, before)
        if each.endswith("+"):
            kept |= _reached({key}, _turned(before))
    return _narrowed(settings, kept)


def check_latest_repair(call: Call, repairs: list[Json]) -> None:
    """Raise where a repair does not name the one before [doc]."""
    named = call.body.get("latest_repair_id") or None
    if repairs and named is None:
        # [report]
        raise invalid("The latest repair ID needs to be provided in order to create a new repair")
    if named != (repairs[-1]["id"] if repairs else None):
        raise invalid("latest_repair_id is not that of the latest repair.")


def again(call: Call, run: Json) -> list[str]:
    """The tasks that a repair runs, in the order of the run."""
    counting = latest(run)
    asked, failed = _texts(call, "rerun_tasks"), call.flag("rerun_all_failed_tasks")
    if asked and failed:
        raise invalid("Only one of rerun_tasks or rerun_all_failed_tasks can be used.")
    for key in asked:
        if key not in counting:
            raise invalid(f"Task {key} does not exist.")
    good = (SUCCESS, EXCLUDED)
    first = {key for key, one in counting.items() if failed and one["result"] not in good}
    first |= set(asked)
    behind = _reached(first, _turned({key: _before(task) for key, task in tasks_of(run).items()}))
    if not call.flag("rerun_dependent_tasks"):
        # What was excluded because of a failure has its condition looked at anew [fake].
        behind = {key for key in behind if failed and counting[key]["result"] == EXCLUDED}
    return [key for key in counting if key in first | behind]


def renewed(run: Json, settings: Json) -> Json:
    """The settings of a repair: those of the job as they are now [doc], or the run's own where
    the job lacks one of its tasks [fake]."""
    keys = latest(run).keys()
    known = {str(each["task_key"]) for each in rows(settings, "tasks")}
    own: Json = run["settings"]
    return _narrowed(settings, keys) if keys <= known else own


def _narrowed(settings: Json, keys: Collection[str]) -> Json:
    tasks = [
        {**task, "depends_on": [each for each in rows(task, "depends_on") if _key(each) in keys]}
        for task in rows(settings, "tasks")
        if _key(task) in keys
    ]
    return {**settings, "tasks": tasks}


def _before(task: Json) -> set[str]:
    return {_key(each) for each in rows(task, "depends_on")}


def _key(task: Json) -> str:
    return str(task["task_key"])


def _turned(graph: Mapping[str, set[str]]) -> dict[str, set[str]]:
    return {key: {other for other, before in graph.items() if key in before} for key in graph}


def _reached(keys: set[str], graph: Mapping[str, set[str]]) -> set[str]:
    """What lies beyond ``keys``."""
    found: set[str] = set()
    new = set(keys)
    while new:
        new = {other for key in new for other in graph.get(key, ())} - found
        found |= new
    return found


def _texts(call: Call, name: str) -> list[str]:
    value = call.body.get(name) or []
    if not isinstance(value, list):
        raise invalid(f"Invalid {name}: a list is expected.")
    return [str(each) for each in value]
