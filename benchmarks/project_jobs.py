"""The job files of the project that defects are planted in: a bundle's file, a payload of the Jobs
API in YAML or in JSON, and a Data Factory pipeline for every area."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from project_files import Files

_TOP = "/Workspace/Shared/lakehouse/notebooks"
_TASKS = {
    "ingest": ("01_ingest", ("day", "mode"), ()),
    "clean": ("02_clean", ("day", "market"), ("ingest",)),
    "report": ("03_report", ("market",), ("clean",)),
    "quality": ("04_quality", ("limit",), ("clean",)),
    "export": ("05_export", ("mode", "market"), ("report", "quality")),
}
"""Task -> its notebook, what is passed to it, the tasks it waits for."""
_VALUES = {"day": "2024-06-30", "mode": "full", "market": "NL", "limit": "3"}
_CLUSTER = {
    "spark_version": "16.4.x-scala2.12",
    "node_type_id": "Standard_D4ds_v5",
    "num_workers": 2,
}


def bundle_root() -> str:
    return """\
bundle:
  name: lakehouse

include:
  - resources/*.yml

variables:
  market:
    description: The market that is loaded
    default: NL
  workers:
    description: Workers of a cluster
    default: "2"

targets:
  dev:
    mode: development
    default: true
  prod:
    mode: production
"""


def files(number: int, name: str, words: Mapping[str, str], endings: Mapping[str, str]) -> Files:
    """The job files of one area. ``endings`` are those of its notebooks: a bundle names them.

    Of the Jobs API every second file is JSON.
    """
    api = _api(name, words)
    text = json.dumps(api, indent=2) + "\n" if number % 2 else "\n".join(_yaml(api)) + "\n"
    return {
        f"resources/{name}.yml": _bundle(name, words, endings),
        f"jobs/{name}.{'json' if number % 2 else 'yml'}": text,
        f"pipelines/{name}.json": json.dumps(_pipeline(name, words), indent=4) + "\n",
    }


def _task(key: str, path: str, words: Mapping[str, str]) -> dict[str, Any]:
    _, roles, before = _TASKS[key]
    task: dict[str, Any] = {"task_key": key, "description": f"Step {key}"}
    if before:
        task["depends_on"] = [{"task_key": each} for each in before]
    task["job_cluster_key"] = "main"
    passed = {words[role]: _VALUES[role] for role in roles}
    task["notebook_task"] = {"notebook_path": path, "base_parameters": passed}
    task["timeout_seconds"] = 3600
    task["max_retries"] = 1
    return task


def _job(name: str, tasks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "name": f"{name}_daily",
        "max_concurrent_runs": 1,
        "schedule": {"quartz_cron_expression": "0 30 4 * * ?", "timezone_id": "Europe/Berlin"},
        "job_clusters": [{"job_cluster_key": "main", "new_cluster": _CLUSTER}],
        "tasks": list(tasks),
    }


def _api(name: str, words: Mapping[str, str]) -> dict[str, Any]:
    return _job(name, [_task(key, f"{_TOP}/{name}/{_TASKS[key][0]}", words) for key in _TASKS])


def _bundle(name: str, words: Mapping[str, str], endings: Mapping[str, str]) -> str:
    """Paths count from the file."""
    tasks = []
    for key, (notebook, *_) in _TASKS.items():
        path = f"../notebooks/{name}/{notebook}{endings[notebook]}"
        tasks.append(_task(key, path, words))
    job = _job(name, tasks)
    for task in tasks:
        passed = task["notebook_task"]["base_parameters"]
        if words["market"] in passed:
            passed[words["market"]] = "${var.market}"
    return "\n".join(_yaml({"resources": {"jobs": {f"{name}_daily": job}}})) + "\n"


def _pipeline(name: str, words: Mapping[str, str]) -> dict[str, Any]:
    activities = []
    for key, (notebook, roles, before) in _TASKS.items():
        activities.append(
            {
                "name": key,
                "type": "DatabricksNotebook",
                "dependsOn": [
                    {"activity": each, "dependencyConditions": ["Succeeded"]} for each in before
                ],
                "typeProperties": {
                    "notebookPath": f"{_TOP}/{name}/{notebook}",
                    "baseParameters": {
                        words[role]: {"value": "@pipeline().parameters.day", "type": "Expression"}
                        if role == "day"
                        else _VALUES[role]
                        for role in roles
                    },
                },
            }
        )
    parameters = {"day": {"type": "string"}}
    return {"name": name, "properties": {"activities": activities, "parameters": parameters}}


def _yaml(node: Any, indent: str = "") -> list[str]:
    """A tree as YAML, in the way people write it."""
    if not isinstance(node, dict):
        return [f"{indent}{_scalar(node)}"]
    lines: list[str] = []
    for key, value in node.items():
        if isinstance(value, dict):
            lines += [f"{indent}{key}:", *_yaml(value, indent + "  ")]
        elif isinstance(value, list):
            lines.append(f"{indent}{key}:")
            for each in value:
                first, *rest = _yaml(each, indent + "    ")
                lines += [f"{indent}  - {first.lstrip()}", *rest]
        else:
            lines.append(f"{indent}{key}: {_scalar(value)}")
    return lines


def _scalar(value: Any) -> str:
    text = str(value)
    plain = not isinstance(value, str) or text.replace("_", "").replace("/", "").isalpha()
    return text if plain or text.startswith(("$", "/", ".")) else json.dumps(text)
