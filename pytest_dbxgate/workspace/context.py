"""What a method of authentication gets to work with: settings, environment, tools."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pytest_dbxgate import programs
from pytest_dbxgate.errors import AuthenticationError
from pytest_dbxgate.workspace import issuers
from pytest_dbxgate.workspace.azure import Azure
from pytest_dbxgate.workspace.credentials import Credentials, Secret, Shielded, Token, Veil
from pytest_dbxgate.workspace.issuers import Issuers, Post
from pytest_dbxgate.workspace.retry import Times

RESOURCE = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"
"""Azure Databricks as Entra knows it, in every tenant [doc]."""

SCOPE = f"{RESOURCE}/.default"

SECRET_FIELDS = frozenset({"token", "client_secret"})

SECRET_VARIABLES = (
    "DATABRICKS_TOKEN",
    "DATABRICKS_CLIENT_SECRET",
    "ARM_CLIENT_SECRET",
    "AZURE_CLIENT_SECRET",
    "SYSTEM_ACCESSTOKEN",
)
"""Variables that hold a secret whenever they are set, used or not."""

_PROGRAM_TIMEOUT = 60


class Ran(NamedTuple):
    """How a program ended. What it printed may hold a token."""

    code: int
    out: Secret
    err: Secret


Run = Callable[[Sequence[str], Mapping[str, str]], Ran]


def run(command: Sequence[str], environ: Mapping[str, str]) -> Ran:
    """Run a program with the environment given, without input."""
    shielded = Shielded(environ)
    del environ
    try:
        done = subprocess.run(
            list(command),
            env=dict(shielded),
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=_PROGRAM_TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        return Ran(-1, Secret(""), Secret(f"no end within {_PROGRAM_TIMEOUT} seconds"))
    except OSError as error:
        return Ran(-1, Secret(""), Secret(error.strerror or type(error).__name__))
    out, err = (Secret(text.decode("utf-8", "replace")) for text in (done.stdout, done.stderr))
    return Ran(done.returncode, out, err)


def read(file: Path) -> Secret | None:
    """The text of a file that may hold secrets; None where it cannot be read."""
    try:
        return Secret(file.expanduser().read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, RuntimeError):
        return None


@dataclass(frozen=True)
class Tools:
    """The world outside, so that tests can hand in another."""

    times: Times = field(default_factory=lambda: Times(time.sleep, time.monotonic, random.random))
    wall: Callable[[], float] = time.time
    """Seconds since 1970."""
    post: Post = issuers.post
    run: Run = run
    find: Callable[[str], str | None] = programs.find
    read: Callable[[Path], Secret | None] = read
    azure: Azure = field(default_factory=Azure)


class AuthSettings(NamedTuple):
    """How a target wants to be authenticated."""

    method: str = "auto"
    credentials: Mapping[str, str] = {}
    """``token``, ``tenant_id``, ``client_id``, ``client_secret``, ``service_connection_id``,
    ``profile``; each may be ``keyvault://VAULT/SECRET``."""

    def __repr__(self) -> str:
        return f"<auth {self.method!r} with {sorted(self.credentials)}>"


@dataclass(frozen=True, repr=False)
class Context:
    """What a method gets."""

    host: str
    """``https://NAME``, approved."""
    fields: Mapping[str, Secret]
    """The credentials of the settings, references to a vault resolved."""
    environ: Shielded
    why: str
    tools: Tools
    veil: Veil

    @property
    def issuers(self) -> Issuers:
        return Issuers(self.veil, self.tools.times, post=self.tools.post)

    def value(self, name: str, *variables: str) -> Secret:
        """A field of the settings, or the first variable that is set; empty where there is none."""
        found = self.fields.get(name)
        for variable in variables:
            found = found or given(self.environ, variable)
        return self._kept(name, found or Secret(""))

    def plain(self, name: str, *variables: str) -> str:
        """The same of a value that is no secret, such as a client's id."""
        return self.value(name, *variables).reveal()

    def credentials(self, method: str, fetch: Callable[[], Token]) -> Credentials:
        """Credentials whose token ``fetch`` gets."""
        clock = self.tools.times.clock
        return Credentials(method, self.why, fetch, clock=clock, veil=self.veil)

    def expires(self, seconds_since_1970: float | None) -> float | None:
        """The same moment by the session's clock."""
        if seconds_since_1970 is None:
            return None
        return self.tools.times.clock() + seconds_since_1970 - self.tools.wall()

    def _kept(self, name: str, value: Secret) -> Secret:
        return self.veil.add(value) if name in SECRET_FIELDS else value


def given(environ: Mapping[str, str], variable: str) -> Secret | None:
    """A variable's value; None where it is empty, or was never filled in by the pipeline."""
    value = Secret(environ.get(variable, "").strip())
    # Azure Pipelines leaves $(NAME) as it stands where no variable has the name.
    return None if not value or value.reveal().startswith("$(") else value


def require(method: str, needed: Mapping[str, object], hint: str = "") -> None:
    """Raises :class:`AuthenticationError` that names each of ``needed`` that is empty."""
    missing = [name for name, value in needed.items() if not value]
    if missing:
        raise AuthenticationError(
            f"auth {method!r} needs {', '.join(missing)}",
            next_step=hint
            or "set it in the environment, or in the target's credentials; "
            "pytest --dbx-doctor shows what was found",
        )
