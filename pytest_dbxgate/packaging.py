"""Build once, publish many: a package out of a green run, and releases out of a package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pytest_dbxgate import bundles, targets
from pytest_dbxgate.contents import Contents, gather
from pytest_dbxgate.delivery import manifest as manifests
from pytest_dbxgate.delivery import origin as origins
from pytest_dbxgate.delivery import package as packages
from pytest_dbxgate.delivery import verdict
from pytest_dbxgate.delivery.deploy import Request
from pytest_dbxgate.delivery.means import Means
from pytest_dbxgate.delivery.model import Item, JobItem, Manifest, Origin, Refusal
from pytest_dbxgate.delivery.package import Package
from pytest_dbxgate.delivery.published import Mode, Published
from pytest_dbxgate.delivery.receipt import PassedCheck
from pytest_dbxgate.delivery.rollback import history
from pytest_dbxgate.delivery.store import MANIFESTS, Store
from pytest_dbxgate.delivery.verdict import Outcome, RunFacts
from pytest_dbxgate.delivery.verdict_origin import TargetFacts, origin_refusals, was_published
from pytest_dbxgate.errors import ConfigurationError, GateError, RefusedError
from pytest_dbxgate.files import write_report
from pytest_dbxgate.publishing import (
    Evidence,
    Order,
    World,
    allowed,
    carried_out,
    facts_of,
    jobs_for,
    place,
)
from pytest_dbxgate.session import Gate
from pytest_dbxgate.settings import LOCAL, Settings, TargetSettings
from pytest_dbxgate.settings.targets import as_values, from_values
from pytest_dbxgate.targets import Chosen, Opened
from pytest_dbxgate.toolchain import versions

_ANYWHERE = TargetFacts("the package")
"""A package is made for targets; their guards hold when it is published there."""


def pack(gate: Gate, evidence: Evidence, order: Order, world: World) -> Published:
    """Write what the run checked into ``order.package_file``, and its digest beside it, if
    nothing is to be refused. Never raises a :class:`GateError`: it is told in the result."""
    assert order.package_file is not None
    environ = world.around.environ
    origin = origins.origin(environ, origins.asking(gate.root))
    settings = gate.projects.of("")
    project = targets.project_of(settings.project, origin, gate.root)
    result = Published(order.package_file.name, Mode.PACKAGE, project=project, origin=origin)
    try:
        contents = gather(gate)
        facts = facts_of(gate, evidence, order, _ANYWHERE, contents, origin)
        placed = place(contents, settings)
        jobs, troubles = _jobs(contents, placed.items, _made_for(settings, order.target))
        refusals = (*verdict.decide(facts), *placed.refusals, *troubles)
        result = replace(result, refusals=refusals)
        if refusals:
            return result
        data = packages.build(
            project,
            placed.items,
            jobs={chosen.name: found for chosen, found in jobs},
            settings={chosen.name: as_values(chosen.settings) for chosen, _ in jobs},
            checks=_passed(facts),
            origin=origin,
            pipeline=environ.get("BUILD_DEFINITIONNAME", ""),
            build_id=environ.get("BUILD_BUILDID", ""),
            tools=dict(versions()),
        )
        digest = packages.write(order.package_file, data)
        # The build makes it an output variable: it must not travel in the artifact.
        beside = order.package_file.with_name(f"{order.package_file.name}.sha256")
        line = f"{digest}  {order.package_file.name}\n"
        write_report(beside, line.encode("ascii", "replace"), name="the package's digest")
        told = f"wrote {order.package_file.name}: {len(placed.items)} objects, sha256 {digest}"
        return replace(result, notes=(told,))
    except GateError as error:
        return replace(result, error=error)


def _made_for(settings: Settings, name: str | None) -> list[Chosen]:
    if name is not None:
        chosen = targets.choose(settings.targets, name)
        bundles.by_itself(chosen)
        return [chosen]
    known = {
        name: each
        for name, each in (settings.targets or {LOCAL: TargetSettings()}).items()
        if each.publisher != bundles.BUNDLE
    }
    if not known:
        raise ConfigurationError(
            "every target is published by a bundle, which takes no package",
            next_step="publish from the checkout",
        )
    return [Chosen(name, each) for name, each in sorted(known.items())]


def _jobs(
    contents: Contents, items: Sequence[Item], made_for: Sequence[Chosen]
) -> tuple[list[tuple[Chosen, tuple[JobItem, ...]]], list[Refusal]]:
    found: list[tuple[Chosen, tuple[JobItem, ...]]] = []
    refusals: list[Refusal] = []
    for chosen in made_for:
        jobs = jobs_for(contents, items, chosen, None)
        found.append((chosen, jobs.jobs))
        refusals += jobs.refusals
    return found, list(dict.fromkeys(refusals))


def _passed(facts: RunFacts) -> list[PassedCheck]:
    return [
        PassedCheck(expected.path, expected.member, expected.check, digest)
        for expected, digest in facts.expected.items()
        if facts.reports[expected].outcome is Outcome.PASSED
    ]


def load(file: Path, sha256: str) -> Package:
    """The package, every digest of it verified. Raises RefusedError."""
    return packages.read(file, sha256)


def chosen_of(package: Package, name: str | None) -> Chosen:
    """The target to publish the package to, with the settings it was made with.

    Raises RefusedError and ConfigurationError.
    """
    known: dict[str, TargetSettings] = {}
    for target in package.targets:
        try:
            known[target] = from_values(package.settings(target))
        except (TypeError, ValueError) as error:
            raise RefusedError(
                "package-foreign",
                f"the package's settings of {target} cannot be used: {error}",
                next_step="publish with the version of pytest-dbxgate that wrote it",
            ) from None
    return targets.choose(known, name)


def release(package: Package, order: Order, world: World) -> Published:
    """Plan or publish what a package holds. Never raises a :class:`GateError`."""
    log, means = world.logged()
    origin, project = package.origin, package.project
    result = Published(order.target or "", order.mode, project=project, origin=origin)
    try:
        chosen = chosen_of(package, order.target)
        result = replace(result, target=chosen.name)
        staged = _is_staged(package, chosen, world, means)
        ran = any(verdict.is_run(each.check) for each in package.receipt.checks)
        waived = allowed(order, chosen)
        refusals = tuple(
            each
            for each in _guards(chosen, origin, None, staged=staged, ran=ran)
            if each.name not in waived
        )
        result = replace(result, refusals=refusals, overridden=waived)
        with targets.opened(chosen, world.around, project=project, origin=origin) as target:
            result = replace(result, host=target.workspace.host, root=target.target.root)

            def judge(manifest: Manifest | None) -> Sequence[Refusal]:
                found = _guards(chosen, origin, manifest, staged=staged, ran=ran)
                return [each for each in found if each not in refusals]

            request = Request(
                package.items,
                package.jobs(chosen.name, target.target.root),
                origin,
                target.user,
                override=waived,
                judge=judge,
            )
            result = carried_out(result, target, request, means)
    except GateError as error:
        result = replace(result, error=error)
    return replace(result, log=tuple(log.lines))


def _guards(
    chosen: Chosen, origin: Origin, manifest: Manifest | None, *, staged: bool, ran: bool
) -> list[Refusal]:
    previous = None if manifest is None else manifest.origin
    return list(
        origin_refusals(
            chosen.facts,
            origin,
            files=None,
            previous=previous,
            # There is no history to ask: the commits' times decide.
            is_ancestor=None,
            staged=staged,
            ran=ran,
        )
    )


def _is_staged(package: Package, chosen: Chosen, world: World, means: Means) -> bool:
    """Whether the target that this one requires holds the package, or held it among the releases
    it keeps: its own record says so."""
    if not chosen.settings.requires:
        return True
    before = chosen_of(package, chosen.settings.requires)
    project, origin = package.project, package.origin
    with targets.opened(before, world.around, project=project, origin=origin) as opened:
        return any(
            was_published(manifest, package.sha256)
            for manifest in _manifests(opened, project, means)
        )


def _manifests(opened: Opened, project: str, means: Means) -> list[Manifest]:
    store = Store(opened.workspace, opened.target.root, means.sleep)
    kept = history(opened.workspace, opened.target, project=project, means=means)
    return [
        manifests.from_bytes(
            store.read(f"{MANIFESTS}/{each.manifest}.json") or b"",
            project=project,
            sha256=each.manifest,
        )
        for each in kept
    ]
