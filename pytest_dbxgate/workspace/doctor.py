"""What ``pytest --dbx-doctor`` says of a target's authentication. Pure, and no secret in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import NamedTuple
from urllib.parse import urlsplit

from pytest_dbxgate.errors import GateError
from pytest_dbxgate.workspace import hosts, needs
from pytest_dbxgate.workspace.auth import AuthSettings, Found, choose
from pytest_dbxgate.workspace.context import given
from pytest_dbxgate.workspace.credentials import Shielded
from pytest_dbxgate.workspace.failures import told
from pytest_dbxgate.workspace.methods.azure_devops_oidc import AUDIENCE, Claims

OIDC = "azure-devops-oidc"


class State(str, Enum):
    """How a check went."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    NOTE = "note"
    NOT_CHECKED = "not checked"


class Check(NamedTuple):
    """One line of the report."""

    name: str
    state: State
    text: str
    next_step: str = ""


class Step(NamedTuple):
    """How one thing went that was tried: what it gave, or why not."""

    text: str = ""
    error: str = ""
    next_step: str = ""


class Probe(NamedTuple):
    """What the workspace itself said; None where it was not asked."""

    token: Step | None = None
    identity: Step | None = None
    listing: Step | None = None
    writing: Step | None = None
    claims: Claims | None = None
    """Of the pipeline's own token."""


def diagnose(
    auth: AuthSettings,
    host: str,
    environ: Mapping[str, str],
    *,
    found: Found = Found(),  # noqa: B008
    allowed: Sequence[str] = (),
    probe: Probe = Probe(),  # noqa: B008
) -> tuple[Check, ...]:
    """Everything about getting from here into the workspace at ``host``."""
    environ = Shielded(environ)
    checks = [_host(auth, host, environ, allowed)]
    method, chosen = _method(auth, environ, found)
    checks.append(chosen)
    checks += _needed(method, auth, environ)
    checks += _conflicts(method, environ)
    if method == OIDC:
        checks.append(_federation(environ, probe.claims))
    checks += _probed(probe)
    return tuple(checks)


def render(checks: Sequence[Check], title: str) -> str:
    """The report as plain text."""
    state_width = max((len(check.state.value) for check in checks), default=0)
    name_width = max((len(check.name) for check in checks), default=0)
    margin = " " * (state_width + name_width + 6)
    lines = [title]
    for check in checks:
        head = f"  {check.state.value:{state_width}}  {check.name:{name_width}}  "
        first, *more = check.text.split("\n")
        lines.append(f"{head}{first}".rstrip())
        lines += [f"{margin}{line}" for line in more]
        if check.next_step:
            lines.append(f"{margin}next: {check.next_step}")
    failed = sum(check.state is State.FAILED for check in checks)
    lines.append(f"{failed} of {len(checks)} failed" if failed else "nothing failed")
    return "\n".join(lines) + "\n"


def _host(auth: AuthSettings, host: str, environ: Shielded, allowed: Sequence[str]) -> Check:
    try:
        address = hosts.approved(host, method=auth.method, allowed=allowed, environ=environ)
    except GateError as error:
        return Check("host", State.FAILED, told(error.message), error.next_step)
    return Check("host", State.OK, address)


def _method(auth: AuthSettings, environ: Shielded, found: Found) -> tuple[str, Check]:
    try:
        choice = choose(auth, environ, found)
    except GateError as error:
        return "", Check("method", State.FAILED, told(error.message), error.next_step)
    return choice.method, Check("method", State.OK, f"{choice.method}: {choice.why}")


def _needed(method: str, auth: AuthSettings, environ: Shielded) -> Iterator[Check]:
    for name in needs.unfilled(environ):
        yield Check(
            "unfilled",
            State.WARNING,
            f"{name} is still a $(...) of the pipeline, and counts as missing",
            "define that variable, or map the secret one in the step's env",
        )
    for need in needs.missing(method, auth, environ):
        yield Check(
            "missing",
            State.FAILED,
            str(need),
            _HINTS.get(need.variables[0] if need.variables else "", "set it"),
        )


