"""What is done to a workspace without checking anything first: healing, unlocking, rolling back,
looking at how it is reached, and publishing from a package.

No conftest, test or cache of a repository is loaded for these.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pytest_dbxgate import bundles, outside, packaging, projects, targets
from pytest_dbxgate.delivery import origin as origins
from pytest_dbxgate.delivery.locks import heal_target, unlock
from pytest_dbxgate.delivery.means import Means
from pytest_dbxgate.delivery.model import Origin
from pytest_dbxgate.delivery.package import Package
from pytest_dbxgate.delivery.published import Mode, Published
from pytest_dbxgate.delivery.rollback import history, rollback
from pytest_dbxgate.errors import GateError
from pytest_dbxgate.files import write_report
from pytest_dbxgate.outside import Writer
from pytest_dbxgate.publish_options import Command, Publishing
from pytest_dbxgate.publishing import Order, World
from pytest_dbxgate.reporting import json_report, junit
from pytest_dbxgate.reporting import published as text
from pytest_dbxgate.targets import Chosen, Opened
from pytest_dbxgate.toolchain import versions

_MODES = {
    Command.DEPLOY: Mode.DEPLOY,
    Command.PLAN: Mode.PLAN,
    Command.HEAL: Mode.HEAL,
    Command.UNLOCK: Mode.UNLOCK,
    Command.ROLLBACK: Mode.ROLLBACK,
}


def run(root: Path, wanted: Publishing, json_file: Path | None, writer: Writer) -> int:
    """Carry out a command that stands alone, tell what came of it, and give the exit code.

    ``root`` is the folder whose settings count where no package brings its own.
    """
    began = time.monotonic()
    with outside.world(root, wanted, writer) as world:
        if wanted.command is Command.DOCTOR:
            return _doctor(root, wanted, world, writer)
        done = _done(root, wanted, world)
    done = outside.kept(done, root, wanted)
    for line in text.lines(done):
        writer.write(f"{line}\n")
    if wanted.junit_file is not None:
        data = junit.document(done, seconds=time.monotonic() - began)
        write_report(wanted.junit_file, data, name="--junitxml")
    if json_file is not None:
        report = json_report.build((), (), {}, dict(versions()), published=done)
        json_report.write(json_file, report)
    return done.exit_code


def _done(root: Path, wanted: Publishing, world: World) -> Published:
    mode = _MODES[wanted.command]
    try:
        package = _package(wanted)
        if package is not None and mode in (Mode.DEPLOY, Mode.PLAN):
            overrides = dict.fromkeys(wanted.overrides, wanted.reason)
            return packaging.release(package, Order(mode, wanted.target, overrides), world)
        chosen, project, origin = _wanted_target(root, wanted, package, world)
        bundles.by_itself(chosen)
    except GateError as error:
        return Published(wanted.target or "", mode, error=error)
    log, means = world.logged()
    result = Published(chosen.name, mode, project=project, origin=origin)
    try:
        with targets.opened(chosen, world.around, project=project, origin=origin) as opened:
            result = replace(result, host=opened.workspace.host, root=opened.target.root)
            result = _ACTIONS[mode](result, opened, means, wanted)
    except GateError as error:
        result = replace(result, error=error)
    return replace(result, log=tuple(log.lines))


def _package(wanted: Publishing) -> Package | None:
    if wanted.package_file is None:
        return None
    return packaging.load(wanted.package_file, wanted.package_sha256 or "")


def _wanted_target(
    root: Path, wanted: Publishing, package: Package | None, world: World
) -> tuple[Chosen, str, Origin]:
    """The target, the project's name and where the order comes from."""
    origin = origins.origin(world.around.environ, origins.asking(root))
    if package is not None:
        return packaging.chosen_of(package, wanted.target), package.project, origin
    settings = projects.load(root, ()).of("")
    chosen = targets.choose(settings.targets, wanted.target)
    return chosen, targets.project_of(settings.project, origin, root), origin


def _heal(result: Published, opened: Opened, means: Means, wanted: Publishing) -> Published:
    healed = heal_target(
        opened.workspace,
        opened.target,
        project=result.project,
        means=means,
        owner=opened.user,
        build_url=result.origin.build_url,
    )
    note = () if healed else (f"nothing to heal on {result.target}",)
    return replace(result, healed=healed, notes=note)


def _unlock(result: Published, opened: Opened, means: Means, wanted: Publishing) -> Published:
    lock = unlock(
        opened.workspace,
        opened.target,
        means=means,
        owner=opened.user,
        build_url=result.origin.build_url,
    )
    if lock is None:
        return replace(result, notes=(f"nobody holds the lock of {result.target}",))
    told = (
        f"took the lock of {result.target} from {lock.whose}",
        "what that deployment left open is undone or finished by --dbx-heal or the next run",
    )
    return replace(result, notes=told)


def _rollback(result: Published, opened: Opened, means: Means, wanted: Publishing) -> Published:
    before = history(opened.workspace, opened.target, project=result.project, means=means)
    deployment = rollback(
        opened.workspace,
        opened.target,
        project=result.project,
        means=means,
        release=wanted.release,
        owner=opened.user,
        build_url=result.origin.build_url,
    )
    kept = history(opened.workspace, opened.target, project=result.project, means=means)
    wanted_release = wanted.release or (before[1].release if len(before) > 1 else "")
    restored = next(
        (each.release for each in before if each.release.startswith(wanted_release)), wanted_release
    )
    notes = [
        f"restored what release {restored} held",
        *(f"--dbx-release {each.release} can be restored" for each in kept[1:]),
    ]
    return replace(
        result,
        deployment=deployment,
        plan=deployment.plan,
        healed=deployment.healed,
        notes=tuple(notes),
    )


_ACTIONS: dict[Mode, Callable[[Published, Opened, Means, Publishing], Published]] = {
    Mode.HEAL: _heal,
    Mode.UNLOCK: _unlock,
    Mode.ROLLBACK: _rollback,
}


def _doctor(root: Path, wanted: Publishing, world: World, writer: Writer) -> int:
    from pytest_dbxgate.workspace import client, doctor, probing
    from pytest_dbxgate.workspace.context import AuthSettings

    try:
        chosen, project, origin = _wanted_target(root, wanted, _package(wanted), world)
        if chosen.is_local:
            writer.write(
                "the target local is the embedded workspace on this machine: it needs no "
                "credentials\n"
            )
            return 0
        host = targets.host_of(chosen, world.around.environ)
    except GateError as error:
        writer.write(f"{error}\n")
        return error.exit_code
    checks = probing.examine(
        AuthSettings(chosen.settings.auth, chosen.settings.credentials),
        host,
        os.environ,
        root=lambda user: targets.root_of(chosen, user=user, project=project, branch=origin.branch),
        connect=lambda address, credentials: client.connect(
            address, credentials, allowed=wanted.allowed_hosts
        ),
        unique=secrets.token_hex(4),
        on_secret=world.around.on_secret,
        allowed=wanted.allowed_hosts,
    )
    writer.write(f"{doctor.render(checks, f'target {chosen.name}')}\n")
    failed = any(each.state is doctor.State.FAILED for each in checks)
    return 24 if failed else 0
