"""Where the bytes come from: Azure's variables on an agent, git otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from pytest_dbxgate import programs
from pytest_dbxgate.delivery.model import Origin

Ask = Callable[..., "str | None"]
"""Takes git's arguments; gives what it printed, or None where it failed."""

_COMMIT = re.compile(r"[0-9a-f]{7,64}")


def asking(root: Path) -> Ask:
    """Ask git about the repository around ``root``."""

    def ask(*arguments: str) -> str | None:
        done = programs.git(root, *arguments)
        if done is None or done.returncode != 0:
            return None
        return done.stdout.decode("utf-8", "surrogateescape")

    return ask


def origin(environ: Mapping[str, str], ask: Ask) -> Origin:
    """The origin of a run. ``dirty`` is relative to the folder that ``ask`` asks about.

    On an agent the checkout is a detached commit, so the branch is the one Azure names; where
    the commit in the folder is not the one Azure built, no branch is known.
    """
    head = _line(ask("rev-parse", "--verify", "--quiet", "HEAD"))
    on_agent = environ.get("TF_BUILD", "").lower() == "true"
    built = environ.get("BUILD_SOURCEVERSION", "").lower() if on_agent else ""
    dirty = _dirty(ask) if head else ()
    # Where git cannot tell what differs, the commit is not what is published.
    commit = "" if dirty is None else head or built
    if not on_agent:
        branch = _line(ask("symbolic-ref", "--quiet", "--short", "HEAD"))
    else:
        branch = environ.get("BUILD_SOURCEBRANCH", "") if commit == built else ""
    return Origin(
        commit=commit,
        branch=branch.removeprefix("refs/heads/"),
        reason=environ.get("BUILD_REASON", "") if on_agent else "",
        build_url=build_url(environ) if on_agent else "",
        repository=_repository(environ if on_agent else {}, ask),
        committed_at=_committed_at(commit, ask),
        dirty=dirty or (),
    )


def build_url(environ: Mapping[str, str]) -> str:
    """The page of the build that runs; empty where it is not known."""
    collection = environ.get("SYSTEM_COLLECTIONURI", "")
    project = environ.get("SYSTEM_TEAMPROJECT", "")
    build = environ.get("BUILD_BUILDID", "")
    if not (collection and project and build):
        return ""
    path = f"{quote(project)}/_build/results?buildId={quote(build)}"
    return f"{without_credentials(collection).rstrip('/')}/{path}"


def is_ancestor(ask: Ask, commit: str, of: str) -> bool | None:
    """Whether ``commit`` lies behind ``of``; None where git does not know them both."""
    if not (_COMMIT.fullmatch(commit) and _COMMIT.fullmatch(of)):
        return None
    if ask("cat-file", "-e", f"{of}^{{commit}}") is None:
        return None
    base = ask("merge-base", commit, of)
    return None if base is None else _line(base) == commit


def without_credentials(address: str) -> str:
    """An address without the user and password it may carry."""
    try:
        parts = urlsplit(address)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return ""
    if not parts.scheme or not host:
        # git@host:path and paths carry no password.
        return "" if "://" in address else address
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def _repository(environ: Mapping[str, str], ask: Ask) -> str:
    named = environ.get("BUILD_REPOSITORY_URI", "")
    return without_credentials(named or _line(ask("config", "--get", "remote.origin.url")))


def _committed_at(commit: str, ask: Ask) -> int:
    if not _COMMIT.fullmatch(commit):
        return 0
    text = _line(ask("show", "--no-patch", "--format=%ct", commit))
    return int(text) if text.isdecimal() else 0


def _dirty(ask: Ask) -> tuple[str, ...] | None:
    """Tracked files that differ from the commit, staged or not; None where git cannot tell."""
    options = ("--name-only", "--relative", "--no-ext-diff", "--no-textconv", "--no-renames", "-z")
    found = ask("diff", *options, "HEAD", "--")
    return None if found is None else tuple(sorted(filter(None, found.split("\0"))))


def _line(answer: str | None) -> str:
    return (answer or "").strip()
