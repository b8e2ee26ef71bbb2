"""Publishing as a use case, free of pytest: from what a run proved to a release."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pytest_dbxgate import bundles, targets
from pytest_dbxgate.contents import Contents, gather
from pytest_dbxgate.delivery import origin as origins
from pytest_dbxgate.delivery import placement, verdict
from pytest_dbxgate.delivery.deploy import Request, deploy, look
from pytest_dbxgate.delivery.job_files import PublishedJobs, jobs_of
from pytest_dbxgate.delivery.job_files import targets as targets_of
from pytest_dbxgate.delivery.locks import heal_target
from pytest_dbxgate.delivery.log import Log
from pytest_dbxgate.delivery.means import Means
from pytest_dbxgate.delivery.model import Item, Manifest, Origin, Refusal
from pytest_dbxgate.delivery.package_contents import ROOT
from pytest_dbxgate.delivery.placement import Placed
from pytest_dbxgate.delivery.published import Mode, Published
from pytest_dbxgate.delivery.verdict import Expected, Report, RunFacts
from pytest_dbxgate.delivery.verdict_origin import TargetFacts
from pytest_dbxgate.errors import ConfigurationError, GateError
from pytest_dbxgate.execution.outcome import RunKey
from pytest_dbxgate.notebook.formats import MEGABYTE
from pytest_dbxgate.session import Gate
from pytest_dbxgate.settings import Settings
from pytest_dbxgate.targets import Chosen, Opened, Surroundings


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a run of pytest showed."""

    reports: Mapping[Expected, Report]
    failed_tests: Sequence[str] = ()
    collection_errors: Sequence[str] = ()
    exit_status: int = 0
    runs: Collection[RunKey] = ()
    """The runs that were to be made; each has to be green."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the command line asks for."""

    mode: Mode
    target: str | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Refusals that are not to count, with the reason given."""
    package_file: Path | None = None
    """Where the package is to be written."""


@dataclass(frozen=True, slots=True)
class World:
    """What publishing needs from outside, so that tests decide it."""

    around: Surroundings
    means: Means = Means()  # noqa: RUF009 - immutable

    def logged(self) -> tuple[Log, Means]:
        """A log, and the means with it in between."""
        log = Log(self.means.wall, self.means.tell)
        return log, replace(self.means, tell=log)


def publish(gate: Gate, evidence: Evidence, order: Order, world: World) -> Published:
    """Decide, then plan or publish. A refused run still heals what an earlier one left open.

    Never raises a :class:`GateError`: it is told in the result.
    """
    ask = origins.asking(gate.root)
    origin = origins.origin(world.around.environ, ask)
    settings = gate.projects.of("")
    log, means = world.logged()
    project = targets.project_of(settings.project, origin, gate.root)
    result = Published(order.target or "", order.mode, project=project, origin=origin)
    chosen: Chosen | None = None
    try:
        chosen = targets.choose(settings.targets, order.target)
        result = replace(result, target=chosen.name)
        contents = gather(gate)
        facts = facts_of(gate, evidence, order, chosen.facts, contents, origin)
        refusals = verdict.decide(facts)
        result = replace(result, refusals=refusals, overridden=verdict.overridden(facts))
        if chosen.settings.publisher == bundles.BUNDLE:
            # What a bundle lets pass are refusals of its plan, which nobody knows yet.
            result = replace(result, overridden=allowed(order, chosen))
            return bundles.publish(gate, result, chosen, world.around, digests=contents.digests())
        with targets.opened(chosen, world.around, project=project, origin=origin) as target:
            result = replace(result, host=target.workspace.host, root=target.target.root)
            placed = place(contents, settings)
            jobs = jobs_for(contents, placed.items, chosen, target)
            if any(each.name == "failed-check" for each in refusals):
                # What is wrong with a job file has been told by its check.
                jobs = jobs._replace(refusals=())
            result = replace(result, refusals=(*refusals, *placed.refusals, *jobs.refusals))

            def judge(manifest: Manifest | None) -> Sequence[Refusal]:
                if manifest is None:
                    return ()
                known = manifest.origin
                older = origins.is_ancestor(ask, origin.commit, known.commit)
                found = verdict.decide(replace(facts, previous=known, is_ancestor=older))
                return [each for each in found if each not in refusals]

            request = Request(
                placed.items,
                jobs.jobs,
                origin,
                target.user,
                override=allowed(order, chosen),
                judge=judge,
            )
            result = carried_out(result, target, request, means)
    except GateError as error:
        if chosen is not None:
            _name_barred(error, order, chosen)
        result = replace(result, error=error)
    return replace(result, log=tuple(log.lines))


def carried_out(result: Published, target: Opened, request: Request, means: Means) -> Published:
    """``result`` with the plan, the deployment, or what was healed in place of a refused one."""
    workspace, place, project = target.workspace, target.target, result.project
    if result.mode is Mode.PLAN:
        plan, unfinished = look(workspace, place, request, project=project, means=means)
        notes = (
            f"the deployment {each} is unfinished: the next run or --dbx-heal undoes or finishes "
            "it first, and then the plan may be another"
            for each in unfinished
        )
        return replace(result, plan=plan, notes=tuple(notes))
    if result.refusals:
        healed = heal_target(workspace, place, project=project, means=means, owner=target.user)
        return replace(result, healed=healed)
    deployment = deploy(workspace, place, request, project=project, means=means)
    return replace(result, deployment=deployment, plan=deployment.plan, healed=deployment.healed)


def check(gate: Gate, order: Order) -> None:
    """What can be said before anything is checked. Raises :class:`ConfigurationError` for a target
    that is not there or not named, and where one run would have to publish several projects."""
    if order.mode is not Mode.PACKAGE or order.target is not None:
        targets.choose(gate.projects.of("").targets, order.target)
    for folder, settings in sorted(gate.projects.by_folder.items()):
        if folder != "." and settings.targets:
            raise ConfigurationError(
                f"{settings.origin}: a project inside this one has targets of its own",
                next_step=f"publish it by itself: pytest --rootdir {folder} --dbx-deploy, and "
                "exclude it here",
            )


def facts_of(
    gate: Gate,
    evidence: Evidence,
    order: Order,
    target: TargetFacts,
    contents: Contents,
    origin: Origin,
) -> RunFacts:
    """What the verdict on a run rests on."""
    digests = contents.digests()
    expected = {
        Expected(key.path, key.member, check.value): digests.get(key, "")
        for item in gate.files
        for key in item.keys
        for check in item.checks
    }
    expected |= {
        Expected(run.notebook.path, run.notebook.member, run.item): digests.get(run.notebook, "")
        for run in evidence.runs
    }
    notebooks = {key: digest for key, digest in digests.items() if key.path in contents.notebooks}
    return RunFacts(
        asked=True,
        expected=expected,
        reports=evidence.reports,
        target=target,
        origin=origin,
        published=notebooks,
        published_files={*contents.notebooks, *contents.files, *contents.job_files},
        failed_tests=evidence.failed_tests,
        collection_errors=evidence.collection_errors,
        exit_status=evidence.exit_status,
        # Without a package nothing proves that another target has had the same.
        staged=not target.requires,
        overrides=order.overrides,
    )


def allowed(order: Order, chosen: Chosen) -> dict[str, str]:
    """The overrides that the target lets count."""
    return {
        name: reason
        for name, reason in order.overrides.items()
        if name in chosen.settings.overrides and name not in verdict.NEVER_OVERRIDDEN
    }


def _name_barred(error: GateError, order: Order, chosen: Chosen) -> None:
    """Say of an override that was asked for in vain why it did not count."""
    name = getattr(error, "name", "")
    if name in order.overrides and name not in allowed(order, chosen):
        error.next_step += (
            f"\n  next: or list {name} in `overrides` of the target {chosen.name}: "
            "it lets nobody override that"
        )


def _bundle_target(contents: Contents, chosen: Chosen) -> str | None:
    """The target whose jobs of a bundle are published: that of the same name, else the one that
    the bundle deploys to by default."""
    jobs = contents.jobs.jobs
    name = chosen.settings.bundle_target or chosen.name
    if name in targets_of(contents.jobs) or chosen.settings.bundle_target:
        return name
    return next((job.scope.known.get("bundle.target") for job in jobs if job.is_default), None)


def place(contents: Contents, settings: Settings) -> Placed:
    """Where everything goes below a root."""
    return placement.place(
        contents.notebooks,
        contents.files,
        max_bytes=settings.max_size_mb * MEGABYTE,
        edges=contents.calls,
    )


def jobs_for(
    contents: Contents, items: Sequence[Item], chosen: Chosen, opened: Opened | None
) -> PublishedJobs:
    """The jobs for a target. Without one that is ``opened``, for a package: paths then begin with
    what stands for the root in it, and what only the workspace knows is not filled in."""
    variables = dict(chosen.settings.variables)
    if opened is not None:
        variables["workspace.current_user.userName"] = opened.user
        variables["workspace.host"] = opened.workspace.host
    return jobs_of(
        contents.jobs,
        items,
        root=ROOT if opened is None else opened.target.root,
        bundle_target=_bundle_target(contents, chosen),
        variables=variables,
    )
