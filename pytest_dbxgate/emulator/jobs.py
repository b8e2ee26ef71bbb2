"""``/api/2.1/jobs`` and ``/api/2.2/jobs``: settings of jobs, and runs that were put in by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_dbxgate.emulator import job_rules, paging
from pytest_dbxgate.emulator.permissions import Permissions
from pytest_dbxgate.emulator.store import Row, Store
from pytest_dbxgate.emulator.values import Answer, Call, Json, answer, invalid

_PAGED = ("tasks", "job_clusters", "parameters", "environments")
_PAGE = 100
"""Members of an array that one answer holds [doc]."""


class Jobs:
    """The handlers. ``clock`` gives seconds since 1970."""

    def __init__(self, store: Store, permissions: Permissions, clock: Callable[[], float]) -> None:
        self._store = store
        self._permissions = permissions
        self._clock = clock

    def create(self, call: Call) -> Answer:
        """No look at whether the notebooks exist [live], no idempotency, names not unique [doc]."""
        job_rules.check(call.body)
        job_id = self._store.next_id("job")
        value: Json = {
            "job_id": job_id,
            "creator_user_name": call.user,
            "run_as_user_name": call.user,
            "created_time": int(self._clock() * 1000),
            "settings": job_rules.with_defaults(call.body),
        }
        self._store.put("job", Row(_key(job_id), value))
        wanted = call.rows("access_control_list")
        self._permissions.create(f"/jobs/{job_id}", call.user, wanted)
        return answer({"job_id": job_id})

    def get(self, call: Call) -> Answer:
        """Arrays of more than 100 members come in pages [doc]."""
        value = self._job(call.number("job_id"))
        settings, more = _page(value["settings"], paging.start(call))
        return answer({**value, "settings": settings} | more)

    def list_(self, call: Call) -> Answer:
        """20 a page; ``name`` is compared as a whole, in any case [doc]."""
        limit = paging.limit(call, 100)
        name = call.query.get("name")
        found = [
            row.value
            for row in reversed(self._store.all("job"))
            if name is None or row.value["settings"]["name"].lower() == name.lower()
        ]
        expand = call.flag("expand_tasks")
        told = [_listed(value, expand=expand) for value in found]
        return answer(paging.listed("jobs", told, paging.start(call), limit))

    def reset(self, call: Call) -> Answer:
        """Everything is replaced; a ``run_as`` that is left out stays [doc]."""
        value = self._job(call.number("job_id"))
        new = _settings(call)
        job_rules.check(new)
        kept = {name: value["settings"][name] for name in ("run_as",) if name in value["settings"]}
        self._save(value, {**kept, **job_rules.with_defaults(new)})
        return answer({})

    def update(self, call: Call) -> Answer:
        value = self._job(call.number("job_id"))
        new = _settings(call) if "new_settings" in call.body else {}
        remove = call.body.get("fields_to_remove") or []
        if not isinstance(remove, list):
            raise invalid("Invalid fields_to_remove: a list is expected.")
        merged = job_rules.updated(value["settings"], new, [str(one) for one in remove])
        job_rules.check(merged)
        self._save(value, job_rules.with_defaults(merged))
        return answer({})

    def delete(self, call: Call) -> Answer:
        job_id = self._job(call.number("job_id"))["job_id"]
        self._store.remove("job", _key(job_id))
        self._permissions.forget(f"/jobs/{job_id}")
        return answer({})

    def add_run(self, job_id: int, state: str) -> int:
        """Put in a run, as if somebody had started one."""
        self._job(job_id)
        run_id = self._store.next_id("run")
        value: Json = {
            "job_id": job_id,
            "run_id": run_id,
            "run_name": "",
            "run_type": "JOB_RUN",
            "start_time": int(self._clock() * 1000),
            "state": {"life_cycle_state": state},
        }
        self._store.put("run", Row(_key(run_id), value))
        return run_id

    def end_run(self, run_id: int, result: str) -> None:
        """End a run with a result such as SUCCESS."""
        row = self._store.get("run", _key(run_id))
        if row is None:
            raise invalid(f"Run {run_id} does not exist.")
        state = {"life_cycle_state": "TERMINATED", "result_state": result}
        self._store.put("run", Row(row.key, {**row.value, "state": state}))

    def _job(self, job_id: int) -> Json:
        row = self._store.get("job", _key(job_id))
        if row is None:
            raise invalid(f"Job {job_id} does not exist.")
        return row.value

    def _save(self, value: Json, settings: Json) -> None:
        changed = {**value, "settings": settings}
        self._store.put("job", Row(_key(value["job_id"]), changed))


def _key(number: int) -> str:
    return f"{number:020}"


def _settings(call: Call) -> Json:
    new = call.body.get("new_settings")
    if not isinstance(new, dict):
        raise invalid("Missing required field: new_settings")
    return new


def _page(settings: Json, start: int) -> tuple[Json, Json]:
    shown: dict[str, Any] = dict(settings)
    more = False
    for name in _PAGED:
        members = settings.get(name)
        if isinstance(members, list):
            shown[name] = members[start : start + _PAGE]
            more = more or len(members) > start + _PAGE
    return shown, {"has_more": True, "next_page_token": str(start + _PAGE)} if more else {}


def _listed(value: Json, *, expand: bool) -> Json:
    settings, more = _page(value["settings"], 0)
    if not expand:
        for name in ("tasks", "job_clusters"):
            settings.pop(name, None)
    more.pop("next_page_token", None)
    return {**value, "settings": settings} | (more if expand else {})
