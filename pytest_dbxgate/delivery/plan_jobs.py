"""The part of a plan that concerns jobs. They are found by id and tag, never by name alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pytest_dbxgate.delivery.job_digest import (
    KEY_TAG,
    is_as_sent,
    item_digest,
    tag_value,
    told_digest,
)
from pytest_dbxgate.delivery.job_settings import untagged
from pytest_dbxgate.delivery.model import Action, JobEntry, JobItem, JobStep, Refusal
from pytest_dbxgate.delivery.places import listed
from pytest_dbxgate.workspace.model import RemoteJob

FOREIGN_JOB = "foreign-job"


def steps(
    items: Sequence[JobItem],
    entries: Mapping[str, JobEntry],
    remote: Sequence[RemoteJob],
    *,
    may_remove: bool,
    keeps_edits: bool,
) -> list[JobStep]:
    """The jobs' steps in the order of keys. See :func:`pytest_dbxgate.delivery.plan.plan`."""
    wanted = {item.key: item for item in items}
    found = _Found(remote)
    made = []
    for key in sorted({*wanted, *entries}):
        item, entry = wanted.get(key), entries.get(key)
        if item is not None:
            made.append(_wanted(item, entry, found, keeps_edits=keeps_edits))
        elif entry is not None:
            step = _gone(entry, found, may_remove=may_remove, keeps_edits=keeps_edits)
            made += [] if step is None else [step]
    return made


def is_edited(step: JobStep) -> bool:
    """Whether the workspace holds an edit that the step would overwrite or remove."""
    if step.entry is None or step.remote is None or step.action not in _OVERWRITING:
        return False
    return told_digest(step.remote) != step.entry.exported


def refusals(made: Sequence[JobStep]) -> Iterator[Refusal]:
    """About jobs that carry our tag though no manifest tells of them. Edited ones are told with
    the objects."""
    names = [step.name for step in made if step.action is Action.FOREIGN]
    if names:
        yield Refusal(
            FOREIGN_JOB,
            f"a job with this project's tag that is not known as published, or several: "
            f"{listed(names)}",
            f"delete the job, or remove its tag {KEY_TAG}",
        )


_OVERWRITING = (Action.CHANGE, Action.REMOVE, Action.EDITED)


class _Found:
    """The jobs of the workspace, by id and by our tag."""

    def __init__(self, remote: Sequence[RemoteJob]) -> None:
        self._by_id = {job.job_id: job for job in remote}
        self._by_key: dict[str, list[RemoteJob]] = {}
        for job in self._by_id.values():
            key = tag_of(job)
            if key:
                self._by_key.setdefault(key, []).append(job)

    def tagged(self, key: str) -> list[RemoteJob]:
        return self._by_key.get(key, [])

    def known(self, entry: JobEntry) -> RemoteJob | None:
        return self._by_id.get(entry.job_id)


def tag_of(job: RemoteJob) -> str:
    """What our tag on a job says (see ``tag_value``); empty where it carries none."""
    tags = job.settings.get("tags")
    key = tags.get(KEY_TAG) if isinstance(tags, Mapping) else None
    return key if isinstance(key, str) else ""


def _wanted(item: JobItem, entry: JobEntry | None, found: _Found, *, keeps_edits: bool) -> JobStep:
    step = JobStep(Action.KEEP, item.key, item.name, item, entry)
    job = None if entry is None else found.known(entry)
    if entry is None or job is None:
        return _unknown(step, found.tagged(tag_value(item.key)))
    step = step._replace(remote=job.settings, job_id=job.job_id)
    same = item_digest(item) == entry.sha256
    equal = tag_of(job) == tag_value(item.key) and is_as_sent(item.settings, job.settings)
    untouched = told_digest(job.settings) == entry.exported
    # What a roll-back sends are settings as the workspace told them, not as they were published.
    stays = dict(item.settings) == untagged(job.settings)
    if (same and (untouched or equal)) or (untouched and stays and not item.permissions):
        return step
    if untouched or keeps_edits:
        return step._replace(action=Action.CHANGE)
    return step._replace(action=_adopting(item) if equal else Action.EDITED)


def _adopting(item: JobItem) -> Action:
    """Nobody compared the permissions, so a job that has some is written once more."""
    return Action.CHANGE if item.permissions else Action.ADOPT


def _unknown(step: JobStep, tagged: Sequence[RemoteJob]) -> JobStep:
    """Of a job that the manifest does not know, or that is gone."""
    assert step.item is not None
    if not tagged:
        restored = step.entry is not None and item_digest(step.item) == step.entry.sha256
        return step._replace(action=Action.RESTORE if restored else Action.ADD)
    job = tagged[0]
    adopts = len(tagged) == 1 and is_as_sent(step.item.settings, job.settings)
    return step._replace(
        action=_adopting(step.item) if adopts else Action.FOREIGN,
        remote=job.settings,
        job_id=job.job_id,
    )


def _gone(entry: JobEntry, found: _Found, *, may_remove: bool, keeps_edits: bool) -> JobStep | None:
    job = found.known(entry)
    if job is None or tag_of(job) != tag_value(entry.key):
        # Without our tag it is no longer ours, whatever the manifest says.
        return None
    step = JobStep(Action.ORPHAN, entry.key, entry.name, None, entry, job.settings, job.job_id)
    if not may_remove:
        return step
    if told_digest(job.settings) == entry.exported or keeps_edits:
        return step._replace(action=Action.REMOVE)
    return step._replace(action=Action.EDITED)
