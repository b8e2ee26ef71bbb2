"""Telling job files from all the other JSON and YAML of a repository.

Most of it is something else: a file is looked into only where words of a job stand in it.
"""

from __future__ import annotations

import codecs
import json
import posixpath
import re
from collections.abc import Collection, Mapping
from typing import Any

from pytest_dbxgate.project.jobs.bundle import ROOT_NAMES
from pytest_dbxgate.project.jobs.fields import task_types
from pytest_dbxgate.project.jobs.model import JobKind

SUFFIXES = frozenset({".json", ".yaml", ".yml"})
"""Endings of files that may hold jobs, in lower case. discovery.py uses this name."""

MAX_SIZE = 10_000_000
"""Bytes of a file that are looked at. discovery.py uses this name."""

_JOB_WORDS = (b"_task", b"task_key")
_TASK = re.compile(rb"\"(?:[a-z_]+_task|task_key)\"\s*:")
_ACTIVITIES = (b'"DatabricksNotebook"', b'"DatabricksJob"', b'"DatabricksSparkPython"')
_TOP_LEVEL = re.compile(rb"^[\"']?([A-Za-z_][\w-]*)[\"']?[ \t]*:", re.MULTILINE)
_TEMPLATE = re.compile(rb"\{%|\{\{-|\{\{\s*[.$]|\{\{\s*cookiecutter")
_RESOURCES = re.compile(
    rb"^[ \t]+(?:jobs|pipelines|clusters|schemas|volumes|experiments|models|dashboards|apps"
    rb"|registered_models|model_serving_endpoints|quality_monitors|secret_scopes)"
    rb"[ \t]*:[ \t]*(?:#.*)?$"
    rb"(?:\s*#.*$)*\s+(?:[A-Za-z0-9_]|\$\{)[^\n:]*:",
    re.MULTILINE,
)
_JOBS = re.compile(rb"^[ \t]+jobs[ \t]*:", re.MULTILINE)
_DEFINITIONS = re.compile(rb"^[ \t]+(?:default|lookup|type)[ \t]*:", re.MULTILINE)
_BUNDLE_KEYS = frozenset(
    {
        "artifacts",
        "bundle",
        "environments",
        "experimental",
        "include",
        "permissions",
        "presets",
        "python",
        "resources",
        "run_as",
        "scripts",
        "sync",
        "targets",
        "variables",
        "workspace",
    }
)
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BUNDLE_WORDS = (b"bundle:", b"resources:", b"variables:", b"targets:")
_JOB_KEYS = frozenset(
    {
        "name",
        "run_name",
        "job_id",
        "job_clusters",
        "git_source",
        "schedule",
        "max_concurrent_runs",
        "parameters",
        "format",
        "email_notifications",
    }
)
_OTHERS = frozenset({"services", "stages", "steps", "on", "apiVersion", "kind", "trigger", "pool"})
"""Keys at the top of files that belong to other tools."""
_BROKEN_JOB = re.compile(rb"\"(?:tasks|job_clusters|new_cluster)\"\s*:")


def kind_of(path: str, data: bytes) -> JobKind | None:
    """What kind of job file ``path`` (relative to the root) is, from its bytes; None for none."""
    # A folder or a text with such braces becomes a job file once somebody fills it in.
    if "{{" in path:
        return None
    is_json = path.lower().endswith(".json")
    kind = _json(data) if is_json else _yaml(posixpath.basename(path).lower(), data)
    return None if kind is None or _TEMPLATE.search(data) else kind


def _yaml(name: str, data: bytes) -> JobKind | None:
    if name in ROOT_NAMES[:2] and data.startswith(_UTF16):
        return JobKind.BUNDLE  # The CLI reads it under this name and fails; so will the reader.
    speaks_of_tasks = _holds(data, _JOB_WORDS)
    if not speaks_of_tasks and not _holds(data, _BUNDLE_WORDS) and name not in ROOT_NAMES:
        return None
    keys = {key.decode() for key in _TOP_LEVEL.findall(data)}
    if name in ROOT_NAMES:
        own = _BUNDLE_KEYS if name.startswith("databricks") else {"bundle"}
        if keys & own:
            return JobKind.BUNDLE
    if keys & _OTHERS and "tasks" not in keys:
        return None
    if _is_fragment(keys, data, speaks_of_tasks):
        return JobKind.BUNDLE
    return JobKind.JOB if speaks_of_tasks and _is_job(keys) else None


def _is_fragment(keys: Collection[str], data: bytes, speaks_of_tasks: bool) -> bool:
    """Whether it is a file that a bundle may include."""
    if {"resources", "targets"} & set(keys) and (
        (speaks_of_tasks and _JOBS.search(data)) or _RESOURCES.search(data)
    ):
        return True
    return "variables" in keys and _BUNDLE_KEYS.issuperset(keys) and bool(_DEFINITIONS.search(data))


def _json(data: bytes) -> JobKind | None:
    speaks_of_tasks = _TASK.search(data) is not None
    if not speaks_of_tasks and not _holds(data, _ACTIVITIES):
        return None
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        looks_so = speaks_of_tasks and _BROKEN_JOB.search(data)
        return JobKind.JOB if looks_so else None
    return _kind_of_tree(tree) if isinstance(tree, dict) else None


def _kind_of_tree(tree: Mapping[str, Any]) -> JobKind | None:
    if "$schema" in tree or "run_id" in tree:
        # A template of Azure Resource Manager, a schema, or what an API said about a run.
        return None
    if isinstance(_table(tree, "properties").get("activities"), list):
        return JobKind.PIPELINE
    if _table(_table(tree, "resources"), "jobs"):
        return JobKind.BUNDLE
    for settings in (tree, _table(tree, "settings"), _table(tree, "new_settings")):
        if _is_job(settings) and _all_tables(settings.get("tasks")):
            return JobKind.JOB
    return None


def _table(tree: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = tree.get(name)
    return value if isinstance(value, dict) else {}


def _all_tables(tasks: Any) -> bool:
    return not isinstance(tasks, list) or all(isinstance(each, dict) for each in tasks)


def _is_job(keys: Collection[str]) -> bool:
    if "tasks" in keys:
        return not _JOB_KEYS.isdisjoint(keys) or set(keys) == {"tasks"}
    return not task_types().isdisjoint(keys)


def _holds(data: bytes, words: Collection[bytes]) -> bool:
    return any(word in data for word in words)
