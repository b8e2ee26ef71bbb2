"""Jobs of a workspace: found by tag, created once, with their permissions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_dbxgate.errors import GateError
from pytest_dbxgate.workspace.calls import Caller
from pytest_dbxgate.workspace.failures import Cause
from pytest_dbxgate.workspace.model import Json, RemoteJob, UnavailableError

OPERATION_TAG = "dbxgate_operation"
LATE = 6.0
"""Seconds after which a request whose answer was lost is looked for again."""

_API = "/api/2.2/jobs"
_PAGED = ("tasks", "job_clusters", "environments", "parameters")
_CREATIONS = 4


class Jobs:
    """Calls about jobs. Safe to use from several threads."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def tagged(self, tag: str, value: str) -> list[RemoteJob]:
        """All jobs that carry the tag with this value, whole; in the order of their ids."""
        query = {"limit": 100, "expand_tasks": True}
        pages = self._pages(f"{_API}/list", "list jobs", endpoint="jobs/list", query=query)
        found: list[RemoteJob] = []
        for page in pages:
            for job in page.get("jobs") or ():
                tags = (job.get("settings") or {}).get("tags") or {}
                if tags.get(tag) == value:
                    whole = self.get(int(job["job_id"])) if job.get("has_more") else _job(job)
                    found += [whole] if whole else []
        return sorted(found, key=lambda job: job.job_id)

    def get(self, job_id: int) -> RemoteJob | None:
        """One job with all its tasks; None where it is not there."""
        query: dict[str, Any] = {"job_id": job_id}
        pages = self._pages(f"{_API}/get", f"get job {job_id}", endpoint="jobs/get", query=query)
        whole: dict[str, Any] | None = None
        for page in pages:
            if whole is None:
                whole = {**page, "settings": dict(page.get("settings") or {})}
                continue
            for name in _PAGED:
                more = (page.get("settings") or {}).get(name)
                if more:
                    whole["settings"][name] = [*whole["settings"].get(name, ()), *more]
        return _job(whole) if whole else None

    def create(self, settings: Json, operation: str) -> int:
        """See :meth:`~pytest_dbxgate.workspace.model.Workspace.create_job`."""
        body = {**settings, "tags": {**(settings.get("tags") or {}), OPERATION_TAG: operation}}
        what = f"create the job {settings.get('name', '')!r}"
        lost = False
        error: GateError = UnavailableError(f"{self._caller.host}: {what}: no attempt")
        for _ in range(_CREATIONS):
            if lost and self._made(operation, what):
                return self._settled(operation, what)
            outcome = self._caller.call(
                "POST", f"{_API}/create", endpoint="jobs/create", body=body, repeat_lost=False
            )
            lost = lost or outcome.lost
            if outcome.failure is None:
                made = int(outcome.content["job_id"])
                return self._settled(operation, what, made) if lost else made
            error = self._caller.error(outcome._replace(lost=lost), what)
            if not outcome.failure.maybe_done:
                raise error
        if self._made(operation, what):
            return self._settled(operation, what)
        raise error

    def reset(self, job_id: int, settings: Json) -> None:
        """Replace all settings."""
        body = {"job_id": job_id, "new_settings": settings}
        self._caller.post(f"{_API}/reset", f"reset job {job_id}", endpoint="jobs/reset", body=body)

    def delete(self, job_id: int) -> None:
        """Delete a job; nothing happens where it is not there."""
        body = {"job_id": job_id}
        outcome = self._caller.call("POST", f"{_API}/delete", endpoint="jobs/delete", body=body)
        if outcome.failure is not None and outcome.failure.cause is not Cause.MISSING:
            raise self._caller.error(outcome, f"delete job {job_id}")

    def active_runs(self, job_id: int) -> int:
        """How many runs have not ended."""
        query = {"job_id": job_id, "active_only": True, "limit": 25}
        what = f"list the runs of job {job_id}"
        pages = self._pages(f"{_API}/runs/list", what, endpoint="jobs/runs/list", query=query)
        return sum(len(page.get("runs") or ()) for page in pages)

    def permissions(self, job_id: int) -> list[Json]:
        """The direct entries."""
        what = f"get the permissions of job {job_id}"
        path = f"/api/2.0/permissions/jobs/{job_id}"
        answer = self._caller.get(path, what, endpoint="permissions/get", query={})
        return list(_direct((answer or {}).get("access_control_list") or ()))

    def set_permissions(self, job_id: int, entries: Sequence[Json]) -> None:
        """Replace the direct entries."""
        what = f"set the permissions of job {job_id}"
        path = f"/api/2.0/permissions/jobs/{job_id}"
        body = {"access_control_list": [dict(entry) for entry in entries]}
        self._caller.post(path, what, endpoint="permissions/set", body=body, method="PUT")

    def _made(self, operation: str, what: str) -> list[int]:
        """The jobs that attempts without an answer made; looked for twice, some seconds apart."""
        found = self._ids(operation)
        if not found:
            self._caller.times.sleep(LATE)
            found = self._ids(operation)
        return found

    def _settled(self, operation: str, what: str, *made: int) -> int:
        """The one job that stays, after those that late answers made are deleted. ``made``: what
        an answer told; a stale list may lack it."""
        self._caller.times.sleep(LATE)
        found = sorted({*self._ids(operation), *made})
        if not found:
            raise UnavailableError(
                f"{self._caller.host}: {what}: it was made, and is not to be found",
                next_step="run again: the next run finds it by its tag, or makes it",
            )
        for job_id in found[1:]:
            self.delete(job_id)
        return found[0]

    def _ids(self, operation: str) -> list[int]:
        return [job.job_id for job in self.tagged(OPERATION_TAG, operation)]

    def _pages(
        self, path: str, what: str, *, endpoint: str, query: Mapping[str, Any]
    ) -> Iterator[Mapping[str, Any]]:
        token = ""
        while True:
            asked = {**query, "page_token": token} if token else query
            page = self._caller.get(path, what, endpoint=endpoint, query=asked)
            if page is None:
                return
            yield page
            token = str(page.get("next_page_token") or "")
            if not token:
                return


def _job(value: Mapping[str, Any]) -> RemoteJob:
    settings = value.get("settings") or {}
    return RemoteJob(int(value["job_id"]), settings, str(value.get("creator_user_name") or ""))


def _direct(entries: Sequence[Mapping[str, Any]]) -> Iterator[Json]:
    for entry in entries:
        who = {
            name: entry[name]
            for name in ("user_name", "group_name", "service_principal_name")
            if entry.get(name)
        }
        for permission in entry.get("all_permissions") or ():
            if not permission.get("inherited"):
                yield {**who, "permission_level": permission["permission_level"]}
