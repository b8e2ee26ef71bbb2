"""The kinds of defects that are planted in job files."""

from __future__ import annotations

from planting import Draft, Kind, other, slip, swap

_JOBS = r"\.(?:yml|json)$"
_CRONS = ("0 30 25 * * ?", "30 4 * * *", "0 30 4 * * *", "0 61 4 * * ?", "0 30 4 ? * FRY")
_FIELDS = r"(timeout_seconds|max_retries|description|max_concurrent_runs|schedule|timezone_id)"


def _duplicate_key(draft: Draft) -> None:
    """Nobody waits for the last task; it gets the name of one that it does not wait for."""
    place = draft.pick(r'task_key"?: "?(export)\b')
    draft.put(place, draft.rng.choice(("ingest", "clean")))


KINDS = (
    Kind(
        "wrong base parameter",
        ("DBX401",),
        swap(r'base_?[pP]arameters"?:[ {]*\n\s+"?(\w+)', other),
    ),
    Kind(
        "misspelt base parameter",
        ("DBX401",),
        swap(r'base_?[pP]arameters"?:[ {]*\n\s+"?(\w+)', slip),
    ),
    Kind(
        "misspelt depends_on",
        ("DBX426",),
        swap(r'(?:depends_on"?:[ \[\n{-]*"?task_key"?: "?|"activity": ")(\w+)', slip),
    ),
    Kind("duplicate task_key", ("DBX425",), _duplicate_key),
    Kind(
        "undefined job cluster",
        ("DBX428",),
        swap(r'job_cluster_key"?: "?(\w+)"?,?\n\s+"?notebook_task', slip),
    ),
    Kind(
        "invalid cron",
        ("DBX431",),
        swap(r'cron_expression"?: "([^"]+)', lambda _, draft: draft.rng.choice(_CRONS)),
    ),
    Kind("misspelt job field", ("DBX422",), swap(rf'^\s+"?{_FIELDS}"?:', slip, _JOBS)),
    Kind("misspelt bundle variable", ("DBX433",), swap(r"\$\{var\.(\w+)\}", slip)),
)
