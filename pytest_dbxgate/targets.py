"""The target of a run: chosen from the settings, then opened."""

from __future__ import annotations

import difflib
import json
import os
import re
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pytest_dbxgate.delivery.model import OnActiveRuns, OnDrift, Origin, Prune
from pytest_dbxgate.delivery.target import Target
from pytest_dbxgate.delivery.verdict_origin import TargetFacts
from pytest_dbxgate.errors import ConfigurationError
from pytest_dbxgate.settings import LOCAL, TargetSettings
from pytest_dbxgate.workspace import paths
from pytest_dbxgate.workspace.credentials import Credentials, Secret
from pytest_dbxgate.workspace.model import Workspace

FOLDER = ".dbxgate"
"""The folder of the working tree that holds the embedded workspace and logs; git ignores it."""

_HOST_VARIABLE = "DATABRICKS_HOST"
_FILLED = re.compile(r"\{([^{}]*)\}")
_UNSAFE = re.compile(r"[^\w.@+-]+")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A target by its name."""

    name: str
    settings: TargetSettings

    @property
    def facts(self) -> TargetFacts:
        return TargetFacts(
            self.name,
            shared=self.settings.shared,
            branches=self.settings.branches,
            reasons=self.settings.reasons,
            requires=self.settings.requires,
            requires_run=self.settings.requires_run,
            overrides=frozenset(self.settings.overrides),
        )

    @property
    def is_local(self) -> bool:
        """Whether it is the embedded workspace of this machine."""
        return self.settings.host == LOCAL or (self.name == LOCAL and not self.settings.host)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What opening a target needs from outside."""

    environ: Mapping[str, str]
    folder: Path
    """The folder below which the embedded workspace is kept."""
    allowed_hosts: Sequence[str] = ()
    on_secret: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A workspace, and the place in it."""

    name: str
    workspace: Workspace
    target: Target
    user: str


def choose(known: Mapping[str, TargetSettings], name: str | None) -> Chosen:
    """The target called ``name``, or the only one; ``local`` where none is configured.

    Raises :class:`ConfigurationError`.
    """
    if name is None:
        if len(known) > 1:
            raise ConfigurationError(
                f"there are {len(known)} targets and none was named",
                next_step=f"add --dbx-target NAME, one of {', '.join(sorted(known))}",
            )
        name = next(iter(known), LOCAL)
    if name in known:
        return Chosen(name, known[name])
    if name == LOCAL:
        return Chosen(LOCAL, TargetSettings())
    near = difflib.get_close_matches(name, [*known, LOCAL], n=1)
    raise ConfigurationError(
        f'there is no target "{name}"',
        next_step=f'did you mean "{near[0]}"?'
        if near
        else f"known: {', '.join([*sorted(known), LOCAL])}",
    )


@contextmanager
def opened(
    chosen: Chosen,
    around: Surroundings,
    *,
    project: str,
    origin: Origin,
    secrets: Mapping[str, Secret] | None = None,
) -> Iterator[Opened]:
    """The target with a client for its workspace. For ``local`` that is started, given
    ``secrets`` (``scope/key`` -> value), and stopped.

    Raises :class:`ConfigurationError`, and what the client raises.
    """
    with ExitStack() as stack:
        if chosen.is_local:
            workspace = stack.enter_context(_local(around.folder, secrets or {}))
        else:
            workspace = _remote(chosen, around)
        user = workspace.user_name()
        root = root_of(chosen, user=user, project=project, branch=origin.branch)
        yield Opened(chosen.name, workspace, _target(chosen, root), user)


def root_of(chosen: Chosen, *, user: str, project: str, branch: str) -> str:
    """The canonical root of a target. Raises :class:`ConfigurationError`."""
    values = {"user": user, "project": project, "branch": branch, "target": chosen.name}

    def fill(match: re.Match[str]) -> str:
        value = values.get(match[1])
        if value is None:
            raise ConfigurationError(
                f"targets.{chosen.name}.root: nothing is known as {match[0]}",
                next_step=f"write one of {', '.join(f'{{{name}}}' for name in values)}",
            )
        if not value:
            raise ConfigurationError(
                f"targets.{chosen.name}.root: {match[0]} is not known here",
                next_step="publish from a git branch, or leave it out of the root",
            )
        # A branch is no folder: its name must not lead anywhere else.
        return _UNSAFE.sub("-", value).strip(".") or "-"

    root = paths.canonical(_FILLED.sub(fill, chosen.settings.root))
    if paths.parent(root) == "/":
        raise ConfigurationError(
            f"targets.{chosen.name}.root: {paths.shown(root)} belongs to the whole workspace",
            next_step="name a folder below one of its top folders, such as "
            "/Workspace/Shared/{project}",
        )
    return root


def _target(chosen: Chosen, root: str) -> Target:
    settings = chosen.settings
    return Target(
        name=chosen.name,
        root=root,
        prune=Prune.ON if settings.prune else Prune.OFF,
        on_drift=OnDrift(settings.on_drift),
        on_active_runs=OnActiveRuns(settings.on_active_runs),
        keep=settings.keep,
        variables=settings.variables,
        shared=settings.shared,
    )


def host_of(chosen: Chosen, environ: Mapping[str, str]) -> str:
    """Where the target's workspace is. Raises :class:`ConfigurationError`."""
    host = chosen.settings.host or environ.get(_HOST_VARIABLE, "")
    if not host:
        raise ConfigurationError(
            f"the target {chosen.name} has no host",
            next_step=f'set targets.{chosen.name}.host = "https://adb-....azuredatabricks.net", '
            f"or {_HOST_VARIABLE}",
        )
    return host


