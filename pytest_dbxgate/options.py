"""The ``--dbx-*`` options as pytest knows them; those of publishing: ``publish_options``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_dbxgate import publish_options
from pytest_dbxgate.publish_options import GATING, Command, Publishing, destination

if TYPE_CHECKING:
    from pytest_dbxgate.running.batch import Mode

RUN_WHERE = ("local", "cluster", "connect")
"""What ``--dbx-run`` takes."""

GRAPH_SUFFIXES = (".svg", ".mmd", ".md")
"""What the picture of ``--dbx-graph`` may end in."""


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
    run: Mode | None = None
    """Where notebooks run; None: nowhere."""
    target: str | None = None
    allowed_hosts: tuple[str, ...] = ()


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
        "--dbx-run",
        metavar="WHERE",
        choices=RUN_WHERE,
        help="run notebooks: on this machine (local), as one job on one cluster of the target "
        "(cluster), or here with their Spark elsewhere (connect) (implies --dbx-gate)",
    )
    group.addoption(
        "--dbx-no-cache",
        action="store_true",
        help="check everything anew",
    )
    publish_options.add(group)


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
    if option.dbx_run and publish_options.stands_alone(option):
        raise pytest.UsageError(
            "--dbx-run runs what a gate has checked; a command that checks nothing runs nothing: "
            "use two runs"
        )
    if option.dbx_graph and option.dbx_graph.suffix.lower() not in GRAPH_SUFFIXES:
        raise pytest.UsageError(
            f"--dbx-graph {option.dbx_graph}: name a file that ends in {', '.join(GRAPH_SUFFIXES)}"
        )

    def given(command: Command) -> bool:
        return bool(getattr(option, destination(command.value)))

    publishing = publish_options.read(config)
    run = None
    if option.dbx_run:
        from pytest_dbxgate.running.batch import Mode

        run = Mode(option.dbx_run)
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
            or option.dbx_run
            or (any(map(given, GATING)) and not option.dbx_package)
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
        run=run,
        target=option.dbx_target,
        allowed_hosts=tuple(option.dbx_allow_host),
    )
