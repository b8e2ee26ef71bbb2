"""The commands that are measured: the gate, and pytest with as many empty items."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from measure import Run, run

from pytest_dbxgate.codes import Check

HERE = Path(__file__).resolve().parent
CHECKS = frozenset(check.value for check in Check)
FINISHED = (0, 1)
"""pytest's exit codes for a run that came to its end: all passed, or some failed."""


class BenchmarkError(Exception):
    """A command did not do what is measured; the message shows what it said."""


@dataclass(frozen=True)
class Bench:
    """A tree to measure on and a folder for everything that comes into being on the way."""

    tree: Path
    scratch: Path
    always: tuple[str, ...] = ()
    """Arguments of every run of the gate."""

    def gate(self, *arguments: str, only: str = "") -> Run:
        """The gate over the whole tree, or ``only`` one file of it; never an ordinary test."""
        return self._pytest("--dbx-only", *self.always, *arguments, only=only)

    def empty(self, *arguments: str) -> Run:
        """pytest over the same tree with as many items as the gate has, all of them empty."""
        plan = self.scratch / "empty.json"
        if not plan.exists():
            plan.write_text(json.dumps(self.items()), encoding="utf-8")
        return self._pytest(
            *("-p", "no:dbxgate", "-p", "empty_items", "-o", "norecursedirs=.git"), *arguments
        )

    def plain(self, *arguments: str) -> Run:
        """pytest without the gate, with whatever the arguments switch on."""
        return self._pytest("-p", "no:dbxgate", *arguments)

    def items(self) -> dict[str, list[str]]:
        """The items of the gate: paths -> names."""
        found: dict[str, list[str]] = {}
        for line in self.gate("--collect-only", "-q").output.splitlines():
            path, colons, name = line.partition("::")
            if colons and name.rpartition("::")[2] in CHECKS and (self.tree / path).exists():
                found.setdefault(path, []).append(name)
        if not found:
            raise BenchmarkError(f"the gate collected nothing in {self.tree}")
        return found

    def forget(self) -> None:
        """Delete every cache, so that the next run is a cold one."""
        for folder in (self.scratch / "cache", self.scratch / "home"):
            shutil.rmtree(folder, ignore_errors=True)

    def _pytest(self, *arguments: str, only: str = "") -> Run:
        configuration = self.scratch / "pytest.ini"
        configuration.write_text("[pytest]\n", encoding="utf-8")
        command: Sequence[str | Path] = [
            *(sys.executable, "-m", "pytest", "-c", configuration, "--rootdir", self.tree),
            *(
                "--confcutdir",
                self.tree,
                "--noconftest",
                "-o",
                f"cache_dir={self.scratch / 'cache'}",
            ),
            *("-p", "no:hypothesispytest"),  # of this project's environment, not of a user's
            *arguments,
            self.tree / only,
        ]
        home = str(self.scratch / "home")
        done = run(
            command,
            folder=self.tree,
            extra_environment={
                "EMPTY_ITEMS": str(self.scratch / "empty.json"),
                "PYTHONPATH": os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]),
                "XDG_CACHE_HOME": home,
                "LOCALAPPDATA": home,
                "PY_COLORS": "0",
            },
        )
        if done.exit_code not in FINISHED:
            tail = "\n".join(done.output.splitlines()[-20:])
            said = " ".join(map(str, command))
            raise BenchmarkError(f"exit code {done.exit_code} of {said}\n{tail}")
        return done
