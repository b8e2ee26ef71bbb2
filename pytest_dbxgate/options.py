"""Every ``--dbx-*`` option, and the only place that reads them from pytest's configuration."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import pytest

GRAPH_SUFFIXES = (".svg", ".mmd", ".md")
"""What the picture of ``--dbx-graph`` may end in."""


class Command(str, Enum):
    """What is done to a workspace. At most one a run."""

    DEPLOY = "--dbx-deploy"
    PLAN = "--dbx-plan"
    PACKAGE = "--dbx-write-package"
    HEAL = "--dbx-heal"
    UNLOCK = "--dbx-unlock"
    ROLLBACK = "--dbx-rollback"
    DOCTOR = "--dbx-doctor"


_GATING = (Command.DEPLOY, Command.PLAN, Command.PACKAGE)
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


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line."""

    gate: bool
    only: bool = False
    fix: bool = False
    diff: bool = False
    no_cache: bool = False
    changed: bool = False
    base: str | None = None
    graph_file: Path | None = None
    json_file: Path | None = None
    baseline_file: Path | None = None
    write_baseline_file: Path | None = None
    publishing: Publishing | None = None
    """None where nothing of it was asked for."""


def add(parser: pytest.Parser) -> None:
    group = parser.getgroup("dbxgate", "Databricks notebooks (pytest-dbxgate)")
    group.addoption(
        "--dbx-gate",
        action="store_true",
        help="check every notebook below the root, or those named on the command line",
    )
    group.addoption(
        "--dbx-only",
        action="store_true",
        help="gate the notebooks and run no ordinary test (implies --dbx-gate)",
    )
    group.addoption(
        "--dbx-fix",
        action="store_true",
        help="format the notebooks and apply safe fixes, then report what is left "
        "(implies --dbx-gate)",
    )
    group.addoption(
        "--dbx-diff",
        action="store_true",
        help="show what --dbx-fix would change and write nothing (implies --dbx-gate)",
    )
    group.addoption(
        "--dbx-json",
        metavar="FILE",
        type=Path,
        help="write the report as JSON to FILE",
    )
    group.addoption(
        "--dbx-baseline",
        metavar="FILE",
        type=Path,
        help="known findings that do not fail; overrides the setting of the same name",
    )
    group.addoption(
        "--dbx-write-baseline",
        metavar="FILE",
        type=Path,
        help="record today's findings in FILE, so that only new ones fail (implies --dbx-gate)",
    )
    group.addoption(
        "--dbx-changed",
        action="store_true",
        help="gate only what changed since --dbx-base, and whatever runs, imports or schedules it "
        "(implies --dbx-gate)",
    )
    group.addoption(
        "--dbx-base",
        metavar="REF",
        help="the commit, branch or tag to compare with; by default the target of the pull "
        "request, else where the branch left the default branch (implies --dbx-changed)",
    )
    group.addoption(
        "--dbx-graph",
        metavar="FILE",
        type=Path,
        help="draw notebooks, what they run and import, and the jobs that run them into FILE: "
        "SVG (.svg) or Mermaid (.mmd, .md) (implies --dbx-gate)",
    )
    group.addoption(
        "--dbx-no-cache",
        action="store_true",
        help="check everything anew",
    )
    _add_publishing(group)


def _add_publishing(group: pytest.OptionGroup) -> None:
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


def read(config: pytest.Config) -> Options:
    """The options of this run. Relative files count from the directory pytest was called in."""
    option = config.option

    def file(value: Path | None) -> Path | None:
        return None if value is None else config.invocation_params.dir / value

    if option.dbx_fix and option.dbx_diff:
        raise pytest.UsageError("--dbx-fix writes what --dbx-diff only shows: name one of them")
    if option.dbx_baseline and option.dbx_write_baseline:
        raise pytest.UsageError(
            "--dbx-write-baseline records every finding, so --dbx-baseline has no use beside it"
        )
    if option.dbx_graph and option.dbx_graph.suffix.lower() not in GRAPH_SUFFIXES:
        raise pytest.UsageError(
            f"--dbx-graph {option.dbx_graph}: name a file that ends in {', '.join(GRAPH_SUFFIXES)}"
        )

    def given(command: Command) -> bool:
        return bool(getattr(option, _destination(command.value)))

    publishing = _publishing(config)
    if publishing is not None and option.dbx_write_baseline:
        raise pytest.UsageError(
            f"--dbx-write-baseline makes every finding a known one, so {publishing.command.value} "
            "would publish them: use two runs"
        )
    return Options(
        gate=bool(
            option.dbx_gate
            or option.dbx_only
            or option.dbx_fix
            or option.dbx_diff
            or option.dbx_write_baseline
            or option.dbx_changed
            or option.dbx_base
            or option.dbx_graph
            or (any(map(given, _GATING)) and not option.dbx_package)
        ),
        only=option.dbx_only,
        fix=option.dbx_fix,
        diff=option.dbx_diff,
        # Whoever can write to the working tree could forge a result in its cache.
        no_cache=option.dbx_no_cache or given(Command.DEPLOY) or given(Command.PACKAGE),
        changed=bool(option.dbx_changed or option.dbx_base),
        base=option.dbx_base,
        graph_file=file(option.dbx_graph),
        json_file=file(option.dbx_json),
        baseline_file=file(option.dbx_baseline),
        write_baseline_file=file(option.dbx_write_baseline),
        publishing=publishing,
    )


def stands_alone(option: argparse.Namespace) -> bool:
    """Whether the command needs no gate, no session and no code of a repository."""
    alone = any(getattr(option, _destination(each.value)) for each in _ALONE)
    return alone or option.dbx_package is not None


_OUTSIDE = (
    *(command.value for command in Command),
    *("--dbx-package", "--dbx-package-sha256", "--dbx-target", "--dbx-release"),
    *("--dbx-override", "--dbx-reason", "--dbx-allow-host"),
)
"""Options with effects outside the working tree."""


def _publishing(config: pytest.Config) -> Publishing | None:
    option = config.option
    if hasattr(config, "workerinput"):
        return None
    typed = _typed(config.invocation_params.args)
    for name in _OUTSIDE:
        value = getattr(option, _destination(name))
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


def _destination(name: str) -> str:
    return name.lstrip("-").replace("-", "_")


def _typed(arguments: Sequence[str | os.PathLike[str]]) -> list[str]:
    """The names of the options on the command line itself, each as often as it stands there."""
    words = [os.fspath(each) for each in arguments]
    if "--" in words:
        words = words[: words.index("--")]
    return [word.partition("=")[0] for word in words if word.startswith("--")]
