"""Runs of jobs in the store: the run, what each attempt of a task gave, the tokens.

Every method is called with ``store.lock`` held.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pytest_dbxgate.emulator import run_states
from pytest_dbxgate.emulator.run_states import attempt, is_active
from pytest_dbxgate.emulator.store import Row, Store
from pytest_dbxgate.emulator.values import ApiError, Json, invalid, rows

_RUN, _ATTEMPT, _TOKEN = "run", "attempt", "token"


class RunBook:
    """Reads and writes them. A run that was put in by hand has no ``attempts``."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def job(self, job_id: int) -> Json:
        row = self.store.get("job", _key(job_id))
        if row is None:
            raise invalid(f"Job {job_id} does not exist.")
        return row.value

    def settings(self, run: Json) -> Json:
        """Those of a run's job as they are now; the run's own where it has none any more."""
        row = self.store.get("job", _key(run["job_id"]))
        found: Json = row.value["settings"] if row else run["settings"]
        return found

    def all(self) -> list[Json]:
        """Every run, the oldest first."""
        return [row.value for row in self.store.all(_RUN)]

    def run(self, run_id: int) -> Json:
        """The run of this id, or that of an attempt of this id."""
        row = self.store.get(_RUN, _key(run_id))
        if row is None:
            one = self.store.get(_ATTEMPT, _key(run_id))
            row = self.store.get(_RUN, _key(one.value["run"])) if one else None
        if row is None:
            raise invalid(f"Run {run_id} does not exist.")
        return row.value

    def given(self, attempt_id: int) -> Json:
        """What an attempt gave: ``value``, ``error``, ``trace``, ``cells``."""
        row = self.store.get(_ATTEMPT, _key(attempt_id))
        return row.value if row else {}

    def give(self, run: Json, attempt_id: int, given: Mapping[str, Any]) -> None:
        """Kept apart from the run, which is written often."""
        self.store.put(_ATTEMPT, Row(_key(attempt_id), {"run": run["run_id"], **given}))

    def next_id(self, run: Json) -> int:
        """The id of a new attempt."""
        number = self.store.next_id(_RUN)
        self.give(run, number, {})
        return number

    def new(
        self, settings: Json, now: int, *, job_id: int = 0, name: str = "", user: str, token: str
    ) -> Json:
        """A run that is not saved yet. ``job_id`` 0: without a job."""
        run: Json = {
            "run_id": self.store.next_id(_RUN),
            "job_id": job_id,
            "run_name": name,
            "run_type": "JOB_RUN" if job_id else "SUBMIT_RUN",
            "creator_user_name": user,
            "settings": settings,
            "start_time": now,
            "end_time": 0,
            "cancelled": "",
            "queued": False,
            "was_running": False,
            "job_parameters": {},
            "notebook_params": {},
            "task_values": {},
            "repairs": [],
            "history": [],
            "state": {"life_cycle_state": run_states.PENDING, "state_message": ""},
        }
        keys = [str(task["task_key"]) for task in rows(settings, "tasks")]
        run["attempts"] = [attempt(key, self.next_id(run), 0, now) for key in keys]
        if token:
            self.store.put(_TOKEN, Row(token, {"run": run["run_id"]}))
        return run

    def by_token(self, token: str) -> Json | None:
        """The run that was started with a token; an error where it was deleted [doc]."""
        row = self.store.get(_TOKEN, token) if token else None
        if row is None:
            return None
        try:
            return self.run(row.value["run"])
        except ApiError:
            raise invalid("The run of this idempotency token was deleted.") from None

    def save(self, run: Json) -> None:
        """Write a run where it differs."""
        key = _key(run["run_id"])
        row = self.store.get(_RUN, key)
        if row is None or row.value != run:
            self.store.put(_RUN, Row(key, run))

    def remove(self, run: Json) -> None:
        self.store.remove(_RUN, _key(run["run_id"]))
        for one in run.get("attempts", ()):
            self.store.remove(_ATTEMPT, _key(one["run_id"]))

    def active(self, ids: Iterable[int] | None = None) -> Iterator[Json]:
        """The runs, of ``ids`` or of all, that go on and were not put in by hand. Each is read
        when its turn comes: what is done to one may change the next."""
        for number in [run["run_id"] for run in self.all()] if ids is None else sorted(ids):
            row = self.store.get(_RUN, _key(number))
            if (
                row is not None
                and "attempts" in row.value
                and is_active(row.value.get("state", {}))
            ):
                yield row.value


def _key(number: int) -> str:
    return f"{number:020}"
