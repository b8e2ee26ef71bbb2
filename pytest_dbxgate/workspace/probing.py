"""Trying out, for ``pytest --dbx-doctor``, what a deployment will need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from pytest_dbxgate.errors import ConfigurationError, GateError
from pytest_dbxgate.workspace import auth, paths
from pytest_dbxgate.workspace.auth import AuthSettings, Found
from pytest_dbxgate.workspace.context import Context, Tools
from pytest_dbxgate.workspace.credentials import Credentials, OnSecret, Shielded
from pytest_dbxgate.workspace.doctor import OIDC, Check, Probe, Step, diagnose
from pytest_dbxgate.workspace.methods import azure_devops_oidc, profile
from pytest_dbxgate.workspace.methods.azure_devops_oidc import Claims
from pytest_dbxgate.workspace.model import ImportFormat, ObjectType, Workspace

T = TypeVar("T")

Connect = Callable[[str, Credentials], Workspace]
SCRATCH = "dbxgate-doctor"


def examine(
    settings: AuthSettings,
    host: str,
    environ: Mapping[str, str],
    *,
    root: Callable[[str], str],
    connect: Connect,
    unique: str,
    on_secret: OnSecret | None = None,
    allowed: Sequence[str] = (),
    tools: Tools | None = None,
) -> tuple[Check, ...]:
    """The report of a target. ``root`` gives the root for a user's name; ``unique`` makes the
    scratch object's name one of its own. Raises nothing of the family of
    :class:`~pytest_dbxgate.errors.GateError`."""
    environ = Shielded(environ)
    tools = tools or Tools()
    known = profile.profiles(tools, environ)
    found = Found(profile.for_host(known, host), tools.find("az") is not None)
    try:
        context = auth.prepare(
            settings, host, environ, on_secret=on_secret, allowed=allowed, tools=tools
        )
        method = auth.choose(settings, environ, found).method
        credentials = auth.METHODS[method](context)
    except GateError as error:
        probe = Probe(token=_failed(error))
    else:
        probe = _probe(context, credentials, connect, root, unique)
    return diagnose(settings, host, environ, found=found, allowed=allowed, probe=probe)


def _probe(
    context: Context,
    credentials: Credentials,
    connect: Connect,
    root: Callable[[str], str],
    unique: str,
) -> Probe:
    said = _claims(context) if credentials.method == OIDC else None
    token, _ = _tried(credentials.token, lambda _: "there is one")
    if token.error:
        return Probe(token=token, claims=said)
    workspace = connect(context.host, credentials)
    identity, user = _tried(workspace.user_name, str)
    if user is None:
        return Probe(token=token, identity=identity, claims=said)
    try:
        text, folder = _listed(workspace, root(user))
    except GateError as error:
        return Probe(token, identity, _failed(error), None, said)
    writing, _ = _tried(lambda: _written(workspace, folder, unique), str)
    return Probe(token, identity, Step(text), writing, said)


def _claims(context: Context) -> Claims | None:
    try:
        return azure_devops_oidc.claims(azure_devops_oidc.pipeline_token(context))
    except GateError:
        return None


def _listed(workspace: Workspace, root: str) -> tuple[str, str]:
    """What to say of the root, and the folder to try writing in: the nearest one there is."""
    root = folder = paths.canonical(root)
    found = workspace.status(folder)
    while found is None and folder != "/":
        folder = paths.parent(folder)
        found = workspace.status(folder)
    if found is not None and found.type is not ObjectType.DIRECTORY:
        raise ConfigurationError(
            f"{paths.shown(folder)} is no folder", next_step="choose another root"
        )
    if folder != root:
        return f"{paths.shown(root)} is not there yet; the first deployment makes it", folder
    return f"{paths.shown(root)} holds {len(workspace.list(root))} objects", folder


def _written(workspace: Workspace, folder: str, unique: str) -> str:
    path = paths.join(folder, f"{SCRATCH}-{unique}.txt")
    content = b"written and deleted by pytest --dbx-doctor\n"
    # The name is its own: overwriting can only meet an earlier attempt.
    workspace.import_object(path, content, format=ImportFormat.AUTO, overwrite=True)
    try:
        same = workspace.export(path) == content
    finally:
        workspace.delete(path)
    told = "read back" if same else "read back with other content"
    return f"a scratch file in {paths.shown(folder)} was written, {told} and deleted"


def _tried(call: Callable[[], T], text: Callable[[T], str]) -> tuple[Step, T | None]:
    try:
        result = call()
    except GateError as error:
        return _failed(error), None
    return Step(text(result)), result


def _failed(error: GateError) -> Step:
    return Step(error=error.message, next_step=error.next_step)