def _remote(chosen: Chosen, around: Surroundings) -> Workspace:
    from pytest_dbxgate.workspace import client

    host = host_of(chosen, around.environ)
    credentials = credentials_of(chosen, host, around)
    return client.connect(host, credentials, allowed=around.allowed_hosts)


def credentials_of(chosen: Chosen, host: str, around: Surroundings) -> Credentials:
    """The credentials for the target's workspace. Raises
    :class:`~pytest_dbxgate.errors.AuthenticationError` and :class:`ConfigurationError`."""
    from pytest_dbxgate.workspace import auth
    from pytest_dbxgate.workspace.context import AuthSettings

    return auth.resolve(
        AuthSettings(chosen.settings.auth, chosen.settings.credentials),
        host,
        around.environ,
        on_secret=around.on_secret,
        allowed=around.allowed_hosts,
    )


@contextmanager
def _local(folder: Path, secrets: Mapping[str, Secret]) -> Iterator[Workspace]:
    try:
        from pytest_dbxgate.emulator import server, store
    except ImportError as error:
        raise ConfigurationError(
            f"the target {LOCAL} needs the embedded workspace: {error}",
            next_step='python -m pip install "pytest-dbxgate[emulator]"',
        ) from None
    from pytest_dbxgate.workspace import auth, client
    from pytest_dbxgate.workspace.context import AuthSettings

    def connect(host: str, token: str) -> Workspace:
        settings = AuthSettings("local", {"token": token})
        found = client.connect(host, auth.resolve(settings, host, {}))
        for name, value in secrets.items():
            scope, _, key = name.partition("/")
            found.put_secret(scope, key, value)
        return found

    data = folder / FOLDER / "workspace"
    serving = _connection(data / server.CONNECTION_FILE)
    if serving.get("lasting"):
        yield connect(serving["host"], serving["token"])
        return
    try:
        own_folder(folder)
        running = server.start(data)
    except (OSError, store.StoreInUseError):
        whose = f"process {serving['pid']}" if serving else "another process"
        raise ConfigurationError(
            f"the embedded workspace in {folder / FOLDER} is in use by {whose}",
            next_step="wait until that run has ended; to share one between runs, start it with "
            f"python -m pytest_dbxgate.emulator --data {FOLDER}/workspace",
        ) from None
    with running:
        yield connect(running.host, running.token)


def _connection(file: Path) -> dict[str, Any]:
    """What a running embedded workspace says of itself; empty where none runs."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        address = urlsplit(found["host"])
        # One that was killed has left its file behind.
        socket.create_connection((address.hostname, address.port), timeout=2).close()
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def own_folder(root: Path) -> Path:
    """:data:`FOLDER` below ``root``, which git is told to ignore. Raises OSError."""
    folder = root / FOLDER
    folder.mkdir(exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    return folder


def project_of(configured: str, origin: Origin, root: Path) -> str:
    """What the project is called: as configured, else as its repository, else as its folder."""
    # The path of a local clone says nothing about the project.
    named = origin.repository if ":" in origin.repository[2:] else ""
    repository = named.rstrip("/").rpartition("/")[2].removesuffix(".git")
    name = configured or repository or os.path.basename(root.resolve())  # noqa: PTH119
    return _UNSAFE.sub("-", name).strip("-.") or "project"
