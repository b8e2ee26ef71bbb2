"""The jobs of a repository as they are to be published to one target."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pytest_dbxgate.delivery import places
from pytest_dbxgate.delivery.job_paths import Paths
from pytest_dbxgate.delivery.job_permissions import permissions_of
from pytest_dbxgate.delivery.job_values import BadJobError, Filler, at
from pytest_dbxgate.delivery.model import Item, JobItem, Refusal
from pytest_dbxgate.delivery.placement import place_of
from pytest_dbxgate.project.jobs.job import Job
from pytest_dbxgate.project.jobs.loading import Jobs
from pytest_dbxgate.project.jobs.model import JobKind

MAX_TASKS = 1000
MAX_TAGS = 22
"""Of the 25 a job may have [doc] three are ours."""
MAX_NAME = 4096
"""Bytes."""

_NOT_SETTINGS = frozenset(
    {
        *("job_id", "created_time", "creator_user_name", "run_as_user_name", "settings"),
        *("permissions", "access_control_list", "lifecycle", "effective_budget_policy_id"),
    }
)
"""What a file may hold beside the settings that the Jobs API takes."""


class PublishedJobs(NamedTuple):
    """The jobs to be published, and why some cannot be."""

    jobs: tuple[JobItem, ...]
    """In the order of keys."""
    refusals: tuple[Refusal, ...]


def jobs_of(
    jobs: Jobs,
    items: Sequence[Item],
    *,
    root: str,
    base: str = ".",
    bundle_target: str | None = None,
    variables: Mapping[str, str] | None = None,
    only: Iterable[str] | None = None,
) -> PublishedJobs:
    """The jobs of Jobs API files, and those of bundles for the target ``bundle_target``.

    Paths of the repository become ``<root>/<place>`` of the item published from there; ``base``
    is the folder places count from. ``variables`` fill in ``${name}``, ``${var.name}`` and whole
    references such as ``${workspace.current_user.userName}``. ``only``: the job files to look at;
    None: all. Payloads of a single run (``run_name``) are no jobs.
    """
    chosen = None if only is None else frozenset(only)
    found: list[JobItem] = []
    troubles: list[BadJobError] = []
    for job in jobs.jobs:
        if _is_wanted(job, chosen, bundle_target):
            try:
                found.append(_item(job, jobs, items, root, base, variables or {}))
            except BadJobError as error:
                troubles.append(error)
    troubles += _repeated(found)
    troubles += _without_target(jobs.jobs, chosen, bundle_target)
    return PublishedJobs(tuple(sorted(found, key=lambda job: job.key)), _refusals(troubles))


def targets(jobs: Jobs) -> tuple[str, ...]:
    """The targets of the bundles whose jobs these are."""
    known = (job.scope.known.get("bundle.target") for job in jobs.jobs)
    return tuple(sorted({target for target in known if target}))


def _is_wanted(job: Job, only: frozenset[str] | None, bundle_target: str | None) -> bool:
    if only is not None and job.mark.file not in only:
        return False
    if job.kind is JobKind.JOB:
        return "run_name" not in job.node.entries
    target = job.scope.known.get("bundle.target")
    return target is None or target == bundle_target


def _item(
    job: Job, jobs: Jobs, items: Sequence[Item], root: str, base: str, given: Mapping[str, str]
) -> JobItem:
    key = f"{job.mark.file}#{job.name}"
    if job.mutable:
        raise BadJobError(
            "python-bundle", f"{at(job.mark)}: Python code of the bundle may change it"
        )
    folder = place_of(f"{job.folder}/x" if job.folder else "x", base)
    files = root if folder in (None, "x") else f"{root}/{str(folder)[:-2]}"
    filler = Filler(job.scope, given, files, root)
    value = filler.value(job.node)
    settings = {name: inner for name, inner in value.items() if name not in _NOT_SETTINGS}
    settings.setdefault("name", job.name)
    Paths(job, jobs, items, root, filler).rewrite(settings)
    _check(settings, at(job.mark))
    return JobItem(key, settings, permissions_of(value, at(job.mark)))


def _check(settings: Mapping[str, Any], where: str) -> None:
    """Refuse what the workspace would refuse."""
    name, tasks, tags = settings.get("name"), settings.get("tasks"), settings.get("tags")
    if not isinstance(name, str) or not 0 < len(name.encode("utf-8", "replace")) <= MAX_NAME:
        raise BadJobError("bad-job", f"{where}: the job's name is no text of 1 to {MAX_NAME} bytes")
    if tasks is not None and not isinstance(tasks, list):
        raise BadJobError("bad-job", f"{where}: the job's tasks are no list")
    if len(tasks or ()) > MAX_TASKS:
        raise BadJobError("bad-job", f"{where}: the job has more than {MAX_TASKS} tasks")
    if tags is not None and not isinstance(tags, dict):
        raise BadJobError("bad-job", f"{where}: the job's tags are no mapping")
    if len(tags or ()) > MAX_TAGS:
        raise BadJobError("bad-job", f"{where}: the job has more than {MAX_TAGS} tags")


def _without_target(
    jobs: Iterable[Job], only: frozenset[str] | None, bundle_target: str | None
) -> Iterator[BadJobError]:
    """Bundles whose jobs would all be left out: with prune on, published ones would be removed."""
    known: dict[str, set[str]] = defaultdict(set)
    files: dict[str, str] = {}
    for job in jobs:
        target = job.scope.known.get("bundle.target")
        if target and (only is None or job.mark.file in only):
            known[job.folder].add(target)
            files.setdefault(job.folder, job.mark.file)
    for folder, names in sorted(known.items()):
        if bundle_target not in names:
            named = f"no target {bundle_target}" if bundle_target else "several targets"
            listed = ", ".join(sorted(names))
            yield BadJobError("bundle-target", f"{files[folder]}: the bundle has {named}: {listed}")


def _repeated(items: Sequence[JobItem]) -> Iterator[BadJobError]:
    for key, count in sorted(Counter(item.key for item in items).items()):
        if count > 1:
            yield BadJobError("duplicate-job", f"{key} stands {count} times")


_NEXT = {
    "unknown-reference": "give the value in the target's variables",
    "job-path": "mend the path, or publish what it leads to",
    "job-permission": "name one owner at most, and levels that jobs have",
    "bad-job": "mend the job file",
    "job-too-large": "split the job",
    "duplicate-job": "give each job of a file a name of its own",
    "bundle-target": "name one of them as bundle_target in the target's settings",
    "python-bundle": 'let the bundle publish it: publisher = "bundle"',
}


def _refusals(troubles: Iterable[BadJobError]) -> tuple[Refusal, ...]:
    found: dict[str, list[str]] = defaultdict(list)
    for trouble in troubles:
        found[trouble.name].append(str(trouble))
    return tuple(
        Refusal(name, f"jobs cannot be published: {places.listed(found[name])}", _NEXT[name])
        for name in _NEXT
        if name in found
    )
