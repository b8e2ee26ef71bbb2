"""The entry for pre-commit: gate the files named, whatever their names, without pytest."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pytest_dbxgate.checks.baseline import Baseline
from pytest_dbxgate.checks.result import State, is_unchecked
from pytest_dbxgate.codes import Check
from pytest_dbxgate.discovery import GatedFile, look_at, look_at_job
from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.programs import git
from pytest_dbxgate.reporting import frames
from pytest_dbxgate.reporting.text import clean
from pytest_dbxgate.session import Gate, Outcome, Selection


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the notebooks and job files among ``arguments``.

    0: clean; 1: findings or fixes; 4: bad settings.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A notebook's text may hold what the terminal's encoding lacks.
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    try:
        return _run(_top(Path.cwd()), options.files, fix=options.fix)
    except ConfigurationError as error:
        print("error: " + clean(str(error), newline="\n"), file=sys.stderr)
        return ConfigurationError.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dbxgate-hook",
        description="Check the Databricks notebooks and job files among FILES; others are ignored.",
    )
    parser.add_argument("--fix", action="store_true", help="apply formatting and safe fixes first")
    parser.add_argument("files", nargs="*", metavar="FILES")
    return parser


def _top(directory: Path) -> Path:
    """The top of the working tree, where pre-commit runs its hooks."""
    # The way up from here, not the path of the top, which git may spell in another way.
    done = git(directory, "rev-parse", "--show-cdup")
    if done is None or done.returncode:
        return directory
    return Path(os.path.normpath(directory / os.fsdecode(done.stdout).strip()))


def _run(root: Path, names: Sequence[str], *, fix: bool) -> int:
    files = _gated(root, names)
    if not files:
        return 0
    gate = Gate(root, cache_file=_cache_file(root))
    # Every file is named by pre-commit, so a name says nothing about being wanted.
    selection = gate.select_all(
        item for item in files if gate.projects.wants(item.path, job=item.job is not None)
    )
    if not selection:
        return 0
    changed = _fix(gate, selection) if fix else False
    baseline = gate.projects.of("").baseline
    outcome = gate.run(selection)
    if baseline:
        outcome = gate.beside(outcome, selection, Baseline.load(root / baseline))
    failed = _report(gate, outcome)
    return 1 if failed or changed else 0


def _cache_file(root: Path) -> Path | None:
    """In git's own folder: what one file means depends on the others, which a hook is not given
    and should not read anew for every commit."""
    done = git(root, "rev-parse", "--git-path", "dbxgate/results.json")
    if done is None or done.returncode:
        return None
    return root / os.fsdecode(done.stdout).strip()


def _gated(root: Path, names: Sequence[str]) -> list[GatedFile]:
    found: dict[str, GatedFile] = {}
    for name in names:
        full = Path(os.path.normpath(Path.cwd() / name))
        try:
            path = full.relative_to(root).as_posix()
        except ValueError:
            continue
        item = look_at(root, path) or look_at_job(root, path)
        if item is not None:
            found[path] = item
    return list(found.values())


def _fix(gate: Gate, selection: Selection) -> bool:
    from pytest_dbxgate import fixing

    fixes = fixing.plan(gate, selection)
    for line in [*fixes.refusals, *fixing.apply(gate.root, fixes.changes)]:
        print(clean(line, newline="\n"))
    for change in fixes.changes:
        print(f"fixed {clean(change.path)}")
    return bool(fixes.changes)


def _report(gate: Gate, outcome: Outcome) -> bool:
    """Print what failed; true if anything did."""
    failed = False
    color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    for tool in outcome.tools:
        if tool.error:
            failed = True
            print(clean(f"{tool.name} failed: {tool.error}", newline="\n") + "\n")
    for key, states in outcome.states.items():
        allowed = gate.projects.of_key(key).allow_unchecked
        for check, state in states.items():
            findings = outcome.results[key].of(check)
            if state is State.FAILED:
                failed = True
                print(f"{clean(str(key))}: {check.value}")
                print(frames.item_report(findings, color=color) + "\n")
            elif check is Check.SYNTAX:
                for finding in findings:
                    if is_unchecked(finding, allowed):
                        print(f"{clean(str(key))}: not checked: {clean(finding.message)}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
