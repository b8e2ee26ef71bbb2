"""The options with effects outside the working tree: they count on the command line alone."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import pytest


class Command(str, Enum):
    """What is done to a workspace. At most one a run."""

    DEPLOY = "--dbx-deploy"
    PLAN = "--dbx-plan"
    PACKAGE = "--dbx-write-package"
    HEAL = "--dbx-heal"
    UNLOCK = "--dbx-unlock"
    ROLLBACK = "--dbx-rollback"
    DOCTOR = "--dbx-doctor"


GATING = (Command.DEPLOY, Command.PLAN, Command.PACKAGE)
"""Those before which the notebooks are checked, unless they come in a package."""

_ALONE = (Command.HEAL, Command.UNLOCK, Command.ROLLBACK, Command.DOCTOR)
"""Those that check nothing."""


@dataclass(frozen=True, slots=True)
class Publishing:
    """What was asked for beyond the working tree, on the command line itself."""

    command: Command
    target: str | None = None
    package_file: Path | None = None
    package_sha256: str | None = None
    write_package_file: Path | None = None
    release: str | None = None
    overrides: tuple[str, ...] = ()
    reason: str = ""
    allowed_hosts: tuple[str, ...] = ()
    summary_file: Path | None = None
    junit_file: Path | None = None
    """pytest's own ``--junitxml``, for commands that run no session of it."""


def add(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--dbx-deploy",
        action="store_true",
        help="publish what was checked if everything is green (implies --dbx-gate)",
    )
    group.addoption(
        "--dbx-plan",
        action="store_true",
        help="show what --dbx-deploy would change and change nothing (implies --dbx-gate)",
    )
    group.addoption(
        "--dbx-target",
        metavar="NAME",
        help="where to publish: a table in [tool.dbxgate.targets], or local",
    )
    group.addoption(
        "--dbx-write-package",
        metavar="FILE",
        type=Path,
        help="write what was checked, with a receipt, into FILE.zip if everything is green "
        "(implies --dbx-gate)",
    )
    group.addoption(
        "--dbx-package",
        metavar="FILE",
        type=Path,
        help="publish from this package instead of the working tree; nothing is checked again",
    )
    group.addoption(
        "--dbx-package-sha256",
        metavar="HEX",
        help="the package's digest, as the build that wrote it printed it",
    )
    group.addoption(
        "--dbx-rollback",
        action="store_true",
        help="restore the release before the present one, or --dbx-release",
    )
    group.addoption(
        "--dbx-release",
        metavar="ID",
        help="the release that --dbx-rollback restores",
    )
    group.addoption(
        "--dbx-heal",
        action="store_true",
        help="finish or undo what a killed deployment has left, and nothing else",
    )
    group.addoption(
        "--dbx-unlock",
        action="store_true",
        help="take the lock from a deployment that is gone, and say whose it was",
    )
    group.addoption(
        "--dbx-doctor",
        action="store_true",
        help="say how the workspace would be reached, and what is missing; publishes nothing",
    )
    group.addoption(
        "--dbx-override",
        metavar="REFUSAL",
        action="append",
        default=[],
        help="publish in spite of this refusal, if the target allows it; needs --dbx-reason",
    )
    group.addoption(
        "--dbx-reason",
        metavar="TEXT",
        default="",
        help="why --dbx-override is needed; kept with the deployment",
    )
    group.addoption(
        "--dbx-allow-host",
        metavar="HOST",
        action="append",
        default=[],
        help="send credentials to this host, too, which is not one of Azure Databricks",
    )
    group.addoption(
        "--dbx-summary",
        metavar="FILE",
        type=Path,
        help="write the verdict and the plan as Markdown to FILE",
    )


def stands_alone(option: argparse.Namespace) -> bool:
    """Whether the command needs no gate, no session and no code of a repository."""
    alone = any(getattr(option, destination(each.value)) for each in _ALONE)
    return alone or option.dbx_package is not None


_OUTSIDE = (
    *(command.value for command in Command),
    *("--dbx-package", "--dbx-package-sha256", "--dbx-target", "--dbx-release"),
    *("--dbx-override", "--dbx-reason", "--dbx-allow-host"),
)
"""Options with effects outside the working tree."""


