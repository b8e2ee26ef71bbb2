"""Running notebooks on a cluster, from the sweep of what others left to the clean-up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from pytest_dbxgate.errors import ConfigurationError, GateError
from pytest_dbxgate.execution.cluster import ending, job
from pytest_dbxgate.execution.cluster.collecting import Collector
from pytest_dbxgate.execution.cluster.layout import Copy, copies
from pytest_dbxgate.execution.cluster.pacing import StoppedError, pause
from pytest_dbxgate.execution.cluster.plan import chunks
from pytest_dbxgate.execution.cluster.redirect import Redirection
from pytest_dbxgate.execution.cluster.registration import LEASE, Registration
from pytest_dbxgate.execution.cluster.request import (
    ClusterPlace,
    ClusterRequest,
    ClusterWork,
    Means,
    Progress,
    Ran,
)
from pytest_dbxgate.execution.cluster.running import Follower
from pytest_dbxgate.execution.cluster.stage import JobRun, Stage
from pytest_dbxgate.execution.cluster.starting import create, start
from pytest_dbxgate.execution.cluster.sweep import sweep
from pytest_dbxgate.execution.cluster.upload import upload
from pytest_dbxgate.execution.outcome import Outcome, RunKey, RunState
from pytest_dbxgate.notebook import canonical, formats
from pytest_dbxgate.notebook.model import Notebook, NotebookKey
from pytest_dbxgate.workspace import paths
from pytest_dbxgate.workspace.jobs import OPERATION_TAG
from pytest_dbxgate.workspace.model import ImportFormat, Workspace

Done = Callable[[Outcome], None]


def run_on_cluster(
    workspace: Workspace,
    place: ClusterPlace,
    request: ClusterRequest,
    means: Means = Means(),  # noqa: B008
    done: Done = lambda outcome: None,
) -> Ran:
    """Run the notebooks, and leave nothing behind. ``done`` gets each outcome as it is known.

    Once something was sent, every work has an outcome whatever happens: PLATFORM where the
    platform failed, CANCELLED where the process was asked to stop. Before that it raises
    :class:`~pytest_dbxgate.errors.ConfigurationError` for what cannot be run as it is asked for,
    and :class:`~pytest_dbxgate.errors.AuthenticationError`.
    """
    request = _checked(request)
    registration = Registration(workspace, place, request.id, clock=means.clock, sleep=means.sleep)
    copied = _copied(place, request, registration)
    run = _Run(workspace, place, request, means, done, registration, copied)
    swept = sweep(workspace, place, sleep=means.sleep)
    for words in (*swept.removed, *swept.left):
        means.tell(Progress("sweep", words))
    try:
        ended = run.go()
    finally:
        left = run.clean_up()
    return Ran(run.outcomes(ended), (*left, *swept.left), swept.removed)


def _checked(request: ClusterRequest) -> ClusterRequest:
    """The request with the digest of each notebook; raises ConfigurationError for everything that
    can be known of it before a call."""
    job.check(request)
    chunks(request.works, max_parallel=request.max_parallel)
    return replace(request, works=[_with_digest(work, request.files) for work in request.works])


def _with_digest(work: ClusterWork, files: Mapping[str, bytes]) -> ClusterWork:
    data = files.get(work.path)
    if data is None:
        raise ConfigurationError(f"{work.key}: {work.path} is not among the files of the run")
    digest = canonical.sha256(data)
    if work.key.notebook.member is not None:
        found = (each for each in formats.parse(work.path, data) if each.key == work.key.notebook)
        digest = next((each.digest for each in found), "")
    if work.digest not in ("", digest):
        raise ConfigurationError(
            f"{work.key}: {work.path} is not what was checked", next_step="run again"
        )
    return replace(work, digest=digest)


def _copied(
    place: ClusterPlace, request: ClusterRequest, registration: Registration
) -> tuple[Copy, ...]:
    """The copy; raises ConfigurationError as :func:`copies`, and for a work without a notebook."""
    redirection = Redirection(place.root, registration.files, place.base)
    found = copies(request.files, redirection)
    notebooks = {copy.source for copy in found if copy.format is not ImportFormat.AUTO}
    for work in request.works:
        if work.key.notebook not in notebooks:
            raise ConfigurationError(
                f"{work.key.notebook} is no notebook", next_step="give it the header of one"
            )
    return found


class _Run:
    """A request while it is carried out."""

    def __init__(
        self,
        workspace: Workspace,
        place: ClusterPlace,
        request: ClusterRequest,
        means: Means,
        done: Done,
        registration: Registration,
        copied: Sequence[Copy],
    ) -> None:
        self._request = request
        self._means = means
        self._done = done
        self._copied = copied
        self._parsed: dict[NotebookKey, Notebook] = {}
        self._jobs: list[JobRun] = []
        self._told: dict[RunKey, Outcome] = {}
        self._stage = Stage(
            workspace,
            request,
            place.project,
            registration,
            means,
            Collector.of(workspace, place.host, means.sleep, registration.files),
            {copy.source: f"{registration.files}/{copy.place}" for copy in copied},
            self._notebook,
            self._deliver,
        )

    def go(self) -> tuple[RunState, str]:
        """Carry it out; what becomes of the works that have no outcome then, and why."""
        try:
            self._all()
        except StoppedError as stopped:
            return stopped.state, stopped.message
        except GateError as error:
            return RunState.PLATFORM, str(error)
        return RunState.PLATFORM, "it was not run"

    def clean_up(self) -> tuple[str, ...]:
        """Remove what is left; what could not be."""
        registration = self._stage.registration
        if not registration.is_begun:
            return ()
        self._means.tell(Progress("clean-up"))
        made: JobRun | None = None
        try:
            for made in self._jobs:
                self._remove(made)
            made = None
            ending.remove_folder(self._stage.workspace, registration.folder)
        except GateError as error:
            return (self._remains(made, error),)
        return ()

    def outcomes(self, ended: tuple[RunState, str]) -> tuple[Outcome, ...]:
        """One for each work, in their order."""
        state, message = ended
        for work in self._request.works:
            if work.key not in self._told:
                self._deliver(self._unknown(work, state, message))
        return tuple(self._told[work.key] for work in self._request.works)

    def _all(self) -> None:
        stage, means = self._stage, self._means
        pause(means, 0)
        stage.registration.begin()
        means.tell(Progress("upload", f"{len(self._copied)} files"))
        upload(
            stage.workspace,
            self._copied,
            stage.registration.files,
            means,
            beat=stage.registration.renew,
        )
        left = list(self._request.works)
        while left := self._startable(left):
            chunk = chunks(left, max_parallel=self._request.max_parallel)[0]
            made = JobRun(chunk, f"{self._request.id}-{len(self._jobs) + 1}")
            self._jobs.append(made)
            create(stage, made)
            start(stage, made)
            Follower(stage, made).follow()
            here = {task.work.key for task in chunk.tasks}
            left = [work for work in left if work.key not in here]
            if left:
                self._remove(made)

    def _startable(self, works: Sequence[ClusterWork]) -> list[ClusterWork]:
        """The works whose dependencies in earlier jobs passed, without these."""
        found: list[ClusterWork] = []
        left = list(works)
        for work in left:
            states = {key: self._told[key].state for key in work.depends_on if key in self._told}
            if any(state is not RunState.PASSED for state in states.values()):
                message = "a notebook that it depends on did not pass"
                self._deliver(self._unknown(work, RunState.NOT_STARTED, message))
                return self._startable([each for each in left if each.key != work.key])
            found.append(
                replace(work, depends_on=[key for key in work.depends_on if key not in states])
            )
        return found

    def _remove(self, made: JobRun) -> None:
        """Remove a job, once."""
        stage, sleep = self._stage, self._means.sleep
        if not made.may_be_there:
            return
        if not made.job_id:
            ending.remove_tagged(stage.workspace, OPERATION_TAG, made.operation, sleep=sleep)
        elif made.has_ended:
            stage.workspace.delete_job(made.job_id)
        else:
            self._means.tell(Progress("cancel", url=made.url))
            ending.remove_job(
                stage.workspace,
                made.job_id,
                sleep=sleep,
                run_id=made.run_id,
                is_unsettled=made.is_unsettled,
            )
        made.may_be_there = False
        stage.registration.gone(made.operation)

    def _remains(self, made: JobRun | None, error: GateError) -> str:
        """What is left, for a person who wants to remove it by hand."""
        what = paths.shown(self._stage.registration.folder)
        if made is not None:
            named = f"job {made.job_id}" if made.job_id else f"a job tagged {made.operation}"
            what = f"{named} and {what}"
        user = self._stage.registration.owner.user
        return (
            f"{what} may remain: {error.message}; the next run for this target as {user} removes "
            f"them once {LEASE / 60:.0f} minutes have passed"
        )

    def _unknown(self, work: ClusterWork, state: RunState, message: str) -> Outcome:
        url = next((made.url for made in reversed(self._jobs) if made.url), "")
        return Outcome(
            work.key,
            state,
            work.digest,
            message=message,
            url=url,
            attempts=0,
            engine=self._stage.collector.engine,
        )

    def _deliver(self, outcome: Outcome) -> None:
        self._told[outcome.key] = outcome
        self._done(outcome)

    def _notebook(self, key: NotebookKey) -> Notebook | None:
        """The notebook as it is in the repository."""
        if key not in self._parsed:
            data = self._request.files.get(key.path)
            parsed = formats.parse(key.path, data) if data is not None else ()
            self._parsed.update((each.key, each) for each in parsed)
        return self._parsed.get(key)
