"""Try the project on a fresh machine: one command sets everything up, then runs.

    python try.py deploy [pytest arguments]   gate the notebooks of sample_notebooks/, run them
                                              on an embedded Spark and publish them into a
                                              workspace, all on this machine
    python try.py gate [pytest arguments]     gate them, run and publish nothing
    python try.py tests [pytest arguments]    run the project's own tests
    python try.py run TOOL [arguments]        run a tool of the environment (ruff, mypy, ...)

Needs Python 3.10 or newer and a package registry that pip can reach; nothing outside this folder
changes. The environment is made in .venv, and again only when pyproject.toml changes.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
SCRIPTS = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
PYTHON = SCRIPTS / ("python.exe" if os.name == "nt" else "python")
STAMP = ENVIRONMENT / "try-stamp.txt"
PIP_WITH_GROUPS = (25, 1)
"""The first pip that installs a dependency group."""

SAMPLES = "sample_notebooks"
PYTEST = ["-m", "pytest"]
RUN = ["--dbx-run", "local"]
COMMANDS = {
    # A run publishes all that stands below its root.
    "deploy": [*PYTEST, "--rootdir", SAMPLES, "--dbx-only", *RUN, "--dbx-deploy", SAMPLES],
    "gate": [*PYTEST, "--dbx-only", SAMPLES],
    "tests": [*PYTEST, "-n", "2"],
}


def main(arguments: list[str]) -> int:
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if command not in (*COMMANDS, "run") or (command == "run" and not rest):
        print(__doc__)
        return 0 if command in ("-h", "--help") else 2
    if sys.version_info < (3, 10):  # noqa: UP036 - this file must start on an older Python
        print(f"try.py needs Python 3.10 or newer, this is {sys.version.split()[0]}")
        return 2
    try:
        _set_up()
    except subprocess.CalledProcessError as error:
        print(f"try.py: setting up {ENVIRONMENT} failed (exit code {error.returncode}).")
        print(
            "  next: read the message above; on Debian and Ubuntu `venv` is a package of its own,"
        )
        print("  python3-venv; behind a proxy or a mirror, pip must be configured for it.")
        return 1
    tool = COMMANDS[command] + rest if command in COMMANDS else _tool(rest)
    return subprocess.run(
        [str(PYTHON), *tool], cwd=ROOT, env=_environment(), check=False
    ).returncode


def _set_up() -> None:
    """Make the environment, unless one for this very project and Python is there."""
    if PYTHON.exists() and STAMP.exists() and STAMP.read_text(encoding="utf-8") == _stamp():
        return
    print(f"Setting up {ENVIRONMENT} (once, a minute or two) ...", flush=True)
    if not PYTHON.exists():
        venv.EnvBuilder(with_pip=True).create(ENVIRONMENT)
    if _pip_version() < PIP_WITH_GROUPS:
        _pip("install", "--upgrade", "pip>=" + ".".join(map(str, PIP_WITH_GROUPS)))
    _pip("install", "--editable", ".[all]", "--group", "dev")
    STAMP.write_text(_stamp(), encoding="utf-8")


def _stamp() -> str:
    project = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    return f"{sys.version_info[0]}.{sys.version_info[1]} {ROOT} {project}\n"


def _pip(*arguments: str) -> None:
    command = [str(PYTHON), "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, cwd=ROOT, check=True)


def _pip_version() -> tuple[int, int]:
    command = [str(PYTHON), "-m", "pip", "--version"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.match(r"pip (\d+)\.(\d+)", output)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _tool(rest: list[str]) -> list[str]:
    """Every tool of the environment can be run as a module; that needs no endings on Windows."""
    return ["-m", rest[0].replace("-", "_"), *rest[1:]]


def _environment() -> dict[str, str]:
    """The environment variables of a shell in which the environment is active."""
    path = os.pathsep.join([str(SCRIPTS), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "VIRTUAL_ENV": str(ENVIRONMENT)}


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
