"""Publishing as a use case: from items and jobs to a release, or to the earlier state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pytest_dbxgate.delivery import backup, journal, late
from pytest_dbxgate.delivery.apply import apply_objects, make_folders, verify
from pytest_dbxgate.delivery.canonical import sha256
from pytest_dbxgate.delivery.commit import UnknownOutcomeError, commit
from pytest_dbxgate.delivery.failing import failed
from pytest_dbxgate.delivery.finish import finish, tidy
from pytest_dbxgate.delivery.heal import Healed, heal
from pytest_dbxgate.delivery.holding import held
from pytest_dbxgate.delivery.intent import Intent, intend
from pytest_dbxgate.delivery.jobs_apply import apply_jobs
from pytest_dbxgate.delivery.manifest import digest
from pytest_dbxgate.delivery.means import Means
from pytest_dbxgate.delivery.model import (
    Action,
    Item,
    JobItem,
    Manifest,
    OnDrift,
    Origin,
    Plan,
    Refusal,
)
from pytest_dbxgate.delivery.outcome import fill
from pytest_dbxgate.delivery.plan import DRIFT, plan
from pytest_dbxgate.delivery.refusing import refuse
from pytest_dbxgate.delivery.run import MismatchError, Run
from pytest_dbxgate.delivery.running import wait_for_runs
from pytest_dbxgate.delivery.state import State, read
from pytest_dbxgate.delivery.store import Store
from pytest_dbxgate.delivery.target import Target
from pytest_dbxgate.workspace.model import Workspace

Judge = Callable[[Manifest | None], Sequence[Refusal]]
"""Told what is published now, says why publishing is refused all the same."""

_SETTLE = 2.0
"""Seconds before a refusal's reason is read again: an answer may have been a stale one."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be published, and in whose name."""

    items: Sequence[Item]
    jobs: Sequence[JobItem] = ()
    origin: Origin = Origin()  # noqa: RUF009
    owner: str = ""
    """A user's name, for the lock."""
    override: Mapping[str, str] = field(default_factory=dict)
    """Refusals that do not count, with the reason given; the caller has checked that the target
    allows them."""
    judge: Judge | None = None
    expected: str | None = None
    """The release that must be the published one; None: any."""
    is_restored: bool = False
    """The bytes come from the workspace's own backups, and their digests from a manifest."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """How it ended."""

    release: str
    manifest: str
    """The digest of the manifest."""
    plan: Plan
    changed: bool
    """False where there was nothing to do."""
    pending: tuple[str, ...] = ()
    """What still has to be done after the commit: the next run or ``--dbx-heal`` does it. Where
    there is something the exit code is 23, though all that was to be published is."""
    healed: tuple[Healed, ...] = ()
    override: Mapping[str, str] = field(default_factory=dict)

    @property
    def actions(self) -> Mapping[Action, int]:
        """How many objects and jobs each action was done to."""
        counts: dict[Action, int] = {}
        for action in (
            *(step.action for step in self.plan.steps),
            *(step.action for step in self.plan.jobs),
        ):
            counts[action] = counts.get(action, 0) + 1
        return counts


def look(
    workspace: Workspace, target: Target, request: Request, *, project: str, means: Means
) -> tuple[Plan, tuple[str, ...]]:
    """The plan, and the deployments that are unfinished; changes nothing."""
    store = Store(workspace, target.root, means.sleep)
    state = read(workspace, store, target, project, request.jobs, means)
    return _judged(request, _plan(target, request, state), state), tuple(
        state.published.closed.open
    )


def deploy(
    workspace: Workspace, target: Target, request: Request, *, project: str, means: Means
) -> Deployment:
    """Publish.

    Raises RefusedError (20) and DriftError (21) where nothing was changed, RolledBackError (22)
    where the earlier state stands again, IncompleteError (23) where it does not, else
    AuthenticationError (24) or PlatformError (25) where nothing was begun.
    """
    _check_bytes(request)
    store = Store(workspace, target.root, means.sleep)
    state = read(workspace, store, target, project, request.jobs, means)
    if not state.published.closed.open and state.published.pointer is not None:
        made = _plan(target, request, state)
        if _is_done(made, request, state) and not made.refusals:
            refuse(_judged(request, made, state), request.override)
            return _unchanged(state, made, request)
    with held(
        workspace, store, target, project, means, request.owner, request.origin.build_url
    ) as run:
        healed = heal(run)
        state, made = _planned(run, request)
        if _is_done(made, request, state):
            return replace(_unchanged(state, made, request), healed=healed)
        wait_for_runs(run, state.published.manifest)
        return replace(_publish(run, request, state, made), healed=healed)


def _planned(run: Run, request: Request) -> tuple[State, Plan]:
    """Read under the lock, and plan; raises RefusedError or DriftError."""
    found = late.Late()
    for attempt in range(3):
        if attempt:
            run.pause(_SETTLE)
        state = read(run.workspace, run.store, run.target, run.project, request.jobs, run.means)
        state = found.owning(state)
        made = _judged(request, _plan(run.target, request, state), state)
        if late.is_possible(made, state):
            late.repair(run, state, made, found)
        if not made.refusals:
            break
    refuse(made, request.override)
    return state, made


def _plan(target: Target, request: Request, state: State) -> Plan:
    on_drift = OnDrift.BACKUP if DRIFT in request.override else target.on_drift
    return plan(
        request.items,
        request.jobs,
        state.published.manifest,
        state.remote,
        state.jobs,
        prune=target.prune,
        on_drift=on_drift,
        trusted=state.published.trusted,
    )


def _judged(request: Request, made: Plan, state: State) -> Plan:
    more = list(request.judge(state.published.manifest)) if request.judge else []
    if request.expected is not None and request.expected != state.published.release:
        more.append(
            Refusal(
                "published-meanwhile",
                "another release was published in the meantime",
                "look at it, then run again",
            )
        )
    return replace(made, refusals=(*made.refusals, *more))


def _publish(run: Run, request: Request, state: State, made: Plan) -> Deployment:
    now = run.workspace.server_time() or run.means.wall()
    owner, build = request.owner, request.origin.build_url
    intent = intend(run, state, made, owner=owner, build_url=build, at=now)
    intent = _write_down(run, intent)
    empty = Manifest(
        run.project,
        run.operation,
        run.target.name,
        now,
        request.origin,
        override=dict(request.override),
    )
    record = intent.journal
    try:
        make_folders(run, record.folders)
        apply_objects(run, intent.loads)
        verify(run, record.changes)
        told = apply_jobs(run, record.jobs)
        manifest = fill(empty, made, told)
        earlier = state.published.manifest
        at = 0.0 if earlier is None else earlier.created_at
        pointer = commit(run, state.published.pointer, manifest, at=at)
    except UnknownOutcomeError:
        raise
    except BaseException as error:
        raise failed(run, record, error) from error
    pending = finish(run, record, manifest)
    if not pending:
        tidy(run, pointer, state.published.closed)
    return Deployment(
        run.operation, digest(manifest), made, True, pending, override=request.override
    )


def _write_down(run: Run, intent: Intent) -> Intent:
    """Backups, then the journal; both are read back. Nothing was changed before."""
    run.tell("backup", f"{len(intent.parts)} archives")
    run.may_write()
    digests = backup.save(run.store, run.operation, intent.parts)
    record = replace(intent.journal, parts=digests)
    run.may_write()
    journal.open_journal(run.store, record)
    return intent._replace(journal=record)


def _is_done(made: Plan, request: Request, state: State) -> bool:
    """Whether there is nothing left to do. That a package was published is worth a record even
    where it changes nothing: another target may ask for it."""
    if state.published.pointer is None or not made.is_empty:
        return False
    package, manifest = request.origin.package_sha256, state.published.manifest
    return not package or (manifest is not None and manifest.origin.package_sha256 == package)


def _unchanged(state: State, made: Plan, request: Request) -> Deployment:
    pointer = state.published.pointer
    assert pointer is not None
    return Deployment(pointer.release, pointer.manifest, made, False, override=request.override)


def _check_bytes(request: Request) -> None:
    for item in () if request.is_restored else request.items:
        if sha256(item.data) != item.sha256:
            raise MismatchError(
                f"{item.source}: its bytes are not those that were checked",
                next_step="run the gate again",
            )
