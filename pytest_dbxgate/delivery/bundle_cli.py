"""Starting the Databricks CLI: which one, what it gets to see, and what becomes of its words.

The command lines and their answers are those of the CLI's source, 0.277 to 1.13 [doc]; the tests
pin them with a program of their own. No real CLI has been run.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pytest_dbxgate import programs
from pytest_dbxgate.errors import PlatformError, RefusedError

PROGRAM = "databricks"
OLDEST = (0, 277, 0)
"""The first version with ``bundle plan -o json`` (November 2025)."""

INSTALL = "https://learn.microsoft.com/azure/databricks/dev-tools/cli/install"

_PASSED_ON = (
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("DATABRICKS_BUNDLE_ENGINE", "DATABRICKS_BUNDLE_RESTRICTED_CODE_EXECUTION"),
    *("DATABRICKS_TF_EXEC_PATH", "DATABRICKS_TF_VERSION"),
    *("DATABRICKS_TF_CLI_CONFIG_FILE", "DATABRICKS_TF_PROVIDER_VERSION"),
)
"""What a network needs, and switches of bundles that hold no secret."""

_VARIABLE = "BUNDLE_VAR_"
"""The pipeline's values for a bundle's variables begin so."""

_VERSION = re.compile(r"\bv?(\d+)\.(\d+)\.(\d+)")
_BEAT = 0.2
"""Seconds between two looks whether this process was cancelled."""
_GRACE = 5.0
"""Seconds that a cancelled deployment gets to end by itself; an agent of Azure gives 7.5."""


class Answer(NamedTuple):
    """How a command ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        """All it said."""
        return "\n".join(part for part in (self.stdout.strip(), self.stderr.strip()) if part)


@dataclass(frozen=True, slots=True)
class Access:
    """A workspace and how to get a token for it."""

    host: str
    token: Callable[[], str] = field(repr=False)
    """Asked where the value is used: no frame keeps it for a dump of local variables."""


@dataclass(frozen=True, slots=True)
class Cli:
    """The CLI in one bundle's folder."""

    program: str
    folder: Path
    access: Access
    environ: Mapping[str, str] = field(repr=False)
    """All of this process's environment; the program gets what :func:`environment` leaves."""
    show: Callable[[str], str] = field(repr=False)
    """Makes a string from outside fit to be shown."""
    cancelled: Callable[[], bool] = field(default=lambda: False, repr=False)
    """Whether somebody has asked this process to stop."""

    def run(self, *arguments: str, timeout: float) -> Answer:
        """Run a command to its end. Raises PlatformError if it cannot be started, or has not
        ended after ``timeout`` seconds. Once this process is cancelled the command is asked to
        end, and stopped where it does not."""
        with tempfile.TemporaryDirectory(prefix="dbxgate-", ignore_cleanup_errors=True) as home:

            def seen() -> dict[str, str]:
                return environment(self.environ, self.access, home=home)

            limits = _Limits(timeout, self.cancelled)
            return _run([self.program, *arguments], self.folder, seen, limits)

    def shown(self, text: str) -> str:
        """``text`` without the token, fit to be shown."""
        return self.show(text.replace(self.access.token() or "\0", "***"))


def environment(full: Mapping[str, str], access: Access, *, home: str) -> dict[str, str]:
    """What of ``full`` the CLI gets, with one credential: the token that was resolved for this
    host. Neither the secret behind it nor the profiles and tokens in the user's home are seen by
    it, nor by the scripts, builds and Python that a bundle may have it run."""
    seen = programs.environment(full)
    for name, text in full.items():
        if name in _PASSED_ON or name.startswith(_VARIABLE):
            seen[name] = text
    for name in ("HOME", "USERPROFILE", "XDG_CONFIG_HOME", "APPDATA", "LOCALAPPDATA"):
        if name in seen or name == "HOME":
            seen[name] = home
    return {
        **seen,
        "DATABRICKS_HOST": access.host,
        "DATABRICKS_TOKEN": access.token(),
        # A token of Entra ID or of OAuth is sent as a personal one is.
        "DATABRICKS_AUTH_TYPE": "pat",
        "NO_COLOR": "1",
    }


def find() -> str:
    """Where the CLI is. Raises RefusedError where there is none."""
    program = programs.find(PROGRAM)
    if program is None:
        raise RefusedError(
            "bundle-cli",
            "the bundle is to publish, but the Databricks CLI is not installed: "
            f"no `{PROGRAM}` on the PATH",
            next_step=f"install {_spelled(OLDEST)} or newer: {INSTALL}",
        )
    return program


def check_version(cli: Cli) -> str:
    """The CLI's version. Raises RefusedError where it is too old or is something else."""
    answer = cli.run("--version", timeout=60)
    match = _VERSION.search(answer.text) if answer.status == 0 else None
    if match is None:
        raise RefusedError(
            "bundle-cli",
            f"{cli.program} does not say which version it is: {cli.shown(_first(answer.text))}",
            next_step=f"install the Databricks CLI {_spelled(OLDEST)} or newer: {INSTALL}",
        )
    found = (int(match[1]), int(match[2]), int(match[3]))
    if found < OLDEST:
        raise RefusedError(
            "bundle-cli",
            f"the Databricks CLI at {cli.program} is {_spelled(found)}; a bundle's plan can be "
            f"read from {_spelled(OLDEST)} on",
            next_step=f"install a newer one: {INSTALL}",
        )
    return _spelled(found)


def _first(text: str) -> str:
    return text.strip().partition("\n")[0] or "it printed nothing"


def _spelled(version: Sequence[int]) -> str:
    return ".".join(map(str, version))


class _Limits(NamedTuple):
    seconds: float
    cancelled: Callable[[], bool]


def _run(
    words: Sequence[str], folder: Path, seen: Callable[[], Mapping[str, str]], limits: _Limits
) -> Answer:
    command = f"{PROGRAM} {' '.join(words[1:])}"
    try:
        process = subprocess.Popen(
            words,
            cwd=folder,
            env=seen(),
            # No console: what the CLI would ask a person it refuses.
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise PlatformError(
            f"`{command}` cannot be started: {reason}",
            next_step=f"check that {words[0]} is a program of this machine",
        ) from None
    with process:
        try:
            said = _watched(process, limits)
        except BaseException:
            _stop(process)
            raise
        if said is None:
            said = _stop(process)
            if not limits.cancelled():
                raise PlatformError(
                    f"`{command}` has not ended after {limits.seconds:.0f} s and was stopped",
                    next_step="look at the bundle's target in the workspace before you run it "
                    "again",
                )
    return Answer(process.returncode, *said)


def _watched(process: subprocess.Popen[str], limits: _Limits) -> tuple[str, str] | None:
    """What it said by its end; None where it is to be stopped."""
    waited = 0.0
    while waited < limits.seconds and not limits.cancelled():
        beat = min(_BEAT, limits.seconds - waited)
        try:
            return process.communicate(timeout=beat)
        except subprocess.TimeoutExpired:
            waited += beat
    return None


def _stop(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Let the CLI end its work, so that it gives its lock back, then end it. What it said."""
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            process.terminate()
        else:
            os.kill(process.pid, signal.SIGINT)
    try:
        return process.communicate(timeout=_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()