_HINTS = {
    "SYSTEM_ACCESSTOKEN": "give the step env: SYSTEM_ACCESSTOKEN: $(System.AccessToken)",
    "DATABRICKS_CLIENT_ID": "set it to the service principal's application id",
    "SYSTEM_OIDCREQUESTURI": "run inside a task that takes the service connection",
}


def _conflicts(method: str, environ: Shielded) -> Iterator[Check]:
    if not method:
        return
    others = [
        f"{' and '.join(names)} ({other})"
        for other, names in _SIGNS.items()
        if other != method and all(given(environ, name) is not None for name in names)
    ]
    if others:
        yield Check(
            "unused",
            State.WARNING,
            f"also there and not used: {'; '.join(others)}",
            "take out what is not needed, or name the method: auth = "
            f'"{method}" in the target\'s settings',
        )
    if method == OIDC and given(environ, "ARM_CLIENT_ID") is not None:
        yield Check(
            "conflict",
            State.WARNING,
            "ARM_CLIENT_ID is set beside azure-devops-oidc: ignored here, but the Databricks SDK "
            "and what uses it fail with it (databricks-sdk-py#1125)",
            "unset ARM_CLIENT_ID in steps that also call the SDK",
        )


_SIGNS: Mapping[str, tuple[str, ...]] = {
    "pat": ("DATABRICKS_TOKEN",),
    "service-principal": ("DATABRICKS_CLIENT_SECRET",),
    "managed-identity": ("ARM_USE_MSI",),
    "profile": ("DATABRICKS_CONFIG_PROFILE",),
}


def _federation(environ: Shielded, said: Claims | None) -> Check:
    policy = {
        "oidc_policy": {
            "issuer": said.issuer if said else _issuer(environ),
            "audiences": [said.audience if said else AUDIENCE],
            "subject": said.subject if said else _subject(environ),
        }
    }
    source = (
        "as the pipeline's own token says"
        if said
        else "as far as the variables tell; the pipeline's own token decides"
    )
    return Check(
        "federation",
        State.NOTE,
        f"the service principal needs this policy ({source}):\n"
        "databricks account service-principal-federation-policy create <id of the service "
        f"principal> --json '{json.dumps(policy)}'\n"
        "the subject names the pipeline, not a branch: whoever can run it, a pull request "
        "included, gets this identity",
    )


def _issuer(environ: Shielded) -> str:
    number = environ.get("SYSTEM_COLLECTIONID") or "<organisation id>"
    return f"https://vstoken.dev.azure.com/{told(number)}"


def _subject(environ: Shielded) -> str:
    uri = environ.get("SYSTEM_COLLECTIONURI") or environ.get("SYSTEM_TEAMFOUNDATIONCOLLECTIONURI")
    project = environ.get("SYSTEM_TEAMPROJECT") or "<project>"
    pipeline = environ.get("BUILD_DEFINITIONNAME") or "<pipeline>"
    return told(f"p://{organisation(uri or '') or '<organisation>'}/{project}/{pipeline}")


def organisation(uri: str) -> str:
    """The organisation of ``https://dev.azure.com/ORG/`` or ``https://ORG.visualstudio.com/``."""
    try:
        split = urlsplit(uri)
        name = split.hostname or ""
    except ValueError:
        return ""
    if name.endswith(".visualstudio.com"):
        return name.partition(".")[0]
    return split.path.strip("/").partition("/")[0]


def _probed(probe: Probe) -> Iterator[Check]:
    for name, step in (
        ("token", probe.token),
        ("identity", probe.identity),
        ("list root", probe.listing),
        ("write root", probe.writing),
    ):
        if step is None:
            yield Check(name, State.NOT_CHECKED, "")
        elif step.error:
            yield Check(name, State.FAILED, told(step.error), step.next_step)
        else:
            yield Check(name, State.OK, told(step.text))
