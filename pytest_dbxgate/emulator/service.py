"""A request from its arrival to its answer: token, log, faults, limits, handler. No network."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import NamedTuple

from pytest_dbxgate.emulator import formats, paths, routes, wire
from pytest_dbxgate.emulator.executing import Executor, NoExecutor
from pytest_dbxgate.emulator.faults import Do, Edit, Faults, Rule, When
from pytest_dbxgate.emulator.jobs import Jobs
from pytest_dbxgate.emulator.limits import Limits
from pytest_dbxgate.emulator.misfortunes import CODES, kill, refusal
from pytest_dbxgate.emulator.objects import Objects, Sizes, Unknowns
from pytest_dbxgate.emulator.permissions import Permissions
from pytest_dbxgate.emulator.runs import Runs
from pytest_dbxgate.emulator.scopes import Scopes
from pytest_dbxgate.emulator.store import Rows, Store
from pytest_dbxgate.emulator.tree import Tree
from pytest_dbxgate.emulator.values import Answer, ApiError, Call, Json, Raw, failure

LOG_LENGTH = 100_000

_LOGGER = logging.getLogger(__name__)


class Entry(NamedTuple):
    """A request in the log."""

    number: int
    """From 1, over all requests but those to the control API."""
    method: str
    route: str
    path: str
    """The workspace path, ``/jobs/ID``, ``/runs/ID``, empty where there is none of them."""
    nth: int
    """From 1, over the requests of the same method, route and path."""
    status: int
    """0: the connection was closed without an answer."""
    fault: str = ""


class _Arrival(NamedTuple):
    """A request that is about to be processed."""

    number: int
    raw: Raw
    user: str
    route: str
    path: str


class Service:
    """The workspace. Every method is called with ``store.lock`` held.

    ``clock`` gives seconds since 1970, ``monotonic`` is for the rate limits.
    """

    def __init__(
        self,
        store: Store,
        users: dict[str, str],
        *,
        sizes: Sizes,
        unknowns: Unknowns,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        executor: Executor | None = None,
    ) -> None:
        self.store = store
        self.users = users
        """Who a token belongs to."""
        self.clock_offset = 0.0
        self.faults = Faults()
        self.limits = Limits(monotonic)
        self.log: deque[Entry] = deque(maxlen=LOG_LENGTH)
        self._clock = clock
        self._number = 0
        self._seen: Counter[tuple[str, str, str]] = Counter()
        self._late: list[tuple[int, _Arrival]] = []
        self.tree = Tree(store, self.now)
        permissions = Permissions(store, self.tree)
        self.jobs = Jobs(store, permissions, self.now)
        self.runs = Runs(store, self.now, executor or NoExecutor())
        objects = Objects(self.tree, sizes, unknowns)
        self._routes = routes.table(objects, self.jobs, self.runs, permissions, Scopes(store))

    def now(self) -> float:
        """The server's clock, in seconds since 1970."""
        return self._clock() + self.clock_offset

    def handle(self, raw: Raw) -> Answer | None:
        """The answer; None where the connection is to be closed without one."""
        arrival = self._arrive(raw)
        key = (raw.method, arrival.route, arrival.path)
        self._seen[key] += 1
        self.apply_late(arrival.number)
        edits, rule = self.faults.decide(arrival.number, *key)
        fault = "outage" if self.faults.outage else rule.do.value if rule else ""
        try:
            self._edit(edits, When.BEFORE)
            result = None if self.faults.outage else self._answer(arrival, rule)
            self._edit(edits, When.AFTER)
        except ApiError as error:
            # Only edits get here: a test that asks for an impossible one must not go on.
            fault, result = "edit-failed", failure(ApiError(501, "EDIT_FAILED", error.message))
        status = result.status if result else 0
        self.log.append(Entry(arrival.number, *key, self._seen[key], status, fault))
        return result

    def apply_late(self, number: int | None = None) -> None:
        """Process the requests whose answer was lost and that are due; all with None."""
        due = [one for when, one in self._late if number is None or when <= number]
        self._late = [(when, one) for when, one in self._late if one not in due]
        for arrival in due:
            result = self._process(arrival)
            entry = (arrival.raw.method, arrival.route, arrival.path)
            nth = self._seen[entry]
            self.log.append(Entry(arrival.number, *entry, nth, result.status, "late-applied"))

    def edit(self, edit: Edit) -> None:
        """Do what a person does; folders are made on the way."""
        path = paths.canonical(edit.path)
        with self.store.writing():
            if edit.delete:
                self.tree.delete(path, recursive=True)
                return
            new = formats.edited(self.tree.find(path), path, edit.content)
            self.tree.make_folder(paths.parent(path))
            self.tree.check_room(new.path, new.type, overwrite=True)
            self.tree.put(new)

    def forget_log(self) -> None:
        """Empty the log and count from 1 again."""
        self.log.clear()
        self._seen.clear()
        self._number = 0

    def restore(self, rows: Rows) -> None:
        """Make the stored state what it was; no faults, limits, log or late requests."""
        self.runs.driver.drop()
        # Whoever still runs something of then must not meet its number again.
        self.store.replace_everything(rows, counting="run")
        with self.store.writing():
            self.runs.driver.wake()
        self.faults.clear()
        self.limits.set({})
        self._late.clear()
        self.clock_offset = 0.0
        self.forget_log()

    def _arrive(self, raw: Raw) -> _Arrival:
        self._number += 1
        found = routes.find(self._routes, raw.method, raw.path)
        name = found[0].name if found else raw.path.removeprefix("/")
        return _Arrival(self._number, raw, "", name, _path(raw, found))

    def _answer(self, arrival: _Arrival, rule: Rule | None) -> Answer | None:
        if rule is None or rule.do is Do.STALE:
            return self._ordinary(arrival, stale=rule is not None)
        if rule.do is Do.STATUS:
            if rule.processed:
                self._process(arrival)
            return refusal(rule)
        if rule.do in (Do.LOSE_ANSWER, Do.KILL_AFTER):
            self._process(arrival)
        if rule.do is Do.LATE:
            self._late.append((arrival.number + rule.after, arrival))
        if rule.do in (Do.KILL_BEFORE, Do.KILL_AFTER):
            named = arrival.raw.headers.get("x-emulator-client-pid", "")
            kill(rule.pid or (int(named) if named.isdigit() else 0))
        return None

    def _ordinary(self, arrival: _Arrival, *, stale: bool) -> Answer:
        if not self.limits.allows(arrival.raw.method, arrival.route):
            after = self.limits.retry_after
            return refusal(Rule(Do.STATUS, status=429, retry_after=after))
        if stale and arrival.raw.method == "GET":
            with self.store.as_before_the_last_write():
                return self._process(arrival)
        return self._process(arrival)

    def _process(self, arrival: _Arrival) -> Answer:
        raw = arrival.raw
        try:
            found = routes.find(self._routes, raw.method, raw.path)
            if found is None:
                # [report]
                message = f"No API found for '{raw.method} {raw.path}'"
                raise ApiError(404, "ENDPOINT_NOT_FOUND", message)
            route, arguments = found
            user = "" if route.public else self._user(raw)
            call = Call(raw.method, raw.query, wire.body_of(raw), user, arguments)
            if not route.writes:
                return route.handler(call)
            with self.store.writing():
                return route.handler(call)
        except ApiError as error:
            return failure(error)
        except Exception:
            _LOGGER.exception("%s %s", raw.method, raw.path)
            return failure(ApiError(500, *CODES[500]))

    def _user(self, raw: Raw) -> str:
        scheme, _, token = raw.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer":
            raise ApiError(401, *CODES[401])
        if token not in self.users:
            raise ApiError(403, "PERMISSION_DENIED", "Invalid access token.")
        return self.users[token]

    def _edit(self, rules: list[Rule], when: When) -> None:
        for rule in rules:
            for edit in rule.edits:
                if rule.when is when:
                    self.edit(edit)


def _path(raw: Raw, found: tuple[routes.Route, tuple[str, ...]] | None) -> str:
    if found is None:
        return ""
    if found[1]:
        return "/" + "/".join(found[1])
    try:
        body: Json = wire.body_of(raw)
    except ApiError:
        body = {}
    fields = {**raw.query, **body}
    if "job_id" in fields:
        return f"/jobs/{fields['job_id']}"
    if "run_id" in fields:
        return f"/runs/{fields['run_id']}"
    path = fields.get("path")
    try:
        return paths.canonical(path) if isinstance(path, str) else ""
    except ApiError:
        return str(path)
