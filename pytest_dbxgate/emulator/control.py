"""The handle of a running workspace: faults, edits, log, dump, clock, runs."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_dbxgate.emulator.faults import Edit, Rule
from pytest_dbxgate.emulator.limits import DOCUMENTED
from pytest_dbxgate.emulator.service import Entry, Service
from pytest_dbxgate.emulator.store import Rows
from pytest_dbxgate.emulator.tree import Object
from pytest_dbxgate.emulator.values import Json


@dataclass(frozen=True, slots=True)
class Dump:
    """Everything that is stored, read straight from the store."""

    objects: Mapping[str, Object]
    """By path, folders included. A notebook's content is what an export in its own format gives."""
    jobs: Mapping[int, Json]
    """By id, as ``get`` tells them: ``settings``, ``creator_user_name`` ..."""
    permissions: Mapping[str, list[Json]]
    """The direct entries by ``/jobs/ID``, ``/directories/ID`` ..."""
    runs: Mapping[int, Json] = field(default_factory=dict)
    """By id: ``job_id``, ``state``, ``settings``, ``attempts`` of tasks, ``repairs`` ..."""


class Control:
    """Safe to use from any thread."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = service.store.lock

    def add_faults(self, *rules: Rule | Mapping[str, Any]) -> None:
        """Put rules in force; mappings as in :mod:`pytest_dbxgate.emulator.faults`."""
        made = [one if isinstance(one, Rule) else Rule.from_json(one) for one in rules]
        with self._lock:
            self._service.faults.add(made)

    def clear_faults(self) -> None:
        """No more faults, an outage included. Late requests stay due."""
        with self._lock:
            self._service.faults.clear()

    def flush_late(self) -> None:
        """Process all requests whose answer was lost and that were to come late."""
        with self._lock:
            self._service.apply_late()

    def edit(self, path: str, content: bytes | str = b"", *, delete: bool = False) -> None:
        """Edit, make or delete an object as a person in the workspace would."""
        data = content.encode() if isinstance(content, str) else content
        with self._lock:
            self._service.edit(Edit(path, data, delete))

    def log(self) -> tuple[Entry, ...]:
        """The requests so far."""
        with self._lock:
            return tuple(self._service.log)

    def clear_log(self) -> None:
        """Forget the requests so far and count from 1 again."""
        with self._lock:
            self._service.forget_log()

    def limit(self, rates: Mapping[str, float] | None = None, *, retry_after: str = "") -> None:
        """Switch on rate limits: requests a second by ``"POST workspace/import"``.

        None: the documented ones; an empty mapping: off.
        """
        with self._lock:
            self._service.limits.set(DOCUMENTED if rates is None else rates, retry_after)

    def set_clock_offset(self, seconds: float) -> None:
        """Set the server's clock forward, or back where negative."""
        with self._lock:
            self._service.clock_offset = seconds

    def add_user(self, name: str) -> str:
        """A token for another user."""
        token = "dapi" + secrets.token_hex(16)
        with self._lock:
            self._service.users[token] = name
        return token

    def revoke(self, token: str) -> None:
        """Make a token invalid, as one that expired."""
        with self._lock:
            self._service.users.pop(token, None)

    def add_run(self, job_id: int, state: str = "RUNNING") -> int:
        """Put in a run of a job; returns its id."""
        with self._lock, self._service.store.writing():
            return self._service.jobs.add_run(job_id, state)

    def end_run(self, run_id: int, result: str = "SUCCESS") -> None:
        """End a run."""
        with self._lock, self._service.store.writing():
            self._service.jobs.end_run(run_id, result)

    def tick(self) -> None:
        """Move on the runs that wait for the clock, as happens many times a second by itself."""
        self._service.runs.driver.tick()

    def snapshot(self) -> Rows:
        """The stored state, for :meth:`restore`: faster than a new workspace for each case."""
        with self._lock:
            return self._service.store.everything()

    def restore(self, snapshot: Rows) -> None:
        """Go back to a state, without faults, limits, log, late requests or clock offset."""
        with self._lock:
            self._service.restore(snapshot)

    def dump(self) -> Dump:
        """What is stored now."""
        store = self._service.store
        with self._lock:
            jobs = {row.value["job_id"]: row.value for row in store.all("job")}
            acls = {row.key: list(row.value["entries"]) for row in store.all("acl")}
            objects = {one.path: one for one in self._service.tree.below("/")}
            runs = {row.value["run_id"]: row.value for row in store.all("run")}
        return Dump(objects, jobs, acls, runs)
