"""What a notebook of a job is given, with ``{{...}}`` filled in. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from pytest_dbxgate.emulator import run_states
from pytest_dbxgate.emulator.values import Json

_REFERENCE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")


def parameters(run: Json, one: Json) -> dict[str, str]:
    """Of an attempt. A job's parameter beats one of the task of the same name [doc]; a reference
    that is not known stays as it is [fake]."""
    task = run_states.tasks_of(run)[one["task_key"]]
    base = task["notebook_task"].get("base_parameters") or {}
    merged = {**base, **run["notebook_params"]}
    of_the_job = run["job_parameters"]
    if not any("{{" in str(value) for value in (*merged.values(), *of_the_job.values())):
        # What can be referred to grows with the tasks: most parameters refer to nothing.
        return {str(name): str(value) for name, value in {**merged, **of_the_job}.items()}
    known = {
        **_of_the_run(run),
        "task.name": str(one["task_key"]),
        "task.run_id": str(one["run_id"]),
        "task.execution_count": str(one["number"] + 1),
        "task.notebook_path": str(task["notebook_task"].get("notebook_path", "")),
    }
    of_the_job = {name: _filled(value, known) for name, value in of_the_job.items()}
    known |= {f"job.parameters.{name}": value for name, value in of_the_job.items()}
    filled = {str(name): _filled(value, known) for name, value in merged.items()}
    # What was filled in is not looked at again: it is the notebooks' own.
    return filled | of_the_job


def _of_the_run(run: Json) -> dict[str, str]:
    start = datetime.fromtimestamp(run["start_time"] / 1000, timezone.utc)
    known = {
        "job.id": str(run["job_id"]),
        "job.run_id": str(run["run_id"]),
        "job.name": str(run["run_name"]),
        "job.repair_count": str(len(run["repairs"])),
        "job.start_time.iso_date": f"{start:%Y-%m-%d}",
        "job.start_time.iso_datetime": f"{start:%Y-%m-%dT%H:%M:%S}",
        "job.start_time.timestamp_ms": str(run["start_time"]),
    }
    for key, one in run_states.latest(run).items():
        if one["result"]:
            known[f"tasks.{key}.result_state"] = one["result"].lower()
        known[f"tasks.{key}.run_id"] = str(one["run_id"])
        for name, value in run["task_values"].get(key, {}).items():
            known[f"tasks.{key}.values.{name}"] = str(value)
    return known


def _filled(value: object, known: dict[str, str]) -> str:
    return _REFERENCE.sub(lambda match: known.get(match[1], match[0]), str(value))
