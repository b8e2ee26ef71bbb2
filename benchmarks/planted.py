"""Defects planted in a project of our own: which of them does the gate find, and where?

``python benchmarks/planted.py [SEED]`` prints every one that was missed and every finding beside
them.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import project_areas
import project_files
import trees
from gate import BenchmarkError
from planted_kinds import KINDS
from planting import Draft, Kind
from table import Row

from pytest_dbxgate.checks.finding import Finding
from pytest_dbxgate.codes import Check
from pytest_dbxgate.session import Gate

SEED = 20


def rows(folder: Path, say: Callable[[str], None]) -> list[Row]:
    """How many of each kind are found at the right line, and of all."""
    done = tally(folder, say)
    planted = sum(each.planted for each in done)
    right = sum(each.in_place for each in done)
    others = sum(len(each.others) for each in done)
    return [
        *(Row(each.kind.name, each.in_place, "planted", each.planted, unit="") for each in done),
        Row("found at the right line", right, "planted", planted, "at least 0.95", unit=""),
        Row("newly reported elsewhere", others, "planted", planted, "0", unit=""),
    ]


@dataclass
class Tally:
    """What became of the defects of one kind."""

    kind: Kind
    planted: int = 0
    found: int = 0
    """At least one finding in its area."""
    in_place: int = 0
    """A finding of the right code on the right line."""
    others: list[Finding] = field(default_factory=list)
    """Findings on lines that are not wrong."""
    missed: list[str] = field(default_factory=list)
    """The lines where something was expected."""

    def __str__(self) -> str:
        return (
            f"{self.kind.name:36} planted {self.planted:3}  found {self.found:3}  "
            f"at the right line {self.in_place:3}  others {len(self.others):3}"
        )


def tally(folder: Path, say: Callable[[str], None], seed: int = SEED) -> list[Tally]:
    """Plant every kind once in every area and ask the gate. Raises BenchmarkError where the
    project is not clean to begin with."""
    rng = random.Random(seed)
    areas = project_areas.areas(rng)
    files = project_areas.project(areas, rng)
    project_files.write(folder / "clean", files)
    wrong = _gate(folder / "clean")
    if wrong:
        lines = "\n".join(map(_told, wrong))
        raise BenchmarkError(f"the project is not clean before anything is planted:\n{lines}")
    done = []
    for kind in KINDS:
        done.append(_of_kind(kind, areas, files, folder / "planted", rng))
        say(str(done[-1]))
    return done


def _of_kind(
    kind: Kind,
    areas: Sequence[project_areas.Area],
    files: project_files.Files,
    folder: Path,
    rng: random.Random,
) -> Tally:
    """Areas have nothing to do with one another: one run of the gate is enough for all."""
    drafts = [Draft(dict(files), area, rng) for area in areas]
    changed = dict(files)
    for draft in drafts:
        kind.plant(draft)
        for path in files.keys() - draft.files.keys():
            del changed[path]
        changed |= {path: file for path, file in draft.files.items() if file != files.get(path)}
    shutil.rmtree(folder, ignore_errors=True)
    marked = project_files.write(folder, changed)
    findings = _gate(folder)
    result = Tally(kind)
    for draft in drafts:
        mine = {path: marked[path] for path in draft.own_paths() if path in marked}
        _count(result, mine, [each for each in findings if each.path in draft.own_paths()])
    return result


def _count(result: Tally, marked: dict[str, set[int]], findings: Sequence[Finding]) -> None:
    result.planted += 1
    result.found += bool(findings)
    right = [each for each in findings if each.line in marked.get(each.path, ())]
    result.others += [each for each in findings if each not in right]
    if any(each.code in result.kind.codes for each in right):
        result.in_place += 1
    else:
        lines = (f"{path}:{line}" for path, several in marked.items() for line in sorted(several))
        result.missed.append(", ".join(lines))


def _gate(folder: Path) -> list[Finding]:
    """What the gate says between notebooks and about secrets."""
    trees.make_repository(folder)
    gate = Gate(folder)
    wanted = {Check.REFERENCES, Check.SECRETS}
    outcome = gate.run({key: checks & wanted for key, checks in gate.select_all().items()})
    errors = [tool.error for tool in outcome.tools if tool.error]
    if errors:
        raise BenchmarkError("\n".join(errors))
    return outcome.findings


def _told(finding: Finding) -> str:
    return f"{finding.path}:{finding.line}: {finding.code} {finding.message}"


def main(arguments: Sequence[str]) -> int:
    """Everything in full, on standard output."""
    with tempfile.TemporaryDirectory(prefix="dbxgate-planted-") as folder:
        seed = int(arguments[0]) if arguments else SEED
        for each in tally(Path(folder).resolve(), print, seed):
            for lines in each.missed:
                print(f"{each.kind.name}: missed at {lines or 'no marked line'}")
            for finding in each.others:
                print(f"{each.kind.name}: beside it {_told(finding)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
