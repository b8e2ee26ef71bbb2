"""A program called ``databricks`` in place of the real CLI, which is not at hand.

What it prints is what the CLI's source (0.277 to 1.13) prints, unverified against a running one.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from support import write

PLAN = {
    "plan_version": 2,
    "cli_version": "1.13.0",
    "plan": {
        "resources.jobs.nightly": {"action": "update", "new_state": {"value": {"name": "x"}}},
        "resources.jobs.new": {"action": "create"},
        "resources.jobs.same": {"action": "skip"},
        "resources.jobs.old": {"action": "delete"},
    },
}
DEPLOYED = "Files: 4 uploaded, 0 deleted\nResources: 1 created, 1 changed, 1 deleted, 1 unchanged\n"

FAKE = """\
#!{python}
import json, os, sys
from pathlib import Path

here = Path({state!r})
with (here / "calls.jsonl").open("a") as stream:
    seen = {{"arguments": sys.argv[1:], "cwd": os.getcwd(), "environment": dict(os.environ)}}
    stream.write(json.dumps(seen) + "\\n")
answers = json.loads((here / "answers.json").read_text())
name = "version" if sys.argv[1:] == ["--version"] else sys.argv[2]
answer = answers[name]
sys.stdout.write(answer.get("stdout", ""))
sys.stderr.write(answer.get("stderr", ""))
sys.exit(answer.get("status", 0))
"""


class FakeCli:
    """A program called ``databricks`` that notes how it is called and answers as told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.answers: dict[str, dict[str, object]] = {
            "version": {"stdout": "Databricks CLI v1.13.0\n"},
            "plan": {"stdout": json.dumps(PLAN), "stderr": "Warning: unknown field: descripton\n"},
            "deploy": {"stderr": DEPLOYED},
        }
        text = FAKE.format(python=sys.executable, state=str(folder))
        write(folder, {"databricks": text})
        (folder / "databricks").chmod(0o755)

    def answer(self, name: str, *, status: int = 0, stdout: str = "", stderr: str = "") -> None:
        self.answers[name] = {"status": status, "stdout": stdout, "stderr": stderr}
        self.save()

    def save(self) -> None:
        (self.folder / "answers.json").write_text(json.dumps(self.answers), encoding="utf-8")

    @property
    def calls(self) -> list[dict[str, object]]:
        file = self.folder / "calls.jsonl"
        return [json.loads(line) for line in file.read_text("utf-8").splitlines()]

    @property
    def commands(self) -> list[list[str]]:
        return [call["arguments"] for call in self.calls]  # type: ignore[misc]