def read(config: pytest.Config) -> Publishing | None:
    option = config.option
    if hasattr(config, "workerinput"):
        return None
    typed = _typed(config.invocation_params.args)
    for name in _OUTSIDE:
        value = getattr(option, destination(name))
        # Of one that adds up, what was typed must not bring others in with it.
        if (
            len(value) > typed.count(name)
            if isinstance(value, list)
            else value and name not in typed
        ):
            raise pytest.UsageError(
                f"{name} has effects outside the working tree, so it counts only on the command "
                "line itself: take it out of addopts and PYTEST_ADDOPTS"
            )
    if option.dbx_run not in (None, "local") and "--dbx-run" not in typed:
        raise pytest.UsageError(
            f"--dbx-run {option.dbx_run} has effects outside the working tree, so it counts only "
            "on the command line itself: take it out of addopts and PYTEST_ADDOPTS"
        )
    commands = [command for command in Command if command.value in typed]
    if not commands:
        for name in ("--dbx-package", "--dbx-release", "--dbx-override"):
            if name in typed:
                raise pytest.UsageError(f"{name} does nothing by itself: add --dbx-deploy")
        return None
    if len(commands) > 1:
        names = " and ".join(command.value for command in commands)
        raise pytest.UsageError(f"{names} are different commands: name one of them")
    command = commands[0]
    if bool(option.dbx_package) != bool(option.dbx_package_sha256):
        raise pytest.UsageError(
            "--dbx-package and --dbx-package-sha256 belong together: the digest says which package "
            "was checked"
        )
    if option.dbx_package:
        _check_settings(config)
    if option.dbx_override and not option.dbx_reason.strip():
        raise pytest.UsageError("--dbx-override needs --dbx-reason TEXT: it is kept for the record")
    if option.dbx_release and command is not Command.ROLLBACK:
        raise pytest.UsageError("--dbx-release belongs to --dbx-rollback")

    def file(value: Path | None) -> Path | None:
        return None if value is None else config.invocation_params.dir / value

    from pytest_dbxgate.secrets.redact import redact

    return Publishing(
        command=command,
        target=option.dbx_target,
        package_file=file(option.dbx_package),
        package_sha256=option.dbx_package_sha256,
        write_package_file=file(option.dbx_write_package),
        release=option.dbx_release,
        overrides=tuple(option.dbx_override),
        # It is kept in the workspace, where a token that was pasted by mistake would stay.
        reason=redact(option.dbx_reason.strip()),
        allowed_hosts=tuple(option.dbx_allow_host),
        summary_file=file(option.dbx_summary),
        junit_file=file(Path(option.xmlpath)) if getattr(option, "xmlpath", None) else None,
    )


def folder(config: pytest.Config) -> Path:
    """Where a command that stands alone keeps its log and the embedded workspace: pytest's root,
    but with a package the folder of the run.

    The value of an option that pytest does not know yet is a path to it like any other: of
    ``--dbx-package FILE`` it would take the root, and the settings, from where the package lies.
    """
    here = config.invocation_params.dir
    if config.option.dbx_package is None or config.option.rootdir:
        return config.rootpath
    return here


def _check_settings(config: pytest.Config) -> None:
    """Whoever can write beside a package must not configure its release: ``addopts`` loads code."""
    file, here = config.inipath, config.invocation_params.dir
    if file is None or config.option.inifilename or file.parent in (here, *here.parents):
        return
    raise pytest.UsageError(
        f"the settings of {file} came with the package and would count: write --dbx-package=FILE, "
        "with the sign, so that pytest does not look beside it"
    )


def destination(name: str) -> str:
    return name.lstrip("-").replace("-", "_")


def _typed(arguments: Sequence[str | os.PathLike[str]]) -> list[str]:
    """The names of the options on the command line itself, each as often as it stands there."""
    words = [os.fspath(each) for each in arguments]
    if "--" in words:
        words = words[: words.index("--")]
    return [word.partition("=")[0] for word in words if word.startswith("--")]
